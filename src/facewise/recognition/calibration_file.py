"""Read calibration files: what is in them is checked to the last number."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from facewise.errors import FacewiseError
from facewise.recognition.calibration import (
    FORMAT,
    VERSION,
    Calibration,
    Counts,
    FarPoint,
    Scores,
)
from facewise.recognition.curves import Curve, IsotonicCurve, LogisticCurve

_MOST_BYTES = 10_000_000


def load_calibration(path: str | PathLike[str]) -> Calibration:
    """Read a calibration file.

    Raises:
        FacewiseError: it cannot be read, or is not a calibration file; names the file and what in
            it is wrong.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise FacewiseError(f"{path}: no such calibration file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise FacewiseError(f"{path}: cannot be read ({reason})") from None
    if len(content) > _MOST_BYTES:
        raise FacewiseError(f"{path}: larger than {_MOST_BYTES:,} bytes, not a calibration file")
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FacewiseError(f"{path}: not a calibration file, not JSON ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise FacewiseError(
            f"{path}: not a calibration file (facewise calibrate --out writes them)"
        )
    if found.get("version") != VERSION or type(found["version"]) is not int:
        raise FacewiseError(
            f"{path}: version: expected {VERSION}, got {found.get('version')!r:.40}; "
            "make it again, or use the facewise that wrote it"
        )
    try:
        return _parsed(found)
    except ValueError as error:
        raise FacewiseError(f"{path}: {error}") from None


def as_calibration(calibration: Calibration | str | PathLike[str] | None) -> Calibration | None:
    """The calibration itself, or that of a file.

    Raises:
        FacewiseError: the file is no calibration file.
    """
    if calibration is None or isinstance(calibration, Calibration):
        return calibration
    return load_calibration(calibration)


def _parsed(content: dict[str, Any]) -> Calibration:
    """A calibration from the content of its file; a `ValueError` names the key that is wrong."""
    _keys(
        content,
        "",
        "format version embedder detector measured_on counts prior far probability scores",
    )
    embedder = _object(content["embedder"], "embedder")
    for key, value in embedder.items():
        if not isinstance(value, (str, bool)):
            raise ValueError(f"embedder.{key}: expected a text or a truth value, got {value!r:.40}")
    detector = content["detector"]
    if detector is not None:
        _keys(_object(detector, "detector"), "detector.", "id settings")
        _text(detector["id"], "detector.id")
        for key, value in _object(detector["settings"], "detector.settings").items():
            _finite(value, f"detector.settings.{key:.40}")
    counts = _object(content["counts"], "counts")
    names = "images people genuine_pairs impostor_pairs impostor_comparisons"
    _keys(counts, "counts.", names)
    return Calibration(
        embedder=embedder,
        detector=None if detector is None else detector["id"],
        detector_settings=None if detector is None else detector["settings"],
        far_table=tuple(
            _far_point(row, f"far[{i}]") for i, row in enumerate(_list(content["far"], "far"))
        ),
        curve=_curve(_object(content["probability"], "probability")),
        prior=content["prior"],
        scores={
            method: _scores(row, f"scores.{method}")
            for method, row in _object(content["scores"], "scores").items()
        },
        counts=Counts(**counts),
        measured_on=_text(content["measured_on"], "measured_on"),
    )


def _far_point(row: Any, key: str) -> FarPoint:
    _keys(_object(row, key), f"{key}.", "asked similarity measured")
    return FarPoint(**row)


def _scores(row: Any, key: str) -> Scores:
    _keys(_object(row, key), f"{key}.", "log_loss expected_calibration_error")
    return Scores(**row)


def _curve(content: dict[str, Any]) -> Curve:
    method = content.get("method")
    if method == IsotonicCurve.method:
        _keys(content, "probability.", "method points")
        points = _list(content["points"], "probability.points")
        for i, point in enumerate(points):
            if len(_list(point, f"probability.points[{i}]")) != 2:
                raise ValueError(
                    f"probability.points[{i}]: expected a similarity and a probability, "
                    f"got {point!r:.40}"
                )
        return IsotonicCurve(tuple((x, y) for x, y in points))
    if method == LogisticCurve.method:
        names = "slope intercept lowest highest"
        _keys(content, "probability.", f"method {names}")
        return LogisticCurve(**{name: content[name] for name in names.split()})
    raise ValueError(f"probability.method: expected isotonic or logistic, got {method!r:.40}")


def _keys(content: Mapping[str, Any], above: str, names: str) -> None:
    """Exactly these keys."""
    expected = names.split()
    missing = [name for name in expected if name not in content]
    if missing:
        raise ValueError(f"{above}{missing[0]}: the key is missing")
    unknown = [name for name in content if name not in expected]
    if unknown:
        raise ValueError(f"{above}{unknown[0]:.40}: unknown key; expected {', '.join(expected)}")


def _object(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{key}: expected an object, got {value!r:.40}")
    return value


def _list(value: Any, key: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{key}: expected a list, got {value!r:.40}")
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key}: expected a text, got {value!r:.40}")
    if not value.isprintable():  # it is shown on terminals
        raise ValueError(f"{key}: expected a text without control characters, got {value!r:.40}")
    return value


def _finite(value: Any, key: str) -> None:
    """Refuse numbers that JSON does not have, at any depth; they would equal nothing."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, float) and not math.isfinite(one):
            raise ValueError(f"{key}: expected finite numbers, got {one}")
