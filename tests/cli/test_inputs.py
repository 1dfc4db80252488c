from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
import typer

from facewise.cli.inputs import Input, expand, single


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a few files, which is the current one."""
    for name in (
        "photos/a.jpg",
        "photos/b c.PNG",
        "photos/notes.txt",
        "photos/é/a.jpg",
        "photos/.hidden.jpg",
        "bare/readme.md",
        "odd[1].jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str) -> list[str]:
    return [item.name for item in expand(arguments)]


def copies(*arguments: str) -> list[str]:
    return [item.relative.as_posix() for item in expand(arguments)]


def test_files_stay_as_they_were_named(here: Path) -> None:
    arguments = ["photos/a.jpg", str(here / "photos/b c.PNG"), "photos/notes.txt", "missing.jpg"]
    assert names(*arguments) == arguments
    assert copies(*arguments) == ["a.jpg", "b c.PNG", "notes.txt", "missing.jpg"]
    assert expand(["missing.jpg"]) == [
        Input("missing.jpg", Path("missing.jpg"), Path("missing.jpg"))
    ]


def test_folders_give_their_pictures() -> None:
    assert names("photos") == ["photos/a.jpg", "photos/b c.PNG", "photos/é/a.jpg"]
    assert copies("photos") == ["a.jpg", "b c.PNG", "é/a.jpg"]
    [item] = expand(["bare"])
    assert item.problem == "bare: no pictures in this folder"


def test_patterns() -> None:
    assert names("photos/*.jpg") == ["photos/a.jpg"]
    assert names("photos/**/*.jpg") == ["photos/a.jpg", "photos/é/a.jpg"]
    assert copies("photos/**/*.jpg") == ["a.jpg", "é/a.jpg"]
    assert copies("./*/é/?.jpg") == ["photos/é/a.jpg"]
    assert names("photos/[ab]*") == ["photos/a.jpg", "photos/b c.PNG"]
    assert names("*") == ["odd[1].jpg", *names("photos")]
    assert names("odd[1].jpg") == ["odd[1].jpg"]
    [item] = expand(["photos/*.gif"])
    assert item.problem == "photos/*.gif: no picture matches"


def test_absolute_patterns(here: Path) -> None:
    assert names(f"{here}/photos/*.jpg") == [f"{here}/photos/a.jpg"]
    assert copies(f"{here}/photos/*.jpg") == ["a.jpg"]


def test_each_file_once(here: Path) -> None:
    again = ["photos/a.jpg", "photos", "./photos/*.jpg", str(here / "photos/a.jpg")]
    assert names(*again) == names("photos")
    assert names("missing.jpg", "missing.jpg") == ["missing.jpg"]


def test_a_folder_to_skip() -> None:
    found = [item.name for item in expand(["photos"], skip=Path("photos/é"))]
    assert found == ["photos/a.jpg", "photos/b c.PNG"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xd8 picture")))
    assert expand(["-", "photos/a.jpg"])[0] == Input("-", b"\xff\xd8 picture", Path("stdin.png"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"another")))
    assert single("-") == b"another"
    assert single("photos/a.jpg") == Path("photos/a.jpg")


def test_a_terminal_is_not_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(typer.BadParameter, match="pipe one in"):
        expand(["-"])


def test_an_empty_name_is_not_the_current_folder() -> None:
    with pytest.raises(typer.BadParameter, match="name of a photo is empty"):
        expand([""])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_patterns_and_folders_pass_over_pipes(here: Path) -> None:
    """To read one that nobody writes to would never end; who names it himself wants that."""
    os.mkfifo(here / "photos" / "pipe.jpg")
    for argument in ("photos/*.jpg", "photos"):
        assert "photos/pipe.jpg" not in [item.name for item in expand([argument])]
