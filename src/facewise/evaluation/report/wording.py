"""How figures are written in reports."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

NOTHING = "–"
"""Stands where there is no figure."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(value: float | None, digits: int = 2) -> str:
    """A share in hundredths, `99.30 %`."""
    return NOTHING if value is None else f"{100 * value:.{digits}f}\u00a0%"


def spread(value: float | None, deviation: float | None, digits: int = 2) -> str:
    """A share with its standard deviation, `99.30 ± 0.41 %`."""
    if value is None or deviation is None:
        return percent(value, digits)
    return f"{100 * value:.{digits}f}\u00a0±\u00a0{100 * deviation:.{digits}f}\u00a0%"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Two bounds of a share, `95.72–97.95 %`."""
    if low is None or high is None:
        return NOTHING
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f}\u00a0%"


def rate(value: float) -> str:
    """An error rate that was asked for: `10⁻³` where it is a power of ten, else `0.0025`."""
    power = round(math.log10(value)) if value > 0 else 0
    if value > 0 and math.isclose(value, 10.0**power, rel_tol=1e-9):
        return "1" if power == 0 else f"10{str(power).translate(_RAISED)}"
    return f"{value:g}"


def number(value: float | None, digits: int = 4) -> str:
    """A similarity or the like."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def count(value: int | None) -> str:
    """How many, `6,000`."""
    return NOTHING if value is None else f"{value:,}"


def p_value(value: float | None) -> str:
    """A probability of chance, to two digits."""
    if value is None:
        return NOTHING
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def plain(value: Any) -> str:
    """Any value of a record, on one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{label(key)} {plain(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def label(key: object) -> str:
    """A record's key for people to read."""
    return str(key).replace("_", " ").replace("sha256", "SHA-256")
