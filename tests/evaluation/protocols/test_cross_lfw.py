from __future__ import annotations

import hashlib
import re

import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.cross_lfw import read_cross_lfw


def calfw(folds: int = 10, each: int = 2, tokens=lambda fold: fold) -> str:
    """A list in the published form: all genuine pairs, fold by fold, then all impostor pairs."""
    lines = []
    for i in range(folds * each):
        token = tokens(i // each + 1)
        lines += [f"Per_Son{i}_000{k} {token}".replace(" ", ".jpg ") for k in (1, 2)]
    for i in range(folds * each):
        j = (i + 1) % (folds * each)
        lines += [f"Per_Son{i}_0001.jpg 0", f"Per_Son{j}_0002.jpg 0"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def images(touch):
    return touch("aligned images", [f"Per_Son{i}_000{k}.jpg" for i in range(20) for k in (1, 2)])


def named(protocol) -> list[tuple[str, str]]:
    return [(protocol.names[a], protocol.names[b]) for a, b in protocol.pairs]


def test_reads_pairs_and_folds(write, images, edited) -> None:
    text = edited(calfw())
    protocol = read_cross_lfw("calfw", write(text), images)
    assert protocol.name == "calfw"
    assert protocol.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert named(protocol)[0] == ("Per_Son0_0001.jpg", "Per_Son0_0002.jpg")
    assert named(protocol)[20] == ("Per_Son0_0001.jpg", "Per_Son1_0002.jpg")
    assert named(protocol)[39] == ("Per_Son19_0001.jpg", "Per_Son0_0002.jpg")
    assert protocol.same.tolist() == [True] * 20 + [False] * 20
    assert protocol.folds.tolist() == [fold for fold in range(10) for _ in range(2)] * 2
    assert len(protocol.images) == 40
    person = dict(zip(protocol.names, protocol.people, strict=True))
    assert person["Per_Son7_0002.jpg"] == "Per_Son7"
    (remark,) = protocol.remarks
    assert remark == (
        "the file gives no folds of impostor pairs: they were dealt to those of the genuine pairs "
        "in their order"
    )


def test_names_of_cplfw_are_not_padded(write, touch) -> None:
    names = re.sub("_000", "_", calfw())
    folder = touch("images", {line.split()[0] for line in names.splitlines()})
    protocol = read_cross_lfw("cplfw", write(names), folder)
    assert protocol.name == "cplfw"
    assert set(protocol.people) == {f"Per_Son{i}" for i in range(20)}


def test_folds_are_those_of_the_tokens_in_any_order(write, images) -> None:
    protocol = read_cross_lfw("calfw", write(calfw(tokens=lambda fold: 11 - fold)), images)
    assert protocol.folds[:20].tolist() == [9 - fold for fold in range(10) for _ in range(2)]
    assert protocol.folds[20:].tolist() == [fold for fold in range(10) for _ in range(2)]


def test_deals_genuine_pairs_where_all_have_one_token(write, images) -> None:
    plain = read_cross_lfw("calfw", write(calfw()), images)
    protocol = read_cross_lfw("calfw", write(calfw(tokens=lambda _: 1)), images)
    assert protocol.folds.tolist() == plain.folds.tolist()
    assert protocol.remarks == (
        "the file gives no folds: genuine and impostor pairs were dealt to 10 folds in their order",
    )


def test_first_folds_need_only_their_images(write, images) -> None:
    (images / "Per_Son9_0001.jpg").unlink()
    protocol = read_cross_lfw("calfw", write(calfw()), images, folds=2)
    assert len(protocol.pairs) == 8
    assert protocol.fold_count == 2
    with pytest.raises(ProtocolError, match=r"1 of the 40 images .*: Per_Son9_0001\.jpg$"):
        read_cross_lfw("calfw", write(calfw()), images)
    with pytest.raises(ProtocolError, match="has 10 folds, and 11 were asked for"):
        read_cross_lfw("calfw", write(calfw()), images, folds=11)


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "", "line 1: expected `FILENAME TOKEN`.* got ''"),
        (3, "Per_Son1_0001.jpg", "line 3: expected `FILENAME TOKEN`"),
        (3, "Per_Son1_0001.jpg 1 1", "line 3: expected `FILENAME TOKEN`"),
        (3, "Per_Son1_0001.jpg x", "line 3: expected `FILENAME TOKEN`"),
        (3, "Per_Son1_0001.jpg -1", "line 3: expected `FILENAME TOKEN`"),
        (3, "Per_Son1.jpg 1", "line 3: expected `FILENAME TOKEN`"),
        (3, "../Per_Son1_0001.jpg 1", "line 3: expected `FILENAME TOKEN`"),
        (3, "..\\\\Per_Son1_0001.jpg 1", "line 3: expected `FILENAME TOKEN`"),
        (4, "Per_Son1_0002.jpg 2", "line 4: expected the token of line 3, 1, got 'Per_Son1_0002"),
        (4, "Per_Son2_0002.jpg 1", "line 4: with line 3: labelled as one person, but shows Per_"),
        (4, "Per_Son1_0001.jpg 1", "line 4: with line 3: expected two images, and this is one"),
        (42, "Per_Son0_0002.jpg 0", "line 42: with line 41: labelled as two people, but both"),
    ],
)
def test_refuses_other_forms(line, text, message, write, images) -> None:
    lines = calfw().splitlines()
    lines[line - 1] = text
    with pytest.raises(ProtocolError, match=rf"pairs\.txt, {message}"):
        read_cross_lfw("calfw", write("\n".join(lines)), images)


def test_refuses_other_counts(write, images) -> None:
    lines = calfw().splitlines()
    for content, message in (
        ("", r"pairs\.txt, line 1: expected .* got 'an empty file'"),
        ("\n".join(lines[:-1]), r"line 79: ends within a pair; expected two lines for each"),
        ("\n".join(lines[:-2]), r"19 impostor pairs cannot be dealt to 10 folds in equal parts"),
        ("\n".join(lines[40:]), r"the list has no genuine pairs"),
        ("\n".join(lines[:40]), r"fold 1 of 10 has no impostor pairs"),
        ("\n".join(lines[4:]), r"expected folds from 1 with none left out, got 2, 3, 4, 5, 6, 7"),
        (calfw(3, 1, lambda _: 1), r"3 genuine pairs cannot be dealt to 10 folds in equal parts"),
    ):
        with pytest.raises(ProtocolError, match=message):
            read_cross_lfw("calfw", write(content), images)


def test_says_where_pairs_are_listed_again(write, images) -> None:
    lines = calfw().splitlines()
    lines[2:4] = [lines[1], lines[0]]
    protocol = read_cross_lfw("calfw", write("\n".join(lines)), images)
    assert protocol.remarks[1:] == ("1 of 40 pairs are listed again, and count again",)
    assert len(protocol.pairs) == 40
