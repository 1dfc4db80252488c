"""Tables of a run, on the terminal and in Markdown, from its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

COLUMNS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "faces": ("faces an image", lambda v: f"{v:.2f}"),
    "same_pixels": ("same chips", lambda v: f"{v:.2%}"),
    "recall": ("of exact's faces", lambda v: f"{v:.1%}"),
    "iou": ("mean IoU", lambda v: f"{v:.4f}"),
    "others": ("others an image", lambda v: f"{v:.2f}"),
    "cosine": ("smallest cosine", lambda v: f"{v:.5f}"),
    "agreement": ("same best", lambda v: f"{v:.2%}"),
    "difference": ("largest difference of the loss", lambda v: f"{v:.1e}"),
    "useful": ("useful triplets a step", lambda v: f"{v:,.1f}"),
    "useful_per_second": ("a second", lambda v: f"{v:,.0f}"),
    "rank_1": ("rank-1", lambda v: f"{v:.4f}"),
    "dir": ("DIR at FPIR 1 %", lambda v: f"{v:.4f}"),
    "dir_by_far": ("DIR at the FAR-based threshold", lambda v: f"{v:.4f}"),
    "fpir_by_far": ("FPIR there", lambda v: f"{v:.4f}"),
    "p95": ("95 % below, ms", lambda v: milliseconds(v)),
    "recall_at_1": ("recall@1", lambda v: f"{v:.3f}"),
    "recall_at_10": ("recall@10", lambda v: f"{v:.3f}"),
    "held": ("memory, MB", lambda v: f"{v / 1e6:,.0f}"),
    "enrolled": ("faces a second", lambda v: f"{v:,.0f}"),
    "indexed": ("index, s", lambda v: f"{v:.1f}"),
    "graphed": ("graph, s", lambda v: f"{v:,.0f}"),
    "disk": ("store, MB", lambda v: f"{v / 1e6:,.0f}"),
    "disk_index": ("index and graph, MB", lambda v: f"{v / 1e6:,.0f}"),
    "idf1": ("IDF1", lambda v: f"{v:.3f}"),
    "strict_idf1": ("strict IDF1", lambda v: f"{v:.3f}"),
    "mota": ("MOTA", lambda v: f"{v:.3f}"),
    "switches": ("switches", lambda v: f"{v:,.0f}"),
    "switches_per_1000": ("in 1,000 frames", lambda v: f"{v:.2f}"),
    "misses": ("faces missed", lambda v: f"{v:,.0f}"),
    "false": ("false boxes", lambda v: f"{v:,.0f}"),
    "tracks": ("tracks", lambda v: f"{v:,.0f}"),
    "right": ("rightly named", lambda v: f"{v:,.0f}"),
    "wrong": ("wrongly", lambda v: f"{v:,.0f}"),
    "nameless": ("nameless", lambda v: f"{v:,.0f}"),
    "false_tracks": ("on no face", lambda v: f"{v:,.0f}"),
    "mixed": ("strangers mixed", lambda v: f"{v:,.0f}"),
    "split": ("split", lambda v: f"{v:,.0f}"),
    "right_faces": ("faces rightly named", lambda v: f"{v:.2%}"),
    "changes": ("most changes of a name", lambda v: f"{v:,.0f}"),
    "against_mtcnn": ("× MTCNN", lambda v: f"{v:.1f}"),
    "against_fast": ("× FastMTCNN", lambda v: f"{v:.2f}"),
    "covered": ("of exact's faces covered", lambda v: f"{v:.1%}"),
    "covered_all": ("of all its boxes", lambda v: f"{v:.1%}"),
    "uncovered": ("faces not covered", lambda v: f"{v:,.0f}"),
    "least_part": ("least covered part", lambda v: f"{v:.1%}"),
    "area": ("of the picture covered", lambda v: f"{v:.1%}"),
    "found": ("faces found again", lambda v: f"{v:.1%}"),
    "bcubed": ("BCubed F", lambda v: f"{v:.4f}"),
    "bcubed_p": ("precision", lambda v: f"{v:.4f}"),
    "bcubed_r": ("recall", lambda v: f"{v:.4f}"),
    "pairwise": ("pairwise F", lambda v: f"{v:.4f}"),
    "clusters": ("clusters", lambda v: f"{v:,.0f}"),
    "several": ("of two or more", lambda v: f"{v:,.0f}"),
    "background": ("faces", lambda v: f"{v:,.0f}"),
    "alike_large": ("two above large", lambda v: f"{v:.2%}"),
    "alike_pair": ("above pair", lambda v: f"{v:.2%}"),
    "front_large": ("one and the central face of another photo", lambda v: f"{v:.3%}"),
    "front_pair": ("above pair", lambda v: f"{v:.3%}"),
    "took": ("seconds", lambda v: f"{v:,.1f}"),
    "cpu": ("of processors", lambda v: f"{v:,.1f}"),
    "peak": ("peak memory, MB", lambda v: f"{v / 1e6:,.0f}"),
    "memory": ("peak memory, MB", lambda v: f"{v / 1e6:,.0f}"),
    "memory_before": ("models and images, MB", lambda v: f"{v / 1e6:,.0f}"),
}
"""What a group can say beside the times: key, heading, how a value is written."""


def cells(group: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heading and rows of a group's table, as text."""
    heading = ["contender"]
    if group["unit"]:
        heading += [f"ms a {group['unit']}", "quartiles", f"{group['unit']}s a second", "ratio"]
    heading += [COLUMNS[key][0] for key in group["columns"]]
    rows = []
    for row in group["rows"]:
        line = [row["name"]]
        if group["unit"]:
            line += [
                milliseconds(row["median"]),
                f"{milliseconds(row['q1'])}–{milliseconds(row['q3'])}",
                f"{row['per_second']:.3g}"
                if row["per_second"] < 100
                else f"{row['per_second']:,.0f}",
                ratio(row, group["reference"]),
            ]
        extras = row["extras"]
        line += [COLUMNS[key][1](extras[key]) if key in extras else "" for key in group["columns"]]
        rows.append(line)
    return heading, rows


def milliseconds(seconds: float) -> str:
    """Three digits at least."""
    value = 1000 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(row: Mapping[str, Any], reference: str | None) -> str:
    """How many times faster than the reference, which itself is just 1."""
    if row["name"] == reference:
        return "1"
    return f"{row['ratio']:.2f}×" if "ratio" in row else ""


def circumstances(record: Mapping[str, Any]) -> list[str]:
    """What was measured, when and on what, in sentences."""
    box, versions = record["machine"], record["versions"]
    memory = f", {box['memory'] / 2**30:.0f} GiB" if box["memory"] else ""
    used = [f"{name} {version}" for name, version in versions.items() if version]
    load = record["load_average_before"]
    lines = [
        f"{record['started'][:10]}, {box['cpu']}, {box['cores_usable']} of {box['cores']} "
        f"cores{memory}; {' '.join(box['flags'])}; {record['threads']['torch']} threads in torch"
        + (f"; load average before: {load[0]:.2f}." if load else "."),
        ", ".join(used) + ".",
    ]
    if record["finished"] is None:
        lines.append("The run was not finished: these are the rounds up to there.")
    return lines


def absent(record: Mapping[str, Any]) -> list[str]:
    """Everything that did not take part or fell out, with its reason."""
    names: dict[str, list[str]] = {}
    for entry in record["missing"]:
        names.setdefault(entry["reason"], []).append(entry["name"])
    for group in record["groups"]:
        for entry in group["failed"]:
            names.setdefault(entry["reason"], []).append(f"{entry['name']} ({group['title']})")
    return [f"{'; '.join(some)}: {reason}" for reason, some in names.items()]


def show(record: Mapping[str, Any], console: Console) -> None:
    """Print the tables."""
    for group in record["groups"]:
        heading, rows = cells(group)
        table = Table(title=group["title"], title_justify="left")
        for i, name in enumerate(heading):
            table.add_column(name, justify="right" if i else "left", no_wrap=not i)
        for line in rows:
            table.add_row(*line, style="bold" if line[0] == group["reference"] else None)
        console.print(table)
        for note in group["notes"]:
            console.print(f"  {note}", markup=False)
    for missing in absent(record):
        console.print(f"not measured: {missing}", markup=False, style="yellow")
    for sentence in circumstances(record):
        console.print(sentence, markup=False, highlight=False)


def markdown(record: Mapping[str, Any]) -> str:
    """The tables as a Markdown text, with the command before and the circumstances after them."""
    parts = [f"    {' '.join(record['command_line'])}", ""]
    for group in record["groups"]:
        heading, rows = cells(group)
        parts += [f"**{group['title']}**", "", f"| {' | '.join(heading)} |"]
        parts.append("|---|" + "--:|" * (len(heading) - 1))
        parts += [f"| {' | '.join(line)} |" for line in rows]
        parts += ["", *(f"{note}\n" for note in group["notes"])]
    missing = absent(record)
    if missing:
        parts += ["Not measured:", "", *(f"- {line}" for line in missing), ""]
    parts += [" ".join(circumstances(record)), ""]
    return "\n".join(parts)
