from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewise.errors import ExtraMissingError
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.templates import TemplateProtocol
from facewise.evaluation.report import write_verification_report
from facewise.evaluation.scored import Scored
from facewise.evaluation.vectors import ImageVectors
from facewise.evaluation.verification import verify

pytest.importorskip("matplotlib")

HOSTILE = "<script>alert(1)</script>.jpg"

Read = Callable[[str], Any]


@pytest.fixture
def text(
    tmp_path: Path, record: dict[str, Any], protocol: PairProtocol, models: list[Scored]
) -> str:
    page = write_verification_report(tmp_path / "out", record, protocol, models)
    assert page == tmp_path / "out" / "report.html"
    return page.read_text(encoding="utf-8")


def test_files(tmp_path: Path, record: Any, protocol: PairProtocol, models: list[Scored]) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("old")
    (folder / "mine.txt").write_text("mine")
    write_verification_report(folder, record, protocol, models)
    assert sorted(file.name for file in folder.iterdir()) == [
        "mine.txt",
        "report.html",
        "report.json",
    ]
    assert json.loads((folder / "report.json").read_bytes()) == record
    first = [(folder / name).read_bytes() for name in ("report.html", "report.json")]
    write_verification_report(tmp_path / "again", record, protocol, models)
    again = [(tmp_path / "again" / name).read_bytes() for name in ("report.html", "report.json")]
    assert again == first


def test_sections_in_order(text: str, read_page: Read) -> None:
    page = read_page(text)
    assert page.headings[0] == ("h1", "A made protocol")
    assert page.sections == [
        "alpha",
        "beta",
        "Figures",
        "Curves",
        "Similarities",
        "TAR at FAR",
        "Differences between models",
        "Groups",
        "Calibration",
        "Worst false accepts",
        "Worst false rejects",
        "Failed images",
        "To repeat it",
    ]
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_figures(text: str, read_page: Read, models: list[Scored]) -> None:
    page = read_page(text)
    for model in models:
        result = model.verification
        assert result is not None
        accuracy = f"{100 * result.accuracy:.2f} ± {100 * (result.accuracy_std or 0):.2f} %"
        point = result.tar_at_far[0]
        tar = f"{100 * (point.tar or 0):.2f} %"
        interval = f"{100 * (point.low or 0):.2f}–{100 * (point.high or 0):.2f} %"
        row = next(r for r in page.rows if r[0] == model.model and len(r) == 6)
        assert row[1:] == [accuracy, f"{result.auc:.5f}", f"{100 * result.eer:.2f} %", tar, "–"]
        assert (
            f"At a false-accept rate of 0.25 it accepts {tar} of the genuine pairs "
            f"(95 % interval {interval})."
        ) in page.text
        row = ["0.25", model.model, tar, interval, f"{point.threshold:.4f}", ""]
        assert row in page.rows
        note = "not measurable with 20 impostor pairs"
        assert ["10⁻²", model.model, "–", "–", "–", note] in page.rows
    assert ["alpha", "beta", "7", "2", "20", "11", "0.18"] in page.rows
    assert "Pairs that could not be compared are never accepted." in page.text


def test_the_better_figure_is_bold(text: str, models: list[Scored]) -> None:
    alpha, beta = (each.verification for each in models)
    assert alpha is not None
    assert beta is not None
    assert alpha.auc > beta.auc
    assert f"<strong>{alpha.auc:.5f}</strong>" in text
    assert f"<strong>{beta.auc:.5f}</strong>" not in text


def test_groups_and_calibration(text: str, read_page: Read) -> None:
    page = read_page(text)
    row = ["young", "12", "5", "7", "75.00 %", "62.50 %", "0.8125", "25.00 %", "80.00 %"]
    assert page.rows.count([*row, "2", "28.571 %", "10.000–60.000 %"]) == 2
    empty = ["old", "0", "0", "0", *["–"] * 5, "0", "–", "–"]
    assert page.rows.count(empty) == 2
    assert "Warning: the groups differ." in page.text
    assert (
        "false-accept rates p = 0.012, true-accept rates p = 1. 28 pairs across groups" in page.text
    )
    assert ["alpha", "0.0123", "40"] in page.rows
    assert "Largest gaps: alpha 0.100, beta 0.100." in text


def test_what_is_needed_to_repeat_it(text: str, read_page: Read) -> None:
    found = read_page(text).text
    for said in ("facewise evaluate pairs --pairs 'x<y>.csv'", "d" * 64, "5" * 64, "e" * 64):
        assert said in found
    for said in ("versions", "9.8.7", "min face size", "mtcnn", "one line & <b>more</b>"):
        assert said.lower() in found.lower()


def test_worst_pairs(text: str, read_page: Read, models: list[Scored]) -> None:
    found = read_page(text).text
    accepts = found[found.index("12 impostor pairs") :]
    assert accepts.startswith(
        "12 impostor pairs that are most alike to alpha, "
        f"{_errors(models[0], genuine=False)} of them decided wrongly."
    )
    values = [float(value) for value in re.findall(r"(0\.\d{4}) (?:accepted|rejected)", accepts)]
    alpha = models[0].similarity
    impostors = np.sort(alpha[1::2][~np.isnan(alpha[1::2])])[::-1]
    genuine = np.sort(alpha[::2][~np.isnan(alpha[::2])])
    assert values[:12] == pytest.approx(impostors[:12], abs=1e-4)
    assert values[24:36] == pytest.approx(genuine[:12], abs=1e-4)


def _errors(model: Scored, *, genuine: bool) -> int:
    """Of the twelve worst pairs those that were decided wrongly."""
    assert model.verification is not None
    own = np.flatnonzero((np.arange(40) % 2 == 0) == genuine)
    own = own[~np.isnan(model.similarity[own])]
    order = np.argsort(model.similarity[own] * (1 if genuine else -1), kind="stable")
    return int(np.count_nonzero(model.verification.accepted[own[order[:12]]] != genuine))


def test_pictures(text: str, read_page: Read) -> None:
    page = read_page(text)
    sources = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    shown = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert len(shown) == len(sources)
    assert HOSTILE in shown
    assert "people/4.png" not in shown  # its file is gone
    assert "cannot be shown" in page.text
    assert page.text.count("no face <found>") == 1  # both models, once


def test_names_are_harmless(text: str, read_page: Read) -> None:
    page = read_page(text)
    assert "script" not in page.tags
    assert [name for _, name, _ in page.attributes if name.startswith("on")] == []
    assert HOSTILE in page.text
    assert "\u202e" not in text
    assert 'a" onerror="alert(2)\\u202e\\udc80.png' in page.text


def test_nothing_comes_from_elsewhere(text: str, read_page: Read) -> None:
    assert re.findall(r"https?:|//[a-z]|@import", text) == []
    page = read_page(text)
    links = [value for _, name, value in page.attributes if name in {"src", "href"}]
    assert all(link.startswith(("data:image/jpeg", "#")) for link in links)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(page.ids)


def test_parts_that_are_absent(
    tmp_path: Path, protocol: PairProtocol, models: list[Scored], read_page: Read
) -> None:
    one = replace(models[0], found=ImageVectors(models[0].found.vectors, {}, models[0].found.boxes))
    bare = {"models": [{"model": "alpha"}]}
    page = write_verification_report(tmp_path, bare, protocol, [one])
    found = read_page(page.read_text(encoding="utf-8"))
    assert found.headings[0] == ("h1", "made")
    assert found.sections == [
        "alpha",
        "Figures",
        "Curves",
        "Similarities",
        "Worst false accepts",
        "Worst false rejects",
        "Failed images",
    ]
    assert "Every image gave a vector." in found.text


def test_dropped_pairs_are_said_to_be(
    tmp_path: Path, record: Any, protocol: PairProtocol, models: list[Scored], read_page: Read
) -> None:
    dropped = [
        replace(m, verification=verify(m.similarity, protocol, missing="drop")) for m in models
    ]
    page = write_verification_report(tmp_path, record, protocol, dropped)
    assert "Pairs that could not be compared are left out." in read_page(page.read_text()).text


def test_models_that_fail_on_different_images(
    tmp_path: Path, record: Any, protocol: PairProtocol, models: list[Scored], read_page: Read
) -> None:
    found = replace(models[1].found, failures={3: "no face <found>", 7: "damaged"})
    both = [models[0], replace(models[1], found=found)]
    page = write_verification_report(tmp_path, record, protocol, both)
    read = read_page(page.read_text(encoding="utf-8"))
    assert "At least one model has no vector of 2 of 10 images." in read.text
    assert ["people/7.png", "damaged", "beta"] in read.rows
    assert ["people/3.png", "no face <found>", "alpha, beta"] in read.rows


def test_pairs_of_templates(
    tmp_path: Path, protocol: PairProtocol, models: list[Scored], read_page: Read
) -> None:
    points = np.array([[20, 15], [30, 15], [25, 20], [21, 25], [29, 25]], np.float32)
    templates = TemplateProtocol(
        name="ijbc",
        sha256="5" * 64,
        images=protocol.images[5:],
        names=protocol.names[5:],
        landmarks=np.tile(points, (5, 1, 1)),
        scores=np.ones(5, np.float32),
        templates=np.array([0, 0, 1, 1, 1]),
        media=np.arange(5),
        template_ids=(71, 72),
        pairs=np.array([[0, 1], [1, 0]] * 20),
        same=protocol.same,
    )
    found = ImageVectors(np.zeros((5, 2), np.float32), {}, np.full((5, 4), np.nan, np.float32))
    scored = Scored("alpha", found, models[0].similarity, None)
    record = {
        "models": [
            {
                "model": "alpha",
                "figures": {
                    "auc": 0.75,
                    "tar_at_far": [
                        {"far": 0.1, "tar": 0.5, "low": 0.4, "high": 0.6, "threshold": 0.3}
                    ],
                },
            }
        ]
    }
    page = write_verification_report(tmp_path, record, templates, [scored])
    read = read_page(page.read_text(encoding="utf-8"))
    assert ["model", "AUC", "TAR at FAR 10⁻¹"] in read.rows
    assert ["alpha", "0.75000", "50.00 %"] in read.rows
    assert "template 71: people/5.png" in read.text
    assert "template 72: people/7.png" in read.text
    sizes = {(n, v) for tag, n, v in read.attributes if tag == "img" and n in {"width", "height"}}
    # Landmarks of 10 pixels make a box of 20, and with its margin a square of 34.
    assert sizes == {("width", "34"), ("height", "34")}
    # No threshold, so no verdicts.
    assert "rejected" not in read.text
    assert ("span", "class", "right") not in read.attributes


def test_nothing_is_written_without_matplotlib(
    tmp_path: Path,
    record: Any,
    protocol: PairProtocol,
    models: list[Scored],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExtraMissingError, match=r"facewise\[evaluate\]"):
        write_verification_report(tmp_path / "out", record, protocol, models)
    assert not (tmp_path / "out").exists()
