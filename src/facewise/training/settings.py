"""Check plain values, from YAML or a command line, against the fields of a dataclass.

A field is declared once, with its type, its range and its meaning; the checks, the YAML file and
the options of the command are made of that.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from facewise.errors import TrainingError

_NUMBERS = {int: "a whole number", float: "a number"}


def setting(
    default: Any,
    meaning: str,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A field with a meaning and, for a number, its range.

    Args:
        default: of the field.
        meaning: one sentence, which the command shows as help.
        least: the smallest value.
        most: the largest.
        above: a bound that is excluded.
        below: likewise.
    """
    limits = {"least": least, "most": most, "above": above, "below": below}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    metadata = {"meaning": meaning, "limits": given}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def checked(cls: type[Any], content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The values, each of its field's type and in its range.

    Args:
        cls: a dataclass whose fields are made by `setting`.
        content: values by the names of fields; what is missing keeps its default.
        source: where they come from, for messages.

    Raises:
        TrainingError: names the key, what was expected and what came.
    """
    known = {each.name: each for each in fields(cls)}
    for name in content:
        if name not in known:
            raise TrainingError(
                f"{source}: unknown setting {name!r}; the settings are {', '.join(known)}"
            )
    hints = get_type_hints(cls)
    values = {}
    for name, value in content.items():
        values[name] = _value(value, hints[name], f"{source}: {name}")
        _require_range(values[name], known[name].metadata["limits"], f"{source}: {name}")
    return values


def plain(value: Any) -> Any:
    """A value as YAML and JSON have it."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return value


def alternatives(hint: Any) -> tuple[list[Any], bool]:
    """The types of a field without None, and whether None is among them."""
    if get_origin(hint) in (Union, types.UnionType):
        parts = get_args(hint)
        return [part for part in parts if part is not type(None)], type(None) in parts
    return [hint], False


def _value(value: Any, hint: Any, name: str) -> Any:
    (wanted, *_), optional = alternatives(hint)
    if value is None and optional:
        return None
    if get_origin(wanted) is Literal:
        choices = get_args(wanted)
        if value not in choices or isinstance(value, bool):
            raise TrainingError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
        return value
    if get_origin(wanted) is tuple:
        each = value if isinstance(value, (list, tuple)) else [value]
        return tuple(_value(one, get_args(wanted)[0], name) for one in each)
    if wanted is Mapping or get_origin(wanted) is Mapping:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise TrainingError(f"{name}: expected names with values, got {value!r}")
        return dict(value)
    if wanted is bool:
        if not isinstance(value, bool):
            raise TrainingError(f"{name}: expected true or false, got {value!r}")
        return value
    if wanted in _NUMBERS:
        return _number(value, wanted, name)
    if wanted is Path and isinstance(value, Path):
        return value
    # Of what YAML takes for a number the text is meant: a folder may be called 2024.
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value):
        raise TrainingError(f"{name}: expected a text, got {value!r}")
    return wanted(str(value))


def _number(value: Any, wanted: type, name: str) -> int | float:
    if isinstance(value, str):  # YAML 1.1 has no number 1e-4: it wants 1.0e-4
        try:
            value = float(value)
        except ValueError:
            raise TrainingError(f"{name}: expected {_NUMBERS[wanted]}, got {value!r}") from None
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or (wanted is int and not whole) or not math.isfinite(value):
        raise TrainingError(f"{name}: expected {_NUMBERS[wanted]}, got {value!r}")
    number: int | float = wanted(value)
    return number


def _require_range(value: Any, limits: Mapping[str, float], name: str) -> None:
    holds = {
        "least": lambda v, limit: v >= limit,
        "most": lambda v, limit: v <= limit,
        "above": lambda v, limit: v > limit,
        "below": lambda v, limit: v < limit,
    }
    words = {"least": "at least", "most": "at most", "above": "above", "below": "below"}
    if value is None or all(holds[kind](value, limit) for kind, limit in limits.items()):
        return
    expected = " and ".join(
        f"{words[kind]} {limit if isinstance(limit, int) else format(limit, 'g')}"
        for kind, limit in limits.items()
    )
    raise TrainingError(f"{name}: expected a number {expected}, got {value!r}")
