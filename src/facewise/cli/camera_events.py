"""The events of a camera, as lines for machines or for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import typer


def teller(
    stack: ExitStack, json_file: Path | None, page: bool
) -> Callable[[dict[str, Any]], None] | None:
    """What events are told to."""
    if json_file is None:
        return None if page else _say
    file = sys.stdout
    if str(json_file) != "-":
        file = stack.enter_context(json_file.open("w", encoding="utf-8"))

    def write(event: dict[str, Any]) -> None:
        file.write(json.dumps(event) + "\n")
        file.flush()

    return write


def _say(event: dict[str, Any]) -> None:
    """An event as a line for people."""
    from facewise.cli.files import shown

    time = event["at"][11:19]
    facts = {key: value for key, value in event.items() if key not in {"at", "number", "event"}}
    who = facts.get("label") or facts.get("name", "")
    if event["event"] in {"came", "went", "named"}:
        text = f"{who}, track {facts['track']}"
        if facts.get("similarity") is not None:
            text += f", similarity {facts['similarity']:.2f}"
        if "seconds" in facts:
            text += f", after {facts['seconds']:.1f} s"
    else:
        text = ", ".join(str(value) for value in facts.values() if value not in ("", None))
    typer.echo(f"{time} {event['event']} {shown(text)}".rstrip())
