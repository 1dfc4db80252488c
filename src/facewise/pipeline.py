"""From a picture to its faces and their vectors: the one way that everything else takes.

Recognition, comparison and evaluation all embed through a `Pipeline`, so that a figure measured by
one holds for the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facewise._version import __version__
from facewise.errors import ImageError
from facewise.images import describe, load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.embedding.cache import EmbeddingCache
    from facewise.faces import Faces
    from facewise.images import ImageSource


@dataclass(frozen=True, slots=True)
class EmbeddedFaces:
    """The faces of one picture with their vectors.

    Attributes:
        faces: n faces.
        embeddings: float32 (n, d), unit length, in the same order.
        image_size: `(width, height)` of the picture in pixels.
    """

    faces: Faces
    embeddings: NDArray[np.float32]
    image_size: tuple[int, int]


class Pipeline:
    """A detector and an embedder, with an optional cache of what they found in files.

    Args:
        detector: finds the faces.
        embedder: turns them into vectors.
        cache: results for files, by content and settings; None keeps nothing.
    """

    def __init__(
        self, detector: Detector, embedder: Embedder, cache: EmbeddingCache | None = None
    ) -> None:
        self.detector = detector
        self.embedder = embedder
        self._cache = cache
        self._key = self._fingerprint()

    def run(self, source: ImageSource) -> EmbeddedFaces:
        """Find and embed all faces of a picture.

        Args:
            source: a picture in any form that `facewise.load_image` takes. Only paths are cached.

        Raises:
            ImageError: the input is not a picture.
        """
        content = _content(source)
        if content is None or self._cache is None:
            return self._run(source, None)
        key = hashlib.sha256(self._key + hashlib.sha256(content).digest()).digest()
        known = self._cache.get(key)
        if known is None:
            known = self._run(content, describe(source))
            self._cache.put(key, known)
        return known

    def run_each(self, sources: Iterable[ImageSource]) -> Iterator[EmbeddedFaces | ImageError]:
        """`run` for one picture after another; a bad one gives its error and does not stop."""
        for source in sources:
            try:
                yield self.run(source)
            except ImageError as error:
                yield error

    def _run(self, source: ImageSource, name: str | None) -> EmbeddedFaces:
        image = load(source, name=name)
        [faces] = self.detector.detect([image])
        [embeddings] = self.embedder.embed_faces([image], [faces])
        return EmbeddedFaces(faces, embeddings, (image.shape[1], image.shape[0]))

    def _fingerprint(self) -> bytes:
        """A digest of everything besides the picture that decides the result."""
        parts = {
            "facewise": __version__,
            "detector": dict(self.detector.settings),
            "embedder": self.embedder.settings,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def _content(source: ImageSource) -> bytes | None:
    """The bytes of a file, read once for the key and the picture; None for other inputs."""
    if not isinstance(source, (str, Path)):
        return None
    try:
        return Path(source).read_bytes()
    except OSError:
        return None  # let `images.load` say what is wrong with it
