"""Patterns in paths and URLs: `{0000..0099}`, `{a,b}`, and those of the shell."""

from __future__ import annotations

import glob
import re

from facewise.errors import ShardsError
from facewise.shards.locations import file_system, is_url

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST = 1_000_000  # a slip of the keyboard should not fill the memory


def expand_braces(text: str) -> list[str]:
    """The texts that a pattern with braces means, in order, as WebDataset writes shards.

    Args:
        text: `{000..099}` counts, with as many digits as the first number has; `{a,b}` lists.
            Braces with anything else in them stay as they are.

    Raises:
        ShardsError: more than a million of them.
    """
    done, waiting = [], [("", text)]
    while waiting:
        before, rest = waiting.pop()
        match = _BRACES.search(rest)
        words = None if match is None else _words(match.group(1))
        if match is None:
            done.append(before + rest)
        elif words is None:
            waiting.append((before + rest[: match.end()], rest[match.end() :]))
        else:
            before += rest[: match.start()]
            waiting.extend((before + word, rest[match.end() :]) for word in reversed(words))
        if len(done) + len(waiting) > _MOST:
            raise ShardsError(f"{text}: means more than {_MOST:,} files")
    return done


def _words(inside: str) -> list[str] | None:
    if match := _RANGE.fullmatch(inside):
        first, last = match.groups()
        low, high = int(first), int(last)
        if abs(high - low) > _MOST:
            raise ShardsError(f"{{{inside}}}: means more than {_MOST:,} files")
        step = 1 if high >= low else -1
        width = len(first) if first.startswith("0") or len(first) == len(last) else 0
        return [f"{number:0{width}d}" for number in range(low, high + step, step)]
    return inside.split(",") if "," in inside else None


def is_pattern(text: str) -> bool:
    """Whether it has signs of the shell's patterns."""
    return any(sign in text for sign in "*?[")


def matches(pattern: str) -> list[str]:
    """The files that a pattern of the shell means, sorted; URLs of a URL."""
    if not is_url(pattern):
        return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - may be absolute
    system, path = file_system(pattern)
    _, chain, rest = pattern.partition("::")
    return sorted(f"{system.unstrip_protocol(found)}{chain}{rest}" for found in system.glob(path))
