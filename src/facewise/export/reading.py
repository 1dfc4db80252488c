"""`open_export`: a file of embeddings, read when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.errors import ExportError, GalleryError
from facewise.export.facts import ExportFacts
from facewise.export.peeking import dimension_of, facts_of
from facewise.gallery.model_facts import ModelFacts
from facewise.gallery.transfer.formats import Format, format_to_read
from facewise.gallery.transfer.rows import Given, Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder

_READ = ("npz", "parquet", "h5")
_ADVICE = "export the pictures again with this model, or use the file's model"


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some rows of a file.

    Attributes:
        names: n texts, whom each row shows; "" where nobody is named.
        sources: n texts, the pictures' paths below the folder; "" of people.
        vectors: float32 (n, d).
    """

    names: list[str]
    sources: list[str]
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.names)


class Export:
    """A file of embeddings; made by `open_export`. Nothing is read before it is asked for.

    Attributes:
        path: of the file.
        format: "npz", "parquet" or "h5".
    """

    def __init__(self, path: Path, form: Format, facts: ExportFacts | None, given: Given) -> None:
        self.path = path
        self.format = form.name
        self._form = form
        self._facts = facts
        self._given = given

    @property
    def model(self) -> ModelFacts:
        """What made the vectors.

        Raises:
            ExportError: the file does not say; it is of another program.
        """
        if self._facts is None:
            raise ExportError(f"{self.path}: does not say which model made its vectors")
        return self._facts

    @property
    def about(self) -> dict[str, Any]:
        """How it was made; see `ExportFacts.about`. Empty for a file of another program."""
        return {} if self._facts is None else dict(self._facts.about)

    @property
    def dimension(self) -> int:
        """Numbers of a vector, d."""
        return self._given.dimension

    def require(self, model: Embedder | Export | ModelFacts) -> None:
        """Make sure that its vectors compare with those of a model, or of another file.

        Raises:
            ModelMismatchError: they do not; says in what they differ.
            ExportError: a file does not say which model made its vectors.
        """
        if isinstance(model, Export):
            other = model.model
        else:
            other = model if isinstance(model, ModelFacts) else ModelFacts.of(model)
        self.model.require(other, place=str(self.path), advice=_ADVICE)

    def batches(self, size: int = 4096) -> Iterator[Batch]:
        """All rows, some at a time.

        Args:
            size: rows of a batch, at most.

        Raises:
            ExportError: the file is damaged.
        """
        if size < 1:
            raise ValueError(f"size: expected at least 1, got {size}")
        names: list[str] = []
        sources: list[str] = []
        vectors: list[NDArray[np.floating]] = []
        with _as_export_error():
            for row in self._form.code.read(self._given):
                if isinstance(row, Refusal):
                    raise ExportError(f"{self.path}: {row}")
                if row.vector is None:  # a person without faces, of a gallery
                    continue
                names.append(row.name)
                sources.append(row.source)
                vectors.append(row.vector)
                if len(names) == size:
                    yield Batch(names, sources, np.stack(vectors).astype(np.float32))
                    names, sources, vectors = [], [], []
        if names:
            yield Batch(names, sources, np.stack(vectors).astype(np.float32))

    @property
    def names(self) -> list[str]:
        """Whom each row shows; read at the first use, as are `sources` and `vectors`."""
        return self._whole.names

    @property
    def sources(self) -> list[str]:
        """The picture of each row."""
        return self._whole.sources

    @property
    def vectors(self) -> NDArray[np.float32]:
        """All vectors, float32 (n, d)."""
        return self._whole.vectors

    def means(self) -> tuple[list[str], NDArray[np.float32]]:
        """The names of all people, sorted, and the mean of the vectors of each, at unit length.

        Returns:
            n names, and float32 (n, d). Rows of nobody are left out.
        """
        totals: dict[str, NDArray[np.float64]] = {}
        for batch in self.batches():
            for name, vector in zip(batch.names, batch.vectors, strict=True):
                if name:
                    totals.setdefault(name, np.zeros(self.dimension))[:] += vector
        names = sorted(totals)
        means = np.array([totals[name] for name in names]).reshape(-1, self.dimension)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return names, (means / np.where(lengths, lengths, 1)).astype(np.float32)

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        with _as_export_error():
            return self._form.code.survey(self._given).rows

    @cached_property
    def _whole(self) -> Batch:
        batches = list(self.batches())
        empty = np.empty((0, self.dimension), np.float32)
        return Batch(
            [name for batch in batches for name in batch.names],
            [source for batch in batches for source in batch.sources],
            np.concatenate([batch.vectors for batch in batches]) if batches else empty,
        )


def open_export(
    path: str | os.PathLike[str], *, model: Embedder | ModelFacts | Export | None = None
) -> Export:
    """A file that `facewise export` or `gallery export` wrote, or one of facerec in h5.

    Args:
        path: `.npz`, `.parquet` or `.h5`; the content decides.
        model: whose vectors they have to be.

    Raises:
        ExportError: there is no such file, it is damaged, or holds something else.
        ModelMismatchError: it was made by another model than `model`.
        ExtraMissingError: h5py or pyarrow is needed and not installed.

    Example:
        >>> from facewise.export import open_export
        >>> open_export("examples/photos/astronaut.jpg")
        Traceback (most recent call last):
        facewise.errors.ExportError: examples/photos/astronaut.jpg: ...
    """
    place = Path(path)
    with _as_export_error():
        form = format_to_read(str(place), None)
        if form.name not in _READ:
            raise ExportError(f"{place}: a file of the format {form.name}; expected "
                              f"{', '.join(_READ)}")  # fmt: skip
        facts = facts_of(place, form.name)
        length = dimension_of(place, form.name) if facts is None else facts.embedding_size
        if not length:
            raise ExportError(f"{place}: no embeddings in it")
        given = Given(str(place), length)
        if form.name != "h5":  # whose every part would have to be opened
            form.code.survey(given)
    export = Export(place, form, facts, given)
    if model is not None:
        export.require(model)
    return export


@contextmanager
def _as_export_error() -> Iterator[None]:
    try:
        yield
    except GalleryError as error:
        raise ExportError(str(error).removesuffix("; nothing was imported")) from error
