from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewise.evaluation.identification import IdentificationScored, identify_probes
from facewise.evaluation.protocols.people import PeopleProtocol
from facewise.evaluation.report import write_identification_report
from facewise.evaluation.vectors import ImageVectors

pytest.importorskip("matplotlib")

Read = Callable[[str], Any]


@pytest.fixture
def protocol(tmp_path: Path) -> PeopleProtocol:
    """Two people enrolled; a probe of each, one of them like the other, and three strangers."""
    people = ("Ann", "Bo<b>", "Ann", "Bo<b>", "Cy", "Di", "Ed")
    return PeopleProtocol(
        name="identification",
        sha256="5" * 64,
        images=tuple(tmp_path / f"{i}.jpg" for i in range(7)),
        names=tuple(
            f"{'gallery' if i < 2 else 'probes'}/{p}/{i}.jpg" for i, p in enumerate(people)
        ),
        people=people,
        enrolled=2,
    )


def result(protocol: PeopleProtocol) -> IdentificationScored:
    angles = np.deg2rad([0, 90, 10, 30, 60, 85, np.nan])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    boxes = np.full((7, 4), np.nan, np.float32)
    return identify_probes(
        "alpha", ImageVectors(vectors, {6: "no face found"}, boxes), protocol, fpirs=(0.1,)
    )


def test_page(tmp_path: Path, protocol: PeopleProtocol, read_page: Read) -> None:
    found = result(protocol)
    record = {
        "title": "Who is it?",
        "command": "facewise evaluate identification",
        "models": [{"model": "alpha", "figures": dict(found.figures), "weights": "e" * 64}],
    }
    page = write_identification_report(tmp_path / "one", record, protocol, [found])
    again = write_identification_report(tmp_path / "two", record, protocol, [found])
    assert page.read_bytes() == again.read_bytes()
    assert json.loads((tmp_path / "one" / "report.json").read_bytes()) == record
    read = read_page(page.read_text(encoding="utf-8"))
    assert read.headings[0] == ("h1", "Who is it?")
    assert read.sections == [
        "alpha",
        "Figures",
        "Curves",
        "DIR at FPIR",
        "Worst false positives",
        "Worst misses",
        "Failed images",
        "To repeat it",
    ]
    # Ann's probe is found; Bo's is more alike to Ann.
    assert ["alpha", "50.00 %", "2", "0", "2", "3", "1"] in read.rows
    note = "not measurable with 3 probes of people not enrolled"
    assert ["10⁻¹", "alpha", "–", "–", note] in read.rows
    assert "0.8660 taken for Ann" in read.text  # cos 30°
    assert "0.9962 taken for Bo<b>" in read.text  # cos 5°: Di
    assert read.text.index("0.9962") < read.text.index("0.8660")
    assert "probes/Ed/6.jpg" in read.text
    assert "no face found" in read.text
    assert "e" * 64 in read.text
    assert "img" not in read.tags  # there are no files
    assert len(read.ids) == len(set(read.ids))


def test_closed_set(tmp_path: Path, protocol: PeopleProtocol, read_page: Read) -> None:
    closed = PeopleProtocol(
        protocol.name,
        protocol.sha256,
        protocol.images[:4],
        protocol.names[:4],
        protocol.people[:4],
        protocol.enrolled,
    )
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    found = identify_probes(
        "alpha", ImageVectors(vectors, {}, np.full((4, 4), np.nan, np.float32)), closed
    )
    page = write_identification_report(tmp_path, {}, closed, [found])
    read = read_page(page.read_text(encoding="utf-8"))
    assert read.sections == ["alpha", "Figures", "Curves", "Failed images"]
    assert "100.00 % at rank 1" in read.text
