from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.digest import data_digest
from facewise.evaluation.protocols.people import read_people

GALLERY = {"Ann/1.jpg": "a1", "Ann/2.PNG": "a2", "Bob/1.webp": "b1"}
PROBES = {"Ann/1.jpg": "a3", "Bob/x.bmp": "b2", "Cy/1.jpeg": "c1"}


@pytest.fixture
def folders(tmp_path: Path, write) -> tuple[Path, Path]:
    for title, files in (("gallery", GALLERY), ("to_search", PROBES)):
        for name, content in files.items():
            write(content, f"{title}/{name}")
    return tmp_path / "gallery", tmp_path / "to_search"


def test_reads_gallery_and_probes(folders: tuple[Path, Path]) -> None:
    protocol = read_people(*folders)
    assert protocol.name == "people"
    assert protocol.names == (
        "gallery/Ann/1.jpg",
        "gallery/Ann/2.PNG",
        "gallery/Bob/1.webp",
        "probes/Ann/1.jpg",
        "probes/Bob/x.bmp",
        "probes/Cy/1.jpeg",
    )
    assert protocol.images[0] == folders[0] / "Ann/1.jpg"
    assert protocol.images[5] == folders[1] / "Cy/1.jpeg"
    assert protocol.people == ("Ann", "Ann", "Bob", "Ann", "Bob", "Cy")
    assert protocol.enrolled == 3
    assert protocol.remarks == ()


def test_the_digest_is_of_names_and_contents(folders: tuple[Path, Path], write) -> None:
    protocol = read_people(*folders)
    contents = [*GALLERY.values(), *PROBES.values()]
    lines = "".join(
        f"{hashlib.sha256(content.encode()).hexdigest()} {name}\n"
        for content, name in zip(contents, protocol.names, strict=True)
    )
    assert protocol.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert protocol.sha256 == data_digest(protocol.images, protocol.names)
    write("other", "gallery/Ann/1.jpg")
    changed = read_people(*folders).sha256
    assert changed != protocol.sha256
    (folders[0] / "Ann/1.jpg").rename(folders[0] / "Ann/0.jpg")
    assert read_people(*folders).sha256 not in (changed, protocol.sha256)


def test_ignores_what_is_no_picture(folders: tuple[Path, Path], touch) -> None:
    plain = read_people(*folders)
    touch("gallery", [".hidden.jpg", "readme.txt", "Ann/.x.jpg", "Ann/notes.txt", ".git/x.jpg"])
    assert read_people(*folders).names == plain.names
    assert read_people(*folders).remarks == ()


def test_a_person_may_have_folders(folders: tuple[Path, Path], write) -> None:
    write("a4", "gallery/Ann/indoors/1.jpg")
    protocol = read_people(*folders)
    assert protocol.names[2] == "gallery/Ann/indoors/1.jpg"
    assert protocol.people[2] == "Ann"
    assert protocol.enrolled == 4


def test_remarks_tell_of_empty_folders_and_equal_files(folders: tuple[Path, Path], write) -> None:
    (folders[0] / "Dee").mkdir()
    (folders[1] / "Eve").mkdir()
    (folders[1] / "Fay").mkdir()
    write("a1", "to_search/Ann/7.jpg")
    write("b1", "to_search/Cy/7.jpg")
    assert read_people(*folders).remarks == (
        "gallery: 1 of 3 folders have no pictures: Dee",
        "probes: 2 of 5 folders have no pictures: Eve, Fay",
        "2 of 5 probes are the same files as pictures of the gallery, which flatters every rate",
    )
    # Equal files on one side are not remarked on: they are no mates of each other.
    for name in ("7.jpg", "8.jpg"):
        write("same", f"to_search/Bob/{name}")
    assert "2 of 7 probes" in read_people(*folders).remarks[-1]


@pytest.mark.parametrize("title", ["gallery", "to_search"])
def test_refuses_pictures_of_nobody(title: str, folders: tuple[Path, Path], touch) -> None:
    touch(title, ["z.jpg", "y.PNG"])
    with pytest.raises(ProtocolError, match=rf"{title}: 2 pictures lie .*: y\.PNG, z\.jpg \(exp"):
        read_people(*folders)


def test_refuses_folders_without_pictures(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    empty = tmp_path / "empty"
    with pytest.raises(ProtocolError, match="empty: no such folder of people"):
        read_people(folders[0], empty)
    (empty / "Ann").mkdir(parents=True)
    for asked in ((empty, folders[1]), (folders[0], empty)):
        with pytest.raises(ProtocolError, match="empty: no pictures; expected a folder of them"):
            read_people(*asked)
    with pytest.raises(ProtocolError, match=r"1\.jpg: cannot be read \(Not a directory"):
        read_people(folders[0] / "Ann/1.jpg", folders[1])


def test_refuses_pictures_that_cannot_be_read(folders: tuple[Path, Path]) -> None:
    (folders[0] / "Ann/3.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(ProtocolError, match=r"Ann/3\.jpg: no such file"):
        read_people(*folders)
