"""`facewise train index|split|overlap`: what there is to learn from, before anything is learnt."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from facewise.cli.options import Detector, Device, Model
from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facewise.training.data.index import FaceIndex

_LISTED = 20
"""Problems that are shown; all are counted."""


class Form(str, Enum):
    """Forms of data."""

    auto = "auto"
    folder = "folder"
    csv = "csv"
    lfw_view1 = "lfw-view1"
    recordio = "recordio"


Data: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder of people, a CSV file (path, person), LFW's people file, or a .rec file.",
        show_default=False,
    ),
]
DataForm: TypeAlias = Annotated[Form, typer.Option("--form", help="The form of the data.")]
Images: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", file_okay=False, help="Folder of the pictures that a list names."),
]
Least: TypeAlias = Annotated[
    int, typer.Option(metavar="K", min=1, help="Leave out people with fewer pictures.")
]


def index(
    data: Data,
    out: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, help="Write the index there, as CSV.")
    ],
    form: DataForm = Form.auto,
    images: Images = None,
    at_least: Least = 1,
    check: Annotated[
        bool, typer.Option(help="Open every picture, and leave out those that cannot be.")
    ] = True,
) -> None:
    """List who is in which picture: path and person, for --data."""
    from facewise.cli.progress import counting
    from facewise.training.data.index import at_least as with_at_least
    from facewise.training.data.index import verified, write_csv

    found = read_data(data, form, images)
    if check:
        with counting("opening", len(found)) as report:
            found = verified(found, report)
    found = with_at_least(found, at_least)
    write_csv(found, out)
    typer.echo(f"{len(found):,} pictures of {found.num_classes:,} people: {out}")
    list_problems(found.problems)


def split(
    data: Data,
    train: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, help="Write those to train with there.")
    ],
    test: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, help="Write those held out there.")
    ],
    share: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the people that are held out, in (0, 1).")
    ] = 0.1,
    seed: Annotated[int, typer.Option(metavar="N", help="Another one holds out others.")] = 0,
    form: DataForm = Form.auto,
    images: Images = None,
    at_least: Least = 1,
) -> None:
    """Cut a data set in two that have nobody in common."""
    from facewise.cli.files import protect
    from facewise.training.data.index import at_least as with_at_least
    from facewise.training.data.index import split_people, write_csv

    if not 0 < share < 1:
        raise typer.BadParameter(f"--share: expected a share between 0 and 1, got {share:g}")
    protect([Path(data)], [train, test])
    parts = split_people(with_at_least(read_data(data, form, images), at_least), share, seed)
    for part, path in zip(parts, (train, test), strict=True):
        write_csv(part, path)
        typer.echo(f"{len(part):,} pictures of {part.num_classes:,} people: {path}")
    list_problems(parts[0].problems)


def overlap(
    train: Annotated[
        str, typer.Argument(metavar="TRAIN", help="Data to train with.", show_default=False)
    ],
    test: Annotated[
        str, typer.Argument(metavar="TEST", help="Data to test with.", show_default=False)
    ],
    train_images: Images = None,
    test_images: Images = None,
    faces: Annotated[bool, typer.Option(help="Compare faces too, not names alone.")] = True,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="The pictures are chips already: look for no faces.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="COSINE",
            help="Faces at least so alike are one person. Default: the model's for FAR 1e-4.",
        ),
    ] = None,
    model: Model = None,
    detector: Detector = None,
    device: Device = None,
) -> None:
    """List people who stand in both data sets, by name and by face.

    Exit status: 0 where there is nobody, 1 where there is.
    """
    from facewise.training.data.overlap import overlap as compare

    known, tested = (
        read_data(train, Form.auto, train_images),
        read_data(test, Form.auto, test_images),
    )
    vectors, cut = None, None
    if faces:
        from contextlib import closing

        from facewise.cli.loading import the_detector, the_embedder
        from facewise.cli.progress import counting
        from facewise.pipeline import Pipeline
        from facewise.result_cache import ResultCache
        from facewise.training.data.overlap import index_vectors

        embedder = the_embedder(model, device)
        cut = embedder.spec.threshold(1e-4).value if threshold is None else threshold
        if not -1 <= cut <= 1:
            raise typer.BadParameter(f"--threshold: expected a cosine in [-1, 1], got {cut:g}")
        with closing(ResultCache()) as store:
            pipeline = (
                None if aligned else Pipeline(the_detector(detector, device), embedder, store)
            )
            found = []
            for each in (known, tested):
                with counting("embedding", len(each)) as report:
                    found.append(index_vectors(each, embedder, report, pipeline=pipeline).vectors)
        vectors = (found[0], found[1])
    both = compare(known, tested, vectors=vectors, threshold=cut)
    for name in both.by_name:
        typer.echo(f"name: {name.train} = {name.test}")
    for face in both.by_face:
        typer.echo(f"face: {face.train} = {face.test} ({face.similarity:.4f})")
    if both.unseen:
        typer.echo(f"{len(both.unseen)} people without a usable face were not compared", err=True)
    typer.echo(f"{len(both.test_names)} of {tested.num_classes} people of {test} stand in {train}")
    if both.test_names:
        raise typer.Exit(1)


def read_data(data: str, form: Form, images: Path | None) -> FaceIndex:
    """The index of the data that an argument names."""
    from facewise.training.opening import read_index

    if not data:
        raise FacewiseError("data: the name is empty; expected a folder or a list of pictures")
    return read_index(data, form.value, images)


def list_problems(problems: Sequence[object]) -> None:
    """List what was left out, on standard error."""
    if problems:
        typer.echo(f"to look at: {len(problems)}", err=True)
        for problem in problems[:_LISTED]:
            typer.echo(f"  {problem}", err=True)
        if len(problems) > _LISTED:
            typer.echo(f"  and {len(problems) - _LISTED} more", err=True)
