"""The faces of an album."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from facewise.curation.clustering import schema
from facewise.curation.clustering.album_file import AlbumFile
from facewise.curation.clustering.records import KeptFace, Table

_FACE = "id, photo, cluster, left_out, x1, y1, x2, y2, score, quality"


class KeptFaces(AlbumFile):
    """What an album tells of faces."""

    def faces(self, cluster: int | None = None) -> list[KeptFace]:
        """The faces of a cluster, or all; by id."""
        text = f"SELECT {_FACE} FROM faces"  # noqa: S608 - own text
        if cluster is None:
            rows = self._all(f"{text} ORDER BY id")
        else:
            rows = self._all(f"{text} WHERE cluster = ? ORDER BY id", cluster)
        return [self._face(row) for row in rows]

    def face(self, face_id: int) -> KeptFace | None:
        """The face of an id."""
        row = self._one(f"SELECT {_FACE} FROM faces WHERE id = ?", face_id)  # noqa: S608 - own text
        return None if row is None else self._face(row)

    def count(self) -> int:
        """How many faces count."""
        return self._count("SELECT count(*) FROM faces WHERE left_out = 0")

    def unsorted(self) -> int:
        """How many of them have no cluster yet."""
        return self._count("SELECT count(*) FROM faces WHERE left_out = 0 AND cluster ISNULL")

    def thumbnail(self, face_id: int) -> bytes | None:
        """The face as a JPEG file."""
        row = self._one("SELECT thumbnail FROM faces WHERE id = ?", face_id)
        return None if row is None else row[0]

    def table(self, cluster: int | None = None) -> Table:
        """The faces that count, of a cluster or of all, as arrays."""
        where = "left_out = 0" if cluster is None else "left_out = 0 AND cluster = ?"
        given = () if cluster is None else (cluster,)
        n = self._count(f"SELECT count(*) FROM faces WHERE {where}", *given)  # noqa: S608 - own text
        size = self.facts.embedding_size
        vectors = np.empty((n, size), np.float32)
        ids, photos, clusters = (np.empty(n, np.int64) for _ in range(3))
        qualities = np.empty(n, np.float32)
        rows = self._database.execute(
            "SELECT id, photo, ifnull(cluster, 0), quality, vector FROM faces "  # noqa: S608 - own text
            f"WHERE {where} ORDER BY id",
            given,
        )
        with schema.refused(self.path):
            for i, (face, photo, of, quality, vector) in enumerate(rows):
                if not (isinstance(vector, bytes) and len(vector) == 4 * size):
                    raise self.damaged(f"the vector of face {face}")
                try:
                    ids[i], photos[i], clusters[i], qualities[i] = face, photo, of, quality
                except (ValueError, TypeError) as error:
                    raise self.damaged(f"face {face}") from error
                vectors[i] = np.frombuffer(vector, "<f4")
        return Table(ids, photos, clusters, qualities, vectors)

    def _face(self, row: Sequence[Any]) -> KeptFace:
        number, photo, cluster, left_out, *box, score, quality = row
        if not all(isinstance(value, (int, float)) for value in (*box, score, quality)):
            raise self.damaged(f"face {number}")
        x1, y1, x2, y2 = box
        return KeptFace(number, photo, cluster, bool(left_out), (x1, y1, x2, y2), score, quality)
