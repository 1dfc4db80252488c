from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs_csv import read_pairs_csv

PAIRS = """image_a,image_b,same,fold
ann/1.jpg,ann/2.jpg,1,3
ann/1.jpg,bob/1.jpg,0,3
bob/1.jpg,bob/2.jpg,1,7
ann/2.jpg,bob/2.jpg,0,7
"""
NAMES = ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/2.jpg")
NUMBERS = [[0, 1], [0, 2], [2, 3], [1, 3]]


@pytest.fixture
def images(touch) -> Path:
    return touch("images", [*NAMES, "1.jpg", "2.jpg", "3.jpg"])


def without_folds(text: str = PAIRS) -> str:
    return "".join(f"{line.rpartition(',')[0]}\n" for line in text.splitlines())


def test_reads_pairs_folds_and_people(write, images: Path, edited) -> None:
    text = edited(PAIRS)
    protocol = read_pairs_csv(write(text), images)
    assert protocol.name == "pairs"
    assert protocol.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert protocol.names == NAMES
    assert protocol.images == tuple(images / name for name in NAMES)
    assert protocol.people == ("ann", "ann", "bob", "bob")
    assert protocol.pairs.tolist() == NUMBERS
    assert protocol.same.tolist() == [True, False, True, False]
    assert protocol.folds.tolist() == [0, 0, 1, 1]
    assert protocol.remarks == ()
    assert protocol.folds_given
    assert len(read_pairs_csv(write(text), images, folds=1).pairs) == 2


@pytest.mark.parametrize(
    "text",
    [
        PAIRS.partition("\n")[2],
        PAIRS.replace(",", ";"),
        PAIRS.replace(",", "\t"),
        PAIRS.replace("image_a,image_b,same,fold", "Left, Right ,IsSame,SPLIT"),
        PAIRS.replace("image_a,image_b,same,fold", "path1,path2,genuine,fold"),
        PAIRS.replace(",1,", ",yes,").replace(",0,", ",No,"),
        PAIRS.replace(",1,", ",same,").replace(",0,", ",different,"),
        PAIRS.replace(",1,", ",TRUE,").replace(",0,", ",False,"),
        PAIRS.replace("ann/1.jpg", '"ann/1.jpg"'),
        PAIRS.replace("/", "\\"),
        PAIRS.replace("ann/1.jpg", "./ann/../ann/1.jpg"),
        "\n".join(
            ",".join([*row.split(","), "-"][i] for i in (3, 2, 4, 1, 0))
            for row in PAIRS.splitlines()
        ),
    ],
    ids=[
        "no headings",
        "semicolons",
        "tabs",
        "other headings",
        "yet others",
        "yes and no",
        "same and different",
        "true and false",
        "quoted",
        "backslashes",
        "roundabout",
        "other order",
    ],
)
def test_forms(text: str, write, images: Path) -> None:
    protocol = read_pairs_csv(write(text), images)
    assert protocol.names == NAMES
    # The images of a pair change places where their columns do.
    assert sorted(map(sorted, protocol.pairs.tolist())) == sorted(NUMBERS)
    assert protocol.same.tolist() == [True, False, True, False]
    assert protocol.folds.tolist() == [0, 0, 1, 1]


def test_quoted_names_may_hold_separators_and_line_ends(write, touch) -> None:
    names = ("a,;1.jpg", 'b"\n2.jpg', "c.jpg")
    images = touch("odd", names)
    text = '"a,;1.jpg";"b""\n2.jpg";1\nc.jpg;"a,;1.jpg";0\n'
    protocol = read_pairs_csv(write(text), images)
    assert protocol.names == names
    assert protocol.people is None
    with pytest.raises(ProtocolError, match=r"line 3: expected 1/0, .* got 'c\.jpg;"):
        read_pairs_csv(write(text.replace(";0", ";2")), images)


def test_absolute_paths_lead_into_the_folder(write, images: Path) -> None:
    protocol = read_pairs_csv(write(PAIRS.replace("ann/1.jpg", f"{images}/ann/1.jpg")), images)
    assert protocol.names == NAMES


def test_deals_pairs_to_folds_in_turn(write, images: Path) -> None:
    protocol = read_pairs_csv(write(without_folds()), images)
    assert protocol.folds.tolist() == [0, 0, 1, 1]
    [remark] = protocol.remarks
    assert remark == (
        "the file gives no folds: its pairs were dealt to 2 in turn, in their order, and one "
        "person may stand in several"
    )
    assert not protocol.folds_given


def test_deals_each_kind_to_at_most_ten_folds(write, touch) -> None:
    images = touch("many", [f"{i}.jpg" for i in range(60)])
    genuine = [f"{i}.jpg,{i + 1}.jpg,1" for i in range(13)]
    impostor = [f"{i}.jpg,{i + 20}.jpg,0" for i in range(25)]
    protocol = read_pairs_csv(write("\n".join(genuine + impostor)), images)
    assert protocol.folds.tolist() == [i % 10 for i in range(13)] + [i % 10 for i in range(25)]
    mixed = [row for rows in zip(impostor, genuine, strict=False) for row in rows]
    protocol = read_pairs_csv(write("\n".join(mixed[:8])), images)
    assert protocol.folds.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    protocol = read_pairs_csv(write("\n".join([*genuine[:1], *impostor])), images)
    assert protocol.fold_count == 1
    assert protocol.remarks == (
        "the file gives no folds: its pairs were dealt to 1 in turn, in their order",
    )


def test_people_come_from_columns_or_folders_or_nowhere(write, images: Path) -> None:
    flat = "1.jpg,2.jpg,1\n1.jpg,3.jpg,0\n"
    assert read_pairs_csv(write(flat), images).people is None
    half = flat + "ann/1.jpg,bob/1.jpg,0\n"
    assert read_pairs_csv(write(half), images).people is None
    contradicted = "ann/1.jpg,bob/1.jpg,1\nann/1.jpg,bob/2.jpg,0\n"
    assert read_pairs_csv(write(contradicted), images).people is None
    named = "a,b,same,person_a,person_b\n1.jpg,2.jpg,1,Ann,Ann\n3.jpg,1.jpg,0,Bob,Ann\n"
    assert read_pairs_csv(write(named), images).people == ("Ann", "Ann", "Bob")


def test_people_are_the_last_folder(write, touch) -> None:
    images = touch("two", ["new/ann/1.jpg", "old/ann/1.jpg", "old/bob/1.jpg"])
    text = "new/ann/1.jpg,old/ann/1.jpg,1\nnew/ann/1.jpg,old/bob/1.jpg,0\n"
    assert read_pairs_csv(write(text), images).people == ("ann", "ann", "bob")


def test_repeated_pairs_count_once(write, images: Path) -> None:
    text = PAIRS + "ann/2.jpg,ann/1.jpg,1,7\nann/1.jpg,./bob/1.jpg,0,3\n"
    protocol = read_pairs_csv(write(text), images)
    assert protocol.pairs.tolist() == NUMBERS
    assert protocol.folds.tolist() == [0, 0, 1, 1]
    assert protocol.remarks == ("2 of 6 pairs are listed again, and count once",)


HEADED = "a,b,same,fold,person_a,person_b\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1: expected image_a, image_b, same .* got 'an empty file'"),
        ("ann/1.jpg ann/2.jpg 1\n", r"line 1: expected image_a, image_b, same"),
        ("image_a,image_b\n", r"line 1: no column same; expected"),
        ("image_a,other,another\n", r"line 1: no column image_b or same"),
        ("a,left,b,same\n", r"line 1: two columns of one meaning"),
        ("a,b,same,person_a\n", r"line 1: expected both person_a and person_b, or neither"),
        (PAIRS + "ann/1.jpg\n", r"line 6: expected 4 columns, as in line 1, got 'ann/1\.jpg'"),
        ("1.jpg,2.jpg,1\n1.jpg,3.jpg,0,5\n", r"line 2: expected 3 columns, as in line 1"),
        (PAIRS + "\n" + PAIRS, r"line 6: expected 4 columns, as in line 1, got ''"),
        (PAIRS + "ann/1.jpg,bob/2.jpg,maybe,1\n", r"line 6: expected 1/0, true/false"),
        (PAIRS + "ann/1.jpg,bob/2.jpg,0,x\n", r"line 6: expected a number for the fold"),
        (PAIRS + "ann/1.jpg,bob/2.jpg,0,\n", r"line 6: expected a number for the fold"),
        (PAIRS + "ann/1.jpg,../bob/2.jpg,0,1\n", r"line 6: expected the path .* inside .*images"),
        (PAIRS + "/etc/passwd,bob/2.jpg,0,1\n", r"line 6: expected a path inside .*images, got"),
        (PAIRS + ",bob/2.jpg,0,1\n", r"line 6: expected the path of an image inside"),
        (PAIRS + "ann/1.jpg,./ann/1.jpg,1,1\n", r"line 6: expected two images, and this is one"),
        (PAIRS + "bob/1.jpg,ann/1.jpg,1,3\n", r"line 6: contradicts line 3, got 'bob/1\.jpg,ann"),
        (PAIRS + '"ann/1.jpg,bob/2.jpg,0,1\n', r"line 6: not a CSV file \(unexpected end"),
        (HEADED + "1.jpg,2.jpg,1,1,A,B\n", r"line 2: labelled as one person, but shows A and B"),
        (HEADED + "1.jpg,2.jpg,0,1,A,A\n", r"line 2: labelled as two people, but both images"),
        (HEADED + "1.jpg,2.jpg,0,1,A,\n", r"line 2: expected two people"),
        (
            HEADED + "1.jpg,2.jpg,0,1,A,B\n1.jpg,3.jpg,0,1,C,B\n",
            r"line 3: 1\.jpg shows C, but A in an earlier line",
        ),
        (
            without_folds(PAIRS).replace(",0", ",1").replace("bob/1", "ann/3"),
            "contradicts|no impos",
        ),
        (HEADED, r"pairs\.txt: the list has no genuine pairs"),
        (PAIRS.replace("0,7", "0,3"), r"pairs\.txt: fold 2 of 2 has no impostor pairs"),
    ],
)
def test_refuses_other_forms(text: str, message: str, write, images: Path) -> None:
    with pytest.raises(ProtocolError, match=message):
        read_pairs_csv(write(text), images)


def test_refuses_cells_of_no_end(write, images: Path) -> None:
    with pytest.raises(ProtocolError, match=r"line 1: not a CSV file \(field larger"):
        read_pairs_csv(write("x" * 200_000 + ",b,1\n"), images)


def test_names_missing_images(write, images: Path) -> None:
    (images / "bob/2.jpg").unlink()
    with pytest.raises(ProtocolError, match=r"images: 1 of the 4 images .*: bob/2\.jpg$"):
        read_pairs_csv(write(PAIRS), images)
    assert read_pairs_csv(write(PAIRS), images, folds=1).names == NAMES[:3]
