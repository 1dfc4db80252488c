"""The figures for people to read, on standard output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

_LISTED = 10  # failed images that are shown; the JSON has all
_WIDTH = 160  # of tables, where standard output is no terminal


def pairs(record: Mapping[str, Any]) -> None:
    """The record of a protocol of pairs."""
    models, protocol = record["models"], record["protocol"]
    fate = "counted as wrong" if record["conditions"]["missing"] == "fail" else "left out"
    rows: list[tuple[str, list[str]]] = [("model", [_name(model) for model in models])]
    each = [model["figures"] for model in models]
    _shared(rows, record)
    rows += [
        ("pairs", [f"{f['pairs']} in {len(f['folds'])} folds" for f in each]),
        ("failed", [f"{f['failed_pairs']} pairs, {fate}" for f in each]),
        ("accuracy ± sd", [_accuracy(f) for f in each]),
        ("threshold", [f"{f['threshold']:.4f}" for f in each]),
        ("chosen as", [f["threshold_source"] for f in each]),
        ("precision", [f"{f['precision']:.4f}" for f in each]),
        ("recall", [f"{f['recall']:.4f}" for f in each]),
        ("AUC", [f"{f['auc']:.5f}" for f in each]),
        ("EER", [f"{f['eer']:.4f}" for f in each]),
    ]
    rows += _rates([f["tar_at_far"] for f in each])
    console = _console()
    console.print(_table(rows))
    for a_and_b in record["comparisons"]:
        console.print(_comparison(a_and_b, "pairs"))
    for model in models:
        _groups(console, model)
        _calibration(console, model)
        _failed(console, model, protocol["images"])
    _remarks(console, protocol["remarks"])


def templates(record: Mapping[str, Any]) -> None:
    """The record of a protocol of templates."""
    models, protocol = record["models"], record["protocol"]
    each = [model["figures"] for model in models]
    rows: list[tuple[str, list[str]]] = [("model", [_name(model) for model in models])]
    _shared(rows, record)
    rows += [
        ("templates", [f"{protocol['templates']:,}"] * len(models)),
        ("pairs", [f"{f['pairs']:,}" for f in each]),
        ("failed", [f"{f['failed_pairs']:,} pairs, never accepted" for f in each]),
        ("AUC", [f"{f['auc']:.6f}" for f in each]),
        ("EER", [f"{f['eer']:.4f}" for f in each]),
    ]
    rows += _rates([f["tar_at_far"] for f in each])
    console = _console()
    console.print(_table(rows))
    for model in models:
        _failed(console, model, protocol["images"])
    _remarks(console, protocol["remarks"])


def identification(record: Mapping[str, Any]) -> None:
    """The record of a search of probes in a gallery."""
    models, protocol = record["models"], record["protocol"]
    each = [model["figures"] for model in models]
    rows: list[tuple[str, list[str]]] = [("model", [_name(model) for model in models])]
    _shared(rows, record)
    rows += [
        ("gallery", [f"{f['people']:,} people, {f['failed_people']} failed" for f in each]),
        (
            "probes",
            [
                f"{f['mated']:,} of people in it, {f['non_mated']:,} of others; "
                f"{f['failed_probes']} failed"
                for f in each
            ],
        ),
    ]
    for rank in each[0]["rank"]:
        rows.append((f"rank {rank}", [f"{f['rank'][rank]:.4f}" for f in each]))
    for place, point in enumerate(each[0]["dir_at_fpir"]):
        points = [f["dir_at_fpir"][place] for f in each]
        rows.append(
            (
                f"DIR at FPIR {point['fpir']:g}",
                [p["note"] if p["dir"] is None else f"{p['dir']:.4f}" for p in points],
            )
        )
    console = _console()
    console.print(_table(rows))
    for a_and_b in record["comparisons"]:
        console.print(_comparison(a_and_b, "probes"))
    for model in models:
        _failed(console, model, protocol["images"])
    _remarks(console, protocol["remarks"])


def _shared(rows: list[tuple[str, list[str]]], record: Mapping[str, Any]) -> None:
    detector = record["conditions"]["detector"] or "none, the images are aligned"
    rows.append(("detector", [detector] * len(record["models"])))


def _name(model: Mapping[str, Any]) -> str:
    if "parts" in model:
        return str(model["model"])
    return f"{model['model']}, {'with' if model['flip'] else 'without'} flip, {model['precision']}"


def _accuracy(figures: Mapping[str, Any]) -> str:
    spread = figures["accuracy_std"]
    return f"{figures['accuracy']:.4f}" + ("" if spread is None else f" ± {spread:.4f}")


def _rates(curves: Sequence[Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, list[str]]]:
    for points in zip(*curves, strict=True):
        yield (
            f"TAR at FAR {points[0]['far']:g}",
            [
                p["note"]
                if p["tar"] is None
                else f"{p['tar']:.4f} ({p['low']:.4f}–{p['high']:.4f})"
                for p in points
            ],
        )


def _comparison(each: Mapping[str, Any], what: str) -> str:
    return (
        f"{each['a']} against {each['b']}: {each['only_a']} and {each['only_b']} {what} that one "
        f"alone decides rightly, p = {each['p_value']:.3g} (McNemar)"
    )


def _groups(console: Console, model: Mapping[str, Any]) -> None:
    groups = model.get("groups")
    if groups is None:
        return
    table = Table("group", "pairs", "accuracy", "TAR", "FAR", "95 % of FAR", box=None)
    for row in groups["rows"]:
        interval = "" if row["far"] is None else f"{row['far_low']:.2g} to {row['far_high']:.2g}"
        cells = [
            "–" if row[name] is None else f"{row[name]:.4f}" for name in ("accuracy", "tar", "far")
        ]
        table.add_row(row["group"], str(row["pairs"]), *cells, interval)
    console.print(
        f"\n{model['model']} by group, at {groups['threshold']:.4f} for all "
        f"({groups['mixed_pairs']} pairs across groups are in none):"
    )
    console.print(table)
    if groups["warning"]:
        console.print(f"warning: {groups['warning']}")


def _calibration(console: Console, model: Mapping[str, Any]) -> None:
    known = model.get("calibration")
    if known is not None:
        console.print(
            f"\n{model['model']}, calibrated probabilities: expected calibration error "
            f"{known['expected_calibration_error']:.4f}, log-loss {known['log_loss']:.4f}, of "
            f"{known['pairs']} pairs"
        )


def _failed(console: Console, model: Mapping[str, Any], images: int) -> None:
    failed = model["failed_images"]
    if not failed:
        return
    console.print(f"\n{model['model']}: {len(failed)} of {images} images failed:")
    for entry in failed[:_LISTED]:
        console.print(f"  {entry['image']}: {entry['reason']}")
    if len(failed) > _LISTED:
        console.print(f"  and {len(failed) - _LISTED} more (--json lists all)")


def _remarks(console: Console, remarks: Sequence[str]) -> None:
    for remark in remarks:
        console.print(f"note: {remark}")


def _table(rows: Sequence[tuple[str, Sequence[str]]]) -> Table:
    """One model as a list of names and values; of several a line each, what they share aside."""
    if len(rows[0][1]) == 1:
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, [cell] in rows:
            table.add_row(name, cell)
        return table
    differing = [(name, cells) for name, cells in rows if len(set(cells)) > 1]
    table = Table(*(name for name, _ in differing), box=None, pad_edge=False)
    for place in range(len(rows[0][1])):
        table.add_row(*(cells[place] for _, cells in differing))
    table.caption = "; ".join(f"{name} {cells[0]}" for name, cells in rows if len(set(cells)) == 1)
    table.caption_justify = "left"
    return table


def _console() -> Console:
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH
    return console
