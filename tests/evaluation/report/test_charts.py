from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from facewise.errors import ExtraMissingError
from facewise.evaluation.report import charts
from facewise.evaluation.report.charts import Curve

mpl = pytest.importorskip("matplotlib")

X = np.array([0.0, 0.0, 0.01, 0.1, 0.5, 1.0])
Y = np.array([0.2, 0.6, 0.7, 0.9, 0.95, 1.0])


def made(key: str = "k", description: str = "d") -> charts.Chart:
    curves = [Curve("a", X, Y, [(0.1, 0.9, 0.85, 0.93)]), Curve("b", X, Y)]
    return charts.rates_chart(
        key, "Title", description, curves, axes=("FAR", "TAR"), trials=100, measured=3
    )


def test_the_same_arrays_make_the_same_drawing_whatever_the_style() -> None:
    first = made()
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 40, "svg.fonttype": "path"}):
        assert made() == first
        assert mpl.rcParams["lines.linewidth"] == 9


def test_a_drawing_belongs_to_its_page() -> None:
    svg = made("roc", 'about "<this>"').svg
    assert svg.startswith('<svg viewBox="0 0 460 320" role="img" aria-label="about &quot;&lt;this')
    assert "http" not in svg
    assert "xlink" not in svg
    assert "<style" not in svg
    assert "font-family" not in svg
    # All colours are the page's.
    assert re.findall(r"#[0-9a-f]{6}\b", svg) == []
    names = set(re.findall(r"var\(--([\w-]+)\)", svg))
    assert {"line", "muted", "shade", "curve-0", "curve-1"} <= names
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:url\(|href=")#([\w-]+)', svg)
    assert set(used) == set(ids)
    assert all(name.startswith("roc-") for name in ids)


def test_writing_on_axes() -> None:
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", made().svg)
    assert [text for text in texts if "%" not in text] == ["10⁻²", "10⁻¹", "1", "FAR", "TAR"]
    assert [text for text in texts if "%" in text][:2] == ["70\u00a0%", "75\u00a0%"]


def test_thinned_curves_keep_their_course() -> None:
    x = np.arange(1_000_001) / 1_000_000
    thin = charts._thinned(Curve("a", x, np.sqrt(x)), 1e-6)
    assert len(thin.x) <= 602
    assert (thin.x[0], thin.x[-1]) == (1e-6, 1)
    assert thin.y == pytest.approx(np.sqrt(thin.x))


def test_where_a_curve_begins_its_highest_point_counts() -> None:
    thin = charts._thinned(Curve("a", X, Y), 0.01)
    assert thin.x.tolist() == [0.01, 0.1, 0.5, 1]
    assert thin.y.tolist() == [0.7, 0.9, 0.95, 1]


def test_one_trial_makes_a_chart() -> None:
    curve = Curve("a", np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.5, 1.0]))
    chart = charts.rates_chart("k", "t", "d", [curve], axes=("x", "y"), trials=1, measured=3)
    assert "10⁻¹" in chart.svg


def test_histogram() -> None:
    chart = charts.histogram_chart(
        "h", "m", np.array([0.6, 0.7, 0.8]), np.array([0.1]), threshold=0.4, limits=(0, 1)
    )
    assert "Medians: impostor 0.100, genuine 0.700. The threshold is 0.4000." in chart.svg
    assert "threshold 0.400" in chart.svg
    assert "var(--genuine)" in chart.svg
    alone = charts.histogram_chart(
        "h", "m", np.empty(0), np.array([0.1]), threshold=None, limits=(0, 1)
    )
    assert ">genuine<" not in alone.svg
    assert "threshold" not in alone.svg


def test_folds_ranks_and_reliability() -> None:
    folds = charts.folds_chart("f", "t", [("a", [0.9, 0.95]), ("b", [1.0, 1.0])])
    assert "a 0.9000 to 0.9500; b 1.0000 to 1.0000" in folds.svg
    assert folds.names == ("a", "b")
    ranks = charts.ranks_chart("r", "t", "said", [("a", np.array([0.5, 1.0]))])
    assert 'aria-label="said"' in ranks.svg
    true = charts.reliability_chart("c", "t", [("a", [(0.1, 0.2), (0.9, 0.85)])])
    assert "Largest gaps: a 0.100." in true.svg


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'facewise\[evaluate\]'"):
        made()
