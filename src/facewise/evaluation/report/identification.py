"""The page of a search of probes in a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facewise.evaluation import metrics
from facewise.evaluation.report import charts, circumstances, page, wording
from facewise.evaluation.report.page import Card, Chart, Html, Result, Section
from facewise.evaluation.report.pictures import Pictures

if TYPE_CHECKING:
    from facewise.evaluation.identification import Error, IdentificationScored
    from facewise.evaluation.protocols.people import PeopleProtocol


def identification_page(
    record: Mapping[str, Any],
    protocol: PeopleProtocol,
    results: Sequence[IdentificationScored],
) -> str:
    """The page; see `write_identification_report`.

    Raises:
        ExtraMissingError: matplotlib is missing.
    """
    pictures = Pictures(protocol.images, protocol.names)
    title = str(record.get("title", protocol.name))
    return page.page(
        title,
        [*circumstances.opening(record), page.results([_result(each) for each in results])],
        [
            Section("Figures", _comparison(results)),
            Section("Curves", _curves(results)),
            Section("DIR at FPIR", _operating_points(results)),
            Section("Worst false positives", _strangers(results, protocol, pictures)),
            Section("Worst misses", _misses(results, protocol, pictures)),
            circumstances.failures(
                [(each.model, each.found) for each in results], protocol.names, pictures
            ),
            circumstances.repetition(record),
        ],
    )


def _result(result: IdentificationScored) -> Result:
    figures = result.figures
    known = [point for point in figures["dir_at_fpir"] if point["dir"] is not None]
    said = []
    if figures["mated"]:
        said.append(
            f"Share of {figures['mated']:,} probes of people in the gallery whose own person, of "
            f"{figures['people']:,}, is the most alike."
        )
    if known:
        point = known[-1]
        said.append(
            f"At a false-positive rate of {wording.rate(point['fpir'])} it finds and names "
            f"{wording.percent(point['dir'])} of them."
        )
    elif figures["dir_at_fpir"]:
        said.append("No rate at a false-positive rate could be measured with so few other probes.")
    first = float(result.ranks[0]) if len(result.ranks) else None
    return Result(result.model, wording.percent(first), "at rank 1", " ".join(said))


def _comparison(results: Sequence[IdentificationScored]) -> tuple[Html, ...]:
    ranks = list(dict.fromkeys(rank for each in results for rank in each.figures["rank"]))
    rows = [
        (
            each.model,
            *(wording.percent(each.figures["rank"].get(rank)) for rank in ranks),
            wording.count(each.figures["people"]),
            wording.count(each.figures["failed_people"]),
            wording.count(each.figures["mated"]),
            wording.count(each.figures["non_mated"]),
            wording.count(each.figures["failed_probes"]),
        )
        for each in results
    ]
    headings = (
        "model",
        *(f"rank {rank}" for rank in ranks),
        "people",
        "failed people",
        "mated probes",
        "other probes",
        "failed probes",
    )
    caption = "Share of mated probes whose own person is among the so many most alike."
    return (page.table(caption, headings, rows),)


def _curves(results: Sequence[IdentificationScored]) -> tuple[Html, ...]:
    entries: list[tuple[Chart, str]] = []
    ranked = [(each.model, each.ranks) for each in results if len(each.ranks)]
    if ranked:
        said = "; ".join(f"{name} {wording.percent(float(r[0]))} at rank 1" for name, r in ranked)
        chart = charts.ranks_chart(
            "cmc",
            "Identification rate by rank",
            f"Cumulative match characteristic. {said}.",
            ranked,
        )
        entries.append(
            (chart, "Closed set: mated probes only. Probes that failed are never found.")
        )
    opened = [each for each in results if len(each.dir_curve[0])]
    if opened:
        entries.append(_open_set(opened))
    return (page.figures(entries),) if entries else ()


def _open_set(results: Sequence[IdentificationScored]) -> tuple[Chart, str]:
    trials = int(results[0].figures["non_mated"])
    said = [
        f"{each.model} {wording.percent(point['dir'])} at FPIR {wording.rate(point['fpir'])}"
        for each in results
        for point in each.figures["dir_at_fpir"]
        if point["dir"] is not None
    ]
    chart = charts.rates_chart(
        "dir",
        "Detection and identification by false positives",
        f"Open-set curve. {'; '.join(said) or 'No rate could be measured'}.",
        [charts.Curve(each.model, *each.dir_curve) for each in results],
        axes=("false-positive rate (FPIR)", "found and named (DIR)"),
        trials=trials,
        measured=metrics.MIN_ERRORS,
    )
    return chart, (
        f"Open set: {trials:,} probes show people who are not enrolled. In the shaded part too few "
        "of them are taken for somebody to measure a rate."
    )


def _operating_points(results: Sequence[IdentificationScored]) -> tuple[Html, ...]:
    points = [(point, each.model) for each in results for point in each.figures["dir_at_fpir"]]
    points.sort(key=lambda each: -float(each[0]["fpir"]))
    rows = [
        [
            wording.rate(point["fpir"]),
            name,
            wording.percent(point["dir"]),
            wording.number(point["threshold"]),
            str(point["note"]),
        ]
        for point, name in points
    ]
    if not rows:
        return ()
    caption = (
        "Share of mated probes that are found at rank 1 and at or above the threshold, where the "
        "share of other probes taken for somebody does not exceed FPIR."
    )
    headings = ["FPIR", "model", "DIR", "threshold", "note"]
    if not any(row[-1] for row in rows):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    return (page.table(caption, headings, rows, words=(1, 4)),)


def _strangers(
    results: Sequence[IdentificationScored], protocol: PeopleProtocol, pictures: Pictures
) -> tuple[Html, ...]:
    said = "Probes of people who are not enrolled, most alike to somebody who is."
    return _errors([(r, r.worst_false_positives) for r in results], said, protocol, pictures)


def _misses(
    results: Sequence[IdentificationScored], protocol: PeopleProtocol, pictures: Pictures
) -> tuple[Html, ...]:
    said = "Probes of enrolled people that are more alike to somebody else, most alike first."
    return _errors([(r, r.worst_misses) for r in results], said, protocol, pictures)


def _errors(
    errors: Sequence[tuple[IdentificationScored, Sequence[Error]]],
    said: str,
    protocol: PeopleProtocol,
    pictures: Pictures,
) -> tuple[Html, ...]:
    """Each probe beside an image of the person it was taken for."""
    blocks: list[Html] = []
    for result, worst in errors:
        if not worst:
            continue
        if len(errors) > 1:
            blocks.append(page.heading(result.model))
        cards = [
            Card(
                tuple(pictures.thumbnail(n, result.found.boxes[n]) for n in (probe, taken)),
                wording.number(similarity),
                f"taken for {protocol.people[taken]}",
                wrong=True,
            )
            for probe, taken, similarity in worst
        ]
        blocks += [page.paragraph(said, "note"), page.gallery(cards)]
    return tuple(blocks)
