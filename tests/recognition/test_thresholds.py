from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from facewise.errors import ModelError
from facewise.recognition import choose_threshold
from facewise.zoo import Threshold


def test_a_value_is_taken_as_it_is(make_embedder: Any) -> None:
    spec = make_embedder().spec
    assert choose_threshold(spec, threshold=0.5) == Threshold(0.5, None, "given")
    assert choose_threshold(spec, threshold=-1).value == -1


def test_a_value_needs_no_measured_threshold(make_embedder: Any) -> None:
    spec = replace(make_embedder().spec, thresholds=())
    assert choose_threshold(spec, threshold=0.5).value == 0.5
    with pytest.raises(ModelError, match=r"no threshold has been measured"):
        choose_threshold(spec)


def test_a_rate_chooses_the_measured_one(make_embedder: Any) -> None:
    spec = make_embedder().spec
    assert choose_threshold(spec) == Threshold(0.8, 1e-3, "ten colours")
    assert choose_threshold(spec, far=1e-5) == Threshold(0.9, 1e-5, "ten colours")
    assert choose_threshold(spec, far=1e-4).value == pytest.approx(0.85)
    with pytest.raises(ModelError, match=r"FAR 0\.1 is outside"):
        choose_threshold(spec, far=0.1)


def test_a_model_of_few_people_has_its_lowest_rate_by_default(make_embedder: Any) -> None:
    points = (Threshold(0.7, 1e-2, "five people"), Threshold(0.4, 1e-1, "five people"))
    spec = replace(make_embedder().spec, thresholds=points)
    assert choose_threshold(spec) == points[0]
    with pytest.raises(ModelError, match=r"FAR 0\.001 is outside"):
        choose_threshold(spec, far=1e-3)


@pytest.mark.parametrize("value", [1.01, -1.01, float("nan"), float("inf")])
def test_values_outside_the_range(make_embedder: Any, value: float) -> None:
    with pytest.raises(ValueError, match=r"threshold: expected a similarity in \[-1, 1\]"):
        choose_threshold(make_embedder().spec, threshold=value)


@pytest.mark.parametrize("rate", [0, 1, -0.1, float("nan")])
def test_rates_outside_the_range(make_embedder: Any, rate: float) -> None:
    with pytest.raises(ValueError, match=r"far: expected a rate in \(0, 1\)"):
        choose_threshold(make_embedder().spec, far=rate)


def test_not_both(make_embedder: Any) -> None:
    with pytest.raises(ValueError, match="give one of them, not both"):
        choose_threshold(make_embedder().spec, threshold=0.5, far=1e-3)
