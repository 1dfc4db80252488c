"""The clusters of an album: who is in them, what they are called, and who is not one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from facewise.curation.clustering.kept_faces import KeptFaces
from facewise.curation.clustering.records import Cluster
from facewise.errors import CurationError
from facewise.gallery.names import name_key


class KeptClusters(KeptFaces):
    """What an album does with clusters."""

    def clusters(self, least: int = 1) -> list[Cluster]:
        """The clusters of at least so many faces, or with a name: these first; then by size."""
        rows = self._all(
            "SELECT c.id, c.name, count(*) FROM clusters c JOIN faces f ON f.cluster = c.id "
            "GROUP BY c.id HAVING count(*) >= ? OR c.name IS NOT NULL "
            "ORDER BY c.key IS NULL, c.key, count(*) DESC, c.id",
            least,
        )
        found = [Cluster(*row) for row in rows]
        for cluster in found:
            if not isinstance(cluster.name, str | None):
                raise self.damaged(f"the name of cluster {cluster.id}")
        return found

    def cluster(self, who: int | str) -> Cluster:
        """A cluster by id, or by name (but for case).

        Raises:
            CurationError: there is none.
        """
        if isinstance(who, str):
            row = self._one("SELECT id FROM clusters WHERE key = ?", name_key(who))
            if row is None:
                raise CurationError(f"{self.path}: nobody is called {who!r}")
            who = int(row[0])
        row = self._one("SELECT name FROM clusters WHERE id = ?", who)
        if row is None:
            raise CurationError(f"{self.path}: no cluster #{who}")
        faces = self._count("SELECT count(*) FROM faces WHERE cluster = ?", who)
        return Cluster(int(who), row[0], faces)

    def add_cluster(self) -> int:
        """A new cluster without faces or name; within a change, that gives it some."""
        return self._run("INSERT INTO clusters DEFAULT VALUES")

    def rename(self, cluster: int, name: str | None) -> None:
        """Change or take away a name, which nobody else has; within a change."""
        key = None if name is None else name_key(name)
        self._run("UPDATE clusters SET name = ?, key = ? WHERE id = ?", name, key, cluster)

    def put(self, faces: Sequence[int], cluster: int | None, *, left_out: bool = False) -> None:
        """Put faces into a cluster, or into none; within a change."""
        self._database.executemany(
            "UPDATE faces SET cluster = ?, left_out = ? WHERE id = ?",
            ((cluster, int(left_out), face) for face in faces),
        )

    def absorb(self, gone: Mapping[int, int]) -> None:
        """Give the faces and the foes of clusters to others, and remove them; within a change.

        Args:
            gone: by the id of each that goes, the id of one that stays.
        """
        for old, stays in gone.items():
            self._run("UPDATE faces SET cluster = ? WHERE cluster = ?", stays, old)
            rows = self._all("SELECT a, b FROM apart WHERE a = ? OR b = ?", old, old)
            for foe in {a if b == old else b for a, b in rows} - {stays}:
                self.keep_apart(stays, gone.get(foe, foe))
            self._run("DELETE FROM clusters WHERE id = ?", old)

    def remove_empty(self) -> None:
        """Remove clusters without faces; within a change."""
        self._database.execute(
            "DELETE FROM clusters WHERE id NOT IN (SELECT cluster FROM faces WHERE cluster NOTNULL)"
        )

    def keep_apart(self, one: int, two: int) -> None:
        """Two clusters are different people, from now on; within a change."""
        if one != two:
            pair = (min(one, two), max(one, two))
            self._database.execute("INSERT OR IGNORE INTO apart VALUES (?, ?)", pair)

    def let_together(self, one: int, two: int) -> None:
        """Take back `keep_apart`; within a change."""
        pair = (min(one, two), max(one, two))
        self._database.execute("DELETE FROM apart WHERE a = ? AND b = ?", pair)

    def apart(self) -> list[tuple[int, int]]:
        """The pairs of clusters that are different people, as somebody said."""
        return [(a, b) for a, b in self._all("SELECT a, b FROM apart")]
