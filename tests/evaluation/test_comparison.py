from __future__ import annotations

import numpy as np
import pytest

from facewise.evaluation.comparison import compare_models
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.scored import Scored
from facewise.evaluation.vectors import ImageVectors
from facewise.evaluation.verification import verify
from facewise.zoo import Threshold

pytest.importorskip("scipy")

SAME = np.array([True, False] * 4)
NOTHING = ImageVectors(np.empty((0, 1), np.float32), {}, np.empty((0, 4), np.float32))
PROTOCOL = PairProtocol(
    name="made",
    sha256="",
    images=(),
    names=(),
    people=None,
    pairs=np.zeros((8, 2), np.intp),
    same=SAME,
    folds=np.zeros(8, np.intp),
)
RIGHT = np.where(SAME, 0.9, 0.1)


def scored(model: str, wrong: list[int], failed: list[int], missing: str) -> Scored:
    similarity = RIGHT.copy()
    similarity[wrong] = 1 - similarity[wrong]
    similarity[failed] = np.nan
    fixed = Threshold(0.5, None, "given")
    verification = verify(similarity, PROTOCOL, missing=missing, fixed=fixed)
    return Scored(model, NOTHING, similarity, verification)


def test_failed_pairs_are_decided_wrongly() -> None:
    a, b = scored("a", [0], [1], "fail"), scored("b", [], [2], "fail")
    [each] = compare_models([a, b], SAME)
    assert (each.a, each.b) == ("a", "b")
    # a is wrong on 0 and 1 (which failed, and is an impostor pair), b on 2.
    assert (each.test.both, each.test.only_a, each.test.only_b, each.test.neither) == (5, 1, 2, 0)


def test_dropped_pairs_count_for_neither() -> None:
    a, b = scored("a", [0], [1], "drop"), scored("b", [3], [2], "drop")
    [each] = compare_models([a, b], SAME)
    assert (each.test.both, each.test.only_a, each.test.only_b, each.test.neither) == (4, 1, 1, 0)


def test_several_comparisons_raise_the_p_values() -> None:
    models = [scored("a", [], [], "fail"), scored("b", [0, 1, 2, 3, 4, 5], [], "fail")]
    [single] = compare_models(models, SAME)
    assert single.p_value == single.test.p_value == pytest.approx(2 / 2**6)
    three = compare_models([*models, scored("c", [], [], "fail")], SAME)
    assert [(each.a, each.b) for each in three] == [("a", "b"), ("a", "c"), ("b", "c")]
    # Holm: the smallest of three is tripled, the next doubled but no smaller, then 1.
    assert [each.p_value for each in three] == pytest.approx([3 / 32, 1, 3 / 32])
    assert three[0].to_dict()["p_single"] == pytest.approx(1 / 32)
