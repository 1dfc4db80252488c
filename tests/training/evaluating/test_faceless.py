from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import torch

from facewise.detection import Detector
from facewise.errors import ProtocolError
from facewise.evaluation import read_lfw, read_pairs_csv
from facewise.training.data.aligning import align_all
from facewise.training.data.index import read_folder
from facewise.training.evaluating import Examiner
from facewise.training.evaluating.faceless import faceless

PEOPLE = ("Marilyn_Monroe", "Martina_McBride", "Naomi_Watts")


@pytest.mark.parametrize(
    ("image", "listed"),
    [
        ("Ann/1.png", True),
        ("Ann/1.webp", True),
        ("Ann/1", True),
        ("Ann/old/2.png", True),
        ("J._R._Smith/J._R._Smith_0001", True),
        ("old/2.png", True),
        ("photos/Ann/1.png", True),
        ("Ann/2.png", False),
        ("Bob/1.png", False),
        ("nn/1.png", False),
        ("1.png", False),
        ("Zoë/3.png", True),
    ],
)
def test_what_the_list_says(tmp_path: Path, image: str, listed: bool) -> None:
    lines = [
        "path,reason",
        "/photos/Ann/1.jpg,no face found",
        '/photos/Ann/old/2.jpeg,"damaged, or no image"',
        "/photos/J._R._Smith/J._R._Smith_0001.jpg,no face found",
        "photos/Zoë/3.jpg,no face found",
    ]
    (tmp_path / "problems.csv").write_text("\n".join(lines), encoding="utf-8")
    assert faceless(tmp_path)(image) is listed


def test_without_a_list_every_picture_has_a_chip(tmp_path: Path) -> None:
    assert not faceless(tmp_path)("Ann/1.png")
    (tmp_path / "problems.csv").write_text("another,table\nAnn/1.jpg,x\n")
    assert not faceless(tmp_path)("Ann/1.png")
    (tmp_path / "problems.csv").write_text("path,reason\n.,x\n")
    assert not faceless(tmp_path)("Ann/1.png")


@pytest.fixture
def chips(shared: Callable[[str], Path], network: Any, mtcnn: Detector, tmp_path: Path) -> Path:
    """Chips by `facewise align` of two pictures of each person; one has no face that is found."""
    folder = shared("data/lfw/lfw-deepfunneled")
    for person in PEOPLE:
        (tmp_path / "photos" / person).mkdir(parents=True)
        for number in (1, 2):
            name = f"{person}/{person}_{number:04d}.jpg"
            copyfile(folder / name, tmp_path / "photos" / name)
    out = tmp_path / "chips"
    done = align_all(read_folder(tmp_path / "photos"), mtcnn, network[1], out)
    assert [problem.path.name for problem in done.failures] == ["Marilyn_Monroe_0001.jpg"]
    lines = ["3", *[f"{person} 1 2" for person in PEOPLE]]
    lines += [f"{PEOPLE[i]} 2 {PEOPLE[i - 1]} {1 + i % 2}" for i in range(3)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    return out


@pytest.mark.shared
def test_a_picture_in_which_align_found_no_face_fails(
    chips: Path, network: Any, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.txt"

    def examiner(word: str) -> Examiner:
        return Examiner(word, network[1], tmp_path / "kept", aligned=True, detector=None)

    own = examiner(f"lfw:{pairs}:{chips}")
    found = own.examine(network[0], torch.device("cpu"), lambda done: None)
    assert (found.figures["pairs"], found.figures["failed_pairs"]) == (6, 1)
    assert not own.chips()[0].any()
    assert own.chips()[1:].any(axis=(1, 2, 3)).all()
    table = tmp_path / "pairs.csv"
    rows = [(0, 1, 0, 2, 1), (1, 1, 1, 2, 1), (0, 2, 1, 1, 0), (1, 2, 0, 1, 0)]
    names = [
        (f"{PEOPLE[a]}/{PEOPLE[a]}_000{i}.png", f"{PEOPLE[b]}/{PEOPLE[b]}_000{j}.png", same)
        for a, i, b, j, same in rows
    ]
    table.write_text("\n".join(f"{a},{b},{same}" for a, b, same in names))
    found = examiner(f"csv:{table}:{chips}").examine(
        network[0], torch.device("cpu"), lambda done: None
    )
    assert (found.figures["pairs"], found.figures["failed_pairs"]) == (4, 2)


@pytest.mark.shared
def test_another_chip_that_is_missing_is_an_error(chips: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.txt"
    with pytest.raises(ProtocolError, match=r"1 of the \d images .*: Marilyn_Monroe/.*_0001 "):
        read_lfw(pairs, chips)
    protocol = read_lfw(pairs, chips, absent=faceless(chips))
    assert protocol.remarks[-1].startswith("1 of ")
    (chips / "Naomi_Watts" / "Naomi_Watts_0001.png").unlink()
    with pytest.raises(ProtocolError, match=r"1 of the .* missing: Naomi_Watts/.*_0001 "):
        read_lfw(pairs, chips, absent=faceless(chips))
    (tmp_path / "pairs.csv").write_text(
        "Naomi_Watts/Naomi_Watts_0001.png,Naomi_Watts/Naomi_Watts_0002.png,1\n"
        "Naomi_Watts/Naomi_Watts_0002.png,Marilyn_Monroe/Marilyn_Monroe_0001.png,0\n"
    )
    with pytest.raises(ProtocolError, match=r"1 of the .* missing: Naomi_Watts/.*_0001\.png"):
        read_pairs_csv(tmp_path / "pairs.csv", chips, absent=faceless(chips))


@pytest.mark.shared
def test_of_photos_every_one_has_to_be_there(
    chips: Path, network: Any, mtcnn: Detector, tmp_path: Path
) -> None:
    """The list is of chips."""
    with pytest.raises(ProtocolError, match="missing: Marilyn_Monroe"):
        Examiner(
            f"lfw:{tmp_path / 'pairs.txt'}:{chips}",
            network[1],
            tmp_path / "kept",
            aligned=False,
            detector=mtcnn,
        )
