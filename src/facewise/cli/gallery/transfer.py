"""`facewise gallery export` and `import`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.gallery.options import (
    Consent,
    KeyFile,
    Retain,
    Selection,
    StoreUrl,
    day,
    guard,
    opened,
    write,
)
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.gallery import Imported


class WrittenFormat(str, Enum):
    """Formats that galleries are exported to."""

    parquet = "parquet"
    csv = "csv"
    npz = "npz"
    h5 = "h5"
    protobuf = "protobuf"


class ReadFormat(str, Enum):
    """Formats that are imported."""

    parquet = "parquet"
    csv = "csv"
    npz = "npz"
    npy = "npy"
    h5 = "h5"
    protobuf = "protobuf"
    shards = "shards"


def export_file(
    store: StoreUrl,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A new file: .parquet (everything), .csv, .npz, or facerec's .h5 and .protobuf.",
            show_default=False,
        ),
    ],
    form: Annotated[
        WrittenFormat | None,
        typer.Option("--format", help="Its format, where the suffix does not say."),
    ] = None,
    chips: Annotated[
        bool, typer.Option("--chips", help="With the cut-out faces (Parquet).")
    ] = False,
    means: Annotated[
        bool,
        typer.Option("--means", help="One vector for each person, the mean of all (h5, protobuf)."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json_file: Json = None,
    key_file: KeyFile = None,
) -> None:
    """Write all people and faces into a file of another format; never sealed."""
    from facewise.cli.files import protect
    from facewise.cli.progress import counting
    from facewise.gallery import ExportOptions

    if str(file) == "-":
        raise typer.BadParameter("an export is a file; it cannot be written to standard output")
    guard(store, json_file, key_file)
    protect(filter(None, [key_file]), [file, json_file])
    with (
        opened(store, key_file) as gallery,
        counting("exporting", gallery.store.counts().faces) as done,
    ):
        options = ExportOptions(
            format=None if form is None else form.value,
            chips=chips,
            means=means,
            force=force,
            done=done,
        )
        result = gallery.export(file, options)
    if write(json_file, result.to_dict()):
        kept = f"; chips: {result.chips}" if chips else ""
        typer.echo(f"{result.path}: people: {result.people}; faces: {result.faces}{kept}")


def import_file(
    store: StoreUrl,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Parquet, CSV, .npz, .npy with --names, facerec's .h5 or .protobuf, no pickles; "
            "or the folder of shards that `facewise embed` has written, a path or URL.",
            show_default=False,
        ),
    ],
    form: Annotated[
        ReadFormat | None,
        typer.Option("--format", help="Its format, where content and suffix do not say."),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="For .npy: the names, one on each line, or as an .npy array of texts.",
            show_default=False,
        ),
    ] = None,
    assume_model: Annotated[
        bool,
        typer.Option(
            "--assume-model",
            help="The vectors are of the gallery's model; needed where the file does not say.",
        ),
    ] = False,
    select: Annotated[
        Selection | None,
        typer.Option(
            help="Of shards: which face counts where a picture shows several; without it such "
            "pictures are left out, unless one face is much larger than all others.",
            show_default=False,
        ),
    ] = None,
    consent: Consent = None,
    retain_until: Retain = None,
    json_file: Json = None,
    key_file: KeyFile = None,
) -> None:
    """Add the people and faces of a file; what is there already is passed over.

    A face of shards gets its picture's label as the name: the folder, or a sample's class.

    --consent and --retain-until are for people for whom the file says nothing.

    Exit status: 0, or 1 when a row was not taken.
    """
    from facewise.cli.progress import counting
    from facewise.gallery import ImportOptions

    guard(store, json_file, key_file, [Path(file), *filter(None, [names])])
    with opened(store, key_file) as gallery, counting("importing", None) as done:
        options = ImportOptions(
            format=None if form is None else form.value,
            names=names,
            assume_model=assume_model,
            select=None if select is None else select.value,
            consent=consent or "",
            retain_until=day(retain_until),
            done=done,
        )
        result = gallery.import_faces(file, options)
    if write(json_file, result.to_dict()):
        again = f"; {result.skipped} there already" if result.skipped else ""
        typer.echo(f"faces added: {result.faces}; new people: {result.people}{again}")
    _end(result)


def _end(result: Imported) -> None:
    """Say what needs a look, on standard error; status 1 if a row was not taken."""
    from facewise.cli.files import shown

    if result.normalised:
        typer.echo(
            f"vectors that were not of unit length, and are now: {result.normalised}", err=True
        )
    if result.faceless or result.failed:
        typer.echo(
            f"pictures without a face: {result.faceless}; that could not be read: {result.failed}",
            err=True,
        )
    if not result.refused_count:
        return
    typer.echo(f"not imported: {result.refused_count}", err=True)
    for refusal in result.refused:
        typer.echo(f"  {shown(str(refusal))}", err=True)
    if len(result.refused) < result.refused_count:
        typer.echo("  …", err=True)
    raise typer.Exit(1)
