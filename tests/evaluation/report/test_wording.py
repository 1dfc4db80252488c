from __future__ import annotations

import pytest

from facewise.evaluation.report import wording


def test_shares() -> None:
    assert wording.percent(0.993) == "99.30\u00a0%"
    assert wording.percent(None) == "–"
    assert wording.spread(0.993, 0.0041) == "99.30\u00a0±\u00a00.41\u00a0%"
    assert wording.spread(0.993, None) == "99.30\u00a0%"
    assert wording.interval(0.9572, 0.9795) == "95.72–97.95\u00a0%"
    assert wording.interval(None, None) == "–"


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1e-3, "10⁻³"), (0.1, "10⁻¹"), (10**-6, "10⁻⁶"), (1.0, "1"), (0.0025, "0.0025"), (0.0, "0")],
)
def test_error_rates(rate: float, text: str) -> None:
    assert wording.rate(rate) == text


def test_other_figures() -> None:
    assert wording.number(0.33944) == "0.3394"
    assert wording.count(6000) == "6,000"
    assert wording.p_value(0.0123) == "0.012"
    assert wording.p_value(1e-9) == "< 0.0001"
    assert [wording.number(None), wording.count(None), wording.p_value(None)] == ["–"] * 3


def test_values_of_a_record() -> None:
    assert wording.plain({"min_size": 20.0, "fast": False, "sieve": None}) == (
        "min size 20.0, fast no, sieve none"
    )
    assert wording.plain([0.6, 0.7]) == "[0.6, 0.7]"
    assert wording.label("data_sha256") == "data SHA-256"
