"""`facewise clean`: what does not belong in each person's folder."""

from __future__ import annotations

import json
import shlex
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.clean_output import as_json, summary
from facewise.cli.clean_places import check_places, end, place_plan, undo_journal
from facewise.cli.option_sets import ModelOptions, takes
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.curation.cleaning import CleanOptions, PeopleFolders, Verdicts

_INLINE = 2000  # pictures up to which a page holds its thumbnails itself


class Method(str, Enum):
    """How faces are judged."""

    consensus = "consensus"
    agglomerative = "agglomerative"


class Affinity(str, Enum):
    """Of agglomerative clustering."""

    cosine = "cosine"
    euclidean = "euclidean"


class Linkage(str, Enum):
    """Of agglomerative clustering."""

    average = "average"
    complete = "complete"
    single = "single"
    ward = "ward"


class How(str, Enum):
    """How pictures come into other folders."""

    copy = "copy"
    symlink = "symlink"
    hardlink = "hardlink"


@takes(ModelOptions)
def clean(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="SRC", help="A folder with a folder for each person.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Place what belongs there."),
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Place what does not belong there."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE.html",
            dir_okay=False,
            help="Write a page with every face and the reason, where a click overrules.",
        ),
    ] = None,
    json_file: Json = None,
    how: Annotated[How, typer.Option(help="Copies, or links.")] = How.copy,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Place the pictures as this decision file says, which a page exported.",
        ),
    ] = None,
    undo: Annotated[
        Path | None,
        typer.Option(
            metavar="JOURNAL",
            dir_okay=False,
            help="Take away what a run has placed, and nothing else; needs no SRC.",
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="List what is placed there (default: .facewise-clean.jsonl in --out).",
        ),
    ] = None,
    method: Annotated[
        Method, typer.Option(help="By all folders together, or the largest cluster of each.")
    ] = Method.consensus,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="COSINE", help="Similarity from which a face belongs; by default it is found."
        ),
    ] = None,
    affinity: Annotated[Affinity, typer.Option(help="Of agglomerative.")] = Affinity.cosine,
    linkage: Annotated[Linkage, typer.Option(help="Of agglomerative.")] = Linkage.average,
    distance_threshold: Annotated[
        float, typer.Option(metavar="DISTANCE", help="Of agglomerative.")
    ] = 0.7,
    min_side: Annotated[
        float, typer.Option(metavar="PIXELS", min=0, help="Reject smaller faces.")
    ] = 24,
    min_focus: Annotated[
        float, typer.Option(metavar="N", min=0, help="Reject faces that are less sharp.")
    ] = 0.005,
    min_score: Annotated[
        float, typer.Option(metavar="N", min=0, max=1, help="Reject what the detector doubts.")
    ] = 0.8,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Keep one of pictures nearly the same.")
    ] = False,
    *,
    options: ModelOptions,
) -> None:
    """Find what does not belong in each person's folder; the folders themselves stay as they are.

    Exit status: 0, or 1 when a picture could not be read or placed.
    """
    from facewise.cli.loading import wrong_usage
    from facewise.curation.cleaning import CleanOptions, plan_decisions, plan_verdicts

    if undo is not None:
        undo_journal(undo, [source, out, rejected, report, json_file, apply, journal])
        return
    if source is None:
        raise typer.BadParameter("SRC: name the folder of people, or --undo JOURNAL")
    check_places(source, out, rejected, report, json_file, journal)
    if apply is not None:
        if out is None and rejected is None:
            raise typer.BadParameter("--apply: say where to place: --out, --rejected or both")
        if report is not None or json_file is not None:
            raise typer.BadParameter("--apply: goes without --report and --json; it judges nothing")
        problems = place_plan(
            plan_decisions(apply, source, out, rejected), source, out, rejected, journal, how.value
        )
        end(problems)
        return
    with wrong_usage():
        chosen = CleanOptions(
            method=method.value,
            threshold=threshold,
            affinity=affinity.value,
            linkage=linkage.value,
            distance_threshold=distance_threshold,
            min_side=min_side,
            min_focus=min_focus,
            min_score=min_score,
            drop_duplicates=drop_duplicates,
        )
    people, verdicts, model, loose = _judge(source, chosen, options)
    if json_file is not None:
        from facewise.cli.files import write_text

        write_text(json_file, json.dumps(as_json(people, verdicts, model)))
    if str(json_file) != "-":
        summary(people, verdicts)
    if report is not None:
        _report(report, people, verdicts, model, out, rejected)
    problems = [
        f"{people.source / p.path}: {p.problem}" for p in people.pictures if p.problem is not None
    ]
    problems += [f"{path}: lies in no person's folder, and was left out" for path in loose]
    if out is not None or rejected is not None:
        plan = plan_verdicts(people, verdicts, out, rejected)
        problems += place_plan(
            plan, source, out, rejected, journal, how.value, quiet=str(json_file) == "-"
        )
    end(problems)


def _judge(
    source: Path, chosen: CleanOptions, options: ModelOptions
) -> tuple[PeopleFolders, Verdicts, str, list[Path]]:
    from facewise.cli.loading import the_detector, the_embedder, wrong_usage
    from facewise.cli.progress import counting, waiting
    from facewise.curation.cleaning import find_pictures, judge_pictures, read_people_folders
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache

    paths, loose = find_pictures(source)
    embedder = the_embedder(
        options.model, options.device, backend=options.backend, precision=options.precision
    )
    finder = the_detector(
        options.detector, options.device, mode=options.mode, backend=options.backend
    )
    with ResultCache() if options.cache else nullcontext() as store:
        pipeline = Pipeline(finder, embedder, store)
        with counting("looking", len(paths)) as report:
            people = read_people_folders(source, paths, pipeline, report)
    with waiting("judging"), wrong_usage():
        verdicts = judge_pictures(people, embedder.spec, chosen)
    return people, verdicts, embedder.spec.id, loose


def _report(
    report: Path,
    people: PeopleFolders,
    verdicts: Verdicts,
    model: str,
    out: Path | None,
    rejected: Path | None,
) -> None:
    from facewise.cli.progress import waiting
    from facewise.curation.cleaning import cleaning_page
    from facewise.curation.pages import write_page

    places = [
        *("--out", str(out or "CLEAN")),
        *("--rejected", str(rejected or "REJECTED")),
        *("--apply", f"{report.stem}.decisions.json"),
    ]
    source = str(people.source)
    source = f"./{source}" if source.startswith("-") else source  # or it would be an option
    command = shlex.join(["facewise", "clean", source, *places])
    page = cleaning_page(people, verdicts, model, command=command)
    inline = len(people.pictures) <= _INLINE
    with waiting("writing the page"):
        write_page(report, page, pictures="inline" if inline else "beside")
    typer.echo(f"page: {report}", err=True)
