"""`Album`: the photos, faces and clusters of a collection, kept in one file."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from facewise.curation.clustering import schema
from facewise.curation.clustering.kept_photos import KeptPhotos
from facewise.errors import CurationError
from facewise.gallery.model_facts import ModelFacts


class Album(KeptPhotos):
    """A collection that is sorted into people; see `facewise cluster`.

    Every change is a transaction: after a power cut the file holds what it held before, or after.
    A photo is its content: copies of a file, and files that were moved, are one photo.

    Made by `create` and `open`. Methods raise `CurationError` where the file is busy or damaged.
    """

    @classmethod
    def create(cls, path: str | os.PathLike[str], facts: ModelFacts) -> Album:
        """Begin an album.

        Args:
            path: of the new file.
            facts: what makes the vectors.

        Raises:
            CurationError: the file is there.
        """
        album = cls(Path(path), schema.create(Path(path)))
        known = {
            "id": secrets.token_hex(8),
            "model": json.dumps([dict(facts.settings), facts.embedding_size]),
        }
        with album.change():
            album._database.executemany("INSERT INTO facts VALUES (?, ?)", known.items())
        return album

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Album:
        """Open an album.

        Raises:
            CurationError: it is missing, or no album.
        """
        album = cls(Path(path), schema.connect(Path(path)))
        if album.fact("model") is None:  # killed as it was made: nothing is in it
            album.close()
            raise CurationError(f"{path}: was not finished when it was made; remove it")
        return album
