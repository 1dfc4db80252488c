"""Who does not belong in a folder: by the folder, all other folders, and how strangers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facewise.curation.cleaning import others
from facewise.curation.cleaning.agglomerative import members
from facewise.curation.cleaning.consensus import consensus, to_the_others
from facewise.curation.cleaning.strangers import Limit, choose_limit, rarely_reached

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FOLDERS = 20  # with several faces that agree, from which on they say how alike strangers are
_CORE = 1e-3  # of strangers reach the similarity that makes a core
_CLAIM = 1e-4  # … and that by which another folder can claim a face
_SAME = 0.2  # part of the faces that are less like their person than two folders of one person
_MOST = 0.5  # part of a cluster from which on it is of a known person
_SEVERAL = 3  # faces from which on a folder can say who it is


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was found of n faces in f folders.

    Attributes:
        similarity: of each face to the others of its folder's person, (n,); NaN where there is no
            other.
        rejected: the face does not belong, bool (n,).
        undecided: its folder does not say who it is: two people have equal shares, or no two faces
            agree; bool (n,). All such faces are rejected, unless the folder has fewer than three.
        other: row of another folder whose person the face plainly resembles, and more than its own,
            (n,); −1: none.
        other_similarity: how much, (n,); NaN where there is none.
        limit: that was chosen or given.
        alike: pairs of rows of folders that show the same person, with their similarity.
        by_folders: the folders themselves said how alike strangers are.
    """

    similarity: Floats
    rejected: NDArray[np.bool_]
    undecided: NDArray[np.bool_]
    other: NDArray[np.intp]
    other_similarity: Floats
    limit: Limit
    alike: list[tuple[int, int, float]]
    by_folders: bool


def judge(
    vectors: NDArray[np.float32] | Floats,
    folders: NDArray[np.intp],
    strangers: Floats,
    *,
    weights: Floats | None = None,
    threshold: float | None = None,
) -> Judged:
    """Judge every face of every folder.

    Each folder's core is found first (`consensus`). From twenty folders on the cores then say how
    alike strangers are: faces compared with other folders' people. With that the limit is chosen
    (`choose_limit`), the same for all folders.

    Args:
        vectors: unit vectors (n, d).
        folders: number of each one's folder, (n,); the rows of the result are these numbers in
            order, without gaps.
        strangers: similarities of strangers, sorted, for where there are too few folders to see it.
        weights: of each face in (0, 1]; near-duplicates share one. By default all have 1.
        threshold: the limit, if it is not to be chosen.
    """
    vectors = vectors.astype(np.float64)
    n = len(vectors)
    weights = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    rows = np.unique(folders, return_inverse=True)[1].reshape(n)
    groups = members(rows)
    seen = others.strangers_among_faces(vectors, rows)
    enough = len(groups) >= _FOLDERS
    first = threshold
    if first is None:
        first = rarely_reached(seen if enough else strangers, _CORE)
    similarity, core, second = np.full(n, np.nan), np.zeros(n, bool), np.zeros(n, bool)
    for own in groups:
        found = consensus(vectors[own], weights[own], first)
        core[own], similarity[own], second[own] = found
    centres = np.stack(
        [others.centre(vectors[own[core[own]]], weights[own[core[own]]]) for own in groups]
    )
    sure = np.array([core[own].sum() > 1 for own in groups]) & np.isfinite(centres[:, 0])
    by_folders = int(sure.sum()) >= _FOLDERS
    if by_folders:
        strangers = others.strangers_among_people(vectors, rows, centres, sure)
    known = np.isfinite(similarity)
    limit = (
        choose_limit(similarity[known], strangers)
        if threshold is None
        else Limit(threshold, np.nan, np.nan)
    )
    genuine = similarity[core & known]
    same = float(np.quantile(genuine, _SAME)) if len(genuine) else 1.0
    alike = others.same_people(centres, sure, max(same, limit.similarity))
    asked = ~known | (similarity < max(same, limit.similarity))
    claim = others.claims(vectors, rows, centres, sure, asked, alike)
    least = max(limit.similarity, rarely_reached(strangers, _CLAIM))
    claimed = (claim.similarity >= least) & ~(claim.similarity <= similarity)
    # What strangers may reach, while it is as like another's person as that one's own faces are.
    taken = claimed & (similarity < first) & (claim.similarity >= same)
    rejected = (similarity < limit.similarity) | taken
    undecided = np.zeros(n, bool)
    known_people = {row: pair for pair in alike for row in pair[:2]}
    for row, own in enumerate(groups):
        if len(own) < _SEVERAL:
            undecided[own] = rejected[own].any()
            rejected[own] &= claimed[own]
        elif core[own].sum() < 2:
            undecided[own] = rejected[own] = True
        elif second[own].any():
            first_is_known = row in known_people or claimed[own[core[own]]].mean() > _MOST
            second_is_known = claimed[own[second[own]]].mean() > _MOST
            if first_is_known == second_is_known:
                undecided[own] = rejected[own] = True
            elif first_is_known:  # so the second is whom the folder is of
                similarity[own] = to_the_others(vectors[own], weights[own], second[own])
                rejected[own] = similarity[own] < limit.similarity
                if row in known_people:
                    pair = known_people[row]
                    alike = [each for each in alike if each != pair]
                    wrong = own[core[own]]
                    claimed[wrong] = True
                    claim.folder[wrong] = pair[0] if pair[1] == row else pair[1]
                    claim.similarity[wrong] = vectors[wrong] @ centres[claim.folder[wrong[0]]]
    return Judged(
        similarity,
        rejected,
        undecided,
        np.where(claimed, claim.folder, -1),
        np.where(claimed, claim.similarity, np.nan),
        limit,
        alike,
        by_folders,
    )
