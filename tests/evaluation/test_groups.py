from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.groups import by_group, read_groups
from facewise.evaluation.protocols.pairs import PairProtocol

pytest.importorskip("scipy")

NAMES = ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "cy/1.jpg")
PROTOCOL = PairProtocol(
    name="made",
    sha256="",
    images=tuple(map(Path, NAMES)),
    names=NAMES,
    people=("ann", "ann", "bob", "cy"),
    pairs=np.array([[0, 1]]),
    same=np.array([True]),
    folds=np.array([0]),
)


def test_reads_people_and_images(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_bytes("\ufeffName,Group\r\nann,women\r\nbob,men\r\n\r\ncy/1.jpg,men\r\n".encode())
    assert read_groups(file, PROTOCOL) == ("women", "women", "men", "men")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ann,women\nbob,men\n", "1 of the 4 images have no group.*cy/1.jpg"),
        (b"ann,women\nann,men\n", "line 2: ann is in group women already"),
        (b"ann,women\nbob\n", "line 2: expected `NAME,GROUP`, got 'bob'"),
        (b"ann,women\nbob,\n", "line 2: expected `NAME,GROUP`, got 'bob,'"),
        (b"", "names no groups"),
        (b"\xff\xfe\x00", "not a text file in UTF-8"),
    ],
)
def test_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "groups.csv"
    file.write_bytes(content)
    with pytest.raises(ProtocolError, match=message):
        read_groups(file, PROTOCOL)
    with pytest.raises(ProtocolError, match="cannot be read"):
        read_groups(tmp_path / "none.csv", PROTOCOL)


def pairs_of(errors: dict[str, tuple[int, int]], mixed: int = 0):
    """Impostor pairs and as many genuine ones; of the former so many are accepted at 0.5."""
    similarity, same, groups, pairs = [], [], [], []
    for group, (wrong, of) in errors.items():
        for i in range(of):
            for value, genuine in ((0.9 if i < wrong else 0.1, False), (0.8, True)):
                similarity.append(value)
                same.append(genuine)
                pairs.append((len(groups), len(groups) + 1))
                groups += [group, group]
    for _ in range(mixed):
        similarity.append(0.9)
        same.append(False)
        pairs.append((0, len(groups) - 1))
    counted = np.ones(len(similarity), bool)
    return np.array(similarity), np.array(same), counted, np.array(pairs), groups, 0.5


def test_figures_by_hand() -> None:
    found = by_group(*pairs_of({"a": (1, 10), "b": (2, 10)}, mixed=3))
    first, second = found.rows
    assert (first.group, first.pairs, first.genuine, first.impostor) == ("a", 20, 10, 10)
    assert (first.false_accepts, first.far, first.tar, first.accuracy) == (1, 0.1, 1, 0.95)
    assert (second.false_accepts, second.far) == (2, 0.2)
    assert first.far_low < 0.1 < first.far_high
    assert first.precision == 10 / 11  # ten genuine pairs at 0.8, one impostor pair at 0.9
    assert first.auc == 0.9
    assert first.eer == pytest.approx(0.1)
    assert found.mixed_pairs == 3
    assert found.warning is None  # one of ten against two of ten is chance
    assert found.p_value_far > 0.9


def test_warns_of_a_difference() -> None:
    found = by_group(*pairs_of({"a": (1, 300), "b": (2, 300), "c": (40, 300)}))
    assert found.p_value_far < 1e-10
    assert found.warning is not None
    assert "false-accept rates from 0.0033 (a) to 0.1333 (c)" in found.warning
    assert "true-accept" not in found.warning


def test_warns_of_missed_people() -> None:
    similarity, same, *rest = pairs_of({"a": (0, 200), "b": (0, 200)})
    similarity[1:81:2] = 0.1  # 40 genuine pairs of a
    assert same[1:81:2].all()
    found = by_group(similarity, same, *rest)
    assert found.p_value_far == 1
    assert found.p_value_tar < 1e-9
    assert found.warning is not None
    assert "true-accept rates from 0.8000 (a) to 1.0000 (b)" in found.warning
    assert "false-accept" not in found.warning


def test_two_rates_are_tested_so_each_must_be_less_likely() -> None:
    found = by_group(*pairs_of({"a": (0, 100), "b": (5, 100), "c": (2, 100)}))
    several = by_group(*pairs_of({"a": (1, 100), "b": (8, 100)}))
    assert 0.025 < several.p_value_far < 0.05
    assert several.warning is None
    assert found.warning is None


def test_failed_and_left_out_pairs() -> None:
    similarity, same, counted, pairs, groups, threshold = pairs_of({"a": (0, 4), "b": (0, 4)})
    similarity[1] = np.nan  # a genuine pair of a
    counted[3] = False  # another
    found = by_group(similarity, same, counted, pairs, groups, threshold)
    assert (found.rows[0].genuine, found.rows[0].tar) == (3, 2 / 3)
    assert found.rows[0].accuracy == 6 / 7


def test_a_group_without_pairs() -> None:
    similarity, same, counted, pairs, groups, threshold = pairs_of({"a": (0, 4)})
    found = by_group(similarity, same, counted, pairs, [*groups, "alone"], threshold)
    assert found.rows[1].pairs == 0
    assert (found.rows[1].far, found.rows[1].tar, found.rows[1].accuracy) == (None, None, None)
    assert (found.rows[1].precision, found.rows[1].auc, found.rows[1].eer) == (None, None, None)
    assert found.warning is None
