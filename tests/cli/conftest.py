"""Run the command in this process, and on its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from facewise.cli import app


@pytest.fixture
def facewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`facewise(*arguments, status=0, input=None)`: what the command in this process gave."""
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEWISE_DEBUG", raising=False)

    def run(*arguments: object, status: int = 0, input: bytes | None = None) -> Result:  # noqa: A002
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)
        assert result.exit_code == status, (result.output, result.exception)
        return result

    return run


def _interruptible() -> None:
    """Undo what a shell does for commands in the background: they ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """`process(*arguments, input, cwd, stdout, meanwhile)`: the command in its own process."""
    source = str(Path(__file__).parents[2] / "src")
    environment = os.environ | {
        "FACEWISE_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("FACEWISE_DEBUG", None)

    def run(
        *arguments: object,
        input: bytes | None = None,  # noqa: A002
        cwd: Path | None = None,
        stdout: int = subprocess.PIPE,
        meanwhile: Callable[[subprocess.Popen[bytes]], None] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "facewise", *map(str, arguments)]
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            preexec_fn=_interruptible if os.name == "posix" else None,
        ) as child:
            if meanwhile is not None:
                meanwhile(child)
            out, err = child.communicate(input, timeout=120)
        return subprocess.CompletedProcess(command, child.returncode, out, err)

    return run
