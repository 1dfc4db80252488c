from __future__ import annotations

import pytest

from facewise.errors import TrainingError
from facewise.training.data.index import read_lfw_view1

LIST = "2\nBob_B\t1\nAnn_A\t2\n"


@pytest.fixture
def lfw(people, tmp_path):
    images = people(["Ann_A/Ann_A_0001.jpg", "Ann_A/Ann_A_0002.png", "Bob_B/Bob_B_0001.jpg",
                     "Bob_B/Bob_B_0002.jpg"])  # fmt: skip

    def write(text: str):
        (tmp_path / "people.txt").write_text(text)
        return tmp_path / "people.txt", images

    return write


@pytest.mark.parametrize("text", [LIST, LIST.replace("\n", "\r\n"), f"\ufeff{LIST}\n\n"])
def test_reads_as_many_images_as_are_listed(lfw, text) -> None:
    file, images = lfw(text)
    index = read_lfw_view1(file, images)
    assert index.names == ("Ann_A", "Bob_B")
    assert index.sources == (
        images / "Bob_B/Bob_B_0001.jpg",
        images / "Ann_A/Ann_A_0001.jpg",
        images / "Ann_A/Ann_A_0002.png",
    )
    assert index.labels.tolist() == [1, 0, 0]
    assert index.problems == ()


def test_missing_images_are_reported(lfw) -> None:
    file, images = lfw("2\nAnn_A\t3\nCid_C\t1\n")
    index = read_lfw_view1(file, images)
    assert len(index) == 2
    assert [str(p) for p in index.problems] == [
        f"{images}/Ann_A/Ann_A_0003.jpg: no such file, and people.txt lists it",
        f"{images}/Cid_C/Cid_C_0001.jpg: no such file, and people.txt lists it",
    ]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "line 1: expected the number of people"),
        ("Ann_A\t2\n", "line 1: expected the number"),
        ("3\nAnn_A\t2\nBob_B\t1\n", "line 3: ends after 2 people, but line 1 states 3"),
        ("1\nAnn_A 2\n", "line 2: expected a name, a tab"),
        ("1\nAnn_A\t0\n", "line 2: expected a name, a tab"),
        ("1\nAnn_A\tmany\n", "line 2: expected a name, a tab"),
        ("2\nAnn_A\t1\nAnn_A\t2\n", "line 3: repeats the person of line 2"),
        ("1\n../Ann\t1\n", "line 2: expected a name that a folder can have"),
        ("1\nZoe\t4\n", "none of the 4 images"),
    ],
)
def test_other_lists_are_errors(lfw, text, match) -> None:
    with pytest.raises(TrainingError, match=match):
        read_lfw_view1(*lfw(text))


def test_the_folder_must_be_there(lfw, tmp_path) -> None:
    with pytest.raises(TrainingError, match="no such folder of images"):
        read_lfw_view1(lfw(LIST)[0], tmp_path / "gone")


@pytest.mark.shared
def test_view_1_has_the_published_numbers_and_nobody_in_common(shared) -> None:
    images = shared("data/lfw/lfw-deepfunneled")
    train, test = (
        read_lfw_view1(shared(f"data/lfw/peopleDev{part}.txt"), images)
        for part in ("Train", "Test")
    )
    # Huang et al. 2007, table of View 1.
    assert (train.num_classes, len(train)) == (4038, 9525)
    assert (test.num_classes, len(test)) == (1711, 3708)
    assert not set(train.names) & set(test.names)
    assert train.problems == test.problems == ()
