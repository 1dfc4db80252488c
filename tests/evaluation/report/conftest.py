"""A small evaluation of everything a report can show, and what reads pages."""

from __future__ import annotations

import io
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facewise.evaluation import record as records
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.scored import Scored
from facewise.evaluation.vectors import ImageVectors
from facewise.evaluation.verification import verify

HOSTILE = "<script>alert(1)</script>.jpg"
VOID = {"meta", "img", "br", "wbr", "link", "input", "hr"}


class Page(HTMLParser):
    """What stands in a page; fails where elements do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[tuple[str, str]] = []
        self.captions: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        self.ids = [value for _, name, value in self.attributes if name == "id"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag in {"h1", "h2", "h3"}:
            self.headings.append((tag, ""))
        if tag == "caption":
            self.captions.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        data = data.replace("\u00a0", " ")
        self.text += data
        if "caption" in self._open:
            self.captions[-1] += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data
        if self._open and self._open[-1] in {"h1", "h2", "h3"}:
            self.headings[-1] = (self.headings[-1][0], self.headings[-1][1] + data)

    @property
    def sections(self) -> list[str]:
        """Headings of sections; results of models have headings of that level too."""
        return [text for tag, text in self.headings if tag == "h2"]


@pytest.fixture
def read_page() -> Callable[[str], Page]:
    return Page


def picture(number: int) -> bytes:
    """A picture of one colour; each number has its own."""
    file = io.BytesIO()
    Image.new("RGB", (60, 40), (20 * number, 100, 255 - 20 * number)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def protocol(tmp_path: Path) -> PairProtocol:
    """20 genuine and 20 impostor pairs of 10 pictures, in two folds; one file is not there."""
    images: list[Path | bytes] = [picture(number) for number in range(10)]
    images[4] = tmp_path / "gone.jpg"
    names = [f"people/{number}.png" for number in range(10)]
    names[0] = HOSTILE
    names[1] = 'a" onerror="alert(2)\u202e\udc80.png'
    every = [(a, b) for a in range(10) for b in range(a + 1, 10)][:40]
    return PairProtocol(
        name="made",
        sha256="5" * 64,
        images=tuple(images),
        names=tuple(names),
        people=None,
        pairs=np.array(every, np.intp),
        same=np.arange(40) % 2 == 0,
        folds=np.arange(40) // 20,
        remarks=("one line & <b>more</b>",),
    )


def scored(name: str, protocol: PairProtocol, shift: float) -> Scored:
    """Genuine pairs from 0.5 up and impostor pairs up to 0.5, some beyond; image 3 failed."""
    order = np.arange(40) / 100
    similarity = np.where(protocol.same, 0.45 + order, 0.5 - order + shift)
    similarity[np.isin(protocol.pairs, [3]).any(axis=1)] = np.nan
    boxes = np.tile(np.array([10, 5, 30, 30], np.float32), (10, 1))
    boxes[3] = np.nan
    found = ImageVectors(np.zeros((10, 2), np.float32), {3: "no face <found>"}, boxes)
    return Scored(name, found, similarity, verify(similarity, protocol, fars=(0.25, 0.01)))


@pytest.fixture
def models(protocol: PairProtocol) -> list[Scored]:
    return [scored("alpha", protocol, 0.0), scored("beta", protocol, 0.1)]


@pytest.fixture
def record(protocol: PairProtocol, models: list[Scored]) -> dict[str, Any]:
    """With every part that there may be."""
    groups = {
        "threshold": 0.5,
        "rows": [
            {
                "group": "young",
                "pairs": 12,
                "genuine": 5,
                "impostor": 7,
                "accuracy": 0.75,
                "precision": 0.625,
                "auc": 0.8125,
                "eer": 0.25,
                "tar": 0.8,
                "far": 2 / 7,
                "far_low": 0.1,
                "far_high": 0.6,
                "false_accepts": 2,
            },
            {
                "group": "old",
                "pairs": 0,
                "genuine": 0,
                "impostor": 0,
                "accuracy": None,
                "precision": None,
                "auc": None,
                "eer": None,
                "tar": None,
                "far": None,
                "far_low": None,
                "far_high": None,
                "false_accepts": 0,
            },
        ],
        "mixed_pairs": 28,
        "p_value_far": 0.0123,
        "p_value_tar": 1.0,
        "warning": "the groups differ",
    }
    calibration = {
        "expected_calibration_error": 0.0123,
        "pairs": 40,
        "reliability": [
            {"probability": 0.1, "genuine": 0.2, "pairs": 20},
            {"probability": None, "genuine": None, "pairs": 0},
            {"probability": 0.9, "genuine": 0.85, "pairs": 20},
        ],
    }
    return {
        "title": "A made protocol",
        "command": "facewise evaluate pairs --pairs 'x<y>.csv'",
        "protocol": records.protocol_facts(protocol, "d" * 64),
        "conditions": {
            "missing": "fail",
            "detector": "mtcnn",
            "detector_settings": {"min_face_size": 20.0},
            "versions": {"facewise": "9.8.7"},
        },
        "models": [
            {
                "model": each.model,
                "weights": "e" * 64,
                "flip": True,
                "figures": records.figures(each.verification),
                "failed_images": records.failed_images(each.found, protocol.names),
                "groups": groups,
                "calibration": calibration,
            }
            for each in models
        ],
        "comparisons": [
            {"a": "alpha", "b": "beta", "only_a": 7, "only_b": 2, "both": 20, "neither": 11}
            | {"p_value": 0.18, "p_single": 0.09}
        ],
    }
