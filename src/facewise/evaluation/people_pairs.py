"""Pairs of the pictures in a folder of people: `NAME/*.jpg`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol, names_below
from facewise.recognition.folders import pictures_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PAIRS = 200_000
"""Of each kind: more tell no more of a probability, and cost memory."""


def pair_people(folder: Path, most: int = MOST_PAIRS) -> PairProtocol:
    """Pair the pictures of a folder of people.

    A sub-folder is a person, with pictures at any depth; a picture in the folder itself is a person
    of its file's name (as in `facewise.recognition.load_people`). All pairs of one person's
    pictures are genuine. Where there are more than `most`, each person keeps its share of them,
    and at least one, evenly spaced; of the impostor pairs about `most` are taken, likewise.

    Returns:
        A protocol of one fold, whose digest is of the pictures' names.

    Raises:
        ProtocolError: the folder is missing, or does not show two people and one of them twice.
    """
    if not folder.is_dir():
        raise ProtocolError(f"{folder}: no such folder of people")
    found = sorted((_name(path, folder), path) for path in pictures_in(folder))
    people = tuple(name for name, _ in found)
    images = tuple(path for _, path in found)
    _, person, counts = np.unique(np.array(people, str), return_inverse=True, return_counts=True)
    if len(counts) < 2 or counts.max() < 2:
        raise ProtocolError(
            f"{folder}: expected a folder with pictures for each of several people, got "
            f"{len(images)} pictures of {len(counts)} people"
        )
    genuine = _genuine(counts, most)
    impostors = _impostors(person, counts, most)
    names = names_below(folder, images)
    return PairProtocol(
        name=folder.resolve().name,
        sha256=hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest(),
        images=images,
        names=names,
        people=people,
        pairs=np.concatenate([genuine, impostors]),
        same=np.arange(len(genuine) + len(impostors)) < len(genuine),
        folds=np.zeros(len(genuine) + len(impostors), np.intp),
        folds_given=False,
    )


def picture_weights(protocol: PairProtocol) -> NDArray[np.float64]:
    """How much each pair counts so that, of the genuine ones, all pictures count alike.

    Else whoever has 100 pictures, and 4,950 pairs, would outweigh a hundred people with ten.

    Args:
        protocol: of `pair_people`.

    Returns:
        float64 (n,): of a genuine pair the number of the person's pictures over the number of the
        person's pairs, of an impostor pair 1.
    """
    _, person, counts = np.unique(
        np.array(protocol.people, str), return_inverse=True, return_counts=True
    )
    whose = person[protocol.pairs[protocol.same, 0]]
    weights = np.ones(len(protocol.same))
    weights[protocol.same] = counts[whose] / np.bincount(whose, minlength=len(counts))[whose]
    return weights


def _name(path: Path, folder: Path) -> str:
    first, *below = path.relative_to(folder).parts
    return first if below else path.stem


def _genuine(counts: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Pairs within each person's pictures, which follow each other in the row of all."""
    total = int(np.sum(counts * (counts - 1) // 2))
    starts = np.cumsum(counts) - counts
    pairs = []
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        own = count * (count - 1) // 2
        if own:
            wanted = own if total <= most else max(1, own * most // total)
            pairs.append(start + _even_pairs(count, wanted))
    return np.concatenate(pairs)


def _impostors(person: NDArray[np.intp], counts: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Evenly spaced ones of all pairs, less those of one person."""
    images = len(person)
    every = images * (images - 1) // 2
    impostors = every - int(np.sum(counts * (counts - 1) // 2))
    # Where few pairs are of two people more have to be looked at, within reason.
    wanted = every if impostors <= most else min(-(-most * every // impostors), 10 * most)
    pairs = _even_pairs(images, min(every, max(wanted, 1), 10 * most))
    different: NDArray[np.bool_] = person[pairs[:, 0]] != person[pairs[:, 1]]
    return pairs[different]


def _even_pairs(count: int, wanted: int) -> NDArray[np.intp]:
    """So many pairs (i, j), i < j, of a number of things, evenly spaced in the row of all pairs.

    The row is (0, 1), (0, 2), (1, 2), (0, 3), …: before those of j stand j (j - 1) / 2.
    """
    total = count * (count - 1) // 2
    place = np.arange(wanted, dtype=np.int64) * total // wanted
    j = ((1 + np.sqrt(1 + 8 * place.astype(np.float64))) / 2).astype(np.int64)
    j -= j * (j - 1) // 2 > place  # the root may be rounded up
    return np.stack([place - j * (j - 1) // 2, j], axis=1).astype(np.intp)
