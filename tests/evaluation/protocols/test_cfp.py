from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.cfp import read_cfp

PEOPLE, FRONTAL, PROFILE = 4, 10, 4


def listing(kind: str, each: int) -> list[str]:
    return [
        f"{person * each + shot + 1} ../Data/Images/{person + 1:03d}/{kind}/{shot + 1:02d}.jpg"
        for person in range(PEOPLE)
        for shot in range(each)
    ]


FILES = {
    "Pair_list_F.txt": "\n".join(listing("frontal", FRONTAL)),
    "Pair_list_P.txt": "\r\n".join(listing("profile", PROFILE)),
    "Split/FF/01/same.txt": "1,2\n11,12",
    "Split/FF/01/diff.txt": "1,11\n2,12",
    "Split/FF/02/same.txt": "21,22\r\n31,32\r\n\r\n",
    "Split/FF/02/diff.txt": "21,31\n22,32\n",
    "Split/FP/01/same.txt": "1,1\n11,5",
    "Split/FP/01/diff.txt": "1,5\n2,6",
    "Split/FP/02/same.txt": "\ufeff21,9\n31,13",
    "Split/FP/02/diff.txt": "21, 13\n22 ,14",
}


@pytest.fixture
def root(tmp_path: Path, write, touch) -> Path:
    for name, text in FILES.items():
        write(text, f"cfp/Protocol/{name}")
    for kind, each in (("frontal", FRONTAL), ("profile", PROFILE)):
        touch("cfp", [line.split()[1].removeprefix("../") for line in listing(kind, each)])
    (tmp_path / "cfp/Protocol/Split/FF/.DS_Store").touch()
    return tmp_path / "cfp"


def named(protocol) -> list[str]:
    called = [name.removeprefix("Data/Images/") for name in protocol.names]
    return [f"{called[a]} {called[b]}" for a, b in protocol.pairs]


def test_frontal_to_frontal(root: Path) -> None:
    protocol = read_cfp("ff", root)
    assert protocol.name == "cfp-ff"
    assert named(protocol)[:4] == [
        "001/frontal/01.jpg 001/frontal/02.jpg",
        "002/frontal/01.jpg 002/frontal/02.jpg",
        "001/frontal/01.jpg 002/frontal/01.jpg",
        "001/frontal/02.jpg 002/frontal/02.jpg",
    ]
    assert protocol.same.tolist() == [True, True, False, False] * 2
    assert protocol.folds.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert protocol.people == ("001", "001", "002", "002", "003", "003", "004", "004")
    assert protocol.names[0] == "Data/Images/001/frontal/01.jpg"
    assert protocol.images[0] == root / "Data/Images/001/frontal/01.jpg"
    read = [name for name in FILES if "FP" not in name and not name.endswith("_P.txt")]
    content = "".join(FILES[name] for name in read).encode()
    assert protocol.sha256 == hashlib.sha256(content).hexdigest()


def test_frontal_to_profile(root: Path) -> None:
    protocol = read_cfp("fp", root)
    assert protocol.name == "cfp-fp"
    assert named(protocol) == [
        "001/frontal/01.jpg 001/profile/01.jpg",
        "002/frontal/01.jpg 002/profile/01.jpg",
        "001/frontal/01.jpg 002/profile/01.jpg",
        "001/frontal/02.jpg 002/profile/02.jpg",
        "003/frontal/01.jpg 003/profile/01.jpg",
        "004/frontal/01.jpg 004/profile/01.jpg",
        "003/frontal/01.jpg 004/profile/01.jpg",
        "003/frontal/02.jpg 004/profile/02.jpg",
    ]
    content = "".join(text for name, text in FILES.items() if "FF" not in name).encode()
    assert protocol.sha256 == hashlib.sha256(content).hexdigest()


def test_first_folds_need_only_their_images(root: Path) -> None:
    (root / "Data/Images/004/frontal/01.jpg").unlink()
    assert len(read_cfp("ff", root, folds=1).pairs) == 4
    with pytest.raises(ProtocolError, match=r"1 of the 8 images .*FF names are missing: Data/Im"):
        read_cfp("ff", root)
    with pytest.raises(ProtocolError, match=r"FF: has 2 folds, and 3 were asked for"):
        read_cfp("ff", root, folds=3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Pair_list_F.txt", "", r"F\.txt, line 1: expected `NUMBER PATH`.* got 'an empty file'"),
        ("Pair_list_F.txt", "1\n", r"F\.txt, line 1: expected `NUMBER PATH`"),
        ("Pair_list_F.txt", "x ../Data/Images/001/frontal/01.jpg", r"line 1: expected `NUMBER"),
        ("Pair_list_F.txt", "1 ../01.jpg", r"line 1: expected `NUMBER PATH`"),
        ("Pair_list_F.txt", "1 ../a/b/c\n1 ../a/b/d", r"line 2: gives number 1 again, got '1"),
        ("Pair_list_F.txt", "1 ../../a/b/c.jpg", r"F\.txt, line 1: .*inside .*cfp, got '1 \.\./"),
        ("Pair_list_F.txt", "1 /etc/a/b/passwd", r"F\.txt, line 1: expected a path inside .*cfp"),
        ("Pair_list_P.txt", "1 ..\\..\\a\\b\\c.jpg", r"P\.txt, line 1: .*inside .*cfp"),
        ("Split/FP/02/same.txt", "21,9\n31", r"same\.txt, line 2: expected two numbers .* '31'"),
        ("Split/FP/02/same.txt", "21,9\n\n31,13", r"same\.txt, line 2: expected two numbers"),
        ("Split/FP/02/same.txt", "21 9", r"same\.txt, line 1: expected two numbers of images"),
        ("Split/FP/02/same.txt", "21,17", r"line 1: no image has the number 17, got '21,17'"),
        ("Split/FP/02/same.txt", "0,1", r"line 1: expected two numbers of images"),
        ("Split/FP/02/same.txt", "21,13", r"line 1: labelled as one person, but shows 003 and 004"),
        ("Split/FP/02/diff.txt", "21,9", r"diff\.txt, line 1: labelled as two people, but both"),
        ("Split/FP/02/diff.txt", "", r"Split/FP: fold 2 of 2 has no impostor pairs"),
        ("Split/FP/04/diff.txt", "", r"FP: expected a folder for each fold.* got 01, 02, 04"),
        ("Split/FP/03/diff.txt", "", r"03/same\.txt: cannot be read \(No such file"),
    ],
)
def test_refuses_other_forms(name: str, text: str, message: str, root: Path, write) -> None:
    write(text, f"cfp/Protocol/{name}")
    with pytest.raises(ProtocolError, match=message):
        read_cfp("fp", root)


def test_refuses_a_pair_of_one_image(root: Path, write) -> None:
    write("1,2\n3,3", "cfp/Protocol/Split/FF/01/same.txt")
    with pytest.raises(ProtocolError, match=r"same\.txt, line 2: .* this is one twice, got '3,3'"):
        read_cfp("ff", root)


def test_refuses_other_folders(tmp_path: Path, root: Path) -> None:
    with pytest.raises(ProtocolError, match=r"Pair_list_F\.txt: cannot be read"):
        read_cfp("ff", tmp_path)
    (root / "Protocol/Split/FF").rename(root / "Protocol/Split/frontal")
    with pytest.raises(ProtocolError, match=r"Split/FF: cannot be read \(No such file"):
        read_cfp("ff", root)
    (root / "Protocol/Split/FF").mkdir()
    with pytest.raises(ProtocolError, match=r"Split/FF: expected a folder .* got none"):
        read_cfp("ff", root)
