"""Arguments and options that several commands of the gallery have, and how it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from facewise.cli.option_sets import ModelOptions
    from facewise.embedding import Embedder
    from facewise.gallery import Gallery, Store
    from facewise.gallery.sealing.keys import Key


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
KeyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        dir_okay=False,
        help="The key of a sealed gallery: 32 bytes, the same in base64, or a passphrase on one "
        "line. Without it, the text in FACEWISE_GALLERY_KEY.",
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


def the_key(file: Path | None) -> Key | None:
    """The key of `--key-file` or of the environment; None where neither is given.

    Raises:
        GalleryError: the file has none.
    """
    from facewise.gallery.sealing.keys import key_from_environment, key_from_file

    return key_from_environment() if file is None else key_from_file(file)


def opened(url: str, key_file: Path | None = None) -> Gallery:
    """The gallery, for what needs no model.

    Raises:
        GalleryError: it cannot be opened, perhaps since the key is missing or another one.
    """
    from facewise.gallery import Gallery

    return Gallery.open(url, key=the_key(key_file))


def with_models(url: str, models: ModelOptions, key_file: Path | None = None) -> Gallery:
    """The gallery with the models that the options name; without `--model`, with its own.

    Raises:
        GalleryError: as `opened`.
        ModelMismatchError: `--model` is not the one it was made with.
    """
    from facewise.cli.loading import the_detector
    from facewise.gallery import Gallery, open_store

    store = open_store(url, key=the_key(key_file))
    try:
        embedder = embedder_of(store, models.model, models.device, models.backend, models.precision)
        finder = the_detector(
            models.detector, models.device, mode=models.mode, backend=models.backend
        )
        return Gallery(store, embedder, detector=finder, cache=models.cache)
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
    from facewise.gallery import models

    def load(name: Any, flip: bool | None) -> Embedder:
        return the_embedder(name, device, flip, backend=backend, precision=precision)

    return models.embedder_of(store.facts(), model, store.url, load)


def is_gallery(people: str) -> bool:
    """Whether what `--people` names is a gallery, and no folder."""
    return "://" in people or Path(people).is_file()


def store_path(url: str) -> Path:
    """The file of a gallery that is one; else a path that does not exist."""
    return Path(url.split("://", 1)[1].removeprefix("/") if "://" in url else url)


def guard(
    url: str,
    json_file: Path | None,
    key_file: Path | None = None,
    read: Iterable[Path | bytes] = (),
) -> None:
    """Make sure that the result is not written over the gallery, its key or a picture.

    Raises:
        FacewiseError: it would be.
    """
    from facewise.cli.files import protect

    protect([store_path(url), *filter(None, [key_file]), *read], [json_file])


def write(json_file: Path | None, content: Any) -> bool:
    """Write a result as JSON where it is asked for; whether standard output is free for words."""
    from facewise.cli.files import write_text

    if json_file is None:
        return True
    write_text(json_file, json.dumps(content, indent=2))
    return str(json_file) != "-"
