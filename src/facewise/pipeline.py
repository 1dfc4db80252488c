"""From a picture to its faces and their vectors: the one way that everything else takes.

Recognition, comparison and evaluation all embed through a `Pipeline`, so that a figure measured by
one holds for the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facewise._version import __version__
from facewise.errors import ImageError
from facewise.faces import EmbeddedFaces
from facewise.images import describe, load, read_file

if TYPE_CHECKING:
    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.images import ImageSource
    from facewise.result_cache import ResultCache


class Pipeline:
    """A detector and an embedder, with an optional cache of what they found in files.

    Args:
        detector: finds the faces.
        embedder: turns them into vectors.
        cache: results for files, by content and settings; None keeps nothing.
    """

    def __init__(
        self, detector: Detector, embedder: Embedder, cache: ResultCache | None = None
    ) -> None:
        self.detector = detector
        self.embedder = embedder
        self._cache = cache

    def run(self, source: ImageSource, *, name: str | None = None) -> EmbeddedFaces:
        """Find and embed all faces of a picture.

        Args:
            source: a picture in any form that `facewise.load_image` takes. Only paths are cached.
            name: what error messages call it; by default its path, or its kind and size.

        Raises:
            ImageError: the input is not a picture.
        """
        name = name or describe(source)
        if self._cache is None or not isinstance(source, (str, PathLike)):
            return self._run(source, name)
        content = read_file(Path(source), name)  # once, for the key and for the picture
        key = hashlib.sha256(self._fingerprint() + hashlib.sha256(content).digest()).digest()
        known = self._cache.get(key)
        if known is None:
            known = self._run(content, name)
            self._cache.put(key, known)
        return known

    def run_each(self, sources: Iterable[ImageSource]) -> Iterator[EmbeddedFaces | ImageError]:
        """`run` for one picture after another; a bad one gives its error and does not stop."""
        for source in sources:
            try:
                yield self.run(source)
            except ImageError as error:
                yield error

    def _run(self, source: ImageSource, name: str) -> EmbeddedFaces:
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
