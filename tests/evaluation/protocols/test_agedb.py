from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.agedb import agedb_attributes, read_agedb

NAMES = [
    f"{2 * i + k}_{name}_{20 + 30 * k}_{gender}.jpg"
    for i, (name, gender) in enumerate([("MariaCallas", "f"), ("OrsonWelles", "m")])
    for k in (0, 1)
]
GENUINE = [f"{NAMES[0]} {NAMES[1]} 1", f"{NAMES[2]} {NAMES[3]} 1"]
IMPOSTOR = [f"{NAMES[0]} {NAMES[2]} 0", f"{NAMES[1]} {NAMES[3]} 0"]
PAIRS = "\n".join([*GENUINE, *IMPOSTOR] * 10) + "\n"


@pytest.fixture
def images(touch) -> Path:
    return touch("AgeDB", [*NAMES, ".DS_Store", "x/.DS_Store", "y/.DS_Store"])


def test_attributes() -> None:
    assert agedb_attributes("0_MariaCallas_35_f.jpg") == ("MariaCallas", 35, "f")
    assert agedb_attributes("sub/16487_Two_Words_101_M.JPG") == ("Two_Words", 101, "m")
    for name in ("MariaCallas_35_f.jpg", "0_MariaCallas_35.jpg", "0_MariaCallas_35_x.jpg", ""):
        with pytest.raises(ProtocolError, match=f"{name}: expected NUMBER_NAME_AGE_GENDER.jpg"):
            agedb_attributes(name)


def test_cuts_the_list_into_ten_folds(write, images: Path, edited) -> None:
    text = edited(PAIRS)
    protocol = read_agedb(write(text), images)
    assert protocol.name == "agedb"
    assert protocol.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert protocol.names == tuple(NAMES)
    assert protocol.people == ("MariaCallas", "MariaCallas", "OrsonWelles", "OrsonWelles")
    assert protocol.pairs.tolist() == [[0, 1], [2, 3], [0, 2], [1, 3]] * 10
    assert protocol.same.tolist() == [True, True, False, False] * 10
    assert protocol.folds.tolist() == [fold for fold in range(10) for _ in range(4)]


@pytest.mark.parametrize("separator", ["\t", ",", ", ", "  "])
def test_separators(separator: str, write, images: Path) -> None:
    protocol = read_agedb(write(PAIRS.replace(" ", separator)), images)
    assert protocol.pairs.tolist() == [[0, 1], [2, 3], [0, 2], [1, 3]] * 10


def test_the_fourth_column_is_the_fold(write, images: Path) -> None:
    text = "\n".join([f"{GENUINE[0]} 2", f"{IMPOSTOR[0]} 2", f"{GENUINE[1]} 1", f"{IMPOSTOR[1]} 1"])
    protocol = read_agedb(write(text), images)
    assert protocol.folds.tolist() == [1, 1, 0, 0]
    assert read_agedb(write(text), images, folds=1).names == tuple(NAMES[1:])


def test_images_may_lie_in_folders(write, touch) -> None:
    images = touch("nested", [f"{name.split('_')[1]}/{name}" for name in NAMES])
    protocol = read_agedb(write(PAIRS), images)
    assert protocol.names[0] == f"MariaCallas/{NAMES[0]}"
    assert protocol.people[0] == "MariaCallas"
    by_path = PAIRS.replace("0_Maria", "MariaCallas/0_Maria")
    assert read_agedb(write(by_path), images).images == protocol.images
    touch("nested", [f"copy/{NAMES[0]}"])
    with pytest.raises(ProtocolError, match=r"two images are called 0_MariaCallas_20_f\.jpg: "):
        read_agedb(write(PAIRS), images)


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "", "line 1: expected `FILE FILE LABEL`"),
        (2, f"{NAMES[0]} {NAMES[1]}", "line 2: expected `FILE FILE LABEL`"),
        (2, f"{NAMES[0]} {NAMES[1]} 2", "line 2: expected `FILE FILE LABEL`"),
        (2, f"{NAMES[0]},,{NAMES[1]},1", "line 2: expected `FILE FILE LABEL`"),
        (2, f"{NAMES[0]} Maria.jpg 1", r"line 2: Maria\.jpg: expected NUMBER_NAME_AGE_GENDER"),
        (2, f"{NAMES[0]} {NAMES[2]} 1", "line 2: labelled as one person, but shows MariaCallas"),
        (3, f"{NAMES[0]} {NAMES[1]} 0", "line 3: labelled as two people, but both images show"),
        (2, f"{NAMES[0]} {NAMES[0]} 1", "line 2: expected two images, and this is one twice"),
        (2, f"{GENUINE[1]} 3", "line 2: expected a fold in every line or in none"),
        (1, f"{GENUINE[0]} 0", "line 1: expected a fold from 1 in the fourth column"),
    ],
)
def test_refuses_other_forms(line: int, text: str, message: str, write, images: Path) -> None:
    lines = PAIRS.splitlines()
    lines[line - 1] = text
    with pytest.raises(ProtocolError, match=rf"pairs\.txt, {message}"):
        read_agedb(write("\n".join(lines)), images)


def test_a_fold_is_missing_from_a_later_line(write, images: Path) -> None:
    with pytest.raises(ProtocolError, match=r"line 2: expected a fold in every line or in none"):
        read_agedb(write(f"{GENUINE[0]} 1\n{GENUINE[1]}\n"), images)


def test_refuses_folds_that_give_no_figures(write, images: Path) -> None:
    for text, message in (
        ("", r"line 1: .* got 'an empty file'"),
        ("\n".join(PAIRS.splitlines()[:-1]), r"39 pairs cannot be cut into 10 folds of one size"),
        ("\n".join(GENUINE * 5 + IMPOSTOR * 5), r"fold 6 of 10 has no genuine pairs"),
        (f"{GENUINE[0]} 1\n{IMPOSTOR[0]} 1\n{GENUINE[1]} 2\n", r"fold 2 of 2 has no impostor"),
    ):
        with pytest.raises(ProtocolError, match=message):
            read_agedb(write(text), images)


def test_names_missing_images(tmp_path: Path, write, images: Path) -> None:
    (images / NAMES[3]).unlink()
    with pytest.raises(ProtocolError, match=rf"AgeDB: 1 of the 4 images .* missing: {NAMES[3]}$"):
        read_agedb(write(PAIRS), images)
    with pytest.raises(ProtocolError, match="none: no such folder of images"):
        read_agedb(write(PAIRS), tmp_path / "none")
