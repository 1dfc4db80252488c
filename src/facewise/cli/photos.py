"""Work through many pictures: errors do not stop the rest, and are listed at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from facewise.cli.files import shown
from facewise.cli.inputs import Input
from facewise.cli.progress import progress
from facewise.errors import ImageError

if TYPE_CHECKING:
    from facewise.faces import Faces
    from facewise.recognition import PhotoResult


def work_through(
    inputs: Sequence[Input], run: Callable[[Input], Faces], doing: str
) -> list[PhotoResult]:
    """The result of each input; of one that cannot be read, its error.

    Args:
        inputs: the pictures.
        run: what to do with each; raises `ImageError` when it is not a picture.
        doing: a word for the progress bar.
    """
    from facewise.faces import Faces
    from facewise.recognition import PhotoResult

    results = []
    for item in progress(inputs, doing):
        try:
            if item.problem is not None:
                raise ImageError(item.problem)
            results.append(PhotoResult(item.name, run(item)))
        except ImageError as error:
            results.append(PhotoResult(item.name, Faces.empty(), str(error)))
    return results


def end(results: Sequence[PhotoResult]) -> None:
    """List the pictures that failed, if any did, and end with exit status 1."""
    failed = [result for result in results if result.error is not None]
    if failed:
        typer.echo(f"failed: {len(failed)} of {len(results)}", err=True)
        for result in failed:
            typer.echo(f"  {shown(result.error or '')}", err=True)
        raise typer.Exit(1)
