"""The command `facewise`: thin, one file for each command or group."""

from __future__ import annotations

import errno
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from facewise._version import __version__
from facewise.cli import (
    align,
    calibrate,
    camera,
    clean,
    cluster,
    compare,
    convert,
    detect,
    doctor,
    embed,
    evaluate,
    export,
    export_model,
    gallery,
    models,
    recognize,
    track,
    train,
)
from facewise.cli.files import shown
from facewise.errors import FacewiseError


class _Group(TyperGroup):
    """Turns what goes wrong in any command into one line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except (FacewiseError, OSError) as error:
            if ctx.params["debug"] or getattr(error, "errno", None) == errno.EPIPE:
                raise  # a reader that went away is Typer's to deal with, quietly
            typer.echo(f"error: {shown(str(error))}", err=True)
            raise typer.Exit(1) from error
        except MemoryError as error:
            if ctx.params["debug"]:
                raise
            typer.echo("error: this machine has not enough memory for that", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from None  # what a shell shows for SIGINT: 128 + 2


app = typer.Typer(
    cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
for _command in (
    detect.detect,
    embed.embed,
    compare.compare,
    recognize.recognize,
    track.track,
    calibrate.calibrate,
    align.align,
    camera.camera,
    clean.clean,
    export.export,
    export_model.export_model,
    doctor.doctor,
):
    app.command()(_command)
app.add_typer(cluster.app, name="cluster")
app.add_typer(gallery.app, name="gallery")
app.add_typer(models.app, name="models")
app.add_typer(convert.app, name="convert")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"facewise {__version__}")
        raise typer.Exit


@app.callback()
def _facewise(
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar="FACEWISE_DEBUG", help="Show where in the code an error came from."
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Find, compare and recognise faces in photos, offline."""


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as a line for people: where in the code it came from is not for them."""
    typer.echo(f"warning: {shown(str(message))}", err=True)


def main() -> None:
    """Run the command line of this process; ends the process."""
    # Pictures up to `images.MAX_PIXELS` are wanted; Pillow begins to warn at half of that.
    warnings.filterwarnings("ignore", message=".*decompression bomb")
    warnings.showwarning = _show_warning
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # A file name may hold what the terminal's encoding lacks: escape it rather than fail.
        stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="facewise")
    except KeyboardInterrupt:  # before or after a command, whose own are dealt with above
        typer.echo("interrupted", err=True)
        sys.exit(130)
