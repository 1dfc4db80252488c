"""What every report says of its data, its failures and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facewise.evaluation.report import page, wording
from facewise.evaluation.report.page import Card, Html, Section

if TYPE_CHECKING:
    from facewise.evaluation.report.pictures import Pictures
    from facewise.evaluation.vectors import ImageVectors

_SHOWN = 24  # failed images that are shown as pictures
_LISTED = 1000  # and by name

_COUNTS = {
    "pairs": "pairs",
    "genuine": "genuine",
    "impostor": "impostor",
    "images": "images",
    "templates": "templates",
    "enrolled": "images enrolled",
    "folds": "folds",
}
_OWN = ("figures", "failed_images", "groups", "calibration", "parts", "model")
"""Parts of a model's record that have a place of their own."""


def opening(record: Mapping[str, Any]) -> list[Html]:
    """What was measured on, in a line, and what its reader noticed."""
    protocol = record.get("protocol", {})
    counts = [
        f"{wording.count(protocol[key])} {noun}"
        for key, noun in _COUNTS.items()
        if protocol.get(key) is not None
    ]
    conditions = record.get("conditions", {})
    said = [f"Protocol {protocol['name']}"] if "name" in protocol else []
    said += [", ".join(counts)] if counts else []
    if conditions.get("detector"):
        said.append(f"detector {conditions['detector']}")
    elif conditions.get("aligned"):
        said.append("no detector, the images are aligned")
    blocks = [page.paragraph(" · ".join(said), "lead")] if said else []
    if protocol.get("remarks"):
        blocks.append(page.bullets(protocol["remarks"]))
    return blocks


def failures(
    results: Sequence[tuple[str, ImageVectors]], names: Sequence[str], pictures: Pictures
) -> Section:
    """The images without a vector, each once, with the models that failed on it."""
    models: dict[tuple[int, str], list[str]] = {}
    for model, found in results:
        for number, reason in found.failures.items():
            models.setdefault((number, reason), []).append(model)
    failed = sorted(models)
    if not failed:
        return Section("Failed images", (page.paragraph("Every image gave a vector.", "note"),))

    everywhere = all(len(own) == len(results) for own in models.values())

    def verdict(key: tuple[int, str]) -> str:
        own = len(models[key])
        return key[1] if everywhere else f"{key[1]} ({own} of {len(results)} models)"

    cards = [
        Card((pictures.thumbnail(key[0]),), verdict=verdict(key), wrong=True)
        for key in failed[:_SHOWN]
    ]
    images = len({number for number, _ in failed})
    of = f"{images:,} of {len(names):,} images"
    said = f"{of} have no vector." if everywhere else f"At least one model has no vector of {of}."
    blocks = [page.paragraph(said, "note"), page.gallery(cards)]
    if len(failed) > _SHOWN or not everywhere:
        rows = [
            (names[key[0]], key[1], "all" if everywhere else ", ".join(models[key]))
            for key in failed[:_LISTED]
        ]
        rest = "" if len(failed) <= _LISTED else f", the first {_LISTED:,} (report.json has all)"
        headings = ("image", "reason", "models")
        listed = page.table("Images without a vector.", headings, rows, words=(1, 2))
        blocks.append(page.folded(f"All by name{rest}", listed))
    return Section("Failed images", tuple(blocks))


def repetition(record: Mapping[str, Any]) -> Section:
    """Everything that is needed to get these figures again."""
    blocks = []
    if "command" in record:
        blocks += [page.heading("Command"), page.code(record["command"])]
    facts = [
        (wording.label(key), wording.plain(value))
        for key, value in record.get("protocol", {}).items()
        if key != "remarks"
    ]
    conditions = record.get("conditions", {})
    settings = [
        (wording.label(key), wording.plain(value))
        for key, value in conditions.items()
        if not isinstance(value, Mapping)
    ]
    lists = [("Data", facts), ("Conditions", settings)]
    lists += [
        (
            wording.label(key).capitalize(),
            [(wording.label(k), wording.plain(v)) for k, v in each.items()],
        )
        for key, each in conditions.items()
        if isinstance(each, Mapping)
    ]
    lists += [entry for model in record.get("models", ()) for entry in _models(model)]
    known = [
        page.joined((page.heading(title), page.key_values(rows))) for title, rows in lists if rows
    ]
    if known:
        blocks.append(page.columns(known))
    return Section("To repeat it", tuple(blocks))


def _models(model: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The settings of a model, or of each part of a fusion."""
    label = str(model.get("model", ""))
    parts = model.get("parts", ())
    return [
        (f"Model {label}", _settings(model)),
        *((f"Part {part.get('model', '')} of {label}", _settings(part)) for part in parts),
    ]


def _settings(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (wording.label(key), wording.plain(value))
        for key, value in model.items()
        if key not in _OWN
    ]
