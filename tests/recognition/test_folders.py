from __future__ import annotations

from pathlib import Path

import pytest

from facewise.recognition.folders import is_picture, pictures_in


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path, **options: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in pictures_in(folder, **options)]


def test_only_names_of_pictures() -> None:
    for name in ("a.jpg", "a.JPEG", "a b.Png", "é.webp", "x.tar.gif", "a.heic"):
        assert is_picture(Path(name))
    for name in (".a.jpg", "jpg", "a.txt", "Thumbs.db", ".DS_Store", "a.jpg.part", ".jpg"):
        assert not is_picture(Path(name))


def test_all_depths_in_the_order_of_names(tmp_path: Path) -> None:
    touch(*(tmp_path / n for n in ("b.jpg", "a/z.png", "a/deep/er/y.jpg", "c/.x.jpg", "notes.txt")))
    touch(tmp_path / ".hidden" / "x.jpg")
    assert found(tmp_path) == ["a/deep/er/y.jpg", "a/z.png", "b.jpg"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "x.jpg", tmp_path / "b" / "y.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    (tmp_path / "b" / "across").symlink_to(tmp_path / "a")
    assert found(tmp_path) == ["a/x.jpg", "b/y.jpg"]


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere" / "x.jpg")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert found(tmp_path / "here") == ["gone.jpg", "link/x.jpg"]


def test_a_folder_to_skip(tmp_path: Path) -> None:
    touch(tmp_path / "x.jpg", tmp_path / "out" / "x.jpg", tmp_path / "out" / "deep" / "y.jpg")
    assert found(tmp_path, skip=tmp_path / "out") == ["x.jpg"]
    assert found(tmp_path, skip=tmp_path / "not there yet") == [
        "out/deep/y.jpg",
        "out/x.jpg",
        "x.jpg",
    ]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(pictures_in(tmp_path / "nowhere"))


def test_a_link_to_what_is_skipped_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "1.jpg").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(pictures_in(tmp_path / "loop", skip=tmp_path)) == []
    assert len(list(pictures_in(tmp_path / "ann", skip=tmp_path))) == 1
