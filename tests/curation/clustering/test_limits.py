"""Limits come from measured rates, and ask more of single faces the larger the crowd."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.curation.clustering.limits import JOIN_FAR, LEAST_CROWD, STRAY, Limits, limits_for
from facewise.errors import ModelError
from facewise.zoo import Threshold, get_spec

SPEC = get_spec("dlib_resnet29.dlib")


def test_they_are_the_models_thresholds():
    found = limits_for(SPEC, 100_000)
    assert found.large == SPEC.threshold(JOIN_FAR).value
    rate = 1 - (1 - STRAY) ** (1 / 100_000)
    assert found.pair == pytest.approx(SPEC.threshold(rate).value)
    assert found.far == pytest.approx((JOIN_FAR, rate))


def test_single_faces_need_more_in_a_larger_crowd_down_to_what_was_measured():
    pairs = [limits_for(SPEC, n).pair for n in (10, LEAST_CROWD, 20_000, 50_000, 10**8)]
    assert pairs[0] == pairs[1] < pairs[2] < pairs[3] < pairs[4]
    lowest = min(point.far for point in SPEC.thresholds)
    assert pairs[4] == SPEC.threshold(lowest).value
    assert len({limits_for(SPEC, n).large for n in (10, 10**8)}) == 1


def test_it_falls_with_the_size_of_the_larger():
    limits = Limits(0.4, 0.5)
    assert limits.at(1, 1) == pytest.approx(0.5)
    assert limits.at([1, 2, 10], [2, 1, 100]) == pytest.approx([0.45, 0.45, 0.401])
    assert (np.diff(limits.at(np.arange(1, 50), 1)) < 0).all()


def test_what_was_given_holds_for_all_sizes():
    found = limits_for(SPEC, 100, threshold=0.9)
    assert (found.large, found.pair, found.far) == (0.9, 0.9, None)
    assert limits_for(SPEC, 100, far=1e-3).large == SPEC.threshold(1e-3).value


def test_models_with_few_or_no_thresholds():
    import dataclasses

    few = dataclasses.replace(
        SPEC, thresholds=(Threshold(0.7, 1e-2, "x"), Threshold(0.6, 0.1, "x"))
    )
    found = limits_for(few, 100)
    assert (found.large, found.pair) == (0.7, 0.7)
    with pytest.raises(ModelError, match="no threshold"):
        limits_for(dataclasses.replace(SPEC, thresholds=()), 100)


def test_limits_out_of_order_are_refused():
    with pytest.raises(ValueError, match="large <= pair"):
        Limits(0.5, 0.4)
    with pytest.raises(ValueError, match="not both"):
        limits_for(SPEC, 10, threshold=0.5, far=1e-3)
