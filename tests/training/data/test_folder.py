from __future__ import annotations

import os
import sys

import pytest

from facewise.errors import TrainingError
from facewise.training.data.index import read_folder


def test_the_person_is_the_first_folder_below_the_root(people) -> None:
    root = people(
        ["zoe/1.png", "ann/2020/may/2.jpg", "ann/1.PNG", "ann/.hidden.png", "ann/note.txt", "n.txt"]
    )
    index = read_folder(root)
    assert index.names == ("ann", "zoe")
    assert index.sources == (root / "ann/1.PNG", root / "ann/2020/may/2.jpg", root / "zoe/1.png")
    assert index.labels.tolist() == [0, 0, 1]
    assert index.problems == ()


def test_what_can_be_no_picture_is_reported(people) -> None:
    root = people({"ann/1.png": b"1", "ann/2.png": b"", "stray.jpg": b"1", ".git/x.png": b"1"})
    (root / "bob").mkdir()
    (root / "ann/3.png").symlink_to("nowhere.png")
    index = read_folder(root)
    assert index.sources == (root / "ann/1.png",)
    assert {(str(p.path.relative_to(root)), p.reason) for p in index.problems} == {
        ("ann/2.png", "is empty"),
        ("ann/3.png", "no such file"),
        ("bob", "no picture, the person is left out"),
        ("stray.jpg", "lies beside the folders of people; whose is it?"),
    }


def test_a_link_to_the_root_gives_nobody_the_pictures_of_all(people) -> None:
    root = people(["ann/1.png", "bob/1.png"])
    (root / "ann/all").symlink_to(root)
    assert read_folder(root).labels.tolist() == [0, 1]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="may look everywhere")
def test_a_folder_that_cannot_be_listed_is_reported(people) -> None:
    root = people(["ann/1.png", "ann/in/1.png"])
    (root / "ann/in").chmod(0)
    index = read_folder(root)
    (root / "ann/in").chmod(0o700)
    [problem] = index.problems
    assert problem.path == root / "ann/in"


def test_no_folder_and_no_people_are_errors(people, tmp_path) -> None:
    with pytest.raises(TrainingError, match=r"gone: expected a folder of people \(No such file"):
        read_folder(tmp_path / "gone")
    with pytest.raises(TrainingError, match=r"(?s)each person.*1\.png: lies beside"):
        read_folder(people(["1.png"]))
