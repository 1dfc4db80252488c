from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facewise.recognition import compare


def test_json(facewise: Any, examples: Path, tmp_path: Path) -> None:
    a, b = examples / "people/obama/1.jpg", examples / "people/obama/2.jpg"
    expected = compare(a, b, threshold=0.9)
    content = json.loads(facewise("compare", a, b, "--threshold", "0.9", "--json", "-").stdout)
    assert content == {
        "similarity": pytest.approx(expected.similarity, abs=1e-6),
        "same": True,
        "threshold": 0.9,
        "far": None,
        "model": "dlib_resnet29.dlib",
    }
    out = tmp_path / "answer.json"
    facewise("compare", a, b, "--threshold", "0.9", "--json", out)
    assert json.loads(out.read_text()) == content


def test_the_measured_threshold(facewise: Any, examples: Path) -> None:
    a, b = examples / "people/obama/1.jpg", examples / "people/biden/1.jpg"
    content = json.loads(facewise("compare", a, b, "--json", "-").stdout)
    assert (content["same"], content["far"]) == (False, 1e-3)
    text = facewise("compare", a, b).stdout
    assert text.startswith("different people: similarity 0.")
    assert "FAR 0.001 on " in text


def test_in_words(facewise: Any, examples: Path) -> None:
    a, b = examples / "people/obama/1.jpg", examples / "photos/montage.jpg"
    result = facewise("compare", a, b, "--threshold", "0.9")
    assert result.stdout.startswith("different people: similarity 0.")
    assert result.stdout.endswith(", threshold 0.9000 (given), model dlib_resnet29.dlib\n")
    assert result.stderr == f"note: {b}: 3 faces, the 'largest' one was compared\n"


def test_standard_input(facewise: Any, examples: Path) -> None:
    a = examples / "people/obama/1.jpg"
    result = facewise("compare", "-", a, "--threshold", "0.9", input=a.read_bytes())
    assert result.stdout.startswith("same person: similarity 1.0000, ")


def test_no_face(facewise: Any, examples: Path) -> None:
    document = examples / "photos/astronaut.jpg"
    blank = b"P5 60 60 255\n" + bytes(3600)
    result = facewise("compare", document, "-", "--threshold", "0.9", input=blank, status=1)
    assert result.stderr == f"error: {len(blank)} bytes: no face found\n"
