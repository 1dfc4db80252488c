from __future__ import annotations

import pytest
from typer.testing import CliRunner

from facewise.cli import app


@pytest.fixture
def facewise_command(tmp_path, monkeypatch):
    """`facewise_command(*arguments)`: what the command printed."""
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    return run
