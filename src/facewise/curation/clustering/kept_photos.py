"""The photos of an album: files, and the content that they share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from facewise.curation.clustering.kept_clusters import KeptClusters
from facewise.curation.clustering.records import NewFace, PhotoFile

_SAME_FACE = 0.95
"""Cosine from which on two faces are the same picture, but for what saving it anew changes."""


class KeptPhotos(KeptClusters):
    """What an album does with photos."""

    def files(self) -> dict[Path, PhotoFile]:
        """All files, as they were when they were read."""
        rows = self._all("SELECT path, size, changed FROM files")
        found = (PhotoFile(Path(os.fsdecode(path)), size, at) for path, size, at in rows)
        return {file.path: file for file in found}

    def add_photo(
        self, file: PhotoFile, digest: str, size: tuple[int, int], faces: Iterable[NewFace]
    ) -> None:
        """Add a photo, or another file of one that is there; within a change.

        Where the file had another content before (somebody turned it, or wrote into its metadata),
        faces that are in both keep what is known of them, and the old photo goes.
        """
        place = os.fsencode(file.path)
        before = self._one("SELECT photo FROM files WHERE path = ?", place)
        row = self._one("SELECT id FROM photos WHERE digest = ?", digest)
        if row is not None:
            photo = row[0]
        else:
            photo = self._run(
                "INSERT INTO photos (digest, width, height) VALUES (?, ?, ?)", digest, *size
            )
            for face in faces:
                self._run(
                    "INSERT INTO faces (photo, x1, y1, x2, y2, score, quality, vector, thumbnail) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    *(photo, *face.box, face.score, face.quality),
                    *(face.vector.astype("<f4").tobytes(), face.thumbnail),
                )
        self._run(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
            *(place, photo, file.size, file.changed),
        )
        if before is not None and not self._count(
            "SELECT count(*) FROM files WHERE photo = ?", *before
        ):
            self._succeed(before[0], photo)

    def _succeed(self, old: int, new: int) -> None:
        """Give what is known of the faces of a photo to the same ones of another, and remove it."""
        text = "SELECT id, cluster, left_out, vector FROM faces WHERE photo = ?"
        known, fresh = list(self._all(text, old)), list(self._all(text, new))
        for _, cluster, left_out, vector in known:
            mine = np.frombuffer(vector, "<f4")
            alike = [float(mine @ np.frombuffer(row[3], "<f4")) for row in fresh]
            if alike and max(alike) >= _SAME_FACE:
                face, other, _, _ = fresh[int(np.argmax(alike))]
                if other is None:
                    self.put([face], cluster, left_out=bool(left_out))
        self._remove_photo(old)

    def forget_missing(self) -> int:
        """Remove the photos that have no file any more, with their faces.

        Returns:
            How many went.
        """
        gone = [
            photo
            for photo, paths in self.photo_files().items()
            if not any(path.exists() for path in paths)
        ]
        with self.change():
            for photo in gone:
                self._remove_photo(photo)
            self.remove_empty()
        return len(gone)

    def _remove_photo(self, photo: int) -> None:
        for text in ("files WHERE photo", "faces WHERE photo", "photos WHERE id"):
            self._run(f"DELETE FROM {text} = ?", photo)  # noqa: S608 - own text

    def has_photo(self, digest: str) -> bool:
        """Whether a photo of this content is there."""
        return self._one("SELECT 1 FROM photos WHERE digest = ?", digest) is not None

    def photo_files(self) -> dict[int, list[Path]]:
        """The files of each photo, by its id."""
        found: dict[int, list[Path]] = {}
        for photo, path in self._all("SELECT photo, path FROM files ORDER BY photo, path"):
            found.setdefault(photo, []).append(Path(os.fsdecode(path)))
        return found

    def digests(self) -> dict[int, str]:
        """The sha256 of each photo, by its id."""
        return dict(self._all("SELECT id, digest FROM photos"))
