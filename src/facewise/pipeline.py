"""From a picture to its faces and their vectors: the one way that everything else takes.

Recognition, comparison and evaluation all embed through a `Pipeline`, so that a figure measured by
one holds for the other. `docs/throughput.md` tells how many pictures share the processors.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import repeat
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image as PILImage

from facewise._software import versions
from facewise.alignment import crop_each
from facewise.errors import ImageError
from facewise.faces import EmbeddedFaces, Faces
from facewise.images import describe, load, read_file
from facewise.runtime.workers import device_turn, ordered_map, runs_on_cpu

if TYPE_CHECKING:
    from collections import deque

    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.images import ImageSource
    from facewise.result_cache import ResultCache

_SMALL_PIXELS, _SMALL_BYTES = 1 << 18, 1 << 16
"""What a small picture has at most: an array's pixels, a file's bytes. A guess is enough: looking
at some pictures together delays their results, and that is all."""

_TOGETHER_PIXELS = 1 << 20
"""Of the decoded pictures of a worker, from which on their faces are looked for."""

_BATCH = 16
"""Pictures at most, or faces from which on, that are embedded together on a CPU: 16 faces take 1.4
times less than one by one, and more gain no more (dlib's network, one thread of a Zen 4)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A picture whose faces are to be found."""

    image: NDArray[np.uint8]
    key: bytes | None  # of the cache


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """What stays of a picture once its faces are found: not the picture."""

    faces: Faces
    chips: NDArray[np.uint8]
    image_size: tuple[int, int]
    key: bytes | None  # of the cache


_Prepared: TypeAlias = "_Cut | EmbeddedFaces | ImageError"  # to embed, known already, no picture


class Pipeline:
    """A detector and an embedder, with an optional cache of what they found in files.

    Args:
        detector: finds the faces. `run_each` calls it from several threads at once, on the CPU.
        embedder: turns them into vectors; likewise.
        cache: results for files, by content and settings; None keeps nothing.
    """

    def __init__(
        self, detector: Detector, embedder: Embedder, cache: ResultCache | None = None
    ) -> None:
        self.detector = detector
        self.embedder = embedder
        self._cache = cache
        self._one_decoder = threading.Lock()

    def run(self, source: ImageSource, *, name: str | None = None) -> EmbeddedFaces:
        """Find and embed all faces of a picture.

        Args:
            source: a picture in any form that `facewise.load_image` takes. What was found in files,
                given as paths or as their bytes, is cached.
            name: what error messages call it; by default its path, or its kind and size.

        Raises:
            ImageError: the input is not a picture.
        """
        [found] = self._embed(self._prepare([(source, name)]))
        if isinstance(found, ImageError):
            raise found
        return found

    def run_each(
        self, sources: Iterable[ImageSource], *, names: Iterable[str] | None = None
    ) -> Generator[EmbeddedFaces | ImageError, None, None]:
        """`run` for many pictures, on all processors; a bad one gives its error and does not stop.

        Each worker decodes a picture, or up to eight small ones, finds the faces and cuts them
        out; the faces of some pictures that follow each other are embedded together, while the next
        pictures are worked on. Who shares a batch with whom depends on the place in the order
        alone, so two runs (with the same cache, or none) give the same vectors to the last bit, and
        `run` gives them within the rounding of float32.

        Args:
            sources: pictures, taken as they are needed: two for each worker ahead of the result
                that is asked for (two handfuls of small ones), and those whose batch is not
                complete. So an array must not be changed after it was given.
            names: of each, for error messages.

        Yields:
            The result of each picture, in their order.
        """
        pairs = zip(sources, repeat(None)) if names is None else zip(sources, names, strict=True)
        handfuls = _handfuls(pairs, getattr(self.detector, "together", 1))
        with (
            closing(ordered_map(self._prepare_handful, handfuls)) as prepared,
            closing(ordered_map(self._embed, self._batches(_each(prepared)))) as batches,
        ):
            for batch in batches:
                yield from batch

    def _prepare(self, pairs: Sequence[tuple[ImageSource, str | None]]) -> list[_Prepared]:
        """Everything up to the chips, for some pictures; or what the cache has."""
        prepared: dict[int, _Prepared] = {}
        waiting: dict[int, _Opened] = {}
        for place, pair in enumerate(pairs):
            opened = self._open(*pair)
            if not isinstance(opened, _Opened):
                prepared[place] = opened
                continue
            waiting[place] = opened
            # What looked small may be large after all.
            if sum(some.image.size for some in waiting.values()) > 3 * _TOGETHER_PIXELS:
                prepared |= self._cut(waiting)
                waiting = {}
            del opened
        prepared |= self._cut(waiting)
        return [prepared[place] for place in range(len(pairs))]

    def _cut(self, opened: Mapping[int, _Opened]) -> dict[int, _Cut]:
        """The same pictures' faces, found and cut out."""
        if not opened:
            return {}
        images = [some.image for some in opened.values()]
        with device_turn(self.detector):
            faces = self.detector.detect(images)
        if len(faces) != len(images):
            raise ValueError(f"detector: gave {len(faces)} results for {len(images)} pictures")
        policy = self.embedder.spec.crop
        assert policy is not None  # noqa: S101 - the registry refuses such
        chips = crop_each(images, faces, policy)
        return {
            place: _Cut(found, own, (some.image.shape[1], some.image.shape[0]), some.key)
            for (place, some), found, own in zip(opened.items(), faces, chips, strict=True)
        }

    def _prepare_handful(
        self, pairs: Sequence[tuple[ImageSource, str | None]]
    ) -> list[_Prepared | Exception]:
        """`_prepare`; if it fails, as far as it goes picture by picture, and then the failure."""
        try:
            return [_light(some) for some in self._prepare(pairs)]
        except Exception:
            if len(pairs) == 1:
                raise
        row: list[_Prepared | Exception] = []
        for pair in pairs:
            try:
                row += [_light(some) for some in self._prepare([pair])]
            except Exception as error:
                return [*row, error]
        return row

    def _open(self, source: ImageSource, name: str | None) -> _Opened | EmbeddedFaces | ImageError:
        """A picture's pixels, or what the cache has."""
        try:
            name = name or describe(source)
            key = None
            if self._cache is not None and isinstance(source, (str, PathLike)):
                source = read_file(Path(source), name)  # once, for the key and for the picture
            if self._cache is not None and isinstance(source, bytes):
                key = hashlib.sha256(self._fingerprint() + hashlib.sha256(source).digest()).digest()
                known = self._cache.get(key)
                if known is not None:
                    return known
            # Pillow reads from a file when it has to, and not for two threads at once: somebody may
            # have the same object in a list twice.
            lazy = isinstance(source, PILImage.Image) or hasattr(source, "read")
            with self._one_decoder if lazy else nullcontext():
                return _Opened(load(source, name=name), key)
        except ImageError as error:
            return error

    def _batches(self, prepared: Iterable[_Prepared]) -> Iterator[list[_Prepared]]:
        """Cut a row of pictures into batches, by their places and numbers of faces alone.

        The first ones are small: whoever waits for the first result does not wait long.
        """
        most = self.embedder.batch_size
        if runs_on_cpu(self.embedder):
            most = min(most, _BATCH)
        batch: list[_Prepared] = []
        length, chips = 1, 0
        try:
            for picture in prepared:
                batch.append(picture)
                chips += len(picture.chips) if isinstance(picture, _Cut) else 0
                if len(batch) >= length or chips >= most:
                    yield batch
                    batch, length, chips = [], min(2 * length, most), 0
        except Exception:
            if batch:  # the pictures before the failure have their results
                yield batch
            raise
        if batch:
            yield batch

    def _embed(self, batch: list[_Prepared]) -> list[EmbeddedFaces | ImageError]:
        """The results of some pictures, whose chips take one way through the network."""
        cut = [picture for picture in batch if isinstance(picture, _Cut)]
        if not cut:
            return [picture for picture in batch if not isinstance(picture, _Cut)]
        chips = np.concatenate([picture.chips for picture in cut])
        with device_turn(self.embedder):
            vectors = self.embedder.embed(chips, flip=self.embedder.flip)
        results: list[EmbeddedFaces | ImageError] = []
        start = 0
        for picture in batch:
            if isinstance(picture, _Cut):
                end = start + len(picture.chips)
                embeddings = vectors[start:end].copy()  # not a view, which would keep them all
                found = EmbeddedFaces(picture.faces, embeddings, picture.image_size)
                if self._cache is not None and picture.key is not None:
                    self._cache.put(picture.key, found)
                results.append(found)
                start = end
            else:
                results.append(picture)
        return results

    def _fingerprint(self) -> bytes:
        """A digest of everything besides the picture that decides the result."""
        parts = {
            "software": versions(),
            "detector": dict(self.detector.settings),
            "embedder": self.embedder.settings,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def drained(names: deque[str]) -> Iterator[str]:
    """The name of each picture, for `Pipeline.run_each`, where whoever gives the pictures knows it.

    Args:
        names: to which each is added before its picture is given; it is taken right after that.
    """
    while names:
        yield names.popleft()


def _handfuls(
    pairs: Iterable[tuple[ImageSource, str | None]], most: int
) -> Iterator[list[tuple[ImageSource, str | None]]]:
    """Small pictures that follow each other, some at a time: 1, 2, 4 and so on; others alone."""
    some: list[tuple[ImageSource, str | None]] = []
    length = 1
    try:
        for pair in pairs:
            if not _is_small(pair[0]):
                if some:
                    yield some
                    some = []
                yield [pair]
            else:
                some.append(pair)
                if len(some) >= length:
                    yield some
                    some, length = [], min(2 * length, most)
            del pair  # not held while the next one is made
    except Exception:
        if some:  # the pictures before the failure have their results
            yield some
        raise
    if some:
        yield some


def _is_small(source: ImageSource) -> bool:
    if isinstance(source, np.ndarray):
        return source.size <= 3 * _SMALL_PIXELS
    if isinstance(source, (str, PathLike)):
        try:
            return Path(source).stat().st_size <= _SMALL_BYTES
        except (OSError, ValueError):
            return True  # whoever opens it will say what is wrong
    return isinstance(source, bytes) and len(source) <= _SMALL_BYTES


def _light(prepared: _Prepared) -> _Prepared:
    """An error as its text alone: it holds on to what its traceback leads to."""
    return ImageError(str(prepared)) if isinstance(prepared, ImageError) else prepared


def _each(prepared: Iterable[list[_Prepared | Exception]]) -> Iterator[_Prepared]:
    for some in prepared:
        while some:
            first = some.pop(0)  # and no longer held here
            if isinstance(first, Exception) and not isinstance(first, ImageError):
                raise first
            yield first
            del first
