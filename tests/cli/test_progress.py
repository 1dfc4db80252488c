from __future__ import annotations

import io
import sys

import pytest

from facewise.cli.progress import progress, waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress(["a", "b"], "counting")) == ["a", "b"]
    with waiting("thinking"):
        pass
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "counting" in shown
    assert "100%" in shown
    assert "thinking" in shown
    assert capsys.readouterr().out == ""


def test_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(["a", "b"], "counting")) == ["a", "b"]
    with waiting("thinking"):
        pass
    assert capsys.readouterr() == ("", "")
