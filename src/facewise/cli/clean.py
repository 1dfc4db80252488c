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
from facewise.cli.option_sets import ModelOptions, takes
from facewise.cli.options import Json
from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from facewise.curation.cleaning import CleanOptions, PeopleFolders, Verdicts
    from facewise.curation.cleaning.placements import Plan

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
    from facewise.curation.cleaning import CleanOptions, plan_decisions, plan_verdicts

    if undo is not None:
        _undo(undo, [source, out, rejected, report, json_file, apply, journal])
        return
    if source is None:
        raise typer.BadParameter("SRC: name the folder of people, or --undo JOURNAL")
    _check(source, out, rejected, report, json_file, journal)
    if apply is not None:
        if out is None and rejected is None:
            raise typer.BadParameter("--apply: say where to place: --out, --rejected or both")
        if report is not None or json_file is not None:
            raise typer.BadParameter("--apply: goes without --report and --json; it judges nothing")
        problems = _place(
            plan_decisions(apply, source, out, rejected), source, out, rejected, journal, how
        )
        _end(problems)
        return
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
        problems += _place(plan, source, out, rejected, journal, how, quiet=str(json_file) == "-")
    _end(problems)


def _check(
    source: Path,
    out: Path | None,
    rejected: Path | None,
    report: Path | None,
    json_file: Path | None,
    journal: Path | None,
) -> None:
    from facewise.cli.files import is_within, protect

    folders = {"--out": out, "--rejected": rejected}
    for name, folder in folders.items():
        if folder is not None and (is_within(folder, source) or is_within(source, folder)):
            raise FacewiseError(f"{name} {folder}: lies in SRC, or SRC in it; choose another")
    nested = (
        out is not None
        and rejected is not None
        and (is_within(out, rejected) or is_within(rejected, out))
    )
    if nested:
        raise FacewiseError("--out and --rejected: one lies in the other; choose another")
    for name, file in {"--report": report, "--json": json_file, "--journal": journal}.items():
        if file is not None and str(file) != "-" and is_within(file, source):
            raise FacewiseError(f"{name} {file}: lies in SRC; choose another folder")
    protect([], [report, json_file, journal])


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


def _place(
    plan: Plan,
    source: Path,
    out: Path | None,
    rejected: Path | None,
    journal: Path | None,
    how: How,
    *,
    quiet: bool = False,
) -> list[str]:
    from facewise.cli.progress import counting
    from facewise.curation.cleaning import JOURNAL
    from facewise.curation.placing import place

    file = journal or (out or rejected or Path()) / JOURNAL
    with counting("placing", len(plan.placements)) as report:
        done = place(
            plan.placements,
            file,
            how=how.value,
            made={"command": "clean", "source": str(source.resolve())},
            report=report,
        )
    if not quiet:
        changed = f", {plan.overruled:,} as you decided" if plan.overruled else ""
        typer.echo(f"{plan.kept:,} kept, {plan.rejected:,} rejected{changed}")
        before = f", {done.kept:,} were there" if done.kept else ""
        gone = f", {done.removed:,} taken away" if done.removed else ""
        typer.echo(f"{done.made:,} placed{before}{gone}")
        typer.echo(f"undo with: facewise clean --undo {shlex.quote(str(file))}")
    return [*plan.problems, *done.problems]


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
    command = shlex.join(["facewise", "clean", str(people.source), *places])
    page = cleaning_page(people, verdicts, model, command=command)
    inline = len(people.pictures) <= _INLINE
    with waiting("writing the page"):
        write_page(report, page, pictures="inline" if inline else "beside")
    typer.echo(f"page: {report}", err=True)


def _undo(journal: Path, others: list[Path | None]) -> None:
    from facewise.curation.placing import undo

    if any(other is not None for other in others):
        raise typer.BadParameter("--undo: goes without other arguments")
    done = undo(journal)
    typer.echo(f"{done.removed:,} pictures and {done.folders:,} folders taken away")
    _end(done.left)


def _end(problems: list[str]) -> None:
    """List what went wrong, if anything did, and end with exit status 1."""
    from facewise.cli.files import shown

    if problems:
        typer.echo(f"failed: {len(problems):,}", err=True)
        for problem in problems:
            typer.echo(f"  {shown(problem)}", err=True)
        raise typer.Exit(1)
