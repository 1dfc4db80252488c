"""Who stands in two data sets: a test says little of people that a model has learnt from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facewise.errors import TrainingError
from facewise.evaluation.templates import pooled
from facewise.evaluation.vectors import embed_chips, embed_photos
from facewise.training.data.record_file import RecordRef
from facewise.training.data.sources import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.evaluation.vectors import ImageVectors, Report
    from facewise.pipeline import Pipeline
    from facewise.training.data.face_index import FaceIndex

_TILE = 2048
"""People on each side of one matrix product: 16 MB of similarities."""


class SameName(NamedTuple):
    """Two people who are called the same.

    Attributes:
        train: the name in the one data set.
        test: in the other; spelling, accents and case may differ.
    """

    train: str
    test: str


class SameFace(NamedTuple):
    """Two people who look the same.

    Attributes:
        train: the name in the one data set.
        test: in the other.
        similarity: cosine of the means of their vectors.
    """

    train: str
    test: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Who stands in both data sets.

    Attributes:
        by_name: people of the same name, by the name in the test.
        by_face: people with similar faces, the most similar first; empty where no vectors were
            given.
        threshold: similarity from which on faces count as the same; None without vectors.
        unseen: people of either set of whom no picture has a vector, so no face was compared.
    """

    by_name: tuple[SameName, ...]
    by_face: tuple[SameFace, ...]
    threshold: float | None
    unseen: tuple[str, ...]

    @property
    def train_names(self) -> tuple[str, ...]:
        """The people of the training set that should not be in it, sorted."""
        return tuple(sorted({a.train for a in self.by_name} | {b.train for b in self.by_face}))

    @property
    def test_names(self) -> tuple[str, ...]:
        """The people of the test that a model has seen, sorted."""
        return tuple(sorted({a.test for a in self.by_name} | {b.test for b in self.by_face}))


def overlap(
    train: FaceIndex,
    test: FaceIndex,
    *,
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    threshold: float | None = None,
) -> Overlap:
    """Compare the people of two indexes, by name and by face.

    Names are compared by `normalised_name`. Numbers by which a RecordIO file calls people mean
    nothing elsewhere and are not compared. Faces are compared by the mean of each person's vectors,
    all with all; means are steadier than single pictures, so a threshold that was measured on pairs
    of pictures for a low false-accept rate is a cautious one. With many people some pairs are alike
    by chance: look at what is found before you throw it away.

    Args:
        train: one data set.
        test: the other.
        vectors: of the pictures of both, float32 (n, d) at unit length, NaN where there is none;
            `index_vectors` makes them. Without them only names are compared.
        threshold: cosine similarity in [-1, 1]; goes with vectors.

    Raises:
        TrainingError: vectors without a threshold or the other way round, or their shapes do not
            fit.
    """
    if (vectors is None) != (threshold is None):
        raise TrainingError("vectors and threshold: give both, or neither")
    by_face: list[SameFace] = []
    unseen: list[str] = []
    if vectors is not None and threshold is not None:
        if not -1 <= threshold <= 1:
            raise TrainingError(f"threshold: expected a similarity in [-1, 1], got {threshold}")
        left, right = (
            _templates(index, each, name)
            for index, each, name in zip((train, test), vectors, ("train", "test"), strict=True)
        )
        if left.shape[1] != right.shape[1]:
            raise TrainingError(
                f"vectors: expected those of one model, got lengths {left.shape[1]} and "
                f"{right.shape[1]}"
            )
        for index, each in ((train, left), (test, right)):
            unseen += [index.names[i] for i in np.flatnonzero(np.isnan(each).any(axis=1)).tolist()]
        by_face = [
            SameFace(train.names[i], test.names[j], similarity)
            for i, j, similarity in _alike(left, right, threshold)
        ]
    return Overlap(_same_names(train, test), tuple(by_face), threshold, tuple(unseen))


def index_vectors(
    index: FaceIndex, embedder: Embedder, report: Report, *, pipeline: Pipeline | None = None
) -> ImageVectors:
    """The vectors of all pictures of an index.

    Args:
        index: n pictures.
        embedder: takes them as they are, if they are chips.
        report: called with the number of pictures that are done.
        pipeline: finds the most central face of photos instead, with its own embedder.

    Returns:
        float32 (n, d) at unit length, NaN for pictures that failed, and the reasons.

    Raises:
        ChipError: chips are of another size.
    """
    pictures, names = Contents(index.sources), [str(source) for source in index.sources]
    if pipeline is not None:
        return embed_photos(pictures, pipeline, report, names=names)
    return embed_chips(pictures, embedder, report, names=names)


def normalised_name(name: str) -> str:
    """A name without accents, case and punctuation: `José_Martí` and `jose marti` are one.

    Letters are decomposed (Unicode's NFKD), marks dropped and case folded; whatever is neither
    letter nor digit separates words, of which one space is left.
    """
    letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = "".join(c if c.isalnum() else " " for c in "".join(letters).casefold())
    return " ".join(words.split()) or name


def _same_names(train: FaceIndex, test: FaceIndex) -> tuple[SameName, ...]:
    if any(isinstance(index.sources[0], RecordRef) for index in (train, test)):
        return ()
    known: dict[str, list[str]] = {}
    for name in train.names:
        known.setdefault(normalised_name(name), []).append(name)
    return tuple(
        SameName(other, name)
        for name in test.names
        for other in known.get(normalised_name(name), ())
    )


def _templates(index: FaceIndex, vectors: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """The mean vector of each person, at unit length; NaN where there is none."""
    if vectors.ndim != 2 or len(vectors) != len(index):
        raise TrainingError(
            f"vectors: expected ({len(index)}, d) for the pictures of {name}, got {vectors.shape}"
        )
    return pooled(vectors, index.labels.astype(np.intp), np.arange(len(index)), index.num_classes)


def _alike(
    left: NDArray[np.float32], right: NDArray[np.float32], threshold: float
) -> list[tuple[int, int, float]]:
    """Pairs of rows with at least this similarity, and it, from the highest on."""
    found = []
    for i in range(0, len(left), _TILE):
        for j in range(0, len(right), _TILE):
            similarity = left[i : i + _TILE] @ right[j : j + _TILE].T
            rows, columns = np.nonzero(similarity >= threshold)  # NaN is not
            found.append((rows + i, columns + j, similarity[rows, columns]))
    rows, columns, similarity = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((columns, rows, -similarity))
    return list(
        zip(rows[order].tolist(), columns[order].tolist(), similarity[order].tolist(), strict=True)
    )
