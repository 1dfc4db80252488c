"""The JSON of a run: what was measured so far, on what, and how; written after every round."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import machine
from bench.contest import Timed
from bench.summary import faster, figures

SCHEMA = 1


class Group:
    """Contenders at one setting: one table of the report, one panel of the plot.

    Args:
        title: the setting.
        unit: one item: "frame", "face", "photo"; empty for a group without times.
        reference: the kind, or the name of the one, that ratios are against; of several the
            fastest counts.
        columns: what is known beside the times, by the keys of `report.COLUMNS`.
        notes: what a reader must know, in sentences.
    """

    def __init__(
        self,
        title: str,
        *,
        unit: str,
        reference: str,
        columns: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.title = title
        self.unit = unit
        self.reference = reference
        self.columns = list(columns)
        self.notes = list(notes)
        self.rows: dict[str, dict[str, Any]] = {}
        self.failed: list[dict[str, str]] = []

    def add(self, timed: Timed) -> None:
        """Take in one contender's part of a round; a failed one loses its row."""
        contender = timed.contender
        if timed.error is not None:
            self.rows.pop(contender.name, None)
            self.failed.append({"name": contender.name, "reason": timed.error})
            return
        new = {"family": contender.family, "kind": contender.kind, "seconds": [], "extras": {}}
        new["settings"] = dict(contender.settings)
        self.rows.setdefault(contender.name, new)["seconds"].append(timed.seconds)

    def note(self, name: str, extras: Mapping[str, float]) -> None:
        """Add what is known of a contender that is not timed."""
        row = {"family": name, "kind": name, "seconds": [], "extras": dict(extras), "settings": {}}
        self.rows[name] = row

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the figures computed."""
        seconds = {name: row["seconds"] for name, row in self.rows.items()}
        references = [n for n, row in self.rows.items() if self.reference in (n, row["kind"])]
        computed = figures(seconds, references)
        return {
            "title": self.title,
            "unit": self.unit,
            "reference": faster(seconds, references),
            "columns": self.columns,
            "notes": self.notes,
            "rows": [
                {"name": name} | row | computed.get(name, {}) for name, row in self.rows.items()
            ],
            "failed": self.failed,
        }


class Record:
    """Everything of one run.

    Args:
        command: `detect`, `embed` …
        arguments: the command line, without the interpreter.
        path: the JSON file.
    """

    def __init__(self, command: str, arguments: Sequence[str], path: Path) -> None:
        self._path = path
        self._facts: dict[str, Any] = {
            "schema": SCHEMA,
            "command": command,
            "command_line": ["python", "-m", "bench", *map(without_password, arguments)],
            "started": _now(),
            "finished": None,
            "load_average_before": machine.load_average(),
            "machine": machine.machine(),
            "versions": machine.versions(),
            "threads": machine.threads(),
        }
        self.settings: dict[str, Any] = {}
        self.missing: list[dict[str, str]] = []
        self.groups: list[Group] = []

    def miss(self, name: str, why: str) -> None:
        """Note, once, a contender that cannot take part."""
        if all(entry["name"] != name for entry in self.missing):
            self.missing.append({"name": name, "reason": why})

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        groups = [group.to_dict() for group in self.groups]
        return {**self._facts, "settings": self.settings, "missing": self.missing, "groups": groups}

    def save(self, *, finished: bool = False) -> None:
        """Write the file; whoever reads it finds the old content or the new, never a part."""
        if finished:
            self._facts["finished"] = _now()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        draft.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        draft.replace(self._path)


def without_password(text: str) -> str:
    """A text that may be a URL, which gets into files that others read."""
    return re.sub(r"(://[^/?#@:]*):[^/?#]*@", r"\1:***@", text)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
