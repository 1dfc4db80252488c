from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facewise.errors import ProtocolError
from facewise.evaluation import identification
from facewise.evaluation.identification import identify_probes
from facewise.evaluation.protocols.people import PeopleProtocol
from facewise.evaluation.vectors import ImageVectors


def protocol(gallery: str, probes: str) -> PeopleProtocol:
    people = (*gallery, *probes)
    names = tuple(f"{person}/{i}.jpg" for i, person in enumerate(people))
    return PeopleProtocol(
        name="made",
        sha256="",
        images=tuple(map(Path, names)),
        names=names,
        people=people,
        enrolled=len(gallery),
    )


def found(angles: list[float]) -> ImageVectors:
    """Vectors in the plane, by their angle in degrees; NaN where an image failed."""
    radians = np.deg2rad(angles)
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    failures = {i: "no face" for i, angle in enumerate(angles) if np.isnan(angle)}
    return ImageVectors(vectors, failures, np.full((len(angles), 4), np.nan, np.float32))


def test_by_hand() -> None:
    # A has two images, at -10 and 10 degrees: her template is at 0. B is at 90, C at 180.
    gallery = [-10.0, 10.0, 90.0, 180.0]
    # Of A: at 5 and 60 (nearer to B). Of B: failed. Of nobody: at 170 and 45.
    probes = [5.0, 60.0, np.nan, 170.0, 45.0]
    scored = identify_probes(
        "m", found(gallery + probes), protocol("AABC", "AABXY"), ranks=(1, 2, 9)
    )
    figures = scored.figures
    assert (figures["people"], figures["probes"]) == (3, 5)
    assert (figures["mated"], figures["non_mated"]) == (3, 2)
    assert (figures["failed_probes"], figures["failed_people"]) == (1, 0)
    assert figures["rank"] == {"1": 1 / 3, "2": 2 / 3}
    assert scored.ranks.tolist() == [1 / 3, 2 / 3, 2 / 3]
    assert [point["dir"] for point in figures["dir_at_fpir"]] == [None] * 3
    assert "2 probes of people not enrolled" in figures["dir_at_fpir"][0]["note"]
    # The stranger at 170 is most alike to C (image 3), the one at 45 to A or B.
    first, second = scored.worst_false_positives
    assert first[:2] == (7, 3)
    assert first[2] == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)
    assert second[2] == pytest.approx(np.cos(np.deg2rad(45)), abs=1e-6)
    [(probe, taken_for, similarity)] = scored.worst_misses
    assert (probe, taken_for) == (5, 2)
    assert similarity == pytest.approx(np.cos(np.deg2rad(30)), abs=1e-6)
    assert scored.hits.tolist() == [True, False, False]


def test_as_alike_to_somebody_else_is_a_miss_that_is_listed() -> None:
    scored = identify_probes("m", found([0, 0, 0]), protocol("AB", "A"))
    assert scored.ranks.tolist() == [0, 1]
    assert [error[:2] for error in scored.worst_misses] == [(2, 1)]


def test_open_set_against_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "_BLOCK", 100)  # so that there are many blocks
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(26, 12))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    gallery, probes = letters[:16] * 2, letters * 12
    vectors = np.array([centres[letters.index(c)] for c in gallery + probes])
    vectors += rng.normal(0, 0.9, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    some = ImageVectors(vectors.astype(np.float32), {}, np.empty((len(vectors), 4)))
    scored = identify_probes("m", some, protocol(gallery, probes), fpirs=(0.1, 0.05, 0.001))

    templates = {c: vectors[: len(gallery)][np.array(list(gallery)) == c].mean(0) for c in gallery}
    tops, strangers = [], []
    for person, vector in zip(probes, vectors[len(gallery) :], strict=True):
        similar = {c: float(vector @ t / np.linalg.norm(t)) for c, t in templates.items()}
        best = max(similar, key=lambda c: similar[c])
        if person in templates:
            tops.append((best == person, similar[person]))
        else:
            strangers.append(similar[best])
    assert scored.ranks[0] == pytest.approx(np.mean([hit for hit, _ in tops]))
    for point in scored.figures["dir_at_fpir"][:2]:
        limit = sorted(strangers)[::-1][int(point["fpir"] * len(strangers))]
        expected = np.mean([hit and similarity > limit for hit, similarity in tops])
        assert point["dir"] == pytest.approx(expected)
        assert point["threshold"] == pytest.approx(limit, abs=1e-6)
    assert scored.figures["dir_at_fpir"][2]["dir"] is None
    fpir, rate = scored.dir_curve
    for point in scored.figures["dir_at_fpir"][:2]:
        place = int(point["fpir"] * len(strangers))
        assert fpir[place] == pytest.approx(place / len(strangers))
        assert rate[place] == pytest.approx(point["dir"])


def test_failures() -> None:
    gone = identify_probes("m", found([np.nan, 90, 0, 90]), protocol("AB", "AB"))
    assert gone.figures["failed_people"] == 1
    assert gone.figures["rank"] == {"1": 1 / 2}
    assert gone.dir_curve[0].shape == (0,)  # no strangers: no open set
    assert gone.figures["dir_at_fpir"] == []
    strangers = identify_probes("m", found([0, 10, 20]), protocol("A", "BC"))
    assert strangers.ranks.shape == (0,)
    assert strangers.figures["rank"] == {}
    with pytest.raises(ProtocolError, match="nobody of the gallery"):
        identify_probes("m", found([np.nan, 90]), protocol("A", "A"))
