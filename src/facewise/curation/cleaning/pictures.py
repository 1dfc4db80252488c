"""Read folders of people: of each picture its face, its quality, and what tells duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.curation.duplicates import perceptual_hash
from facewise.errors import CurationError, ImageError
from facewise.images import load, read_file
from facewise.quality import assess
from facewise.recognition.folders import is_picture, pictures_in
from facewise.runtime.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from facewise.faces import EmbeddedFaces, SelectPolicy
    from facewise.pipeline import Pipeline

SELECT: SelectPolicy = "most_central"


@dataclass(frozen=True, slots=True, eq=False)
class FolderPicture:
    """A picture in a person's folder.

    Attributes:
        path: relative to the folder of all people; its first part is the person's folder.
        problem: why it cannot be read; None: it can. Then what follows is known.
        sha256: of the file's content.
        hash: see `perceptual_hash`.
        faces: how many were found.
        box: `(x1, y1, x2, y2)` in pixels of the face that counts, the most central one; None: none.
        score: of the detector.
        quality: in [0, 1] (`facewise.quality`), and its parts and measures.
        parts: as of `Quality.parts`.
        measures: as of `Quality.measures`.
    """

    path: Path
    problem: str | None = None
    sha256: str = ""
    hash: int = 0
    faces: int = 0
    box: tuple[float, float, float, float] | None = None
    score: float = 0.0
    quality: float = 0.0
    parts: Mapping[str, float] | None = None
    measures: Mapping[str, float] | None = None

    @property
    def folder(self) -> str:
        """The person's folder."""
        return self.path.parts[0]


@dataclass(frozen=True, slots=True, eq=False)
class PeopleFolders:
    """All pictures of a folder of people.

    Attributes:
        source: the folder.
        pictures: m of them, folder by folder.
        vectors: float32 (m, d), of the face that counts; NaN where there is none.
    """

    source: Path
    pictures: Sequence[FolderPicture]
    vectors: NDArray[np.float32]


def find_pictures(source: Path) -> tuple[list[Path], list[Path]]:
    """The pictures in the sub-folders of a folder, and those that are in none.

    Raises:
        CurationError: it is missing, or no folder, or has no sub-folder with pictures.
    """
    try:
        entries = sorted(source.iterdir())
    except OSError as error:
        reason = "no such folder" if isinstance(error, FileNotFoundError) else error.strerror
        raise CurationError(f"{source}: {reason}; expected a folder for each person") from None
    found = [
        path
        for entry in entries
        if entry.is_dir() and not entry.name.startswith(".")
        for path in pictures_in(entry, skip=source)
    ]
    loose = [entry for entry in entries if not entry.is_dir() and is_picture(entry)]
    if not found:
        raise CurationError(f"{source}: expected a folder of pictures for each person, found none")
    return found, loose


def read_people_folders(
    source: Path, paths: Sequence[Path], pipeline: Pipeline, report: Callable[[int], None]
) -> PeopleFolders:
    """Find, embed and measure the face of every picture.

    What the pipeline's cache holds is not computed again, so an interrupted run goes on where it
    stopped. A picture that cannot be read is a picture with a problem.

    Args:
        source: the folder of people.
        paths: of pictures in its sub-folders (`find_pictures`).
        pipeline: detector and embedder.
        report: called with the number of pictures that are done.
    """
    size = pipeline.embedder.spec.embedding_size or 0
    vectors = np.full((len(paths), size), np.nan, np.float32)
    pictures = []

    def measured(
        pair: tuple[Path, EmbeddedFaces | ImageError],
    ) -> tuple[FolderPicture, NDArray[np.float32] | None]:
        path, found = pair
        relative = path.relative_to(source)
        if isinstance(found, ImageError):
            return _failed(relative, path, found), None
        try:
            return _measured(relative, read_file(path), found)
        except ImageError as error:
            return _failed(relative, path, error), None

    with (
        closing(pipeline.run_each(paths)) as results,
        closing(ordered_map(measured, zip(paths, results, strict=True))) as each,
    ):
        for number, (picture, vector) in enumerate(each):
            pictures.append(picture)
            if vector is not None:
                vectors[number] = vector
            report(number + 1)
    return PeopleFolders(source, pictures, vectors)


def _failed(relative: Path, path: Path, error: ImageError) -> FolderPicture:
    return FolderPicture(relative, str(error).removeprefix(f"{path}: "))


def _measured(
    relative: Path, content: bytes, found: EmbeddedFaces
) -> tuple[FolderPicture, NDArray[np.float32] | None]:
    image = load(content, name=str(relative))
    digest, bits = hashlib.sha256(content).hexdigest(), perceptual_hash(image)
    faces = found.faces
    order = faces.order(SELECT, image_size=found.image_size)[:1]
    if not len(order):
        return FolderPicture(relative, None, digest, bits), None
    face = int(order[0])
    told = assess(image, faces).records()[face]
    x1, y1, x2, y2 = faces.boxes[face].tolist()
    picture = FolderPicture(
        relative,
        None,
        digest,
        bits,
        len(faces),
        (x1, y1, x2, y2),
        float(faces.scores[face]),
        told["quality"],
        told["parts"],
        told["measures"],
    )
    return picture, found.embeddings[face]
