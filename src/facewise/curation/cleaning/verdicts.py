"""A verdict on every picture of folders of people, with its reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from facewise.curation.cleaning.agglomerative import (
    AFFINITY,
    DISTANCE_THRESHOLD,
    LINKAGE,
    Affinity,
    Linkage,
    outside_the_largest,
)
from facewise.curation.cleaning.judging import Judged, judge
from facewise.curation.cleaning.strangers import strangers_of
from facewise.curation.duplicates import groups_of, near_pairs
from facewise.errors import CurationError
from facewise.quality.boxes import SMALLEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.curation.cleaning.pictures import FolderPicture, PeopleFolders
    from facewise.zoo import ModelSpec

Method = Literal["consensus", "agglomerative"]

Code = Literal[
    "belongs",
    "alone",
    "unsure",
    "stranger",
    "other",
    "undecided",
    "no face",
    "small",
    "blurred",
    "doubtful",
    "duplicate",
    "unreadable",
]
"""`unsure`: kept, but a look is asked for; `other`: resembles another folder's person; `undecided`:
its folder does not say who it is; `doubtful`: perhaps no face; `unreadable`: neither kept nor
rejected."""

_TURNED = 0.1  # part of the pose below which a face does not say whose it is
_BITS = 6  # in which the hashes of near-duplicates may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanOptions:
    """How pictures are judged.

    Attributes:
        method: `consensus`, or `agglomerative` as the predecessor had it.
        threshold: similarity below which a face does not belong (`consensus`); None: it is chosen.
        affinity: of `agglomerative`.
        linkage: of `agglomerative`.
        distance_threshold: of `agglomerative`.
        min_side: pixels of a face below which it is rejected.
        min_focus: focus (`facewise.quality.sharpness`) below which it is rejected. 1 in 1,000 faces
            of LFW is below 0.01.
        min_score: detection score below which it is rejected as perhaps no face.
        drop_duplicates: of near-duplicates in a folder keep only the best.

    Raises:
        ValueError: a threshold that no similarity or distance can have.
    """

    method: Method = "consensus"
    threshold: float | None = None
    affinity: Affinity = AFFINITY
    linkage: Linkage = LINKAGE
    distance_threshold: float = DISTANCE_THRESHOLD
    min_side: float = SMALLEST
    min_focus: float = 0.005
    min_score: float = 0.8
    drop_duplicates: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise ValueError(f"threshold: expected a cosine in [-1, 1], got {self.threshold}")
        for name in ("distance_threshold", "min_side", "min_focus", "min_score"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected at least 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a picture.

    Attributes:
        keep: it belongs where it is.
        code: why, as a word.
        reason: why, as people read it; empty for what plainly belongs.
        similarity: to its folder's person; None where nothing is known of it.
    """

    keep: bool
    code: Code
    reason: str = ""
    similarity: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """Everything that was found.

    Attributes:
        each: of every picture.
        duplicates: groups of pictures that are the same or nearly, by number.
        same_people: pairs of folders that show one person, with the similarity.
        undecided: folders that do not say who they are.
        threshold: similarity below which faces do not belong; None for `agglomerative`.
    """

    each: Sequence[Verdict]
    duplicates: Sequence[Sequence[int]]
    same_people: Sequence[tuple[str, str, float]]
    undecided: Sequence[str]
    threshold: float | None


def judge_pictures(people: PeopleFolders, spec: ModelSpec, options: CleanOptions) -> Verdicts:
    """Judge all pictures of folders of people.

    Args:
        people: what was read.
        spec: of the embedder.
        options: how.

    Raises:
        CurationError: nothing says how alike strangers are; see `strangers_of`.
    """
    pictures = people.pictures
    verdicts: dict[int, Verdict] = {}
    faces = []
    for number, picture in enumerate(pictures):
        bad = _unusable(picture, options)
        if bad is None:
            faces.append(number)
        else:
            verdicts[number] = bad
    rows = np.array(faces, np.intp)
    vectors = people.vectors[rows]
    names = sorted({pictures[i].folder for i in faces})
    number_of = {name: number for number, name in enumerate(names)}
    folders = np.array([number_of[pictures[i].folder] for i in faces], np.intp)
    duplicates = groups_of(_near(people))
    alike: list[tuple[str, str, float]] = []
    undecided: list[str] = []
    threshold = None
    if len(rows) and options.method == "agglomerative":
        gone = outside_the_largest(
            vectors,
            folders,
            affinity=options.affinity,
            linkage=options.linkage,
            distance_threshold=options.distance_threshold,
        )
        for number, bad_one in zip(faces, gone.tolist(), strict=True):
            verdicts[number] = (
                Verdict(False, "stranger", "not in the folder's largest cluster")
                if bad_one
                else Verdict(True, "belongs")
            )
    elif len(rows):
        judged = judge(
            vectors,
            folders,
            _strangers(spec, options, len(names)),
            weights=_weights(faces, pictures, duplicates),
            threshold=options.threshold,
        )
        threshold = judged.limit.similarity
        for place, number in enumerate(faces):
            verdicts[number] = _verdict(judged, place, names, pictures[number])
        alike = [(names[a], names[b], value) for a, b, value in judged.alike]
        undecided = [names[i] for i in np.unique(folders[judged.undecided])]
    if options.drop_duplicates:
        _drop(duplicates, pictures, verdicts)
    each = [verdicts[number] for number in range(len(pictures))]
    return Verdicts(each, duplicates, alike, undecided, threshold)


def _strangers(spec: ModelSpec, options: CleanOptions, folders: int) -> NDArray[np.float64]:
    try:
        return strangers_of(spec)
    except CurationError:
        if options.threshold is None and folders < 20:
            raise
        return np.linspace(-1, 1, 1000)  # not looked at: a threshold, or the folders themselves


def _unusable(picture: FolderPicture, options: CleanOptions) -> Verdict | None:
    if picture.problem is not None:
        return Verdict(False, "unreadable", picture.problem)
    if picture.box is None or picture.measures is None:
        return Verdict(False, "no face", "no face found")
    if picture.score < options.min_score:
        return Verdict(False, "doubtful", f"perhaps no face (score {picture.score:.2f})")
    side = picture.measures["side"]
    if side < options.min_side:
        return Verdict(False, "small", f"face of {side:.0f} pixels (below {options.min_side:g})")
    focus = picture.measures["focus"]
    if focus < options.min_focus:
        text = f"blurred (sharpness {focus:.4f}, below {options.min_focus:g})"
        return Verdict(False, "blurred", text)
    return None


def _verdict(judged: Judged, place: int, names: Sequence[str], picture: FolderPicture) -> Verdict:
    raw = float(judged.similarity[place])
    similarity = raw if np.isfinite(raw) else None
    other = int(judged.other[place])
    told = "" if similarity is None else f" ({similarity:.2f}, needs {judged.limit.similarity:.2f})"
    likeness = "" if other < 0 else f"{names[other]} ({judged.other_similarity[place]:.2f})"
    if judged.undecided[place] and judged.rejected[place]:
        text = "the folder does not say who it is: no majority; decide on the page"
        return Verdict(False, "undecided", text, similarity)
    if judged.rejected[place] and likeness:
        return Verdict(False, "other", f"looks like {likeness}; its own folder{told}", similarity)
    if judged.rejected[place]:
        if picture.parts is not None and picture.parts["pose"] < _TURNED:
            return Verdict(True, "unsure", f"unlike the others{told}, but turned away", similarity)
        return Verdict(False, "stranger", f"unlike the others{told}", similarity)
    if judged.undecided[place]:
        return Verdict(True, "unsure", f"the two pictures are unlike{told}", similarity)
    if likeness:
        return Verdict(True, "unsure", f"also looks like {likeness}", similarity)
    if similarity is None:
        return Verdict(True, "alone", "the only face of its folder")
    return Verdict(True, "belongs", "", similarity)


def _near(people: PeopleFolders) -> list[tuple[int, int]]:
    """Pairs of pictures that are the same, or look the same and have like faces."""
    pictures = people.pictures
    read = [i for i, picture in enumerate(pictures) if picture.problem is None]
    pairs = near_pairs([pictures[i].hash for i in read], _BITS)
    found = []
    for a, b in pairs.tolist():
        one, other = read[a], read[b]
        if pictures[one].sha256 == pictures[other].sha256:
            found.append((one, other))
            continue
        likeness = float(people.vectors[one] @ people.vectors[other])
        if likeness >= _LIKE:
            found.append((one, other))
    return found


_LIKE = 0.9
"""Cosine of the faces of near-duplicates; NaN, where there is no face, is not."""


def _weights(
    faces: Sequence[int], pictures: Sequence[FolderPicture], duplicates: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """1 for each face; near-duplicates of one folder share it."""
    place = {number: i for i, number in enumerate(faces)}
    weights = np.ones(len(faces))
    for group in duplicates:
        own: dict[str, list[int]] = {}
        for number in group:
            if number in place:
                own.setdefault(pictures[number].folder, []).append(place[number])
        for some in own.values():
            weights[some] = 1 / len(some)
    return weights


def _drop(
    duplicates: Sequence[Sequence[int]],
    pictures: Sequence[FolderPicture],
    verdicts: dict[int, Verdict],
) -> None:
    """Of near-duplicates that are kept in a folder, keep the one of the best quality."""
    for group in duplicates:
        own: dict[str, list[int]] = {}
        for number in group:
            if verdicts[number].keep:
                own.setdefault(pictures[number].folder, []).append(number)
        for some in own.values():
            best = max(some, key=lambda number: pictures[number].quality)
            for number in some:
                if number != best:
                    text = f"nearly the same as {pictures[best].path.name}"
                    old = verdicts[number].similarity
                    verdicts[number] = Verdict(False, "duplicate", text, old)
