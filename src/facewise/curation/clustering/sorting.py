"""Sort the faces of an album: new ones join clusters that are there, or each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.curation.clustering.joining import joined
from facewise.curation.clustering.limits import Limits
from facewise.curation.clustering.methods import DEFAULT_METHOD, Method, clustered
from facewise.curation.clustering.neighbours import neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.curation.clustering.album import Album
    from facewise.curation.clustering.records import Table

    Ints = NDArray[np.int64]

LEAST_QUALITY = 0.2
"""Faces below it are too poor to know anybody by: they resemble each other, whoever they are
(docs/results/quality.md). They join a cluster that two better ones began, or nobody."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What sorting did.

    Attributes:
        new: faces that had no cluster before.
        joined: of these, those that came to a cluster that was there, or to one another.
        merged: clusters that were there and became part of another one.
    """

    new: int
    joined: int
    merged: int


def sort(
    album: Album,
    limits: Limits,
    method: Method = DEFAULT_METHOD,
    *,
    same_photo: bool = False,
    least_quality: float = LEAST_QUALITY,
) -> Sorted:
    """Give every face of an album a cluster.

    What is together stays together; clusters with two names, those that somebody keeps apart, and
    those with faces of one photo do not become one. A cluster that grows keeps its id; of several
    that become one, that with a name does, else the oldest.

    Args:
        album: of `collect`.
        limits: how alike clusters must be.
        method: see `methods.Method`.
        same_photo: two faces of one photo may be one person (collages, mirrors).
        least_quality: in [0, 1]; faces below it are poor.

    Raises:
        CurationError: the album is busy or cannot be written; nothing has changed.
        ExtraMissingError, ValueError: see `methods.clustered`.
    """
    table = album.table()
    names = _names(album, table)
    apart = _apart(album, table, same_photo=same_photo)
    return _kept(album, table, labelled(table, limits, method, names, apart, least_quality))


def labelled(
    table: Table, limits: Limits, method: Method, names: Ints, apart: Ints, least_quality: float
) -> Ints:
    """What `sort` decides.

    Args:
        table: the faces, with the clusters that they are in.
        limits: see `sort`.
        method: see `sort`.
        names: of each face a number, (n,), 0 for none; two different ones are different people.
        apart: pairs of faces, (p, 2), that are different people.
        least_quality: see `sort`.

    Returns:
        Of each face the lowest place of its cluster, int64 (n,).
    """
    start = _start(table)
    alone = np.bincount(start, minlength=len(start))[start] == 1
    poor = alone & (names == 0) & (table.qualities < least_quality)
    labels = _among(~poor, table, limits, method, start, names, apart)
    return _adopted(poor, table, limits, labels, apart)


def _start(table: Table) -> Ints:
    """Of each face the place of one of its cluster, or its own."""
    every = np.arange(len(table.ids))
    key = np.where(table.clusters > 0, table.clusters, -1 - every)
    _, firsts, inverse = np.unique(key, return_index=True, return_inverse=True)
    start: Ints = firsts[inverse].astype(np.int64)
    return start


def _names(album: Album, table: Table) -> Ints:
    """Of each face the id of its cluster if that has a name, else 0."""
    named = np.array([c.id for c in album.clusters() if c.name is not None], np.int64)
    return np.where(np.isin(table.clusters, named), table.clusters, 0)


def _apart(album: Album, table: Table, *, same_photo: bool) -> Ints:
    """Pairs of faces, (p, 2), that must not be one person."""
    pairs = [np.empty((0, 2), np.int64)]
    firsts = dict(
        zip(table.clusters[::-1].tolist(), range(len(table.ids) - 1, -1, -1), strict=True)
    )
    said = [(firsts[a], firsts[b]) for a, b in album.apart() if a in firsts and b in firsts]
    if said:
        pairs.append(np.array(said, np.int64))
    if not same_photo:
        order = np.argsort(table.photos, kind="stable")
        ends = np.flatnonzero(np.diff(table.photos[order])) + 1
        for group in np.split(order, ends):
            if len(group) > 1:
                one, two = np.triu_indices(len(group), 1)
                pairs.append(np.column_stack([group[one], group[two]]))
    return np.concatenate(pairs)


def _among(
    which: NDArray[np.bool_],
    table: Table,
    limits: Limits,
    method: Method,
    start: Ints,
    names: Ints,
    apart: Ints,
) -> Ints:
    """Labels of all faces, when only some are looked at."""
    places = np.flatnonzero(which)
    inside = np.full(len(which), -1)
    inside[places] = np.arange(len(places))
    alone = np.bincount(start, minlength=len(start))[start[places]] == 1  # new ones and strangers
    labels = np.arange(len(which))
    labels[places] = places[
        clustered(
            table.vectors if len(places) == len(which) else table.vectors[places],
            limits,
            method,
            start=inside[start[places]],
            apart=inside[apart[which[apart].all(axis=1)]],
            names=names[places],
            new=None if alone.all() else np.flatnonzero(alone),
        )
    ]
    return labels


def _adopted(
    poor: NDArray[np.bool_], table: Table, limits: Limits, labels: Ints, apart: Ints
) -> Ints:
    """Let poor faces join clusters of two or more, by the limit of single pairs."""
    sizes = np.bincount(labels, minlength=len(labels))
    hosts = ~poor & (sizes[labels] > 1)
    if not poor.any() or not hosts.any():
        return labels
    found = neighbours(table.vectors, rows=np.flatnonzero(poor))
    one, two = found.edges(limits.pair)
    welcome = hosts[two]
    strict = Limits(limits.pair, limits.pair)
    names = np.where(hosts, labels + 1, 0)  # so that no two of them become one
    return joined(
        table.vectors, (one[welcome], two[welcome]), strict, start=labels, apart=apart, names=names
    )


def _kept(album: Album, table: Table, labels: Ints) -> Sorted:
    """Write the clusters down."""
    fresh = table.clusters == 0
    sizes = np.bincount(labels, minlength=len(labels))
    named = {c.id for c in album.clusters() if c.name is not None}
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[order])) + 1
    gone: dict[int, int] = {}
    with album.change():
        for group in np.split(order, ends):
            new = group[fresh[group]]
            known = sorted(
                set(table.clusters[group].tolist()) - {0}, key=lambda c: (c not in named, c)
            )
            if not len(new) and len(known) == 1:
                continue
            stays = known[0] if known else album.add_cluster()
            gone |= dict.fromkeys(known[1:], stays)
            album.put(table.ids[new].tolist(), stays)
        album.absorb(gone)
    return Sorted(int(fresh.sum()), int((sizes[labels[fresh]] > 1).sum()), len(gone))
