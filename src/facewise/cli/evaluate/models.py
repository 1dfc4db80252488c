"""The models of a run, loaded; and their vectors, each computed once."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from facewise.cli.evaluate.options import RunOptions
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.evaluation.protocols.pairs import Picture
    from facewise.evaluation.vectors import ImageVectors


@dataclass(frozen=True, slots=True)
class Models:
    """What a run compares.

    Attributes:
        embedders: by what the user called them, each loaded once.
        entries: of each model its label and the names of its parts: one, or those of a fusion.
        detector: None where the images are chips.
        detector_id: its id, likewise.
    """

    embedders: dict[str, Embedder]
    entries: tuple[tuple[str, tuple[str, ...]], ...]
    detector: Detector | None
    detector_id: str | None

    def parts(self, label: str) -> list[Embedder]:
        """The embedders of a model."""
        return [self.embedders[name] for name in dict(self.entries)[label]]


def load_models(options: RunOptions, *, finds: bool = True) -> Models:
    """Load the models and the detector of the options.

    Args:
        options: of the command.
        finds: faces are looked for, unless the options say that the images are chips.
    """
    from facewise.cli.loading import model_and_weights, the_detector, the_embedder
    from facewise.detection import DEFAULT_DETECTOR
    from facewise.embedding import DEFAULT_EMBEDDER
    from facewise.errors import FacewiseError

    embedders: dict[str, Embedder] = {}
    words = options.model or [DEFAULT_EMBEDDER]
    for word in words:
        names = split_fusion(word)
        for name in names:
            if name not in embedders:
                embedders[name] = the_embedder(
                    name,
                    options.device,
                    options.flip,
                    backend=options.backend,
                    precision=options.precision,
                )
        if len({embedders[name].weight_hash for name in names}) < len(names):
            raise typer.BadParameter(f"--model {word}: fuses a model with itself")
    called = _called(embedders)
    entries: list[tuple[str, tuple[str, ...]]] = []
    for word in words:
        names = split_fusion(word)
        label = "+".join(called[name] for name in names)
        if any(label == known for known, _ in entries):
            raise FacewiseError(f"--model {word}: {label} is named twice; give each model once")
        entries.append((label, names))
    if options.aligned or not finds:
        return Models(embedders, tuple(entries), None, None)
    finder = the_detector(
        options.detector, options.device, mode=options.mode, backend=options.backend
    )
    name = model_and_weights(options.detector or DEFAULT_DETECTOR)[0]
    return Models(embedders, tuple(entries), finder, name)


def _called(embedders: dict[str, Embedder]) -> dict[str, str]:
    """What reports call each: its id, with the hash of its weights where others share the id."""
    hashes: dict[str, set[str]] = {}
    for embedder in embedders.values():
        hashes.setdefault(embedder.spec.id, set()).add(embedder.weight_hash)
    return {
        name: embedder.spec.id
        if len(hashes[embedder.spec.id]) == 1
        else f"{embedder.spec.id}@{embedder.weight_hash[:8]}"
        for name, embedder in embedders.items()
    }


def split_fusion(word: str) -> tuple[str, ...]:
    """`A+B` in its parts; a `+` that belongs to the name of a file or folder stays."""
    if Path(word).exists():
        return (word,)
    parts: list[str] = []
    for piece in word.split("+"):
        _, weights, file = parts[-1].partition("=") if parts else ("", "", "")
        if weights and not Path(file).exists():
            parts[-1] += f"+{piece}"
        else:
            parts.append(piece)
    return tuple(parts)


def vectors_of(
    models: Models,
    images: Sequence[Picture],
    names: Sequence[str],
    digest: str,
    options: RunOptions,
) -> dict[str, ImageVectors]:
    """The vectors of all images, by what the user called each model.

    A progress bar shows where standard error is a terminal.

    Args:
        models: to embed with.
        images: files, or their contents.
        names: of the images.
        digest: of the images (`the_digest`).
        options: of the command.
    """
    from facewise.evaluation.vectors import embed_chips, embed_photos
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache

    with ResultCache() if options.cache else nullcontext() as store:

        def find(embedder: Embedder, report: Callable[[int], None]) -> ImageVectors:
            if models.detector is None:
                return embed_chips(images, embedder, report, names=names, cache=store)
            pipeline = Pipeline(models.detector, embedder, store)
            return embed_photos(images, pipeline, report, names=names, select=options.select.value)

        found_by: Any = "chips"
        if models.detector is not None:
            found_by = {**models.detector.settings, "select": options.select.value}
        return each_embedder(models, len(images), digest, found_by, options, find)


def each_embedder(
    models: Models,
    count: int,
    digest: str,
    found_by: Any,
    options: RunOptions,
    find: Callable[[Embedder, Callable[[int], None]], ImageVectors],
) -> dict[str, ImageVectors]:
    """What a function finds with each embedder, or found the last time, with a progress bar.

    Args:
        models: to embed with.
        count: how many images there are.
        digest: of them.
        found_by: what besides model and images decides the vectors, as plain values.
        options: of the command.
        find: called with an embedder, and with what to call as images are done.
    """
    from facewise.cli.progress import counting
    from facewise.evaluation.vector_cache import VectorCache, vectors_key

    cache = VectorCache() if options.cache else None
    found = {}
    for name, embedder in models.embedders.items():
        key = vectors_key(digest, embedder, found_by)
        known = None if cache is None else cache.get(key)
        if known is None or len(known.vectors) != count:
            with counting(f"embedding with {embedder.spec.id}", count) as report:
                known = find(embedder, report)
            if cache is not None:
                cache.put(key, known)
        found[name] = known
    return found


def the_digest(images: Sequence[Picture], names: Sequence[str]) -> str:
    """The digest of all images, with a progress bar."""
    from facewise.cli.progress import counting
    from facewise.evaluation.digest import data_digest

    with counting("reading the images", len(images)) as report:
        return data_digest(images, names, report)


def joined(
    names: Sequence[str],
    found: dict[str, ImageVectors],
    people: Sequence[str] | None = None,
    shares: Sequence[float] = (),
) -> tuple[ImageVectors, Sequence[float]]:
    """The vectors of a model, or of a fusion of several with the share of each.

    Args:
        names: of its parts.
        found: vectors by name.
        people: whom each image shows, if that is known.
        shares: of the parts, where they were measured on other images.
    """
    from facewise.evaluation.fusion import fuse, fusion_shares

    if len(names) == 1:
        return found[names[0]], ()
    parts = [found[name] for name in names]
    shares = shares or fusion_shares(parts, people)
    return fuse(parts, shares), shares
