"""`facewise evaluate`: how well a model tells people apart, on published and on own protocols."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from facewise.cli.evaluate.options import (
    PairOptions,
    RunOptions,
    check_rates,
    check_usage,
)
from facewise.cli.option_sets import takes

app = typer.Typer(
    help="Measure how well a model tells people apart, on published protocols and your own.",
    no_args_is_help=True,
)

_Images: TypeAlias = Annotated[Path, typer.Option(metavar="DIR", help="The folder of images.")]
_Pairs: TypeAlias = Annotated[Path, typer.Option(metavar="FILE", help="The list of pairs.")]
_Root: TypeAlias = Annotated[
    Path, typer.Option(metavar="DIR", help="The data set's folder, as it is published.")
]
_Folds: TypeAlias = Annotated[
    int | None, typer.Option(metavar="K", min=1, help="Only the first K folds.")
]


@app.command()
@takes(PairOptions)
def lfw(
    context: typer.Context,
    images: _Images,
    pairs: _Pairs,
    threshold_pairs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Decide by the best threshold of these pairs (View 1: pairsDevTrain.txt).",
        ),
    ] = None,
    folds: _Folds = None,
    *,
    options: PairOptions,
) -> None:
    """Labeled Faces in the Wild: View 2 (pairs.txt), or View 1 (pairsDevTest.txt).

    The threshold of each fold is the best of the others. A single fold has no others: then it is
    that of --threshold-pairs, or the model's own.
    """
    from facewise.cli.evaluate.pairs import run_pairs
    from facewise.evaluation.protocols.lfw import read_lfw

    if options.threshold is not None and threshold_pairs is not None:
        raise typer.BadParameter("--threshold and --threshold-pairs: give one of them")
    lists = [pairs] if threshold_pairs is None else [pairs, threshold_pairs]
    check_usage(lists, [images], options)
    protocol = read_lfw(pairs, images, folds)
    chosen_on = None if threshold_pairs is None else read_lfw(threshold_pairs, images)
    run_pairs(context, "Labeled Faces in the Wild", protocol, options, chosen_on=chosen_on)


@app.command()
@takes(PairOptions)
def calfw(
    context: typer.Context,
    images: _Images,
    pairs: _Pairs,
    folds: _Folds = None,
    *,
    options: PairOptions,
) -> None:
    """Cross-Age LFW: pairs_CALFW.txt and its folder of images."""
    _cross_lfw(context, "calfw", "Cross-Age LFW", images, pairs, folds, options)


@app.command()
@takes(PairOptions)
def cplfw(
    context: typer.Context,
    images: _Images,
    pairs: _Pairs,
    folds: _Folds = None,
    *,
    options: PairOptions,
) -> None:
    """Cross-Pose LFW: pairs_CPLFW.txt and its folder of images."""
    _cross_lfw(context, "cplfw", "Cross-Pose LFW", images, pairs, folds, options)


def _cross_lfw(
    context: typer.Context,
    name: Any,
    title: str,
    images: Path,
    pairs: Path,
    folds: int | None,
    options: PairOptions,
) -> None:
    from facewise.cli.evaluate.pairs import run_pairs
    from facewise.evaluation.protocols.cross_lfw import read_cross_lfw

    check_usage([pairs], [images], options)
    run_pairs(context, title, read_cross_lfw(name, pairs, images, folds), options)


@app.command("cfp-ff")
@takes(PairOptions)
def cfp_ff(
    context: typer.Context, root: _Root, folds: _Folds = None, *, options: PairOptions
) -> None:
    """Celebrities in Frontal-Profile, frontal to frontal: a folder with Protocol/ and Data/."""
    _cfp(context, "ff", "CFP, frontal to frontal", root, folds, options)


@app.command("cfp-fp")
@takes(PairOptions)
def cfp_fp(
    context: typer.Context, root: _Root, folds: _Folds = None, *, options: PairOptions
) -> None:
    """Celebrities in Frontal-Profile, frontal to profile: a folder with Protocol/ and Data/."""
    _cfp(context, "fp", "CFP, frontal to profile", root, folds, options)


def _cfp(
    context: typer.Context,
    kind: Any,
    title: str,
    root: Path,
    folds: int | None,
    options: PairOptions,
) -> None:
    from facewise.cli.evaluate.pairs import run_pairs
    from facewise.evaluation.protocols.cfp import read_cfp

    check_usage([], [root], options)
    run_pairs(context, title, read_cfp(kind, root, folds), options)


@app.command()
@takes(PairOptions)
def agedb(
    context: typer.Context,
    images: _Images,
    pairs: _Pairs,
    folds: _Folds = None,
    *,
    options: PairOptions,
) -> None:
    """AgeDB: images named NUMBER_NAME_AGE_GENDER.jpg, and lines `FILE FILE LABEL`."""
    from facewise.cli.evaluate.pairs import run_pairs
    from facewise.evaluation.protocols.agedb import read_agedb

    check_usage([pairs], [images], options)
    run_pairs(context, "AgeDB", read_agedb(pairs, images, folds), options)


@app.command("pairs")
@takes(PairOptions)
def own_pairs(
    context: typer.Context,
    images: _Images,
    pairs: _Pairs,
    folds: _Folds = None,
    *,
    options: PairOptions,
) -> None:
    """Pairs of your own: a CSV with the columns image_a, image_b, same and, if you like, fold."""
    from facewise.cli.evaluate.pairs import run_pairs
    from facewise.evaluation.protocols.pairs_csv import read_pairs_csv

    check_usage([pairs], [images], options)
    run_pairs(context, f"Pairs of {pairs.name}", read_pairs_csv(pairs, images, folds), options)


@app.command("bin")
@takes(PairOptions)
def bin_pack(
    context: typer.Context,
    pack: Annotated[Path, typer.Option(metavar="FILE", help="The .bin file.")],
    folds: Annotated[int, typer.Option(metavar="K", min=1, help="Cut it in K folds.")] = 10,
    *,
    options: PairOptions,
) -> None:
    """A verification pack of insightface (lfw.bin, agedb_30.bin); its images are aligned chips.

    They are 112×112 pixels, cut to the template of ArcFace: give --aligned and a model that takes
    such chips. Without it faces are looked for in the chips, which is another measurement.
    """
    from facewise.cli.evaluate.pairs import run_pairs
    from facewise.evaluation.protocols.bin_pack import read_bin_pack

    check_usage([pack], [], options)
    run_pairs(context, f"Pack {pack.name}", read_bin_pack(pack, folds), options)


class _Ijb(str, Enum):
    ijbb = "ijbb"
    ijbc = "ijbc"


@app.command()
@takes(RunOptions)
def ijb(
    context: typer.Context,
    root: _Root,
    name: Annotated[_Ijb, typer.Option(help="Which of the two data sets.")] = _Ijb.ijbc,
    weight_by_score: Annotated[
        bool,
        typer.Option(
            "--weight-by-score", help="Weigh each image by its detection score in the meta files."
        ),
    ] = False,
    far: Annotated[
        list[float],
        typer.Option(metavar="RATE", help="Instead of 1e-1 to 1e-6; repeatable."),
    ] = [],  # noqa: B006 - Typer copies it
    *,
    options: RunOptions,
) -> None:
    """IJB-B or IJB-C, 1:1: a folder with meta/ and loose_crop/; templates pooled by media.

    Faces are cut by the landmarks of the meta files; with --detector they are looked for.
    """
    from facewise.cli.evaluate.templates import run_templates
    from facewise.evaluation.protocols.ijb import read_ijb

    check_usage([], [root], options)
    check_rates("--far", far)
    if options.mode and not options.detector:
        raise typer.BadParameter("--mode is of a detector, and the landmarks are known; give both")
    run_templates(context, read_ijb(name.value, root), options, far=far, by_score=weight_by_score)


@app.command()
@takes(RunOptions)
def identification(
    context: typer.Context,
    gallery: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of images for each enrolled person.")
    ],
    probes: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Likewise, of people to search; who is not enrolled is a stranger."
        ),
    ],
    rank: Annotated[
        list[int],
        typer.Option(metavar="K", min=1, help="Instead of ranks 1, 5, 10 and 20; repeatable."),
    ] = [],  # noqa: B006 - Typer copies it
    fpir: Annotated[
        list[float],
        typer.Option(metavar="RATE", help="Instead of 1e-1, 1e-2 and 1e-3; repeatable."),
    ] = [],  # noqa: B006 - Typer copies it
    *,
    options: RunOptions,
) -> None:
    """1:n search: closed set (CMC, rank k) and open set (DIR at FPIR)."""
    from facewise.cli.evaluate.search import run_search
    from facewise.evaluation.protocols.people import read_people

    check_usage([], [gallery, probes], options)
    check_rates("--fpir", fpir)
    protocol = read_people(gallery, probes)
    enrolled = len(set(protocol.people[: protocol.enrolled]))
    if max(rank, default=0) > enrolled:
        raise typer.BadParameter(f"--rank {max(rank)}: the gallery has {enrolled} people")
    run_search(context, protocol, options, ranks=rank, fpirs=fpir)
