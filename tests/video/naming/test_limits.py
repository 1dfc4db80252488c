"""From similarities to names: thresholds, and what a similarity is worth."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from facewise.errors import ModelError
from facewise.recognition import Calibration
from facewise.recognition.calibration import Counts, FarPoint
from facewise.recognition.curves import IsotonicCurve
from facewise.video.naming import Judge
from facewise.video.naming.limits import TEMPLATES
from facewise.zoo import Threshold, get_spec

SPEC = get_spec("dlib_resnet29.dlib")
NO_RATES = replace(SPEC, thresholds=())


def calibration():
    return Calibration(
        embedder={"model": SPEC.id},
        detector=None,
        detector_settings=None,
        far_table=(FarPoint(0.1, 0.2, 0.1), FarPoint(1e-3, 0.4, 1e-3), FarPoint(1e-5, 0.6, 1e-5)),
        curve=IsotonicCurve(((0.1, 0.01), (0.5, 0.99))),
        prior=0.5,
        scores={},
        counts=Counts(200, 50, 1000, 1000, 10_000),
        measured_on="200 chips",
    )


def test_by_default_the_rate_is_one_percent_of_strangers_with_ten_comparisons_a_person():
    for people in (1, 20, 100):
        far = 1 - 0.99 ** (1 / (people * TEMPLATES))
        assert Judge(SPEC).limits(people).enough == pytest.approx(SPEC.threshold(far).value)


def test_what_is_asked_for_decides():
    assert Judge(SPEC, threshold=0.9).limits(5).enough == 0.9
    assert Judge(SPEC, far=1e-4).limits(5).enough == SPEC.threshold(1e-4).value
    assert Judge(SPEC, fpir=0.1).limits(5).enough < Judge(SPEC, fpir=0.01).limits(5).enough
    assert Judge(SPEC, far=1e-3, calibration=calibration()).limits(5).enough == 0.4


@pytest.mark.parametrize(
    "judge",
    [
        Judge(SPEC),
        Judge(SPEC, threshold=0.9),
        Judge(NO_RATES, threshold=0.3),
        Judge(SPEC, calibration=calibration()),
        Judge(replace(SPEC, thresholds=SPEC.thresholds[:1])),
    ],
)
def test_limits_are_in_order_and_certainty_rises(judge):
    for people in (0, 1, 20, 5000):
        limits = judge.limits(people)
        assert limits.kept < limits.enough < limits.sure
        values = [limits.certainty(s) for s in np.linspace(-1, 1, 101)]
        assert values == sorted(values)
        assert 0 <= values[0] < 0.1
        assert 0.7 < values[-1] <= 1


def test_more_people_make_it_harder():
    few, many = (Judge(SPEC).limits(people) for people in (2, 200))
    assert few.enough < many.enough
    assert few.certainty(0.94) > many.certainty(0.94)


def test_with_a_calibration_certainty_is_its_probability():
    known = calibration()
    limits = Judge(SPEC, calibration=known).limits(20)
    assert limits.probability(0.35) == known.probability(0.35)
    assert limits.certainty(0.35) == limits.probability(0.35)
    assert Judge(SPEC).limits(20).probability(0.35) is None


def test_a_step_is_that_of_a_tenth_of_the_rate():
    values = {t.far: t.value for t in SPEC.thresholds}
    assert Judge(SPEC).decade == pytest.approx((values[1e-6] - values[0.1]) / 5)
    assert Judge(NO_RATES, threshold=0.3).decade == pytest.approx(0.15 * 0.7)


def test_a_model_without_rates_needs_a_similarity():
    with pytest.raises(ModelError, match="no threshold has been measured"):
        Judge(NO_RATES)
    assert Judge(NO_RATES, threshold=0.3).strangers(10) == 0.3
    with pytest.raises(ValueError, match="give one of them"):
        Judge(SPEC, threshold=0.3, far=1e-3)


def test_strangers_are_told_by_the_models_own_rates_whatever_is_asked_for_names():
    assert Judge(SPEC, threshold=0.1).strangers(10) == Judge(SPEC).strangers(10)
    assert Judge(SPEC).strangers(10) < Judge(SPEC).strangers(100)


def test_specs_need_nothing_but_their_thresholds():
    spec = SimpleNamespace(
        id="x",
        thresholds=(Threshold(0.5, 1e-3, "y"),),
        threshold=lambda far=1e-3: Threshold(0.5, far, "y"),
    )
    assert Judge(spec).limits(3).enough == 0.5
