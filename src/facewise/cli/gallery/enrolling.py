"""`facewise gallery create` and `enrol`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.gallery.options import (
    Consent,
    KeyFile,
    Notes,
    Retain,
    Selection,
    StoreUrl,
    day,
    guard,
    the_key,
    with_models,
    write,
)
from facewise.cli.option_sets import ModelOptions, takes
from facewise.cli.options import Device, Json, Model

if TYPE_CHECKING:
    from facewise.cli.inputs import Input
    from facewise.gallery.enrolment import Enrolment, Remark
    from facewise.gallery.portraits import Portrait


def create(
    store: StoreUrl, key_file: KeyFile = None, model: Model = None, device: Device = None
) -> None:
    """Make an empty gallery for the vectors of a model, which from then on is its model.

    With a key, vectors and chips are sealed; every later command needs it.
    """
    from facewise.cli.loading import the_embedder
    from facewise.gallery import Gallery

    embedder = the_embedder(model, device)
    with Gallery.create(store, embedder, key=the_key(key_file)) as gallery:
        sealed = "" if gallery.store.cipher is None else ", sealed"
        typer.echo(f"{gallery.store.url}: a new gallery for {embedder.spec.id}{sealed}")


@takes(ModelOptions)
def enrol(
    store: StoreUrl,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURES...",
            help="Folders with a sub-folder of pictures for each person, or a picture for each; or "
            "with --name pictures of one person, as files, folders or patterns.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whom all pictures show.", show_default=False),
    ] = None,
    select: Annotated[
        Selection | None,
        typer.Option(
            help="Which face counts where a picture shows several; without it such pictures are "
            "left out, unless one face is much larger than all others.",
            show_default=False,
        ),
    ] = None,
    chips: Annotated[
        bool, typer.Option("--chips", help="Keep the cut-out faces too (PNG).")
    ] = False,
    consent: Consent = None,
    retain_until: Retain = None,
    notes: Notes = None,
    json_file: Json = None,
    key_file: KeyFile = None,
    *,
    options: ModelOptions,
) -> None:
    """Add the faces of pictures; what is enrolled already is passed over.

    Exit status: 0, or 1 when a picture was not enrolled.
    """
    from facewise.cli.inputs import STANDARD_INPUT, expand
    from facewise.cli.progress import counting
    from facewise.gallery import EnrolOptions
    from facewise.gallery.portraits import portraits as by_name

    if name is None and STANDARD_INPUT in pictures:
        raise typer.BadParameter("a picture from standard input needs --name")
    inputs = expand(pictures)  # once: standard input cannot be read again
    guard(store, json_file, key_file, [item.source for item in inputs])
    portraits, left_out = by_name(pictures) if name is None else _of_one(name, inputs)
    with (
        with_models(store, options, key_file) as gallery,
        counting("enrolling", len(portraits)) as done,
    ):
        how = EnrolOptions(
            select=None if select is None else select.value,
            chips=chips,
            notes=notes,
            consent=consent,
            retain_until=day(retain_until),
            done=done,
        )
        result = gallery.enrol_portraits(portraits, left_out, how)
    if write(json_file, result.to_dict()):
        again = f"; {result.skipped} enrolled already" if result.skipped else ""
        typer.echo(f"faces added: {result.faces}; new people: {len(result.people)}{again}")
    _end(result)


def _of_one(name: str, inputs: list[Input]) -> tuple[list[Portrait], list[Remark]]:
    """All inputs as pictures of one person; and those that there is nothing of."""
    from facewise.gallery.enrolment import Remark
    from facewise.gallery.names import checked_name
    from facewise.gallery.portraits import Portrait

    person = checked_name(name)
    found, left_out = [], []
    for item in inputs:
        if item.problem is None:
            found.append(Portrait(person, item.source, item.name))
        else:
            text = item.problem.removeprefix(f"{item.name}: ")
            left_out.append(Remark(item.name, person, "picture", text, enrolled=False))
    return found, left_out


def _end(result: Enrolment) -> None:
    """List what needs a look, on standard error; status 1 if anything was not enrolled."""
    from facewise.cli.files import shown

    for what, remarks in (("to look at", result.warnings), ("not enrolled", result.failed)):
        if remarks:
            typer.echo(f"{what}: {len(remarks)}", err=True)
            for remark in remarks:
                typer.echo(f"  {shown(str(remark))}", err=True)
    if result.failed:
        raise typer.Exit(1)
