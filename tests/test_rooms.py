"""The order of the rooms in docs/design.md: each imports only from those above it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "facewise"


def rooms():
    """The place of each room in the table, from the ground up."""
    table = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| ((?:`\w+/?`,? ?)+)(?:\(not in the package\) )?\|", table, re.MULTILINE)
    return {
        name: place for place, cell in enumerate(cells) for name in re.findall(r"`(\w+)/?`", cell)
    }


def imported(path):
    """The rooms a file imports from at run time, also inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("facewise"):
            parts = node.module.split(".")[1:]
            yield from parts[:1] or [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("facewise."))


@pytest.mark.parametrize(
    "room", sorted({p.relative_to(SOURCE).parts[0] for p in SOURCE.rglob("*.py")})
)
def test_a_room_imports_only_from_those_above_it(room):
    place = rooms()
    name = room.removesuffix(".py")
    if name in {"__init__", "__main__", "_version"}:
        return
    path = SOURCE / room
    for file in [path] if path.is_file() else path.rglob("*.py"):
        for other in set(imported(file)) - {"_version"}:
            assert place[other] <= place[name], f"{file.relative_to(SOURCE)} imports {other}"


def modules(path):
    """The modules of the package that a file imports at run time, by their full names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("facewise"):
            yield node.module.removeprefix("facewise.")
        if isinstance(node, ast.Import):
            yield from (a.name[9:] for a in node.names if a.name.startswith("facewise."))


RECORDS = ("errors", "_files", "gallery.records", "gallery.model_facts", "gallery.names")
STORES = ("gallery.change", "gallery.own_search", "gallery.store", "gallery.stores")
FORMS = ("gallery.vector_form", "gallery.chip_form", "gallery.sealing")


@pytest.mark.parametrize(
    ("part", "known"),
    [
        ("gallery/stores", (*RECORDS, *FORMS, *STORES)),
        ("gallery/search", (*RECORDS, "gallery.sealing.cipher", "gallery.search", "runtime")),
        ("gallery/sealing", ("errors", "gallery.sealing", "gallery.vector_form")),
    ],
)
def test_stores_and_search_know_records_and_not_each_other(part, known):
    """A store knows nothing of models, thresholds, indexes or pictures; an index of no store."""
    for file in (SOURCE / part).rglob("*.py"):
        for other in modules(file):
            assert any(other == name or other.startswith(f"{name}.") for name in known), (
                f"{file.relative_to(SOURCE)} imports {other}"
            )
