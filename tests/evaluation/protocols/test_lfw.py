from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.lfw import read_lfw

PAIRS = """2\t2
Ann_A\t1\t2
Bob_B\t1\t3
Ann_A\t1\tBob_B\t1
Ann_A\t2\tCy_C\t1
Cy_C\t1\t2
Bob_B\t2\t3
Ann_A\t1\tCy_C\t2
Bob_B\t2\tCy_C\t1
"""
SHOTS = ("Ann_A 1", "Ann_A 2", "Bob_B 1", "Bob_B 2", "Bob_B 3", "Cy_C 1", "Cy_C 2")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for shot in SHOTS:
        name, number = shot.split()
        file = folder / name / f"{name}_000{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder


def test_reads_pairs_and_folds(images: Path, write: Callable[[str], Path]) -> None:
    protocol = read_lfw(write(PAIRS), images)
    assert list(protocol.names) == [
        f"{shot.split()[0]}/{shot.replace(' ', '_000')}.jpg" for shot in SHOTS
    ]
    named = [(SHOTS[a], SHOTS[b]) for a, b in protocol.pairs]
    assert named == [
        ("Ann_A 1", "Ann_A 2"),
        ("Bob_B 1", "Bob_B 3"),
        ("Ann_A 1", "Bob_B 1"),
        ("Ann_A 2", "Cy_C 1"),
        ("Cy_C 1", "Cy_C 2"),
        ("Bob_B 2", "Bob_B 3"),
        ("Ann_A 1", "Cy_C 2"),
        ("Bob_B 2", "Cy_C 1"),
    ]
    assert protocol.same.tolist() == [True, True, False, False] * 2
    assert protocol.folds.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert protocol.fold_count == 2
    assert protocol.people == ("Ann_A",) * 2 + ("Bob_B",) * 3 + ("Cy_C",) * 2
    assert protocol.sha256 == hashlib.sha256(PAIRS.encode()).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        PAIRS.replace("\n", "\r\n"),
        PAIRS.replace("\t", "  "),
        PAIRS.replace("\n", " \n") + "\n\n",
        PAIRS.rstrip("\n"),
        "\ufeff" + PAIRS,
    ],
    ids=["windows", "spaces", "trailing", "no last newline", "byte order mark"],
)
def test_reads_what_editors_make_of_it(
    content: str, images: Path, write: Callable[[str], Path]
) -> None:
    plain = read_lfw(write(PAIRS), images)
    edited = read_lfw(write(content), images)
    assert edited.images == plain.images
    assert edited.pairs.tolist() == plain.pairs.tolist()
    assert edited.same.tolist() == plain.same.tolist()


def test_first_folds_need_only_their_images(images: Path, write: Callable[[str], Path]) -> None:
    (images / "Cy_C/Cy_C_0002.jpg").unlink()
    protocol = read_lfw(write(PAIRS), images, folds=1)
    assert protocol.fold_count == 1
    assert len(protocol.pairs) == 4
    assert len(protocol.images) == 5
    with pytest.raises(ProtocolError, match=r"pairs\.txt: has 2 folds, and 3 were asked for"):
        read_lfw(write(PAIRS), images, folds=3)


def test_view_one_states_one_number(images: Path, write: Callable[[str], Path]) -> None:
    view_one = "2\n" + "".join(PAIRS.splitlines(keepends=True)[1:5])
    protocol = read_lfw(write(view_one), images)
    assert protocol.fold_count == 1
    assert protocol.same.tolist() == [True, True, False, False]


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".png"])
def test_other_suffixes(suffix: str, images: Path, write: Callable[[str], Path]) -> None:
    renamed = (images / "Ann_A/Ann_A_0001.jpg").rename(images / f"Ann_A/Ann_A_0001{suffix}")
    assert read_lfw(write(PAIRS), images).images[0] == renamed


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "", "line 1: expected the number of folds"),
        (1, "ten\t300", "line 1: expected the number of folds .* got 'ten.t300'"),
        (1, "0\t2", "line 1: expected the number of folds"),
        (1, "Ann_A\t1\t2", "line 1: expected the number of folds"),
        (1, "9" * 5000, "line 1: expected the number of folds"),
        (1, "2\t3", r"line 9: ends after 8 pairs, but line 1 \(2 3\) states 2 × 2 × 3 = 12"),
        (3, "Bob_B\t1\tAnn_A\t3", "line 3: expected a genuine pair, `name number number`, got"),
        (4, "Bob_B\t1\t3", "line 4: expected an impostor pair, `name number name number`, got"),
        (3, "", "line 3: expected a genuine pair"),
        (3, "Bob_B\t1\tx", "line 3: expected `name number number` with numbers from 1, got"),
        (3, "Bob_B\t0\t1", "line 3: expected `name number number` with numbers from 1"),
        (5, "Ann_A\t2\tCy_C\t-1", "line 5: expected `name number name number` with numbers"),
        (3, "Bob_B\t3\t3", "line 3: expected two images, and this is one twice"),
        (5, "Ann_A\t2\tAnn_A\t1", "line 5: expected two people"),
        (7, "Bob_B\t3\t1", "line 7: repeats the pair of line 3"),
        (9, "Cy_C\t1\tAnn_A\t2", "line 9: repeats the pair of line 5"),
    ],
)
def test_refuses_other_forms(
    line: int, text: str, message: str, images: Path, write: Callable[[str], Path]
) -> None:
    lines = PAIRS.splitlines()
    lines[line - 1] = text
    file = write("\n".join(lines))
    with pytest.raises(ProtocolError, match=rf"pairs\.txt, {message}"):
        read_lfw(file, images)


@pytest.mark.parametrize("lines", [8, 10])
def test_refuses_other_counts(lines: int, images: Path, write: Callable[[str], Path]) -> None:
    content = (PAIRS + "Ann_A\t2\tCy_C\t2\n").splitlines()[:lines]
    message = f"line {lines}: ends after {lines - 1} pairs, .* = 8"
    with pytest.raises(ProtocolError, match=message):
        read_lfw(write("\n".join(content)), images)


def test_refuses_what_is_not_text(
    tmp_path: Path, images: Path, write: Callable[[bytes], Path]
) -> None:
    with pytest.raises(ProtocolError, match=r"pairs\.txt, line 1: .* got 'an empty file'"):
        read_lfw(write(b""), images)
    with pytest.raises(ProtocolError, match=r"pairs\.txt: not a text file in UTF-8"):
        read_lfw(write(b"\xff\xd8\xff\xe0"), images)
    with pytest.raises(ProtocolError, match=r"none\.txt: cannot be read \(No such file"):
        read_lfw(tmp_path / "none.txt", images)
    with pytest.raises(ProtocolError, match="expected a file"):
        read_lfw(tmp_path, images)


def test_names_missing_images(tmp_path: Path, images: Path, write: Callable[[str], Path]) -> None:
    (images / "Cy_C/Cy_C_0002.jpg").unlink()
    with pytest.raises(ProtocolError, match=r"1 of the 7 images .* are missing: Cy_C/Cy_C_0002 \("):
        read_lfw(write(PAIRS), images)
    empty = tmp_path / "empty"
    with pytest.raises(ProtocolError, match=r"empty: no such folder of images"):
        read_lfw(write(PAIRS), empty)
    empty.mkdir()
    with pytest.raises(ProtocolError, match=r"7 of the 7 .*: Ann_A/Ann_A_0001, .* and 2 more \("):
        read_lfw(write(PAIRS), empty)


@pytest.mark.shared
def test_the_published_files(shared: Callable[[str], Path]) -> None:
    folder = shared("data/lfw")
    view_two = read_lfw(folder / "pairs.txt", folder / "lfw-deepfunneled")
    assert (len(view_two.pairs), view_two.fold_count, len(view_two.images)) == (6000, 10, 7701)
    assert view_two.same.sum() == 3000
    for name, pairs in (("Train", 2200), ("Test", 1000)):
        view_one = read_lfw(folder / f"pairsDev{name}.txt", folder / "lfw-deepfunneled")
        assert (len(view_one.pairs), view_one.fold_count) == (pairs, 1)
