from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from facewise._files import replace_file
from facewise.cli.files import is_within, protect, shown, write_text
from facewise.errors import FacewiseError


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "é.json"
    for content in (b"one", b"two"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["é.json"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target.json").write_bytes(b"old")
    (tmp_path / "link.json").symlink_to(tmp_path / "target.json")
    replace_file(tmp_path / "link.json", b"new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "target.json").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=replace_file, args=(pipe, b"content"))
    writer.start()
    assert pipe.read_bytes() == b"content"
    writer.join()
    assert pipe.is_fifo()


def test_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(Path("-"), "é")
    assert capsys.readouterr().out == "é\n"
    write_text(tmp_path / "x.txt", "é")
    assert (tmp_path / "x.txt").read_bytes() == "é\n".encode()


def test_inputs_are_protected(tmp_path: Path) -> None:
    photo, other = tmp_path / "a.jpg", tmp_path / "b.jpg"
    photo.touch()
    other.touch()
    (tmp_path / "link.json").symlink_to(photo)
    inputs = [photo, tmp_path / "missing.jpg", b"standard input"]
    protect(inputs, [None, Path("-"), other, tmp_path / "missing.jpg", tmp_path / "new.jpg"])
    for target in (photo, tmp_path / "link.json", tmp_path / "." / "a.jpg"):
        with pytest.raises(FacewiseError, match=r"would overwrite .*a\.jpg, which is read"):
            protect(inputs, [target])


def test_targets_are_checked_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FacewiseError, match=r"x\.json: is named for two results"):
        protect([], [tmp_path / "x.json", tmp_path / "." / "x.json"])
    with pytest.raises(FacewiseError, match="is a folder, expected a file"):
        protect([], [tmp_path])
    with pytest.raises(FacewiseError, match=r"y\.json: cannot be written, .*file is not a folder"):
        protect([], [tmp_path / "file" / "new" / "y.json"])


def test_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "private.json"
    path.write_bytes(b"old")
    path.chmod(0o600)
    replace_file(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_control_characters_are_shown_not_sent() -> None:
    assert shown("a\x1b[31m\nbé\u202e") == "a\\x1b[31m\\nbé\\u202e"


def test_within(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "people")
    assert is_within(tmp_path / "people", tmp_path / "people")
    assert is_within(tmp_path / "link" / "new", tmp_path / "people")
    assert not is_within(tmp_path / "people2", tmp_path / "people")
    assert not is_within(tmp_path, tmp_path / "people")


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_a_private_file_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        replace_file(tmp_path / "a/b/1.png", b"face", private=True)
        replace_file(tmp_path / "c/1.txt", b"text")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b", "a/b/1.png")]
    assert modes == [0o700, 0o700, 0o600]
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("c", "c/1.txt")]
    assert modes == [0o755, 0o644]
