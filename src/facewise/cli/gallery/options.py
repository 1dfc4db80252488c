"""Arguments and options that several commands of the gallery have, and how it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from facewise.errors import ModelError

if TYPE_CHECKING:
    from facewise.embedding import Embedder
    from facewise.gallery import Gallery, Store


class TemplateKind(str, Enum):
    """What of a person a face is compared with."""

    best = "best"
    mean = "mean"
    quality = "quality"


class Selection(str, Enum):
    """Which face of a picture counts."""

    largest = "largest"
    most_central = "most_central"
    most_confident = "most_confident"


StoreUrl: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="STORE",
        help="The gallery: a file such as people.db, or a URL.",
        show_default=False,
    ),
]
Who: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The person: a name, or a number such as '#12'.", show_default=False
    ),
]
Faces: TypeAlias = Annotated[
    list[int] | None,
    typer.Option(
        "--face", metavar="ID", help="A face, as `show` numbers it; repeat it.", show_default=False
    ),
]
Consent: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What the person agreed to.", show_default=False),
]
Retain: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--retain-until",
        metavar="YYYY-MM-DD",
        formats=["%Y-%m-%d"],
        help="The last day on which the person may be kept (see `purge-expired`).",
        show_default=False,
    ),
]
Notes: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Any text about the person.", show_default=False)
]


def day(moment: datetime | None) -> date | None:
    """The date of an option."""
    return None if moment is None else moment.date()


def opened(url: str) -> Gallery:
    """The gallery, for what needs no model."""
    from facewise.gallery import Gallery

    return Gallery.open(url)


def with_models(
    url: str,
    model: str | None,
    detector: str | None,
    *,
    mode: Enum | None = None,
    backend: Enum | None = None,
    precision: Enum | None = None,
    device: str | None = None,
    cache: bool = True,
) -> Gallery:
    """The gallery with the models that the options name; without `--model`, with its own.

    Raises:
        ModelMismatchError: `--model` is not the one it was made with.
    """
    from facewise.cli.loading import the_detector
    from facewise.gallery import Gallery, open_store

    store = open_store(url)
    try:
        embedder = embedder_of(store, model, device, backend, precision)
        finder = the_detector(detector, device, mode=mode, backend=backend)
        return Gallery(store, embedder, detector=finder, cache=cache)
    except BaseException:
        store.close()
        raise


def embedder_of(
    store: Store,
    model: str | None,
    device: str | None,
    backend: Enum | None,
    precision: Enum | None,
) -> Embedder:
    """The embedder of `--model`, or without it the one that a gallery was made with.

    Raises:
        ModelError: there is no such model here.
        ModelMismatchError: it is another than the gallery was made with; names both.
    """
    from facewise.cli.loading import the_embedder
    from facewise.gallery import ModelFacts

    facts = store.facts()
    name, flip = model, None
    if model is None:
        name, flip = facts.model, bool(facts.settings.get("flip", False))
    try:
        embedder = the_embedder(name, device, flip, backend=backend, precision=precision)
    except ModelError as error:
        if model is not None:
            raise
        raise ModelError(
            f"{store.url}: made with {name}, which cannot be loaded: {error}; name it with --model"
        ) from error
    facts.require(ModelFacts.of(embedder), place=store.url)
    return embedder


def is_gallery(people: str) -> bool:
    """Whether what `--people` names is a gallery, and no folder."""
    return "://" in people or Path(people).is_file()


def store_path(url: str) -> Path:
    """The file of a gallery that is one; else a path that does not exist."""
    return Path(url.split("://", 1)[1].removeprefix("/") if "://" in url else url)


def guard(url: str, json_file: Path | None, read: Iterable[Path | bytes] = ()) -> None:
    """Make sure that the result is not written over the gallery or a picture.

    Raises:
        FacewiseError: it would be.
    """
    from facewise.cli.files import protect

    protect([store_path(url), *read], [json_file])


def write(json_file: Path | None, content: Any) -> bool:
    """Write a result as JSON where it is asked for; whether standard output is free for words."""
    from facewise.cli.files import write_text

    if json_file is None:
        return True
    write_text(json_file, json.dumps(content, indent=2))
    return str(json_file) != "-"
