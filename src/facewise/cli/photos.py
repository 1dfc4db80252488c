"""Work through many pictures: errors do not stop the rest, and are listed at the end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import typer

from facewise.cli.files import shown
from facewise.cli.inputs import Input
from facewise.cli.progress import progress
from facewise.errors import ImageError

if TYPE_CHECKING:
    from facewise.faces import EmbeddedFaces, Faces
    from facewise.pipeline import Pipeline
    from facewise.recognition import PhotoResult


def work_through(
    inputs: Sequence[Input],
    find: Callable[[list[Input]], Generator[Faces | ImageError, None, None]],
    doing: str,
) -> list[PhotoResult]:
    """The result of each input; of one that cannot be read, its error.

    Args:
        inputs: the pictures.
        find: gives the faces of each of some pictures, in order, or its error.
        doing: a word for the progress bar.
    """
    from facewise.faces import Faces
    from facewise.recognition import PhotoResult

    results = []
    with closing(find([item for item in inputs if item.problem is None])) as each:
        for item in progress(inputs, doing):
            found = next(each) if item.problem is None else ImageError(item.problem)
            if isinstance(found, ImageError):
                results.append(PhotoResult(item.name, Faces.empty(), str(found)))
            else:
                results.append(PhotoResult(item.name, found))
    return results


def through(
    pipeline: Pipeline,
    items: Sequence[Input],
    finish: Callable[[Input, EmbeddedFaces], Faces],
) -> Generator[Faces | ImageError, None, None]:
    """Take inputs through the pipeline, on all processors.

    Args:
        pipeline: finds and embeds.
        items: the pictures.
        finish: what to make of the result of each, in a worker; may raise `ImageError` too.
    """
    from facewise.runtime.workers import ordered_map

    def finished(pair: tuple[Input, EmbeddedFaces | ImageError]) -> Faces | ImageError:
        item, found = pair
        try:
            return found if isinstance(found, ImageError) else finish(item, found)
        except ImageError as error:
            return error

    sources = [item.source for item in items]
    names = [item.name for item in items]
    with (
        closing(pipeline.run_each(sources, names=names)) as results,
        closing(ordered_map(finished, zip(items, results, strict=True))) as finishing,
    ):
        yield from finishing


def end(results: Sequence[PhotoResult]) -> None:
    """List the pictures that failed, if any did, and end with exit status 1."""
    failed = [result for result in results if result.error is not None]
    if failed:
        typer.echo(f"failed: {len(failed)} of {len(results)}", err=True)
        for result in failed:
            typer.echo(f"  {shown(result.error or '')}", err=True)
        raise typer.Exit(1)
