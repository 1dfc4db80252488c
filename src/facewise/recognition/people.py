"""A folder of people: pictures in, one template a person out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import FacewiseError, ImageError, ModelMismatchError
from facewise.recognition.folders import is_picture, pictures_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.embedding import Embedder
    from facewise.faces import EmbeddedFaces, Faces
    from facewise.pipeline import Pipeline

UNKNOWN = "unknown"
"""What a face is called that is nobody of the people; so no person can have this name."""

_DOMINANCE = 9
"""Times the area of any other face, from which a face is plainly the one that is meant."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a folder of people that was left out, or needs a look.

    Attributes:
        path: the picture, or the folder of a person.
        reason: what is wrong with it.
    """

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Whom faces are compared with.

    Attributes:
        names: n different names.
        templates: float32 (n, d), of each person the mean of the embeddings, at unit length.
        settings: of the embedder that made the templates (`Embedder.settings`): its model, the
            hash of its weights, crop, flip and number format.
        problems: what was left out or needs a look, and why.
    """

    names: tuple[str, ...]
    templates: NDArray[np.float32]
    settings: Mapping[str, str | bool]
    problems: tuple[Problem, ...] = ()

    def require(self, embedder: Embedder) -> None:
        """Make sure that an embedder's vectors can be compared with the templates.

        Raises:
            ModelMismatchError: they were made differently; says in what.
        """
        asked = embedder.settings
        other = [key for key, value in self.settings.items() if asked.get(key) != value]
        if other:
            made, now = (
                ", ".join(f"{key} {settings.get(key)!s:.40}" for key in other)
                for settings in (self.settings, asked)
            )
            raise ModelMismatchError(
                f"people: their templates were made with {made}; this model has {now}; "
                "load them again with it"
            )


def load_people(folder: str | PathLike[str], pipeline: Pipeline) -> People:
    """Learn the people of a folder.

    A sub-folder is a person, and holds pictures (also in folders of its own); a picture that lies
    in the folder itself is a person of the file's name. Both may be mixed, and what has the same
    name is the same person. Hidden files and files that have not a picture's name are ignored.

    A picture counts when it shows one face, or one that is at least three times as wide and high as
    any other (someone in the background, or a pattern taken for a face), which is reported. All
    others are left out and reported: a guess which of several faces is meant would be a wrong name
    later on.

    Args:
        folder: of the people.
        pipeline: how to find and embed.

    Raises:
        FacewiseError: the folder is missing, or no person in it has a picture that counts.

    Example:
        >>> import facewise
        >>> from facewise.pipeline import Pipeline
        >>> from facewise.recognition import load_people
        >>> pipeline = Pipeline(facewise.load_detector(), facewise.load_embedder())
        >>> people = load_people("examples/people", pipeline)
        >>> people.names, people.templates.shape
        (('biden', 'obama'), (2, 128))
    """
    folder = Path(folder)
    problems: list[Problem] = []
    people = dict(sorted(pictures_by_name(folder).items()))
    names, templates = [], []
    every = (path for name in people if name != UNKNOWN for path in people[name][1])
    with closing(pipeline.run_each(every)) as results:  # of all people at once: full batches
        for name, (place, pictures) in people.items():
            if name == UNKNOWN:
                reason = f"{UNKNOWN!r} is what strangers are called; rename it"
                problems.append(Problem(place, reason))
                continue
            found = zip(pictures, results, strict=False)  # takes no result more than pictures
            vectors = list(_subjects(found, problems))
            if not vectors:
                problems.append(Problem(place, f"no usable picture, {name!r} is left out"))
                continue
            mean = np.mean(vectors, axis=0)
            names.append(name)
            templates.append(mean / np.linalg.norm(mean))
    if not names:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise FacewiseError(
            f"{folder}: no people; expected a folder of pictures for each person, or a picture "
            f"for each person{listed}"
        )
    embedder = pipeline.embedder
    return People(
        names=tuple(names),
        templates=np.stack(templates).astype(np.float32),
        settings=embedder.settings,
        problems=tuple(problems),
    )


def pictures_by_name(folder: Path) -> dict[str, tuple[Path, list[Path]]]:
    """For each person of a folder the place to name in messages, and the pictures.

    Raises:
        FacewiseError: the folder is missing, or cannot be listed.
    """
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise FacewiseError(f"{folder}: no such folder of people") from None
    except OSError as error:
        raise FacewiseError(f"{folder}: not a folder of people ({error.strerror})") from None
    found: dict[str, tuple[Path, list[Path]]] = {}
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith("."):
            found.setdefault(entry.name, (entry, []))[1].extend(_pictures_of(entry))
        elif is_picture(entry):
            found.setdefault(entry.stem, (entry, []))[1].append(entry)
    return found


def _pictures_of(folder: Path) -> Iterator[Path]:
    # A link back to the folder of people would give one person the pictures of all.
    return pictures_in(folder, skip=folder.parent)


def _subjects(
    results: Iterable[tuple[Path, EmbeddedFaces | ImageError]], problems: list[Problem]
) -> Iterator[NDArray[np.float32]]:
    """The embedding, (d,), of whom each picture shows; what is not plain becomes a problem."""
    for path, found in results:
        if isinstance(found, ImageError):
            problems.append(Problem(path, str(found).removeprefix(f"{path}: ")))
            continue
        subject, remark = plain_subject(found.faces)
        if remark:
            problems.append(Problem(path, remark))
        if subject is not None:
            yield found.embeddings[subject]


def plain_subject(faces: Faces) -> tuple[int | None, str]:
    """Which face a picture of a person is of: the only one, or one much larger than all others.

    Returns:
        The number of the face, or None where that is not plain; and what is to be said of it.
    """
    count = len(faces)
    if count == 0:
        return None, "no face found"
    largest, *others = faces.order("largest").tolist()
    if not others:
        return largest, ""
    if faces.areas[others[0]] * _DOMINANCE > faces.areas[largest]:
        return None, f"{count} faces, expected one; crop the picture"
    return largest, f"{count} faces; the one much larger than all is used"
