from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facewise.evaluation.reliability_plot import write_reliability_plot


def test_plots(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stated = rng.random(300)
    same = rng.random(300) < stated
    for name in ("a.svg", "b.svg", "c.PNG"):
        write_reliability_plot(tmp_path / name, stated, same, title="some <model>")
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    assert "some &lt;model&gt;" in drawn or "<!-- some" in drawn
    with Image.open(tmp_path / "c.PNG") as image:
        assert image.format == "PNG"
        assert min(image.size) > 500
    with pytest.raises(ValueError, match=r"ends in \.svg or \.png"):
        write_reliability_plot(tmp_path / "d.pdf", stated, same)


def test_one_bin_that_is_filled(tmp_path: Path) -> None:
    write_reliability_plot(tmp_path / "a.svg", np.full(3, 0.95), np.array([True, True, False]))
    assert (tmp_path / "a.svg").read_text().endswith("</svg>\n")
