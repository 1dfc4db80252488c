"""What people decide about an album: who is who, who is not, and which faces do not count."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facewise.curation.clustering.joining import joined
from facewise.curation.clustering.limits import Limits
from facewise.errors import CurationError
from facewise.gallery.names import checked_name, name_key

if TYPE_CHECKING:
    from facewise.curation.clustering.album import Album
    from facewise.curation.clustering.records import Cluster

    Who: TypeAlias = "int | str"

_END = 1 << 63
"""Beyond the numbers that SQLite has."""

_HALVINGS = 22  # of the limit at which a cluster falls in two: to less than 1e-6


def merge(album: Album, who: Sequence[Who], name: str | None = None) -> Cluster:
    """Several clusters are one person, from now on.

    It keeps the id of the one that has a name, else of the oldest. What kept them apart is taken
    back.

    Args:
        album: that holds them.
        who: ids or names, at least two.
        name: of the person; needed where they have different names.

    Raises:
        CurationError: there is no such cluster, they are one already, or have different names.
    """
    found = {cluster.id: cluster for cluster in map(album.cluster, who)}
    if len(found) < 2:
        raise CurationError("merge: expected at least two different clusters")
    names = {name_key(c.name): c.name for c in found.values() if c.name is not None}
    if len(names) > 1 and name is None:
        raise CurationError(
            f"merge: they are called {' and '.join(map(repr, names.values()))}; say which name "
            "stays (--name)"
        )
    stays = min(found.values(), key=lambda c: (c.name is None, c.id)).id
    with album.change():
        for one, two in combinations(found, 2):
            album.let_together(one, two)
        album.absorb({other: stays for other in found if other != stays})
        if name is not None:
            _name(album, stays, name)
    return album.cluster(stays)


def split(album: Album, who: Who, faces: Sequence[int] = (), name: str | None = None) -> Cluster:
    """Some faces of a cluster are another person, and the two stay apart from now on.

    Args:
        album: that holds them.
        who: id or name of the cluster.
        faces: ids of the faces that go; none: the part that the cluster falls into most easily (the
            last two clusters of average linkage), without the larger half.
        name: of the new cluster.

    Returns:
        The new cluster.

    Raises:
        CurationError: there is no such cluster or face in it, or none would be left.
    """
    cluster = album.cluster(who)
    members = [face.id for face in album.faces(cluster.id)]
    strange = sorted(set(faces) - set(members))
    if strange:
        raise CurationError(f"split: {cluster.title!r} has no face {strange[0]}")
    going = sorted(set(faces)) or _looser_half(album, cluster)
    if len(going) == len(members):
        raise CurationError(f"split: all {len(members)} faces of {cluster.title!r} would go")
    with album.change():
        new = album.add_cluster()
        album.put(going, new)
        album.keep_apart(cluster.id, new)
        if name is not None:
            _name(album, new, name)
    return album.cluster(new)


def rename(album: Album, who: Who, name: str | None) -> Cluster:
    """Give a cluster a name, or take it away.

    Raises:
        CurationError: there is no such cluster, or another one has the name.
        GalleryError: it cannot be a name (`gallery.names.checked_name`).
    """
    cluster = album.cluster(who)
    with album.change():
        _name(album, cluster.id, name)
    return album.cluster(cluster.id)


def keep_apart(album: Album, who: Sequence[Who]) -> None:
    """Clusters are different people, and do not become one whatever photos come.

    Raises:
        CurationError: there is no such cluster, or they are one.
    """
    found = {album.cluster(each).id for each in who}
    if len(found) < max(2, len(who)):
        raise CurationError("apart: expected at least two different clusters")
    with album.change():
        for one, two in combinations(sorted(found), 2):
            album.keep_apart(one, two)


def leave_out(album: Album, faces: Sequence[int]) -> None:
    """Faces do not count: no face, or nobody of interest.

    Raises:
        CurationError: there is no such face.
    """
    for face in faces:
        if not 0 < face < _END or album.face(face) is None:
            raise CurationError(f"{album.path}: no face {face}")
    with album.change():
        album.put(faces, None, left_out=True)
        album.remove_empty()


def _name(album: Album, cluster: int, name: str | None) -> None:
    """Within a change."""
    kept = None if name is None else checked_name(name)
    if kept is not None:
        if kept.isascii() and kept.isdecimal():
            raise CurationError(f"name {kept!r:.60}: is how the number of a person is written")
        for other in album.clusters():
            if other.name and name_key(other.name) == name_key(kept) and other.id != cluster:
                raise CurationError(
                    f"{kept!r} is cluster #{other.id}; merge the two if they are one person"
                )
    album.rename(cluster, kept)


def _looser_half(album: Album, cluster: Cluster) -> list[int]:
    """The smaller of the two parts that join last."""
    table = album.table(cluster.id)
    n = len(table.ids)
    if n < 2:
        raise CurationError(f"split: {cluster.title!r} has one face")
    edges = np.triu_indices(n, 1)
    low, high = -1.0, 1.0
    labels = np.arange(n) // (n - 1)  # the last one goes, where all are the same
    for _ in range(_HALVINGS):
        limit = (low + high) / 2
        found = joined(table.vectors, edges, Limits(limit, limit))
        if len(np.unique(found)) == 1:
            low = limit
        else:
            high, labels = limit, found
    parts, counts = np.unique(labels, return_counts=True)
    going: list[int] = table.ids[labels != parts[counts.argmax()]].tolist()
    return going
