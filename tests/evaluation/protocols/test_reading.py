from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.reading import (
    PairList,
    check_pair,
    consecutive,
    existing,
    first_few,
    is_count,
    is_number,
    path_below,
    read_list,
    sha256_of,
)


def test_a_list_is_its_lines(write, edited) -> None:
    listing = read_list(write(edited("a b\n\n c\n")))
    assert listing.lines == ("a b", "", " c")
    assert listing.content == edited("a b\n\n c\n").encode()


def test_only_line_ends_end_a_line(write) -> None:
    assert read_list(write("a\x0bb\u2028c\x85d\ne")).lines == ("a\x0bb\u2028c\x85d", "e")


def test_an_error_shows_its_line_but_not_all_of_a_long_one(write) -> None:
    listing = read_list(write("first\n" + 1000 * "x"))
    assert str(listing.wrong(1, "expected y")).endswith(
        "pairs.txt, line 1: expected y, got 'first'"
    )
    assert len(str(listing.wrong(2, ""))) < 300 + len(str(listing.file))
    assert str(read_list(write("")).wrong(1, "expected y")).endswith("got 'an empty file'")


def test_refuses_what_is_not_text(tmp_path: Path, write) -> None:
    with pytest.raises(ProtocolError, match=r"pairs\.txt: not a text file in UTF-8"):
        read_list(write(b"\xff\xd8\xff"))
    with pytest.raises(ProtocolError, match=r"none\.txt: cannot be read \(No such file"):
        read_list(tmp_path / "none.txt")


def test_the_digest_is_of_files_one_after_the_other() -> None:
    assert sha256_of([b"ab", b"c"]) == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("word", "number", "count"),
    [
        ("0", True, False),
        ("7", True, True),
        ("0010", True, True),
        ("999999999", True, True),
        ("1000000000", False, False),
        ("9" * 5000, False, False),  # int() refuses these with a ValueError of its own
        ("-1", False, False),
        ("1_0", False, False),
        ("\u0661", False, False),
        ("", False, False),
    ],
)
def test_numbers(word: str, number: bool, count: bool) -> None:
    assert (is_number(word), is_count(word)) == (number, count)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a/1.jpg", "a/1.jpg"),
        ("./a//b/../1.jpg", "a/1.jpg"),
        ("a\\1.jpg", "a/1.jpg"),
        ("/data/images/a/1.jpg", "a/1.jpg"),
        ("/data/other/../images/1.jpg", "1.jpg"),
    ],
)
def test_paths_have_one_form(text: str, path: str) -> None:
    assert path_below(Path("/data/images"), text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a/../../1.jpg",
        "..\\1.jpg",
        "/etc/passwd",
        "/data/images/../x.jpg",
        "/data/images",
        "C:/x.jpg",
        "//host/share/x.jpg",
    ],
)
def test_paths_stay_in_the_folder(text: str) -> None:
    with pytest.raises(ValueError, match="inside /data/images"):
        path_below(Path("/data/images"), text)


def test_paths_may_begin_in_a_folder_below() -> None:
    assert path_below(Path("/data"), "../Data/1.jpg", start="Protocol") == "Data/1.jpg"
    with pytest.raises(ValueError, match="inside"):
        path_below(Path("/data"), "../../1.jpg", start="Protocol")


def test_what_cannot_be_a_file_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert existing(tmp_path / "a.jpg") == tmp_path / "a.jpg"
    for name in ("b.jpg", "x" * 5000, "a.jpg/b.jpg", "", "nul\0"):
        assert existing(tmp_path / name) is None


def test_labels_are_held_against_people() -> None:
    check_pair(("1", "2"), True, ("Ann", "Ann"))
    check_pair(("1", "2"), False, ("Ann", "Bob"))
    with pytest.raises(ValueError, match="as one person, but shows Ann and Bob"):
        check_pair(("1", "2"), True, ("Ann", "Bob"))
    with pytest.raises(ValueError, match="as two people, but both images show Ann"):
        check_pair(("1", "2"), False, ("Ann", "Ann"))
    with pytest.raises(ValueError, match="this is one twice"):
        check_pair(("1", "1"), True, ("Ann", "Ann"))


def test_consecutive_parts() -> None:
    assert consecutive(6, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert consecutive(8, 3).tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_array_equal(np.bincount(consecutive(6001, 10)), [601] + 9 * [600])


def test_first_few() -> None:
    assert first_few(["a", "b"]) == "a, b"
    assert first_few(list("abcde")) == "a, b, c, d, e"
    assert first_few(list("abcdefg")) == "a, b, c, d, e and 2 more"


def listed(pairs: str, same: str, folds: str, people=None) -> PairList:
    return PairList(
        name="some",
        file=Path("list.txt"),
        sha256="0",
        pairs=[tuple(pair) for pair in pairs.split()],
        same=np.array([c == "1" for c in same], np.bool_),
        folds=np.array([int(c) for c in folds], np.intp),
        people=people,
        remarks=("first",),
    )


def test_a_protocol_has_each_image_of_its_folds_once() -> None:
    people = {"a": "A", "b": "B", "c": "A", "d": "D"}
    pairs = listed("ca ab da ca dc", "10010", "00110", people)
    whole = pairs.protocol(Path(), Path, None)
    assert whole.names == ("a", "b", "c", "d")
    assert whole.images == (Path("a"), Path("b"), Path("c"), Path("d"))
    assert whole.people == ("A", "B", "A", "D")
    assert whole.pairs.tolist() == [[2, 0], [0, 1], [3, 0], [2, 0], [3, 2]]
    assert whole.remarks == ("first", "1 of 5 pairs are listed again, and count again")
    one = pairs.protocol(Path(), lambda name: None if name == "e" else Path(name), 1)
    assert one.pairs.tolist() == [[2, 0], [0, 1], [3, 2]]
    assert (one.same.tolist(), one.folds.tolist()) == ([True, False, False], [0, 0, 0])
    assert one.remarks == ("first",)


@pytest.mark.parametrize(
    ("same", "folds", "asked", "message"),
    [
        ("1010", "0011", 3, r"list\.txt: has 2 folds, and 3 were asked for"),
        ("1010", "0011", 0, r"list\.txt: has 2 folds, and 0 were asked for"),
        ("1000", "0011", None, r"list\.txt: fold 2 of 2 has no genuine pairs"),
        ("1110", "0011", None, r"list\.txt: fold 1 of 2 has no impostor pairs"),
        ("1111", "0000", None, r"list\.txt: the list has no impostor pairs"),
    ],
)
def test_refuses_folds_that_give_no_figures(same, folds, asked, message) -> None:
    with pytest.raises(ProtocolError, match=message):
        listed("ab ac ad bc", same, folds).protocol(Path(), Path, asked)


def test_names_missing_images(tmp_path: Path) -> None:
    pairs = listed("ab cd ef gh", "1010", "0000")
    with pytest.raises(ProtocolError) as caught:
        pairs.protocol(tmp_path, lambda name: None if name > "a" else tmp_path / name, None, "x")
    assert str(caught.value) == (
        f"{tmp_path}: 7 of the 8 images that list.txt names are missing: b, c, d, e, f and 2 more "
        "(expected x)"
    )
    with pytest.raises(ProtocolError, match="no such folder of images"):
        pairs.protocol(tmp_path / "none", Path, None)
