"""The decision file that a page exports, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from facewise.errors import CurationError

FORMAT = "facewise decisions"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided on a page.

    Attributes:
        kind: of the page.
        made: what the page's maker wanted to know again (`Page.made`).
        choices: of every face by its id, the key of its choice.
        overruled: ids whose choice is not the one the page began with.
        names: of every group that can be named, its name, by the group's id.
    """

    kind: str
    made: Mapping[str, Any]
    choices: Mapping[str, str]
    overruled: frozenset[str]
    names: Mapping[str, str]


def read_decisions(
    path: str | PathLike[str], kind: str, choices: frozenset[str] | set[str]
) -> Decisions:
    """Read a decision file.

    Args:
        path: the file.
        kind: of page it has to come from.
        choices: keys that it may hold.

    Raises:
        CurationError: it is missing, is no decision file, or one of another kind, version or
            choice; names it.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark in front
        content = json.loads(text, object_pairs_hook=_each_once)
    except FileNotFoundError:
        raise CurationError(f"{path}: no such file of decisions") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CurationError(f"{path}: not a file of decisions ({error})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CurationError(f"{path}: not a file of decisions, which a page of facewise exports")
    if type(content.get("version")) is not int or content["version"] != VERSION:
        raise CurationError(
            f"{path}: has version {content.get('version')!r}, expected {VERSION}; "
            "export it from a page of this version of facewise"
        )
    if content.get("kind") != kind:
        raise CurationError(
            f"{path}: holds decisions of {content.get('kind')!r}, expected {kind!r}"
        )
    made, overruled = content.get("made"), content.get("overruled")
    found: Any = content.get("choices")
    names: Any = content.get("names")
    if not isinstance(made, dict) or not (_texts(found) and _texts(names)):
        raise CurationError(f"{path}: damaged: expected made, choices and names")
    if not isinstance(overruled, list) or any(
        not isinstance(each, str) or each not in found for each in overruled
    ):
        raise CurationError(f"{path}: damaged: overruled names faces without a choice")
    for each, choice in found.items():
        if choice not in choices:
            raise CurationError(
                f"{path}: {each!r} has the choice {choice!r}, expected one of {sorted(choices)}"
            )
    return Decisions(kind, made, found, frozenset(overruled), names)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def _texts(value: Any) -> bool:
    """Whether it is a dictionary of texts."""
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
