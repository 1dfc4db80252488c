"""`export_folder`: from a folder of people to files of embeddings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facewise._software import versions
from facewise.errors import ExportError, GalleryError
from facewise.export.choosing import SELECTIONS, Selection, chosen
from facewise.export.facts import ExportFacts
from facewise.export.leaving import LeavingFaces, LeavingPeople
from facewise.export.problems import Problem, problems_of, write_problems
from facewise.export.workplace import hinted, remove, the_targets, work_folder
from facewise.gallery.transfer.target import draft
from facewise.recognition.folders import pictures_in

if TYPE_CHECKING:
    from facewise.gallery.transfer.formats import Format
    from facewise.gallery.transfer.leaving import Outgoing
    from facewise.shards import Models, Progress, Shards

SHARD_SIZE = 2_000
"""Pictures of a shard: what a killed run does again."""


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What was written.

    Attributes:
        out: the file of faces, or None.
        means: the file of people, or None.
        model: id of the embedder.
        weights: the hash of its weights.
        pictures: how many were found.
        faces: rows of `out`.
        people: whose folders have a picture with a face.
        several: pictures of several faces.
        failed: how many pictures could not be read.
        problems: pictures without a row, and why, those that could not be read first.
        list: the file with all problems; None where there are none.
    """

    out: Path | None
    means: Path | None
    model: str
    weights: str
    pictures: int
    faces: int
    people: int
    several: int
    failed: int
    problems: tuple[Problem, ...]
    list: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` writes them."""
        return {
            "out": None if self.out is None else str(self.out),
            "means": None if self.means is None else str(self.means),
            "model": self.model,
            "weights": self.weights,
            "pictures": self.pictures,
            "faces": self.faces,
            "people": self.people,
            "several": self.several,
            "failed": self.failed,
            "problems": [
                {"image": each.path, "error": each.reason, "faceless": each.faceless}
                for each in self.problems
            ],
        }


def export_folder(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    means: str | os.PathLike[str] | None = None,
    models: Models | None = None,
    selection: Selection = "most_central",
    shards: str | os.PathLike[str] | None = None,
    shard_size: int = SHARD_SIZE,
    force: bool = False,
    retry_failed: bool = False,
    progress: Progress | None = None,
    written: Callable[[int], object] = lambda _: None,
) -> Exported:
    """Embed the pictures of a folder, and write the vectors into a file.

    The vectors are made as shards beside the file (`OUT.parts`), and then put together, some
    thousand at a time; so memory does not grow with them, and a run that was killed goes on when it
    is started again. The file appears whole or not at all, readable by its owner only.

    Whom a picture shows is said by the first folder that it lies in; pictures that lie in none are
    of nobody (""), and in no mean. Chips and their mirror images are embedded together where the
    model's spec says so.

    Args:
        source: the folder.
        out: `.npz`, `.parquet` or `.h5` (facerec's layout of faces): a row for each picture.
        means: the same, for each person the mean of the pictures' vectors, at unit length; in `.h5`
            facerec's layout of people, whose means are plain.
        models: which detector and embedder; with `aligned` the pictures are chips already.
        selection: which face of a picture counts; see `choosing.Selection`.
        shards: keep the shards in this folder, or take those that are there.
        shard_size: pictures of a shard: what a killed run does again.
        force: replace files that are there.
        retry_failed: look again at pictures that could not be read, of an interrupted run.
        progress: told how far the embedding is.
        written: called with the number of rows that were written.

    Raises:
        ExportError: a file cannot be written: its suffix, or it is there already; there are no
            pictures, or none has a face.
        ModelMismatchError: the shards that are there are of other models.
        ShardsError: they are of other pictures.
        ExtraMissingError: pyarrow or h5py is needed and not installed.
        OSError: a folder cannot be listed, or a file not be written.

    Example:
        >>> import tempfile
        >>> from facewise.export import export_folder, open_export
        >>> folder = tempfile.TemporaryDirectory()
        >>> done = export_folder("examples/people", folder.name + "/faces.npz")
        >>> done.faces, done.people, done.problems
        (3, 2, ())
        >>> export = open_export(folder.name + "/faces.npz")
        >>> export.names, export.vectors.shape, export.model.model
        (['biden', 'obama', 'obama'], (3, 128), 'dlib_resnet29.dlib')
        >>> folder.cleanup()
    """
    from facewise.shards import Models, embed_to_shards, open_shards

    root = Path(source)
    if not root.is_dir():
        raise ExportError(f"{root}: expected a folder of pictures")
    if next(pictures_in(root), None) is None:
        raise ExportError(f"{root}: no pictures there")
    if selection not in SELECTIONS:
        raise ValueError(f"selection: expected one of {', '.join(SELECTIONS)}, got {selection!r}")
    targets = the_targets(out, means)
    if means is not None and selection == "all":
        raise ExportError("means: of all faces of a picture would be of several people")
    work = work_folder(targets, shards, force)
    with hinted(work, own=shards is None):
        run = embed_to_shards(
            root,
            work,
            models=models or Models(),
            shard_size=shard_size,
            retry_failed=retry_failed,
            progress=progress,
        )
    if run.unwritten:
        raise ExportError(f"{work}: {run.unwritten[0]}; the same call tries again")
    made = open_shards(work)
    problems = list(problems_of(made, root))
    faces, several = 0, 0
    for some in chosen(made, selection, vectors=False):
        faces, several = faces + len(some.keys), several + some.several
        problems += [Problem(str(root / key), reason, True) for key, reason in some.unclear]
    listed = write_problems(next(iter(targets)), problems)
    if not faces:
        if shards is None:
            remove(work)
        raise ExportError(f"{root}: none of {run.counts.pictures:,} pictures has a face that counts"
                          + ("" if listed is None else f" (see {listed})"))  # fmt: skip
    of_faces, of_people = _leaving(made, selection, written)
    for target, form in targets.items():
        if means is not None and target == Path(means):
            of_people.means = form.means
            _write(target, form, of_people)
        else:
            _write(target, form, of_faces)
    if shards is None:
        remove(work)
    return Exported(
        None if out is None else Path(out),
        None if means is None else Path(means),
        run.model,
        run.weights,
        run.counts.pictures,
        faces,
        of_faces.people,
        several,
        run.counts.failed,
        tuple(problems),
        listed,
    )


def _write(target: Path, form: Format, leaving: Outgoing) -> None:
    try:
        with draft(target, force=True) as part:  # it was asked about at the beginning
            form.code.write(part, leaving)
    except GalleryError as error:
        raise ExportError(str(error)) from error


def _leaving(
    shards: Shards,
    selection: Selection,
    written: Callable[[int], object],
) -> tuple[LeavingFaces, LeavingPeople]:
    """What goes into the file of faces, and into that of people."""
    model = shards.manifest.facts
    settings = shards.manifest.settings
    total = shards.total
    about = {
        "rows": "images",
        "select": selection,
        "aligned": settings["aligned"],
        "detector": settings["detector"],
        "pictures": total.pictures,
        "without_face": total.faceless,
        "failed": total.failed,
        "software": versions(),
    }
    of_faces, of_people = (
        ExportFacts(model["settings"], model["embedding_size"], {**about, "rows": rows})
        for rows in ("images", "people")
    )
    faces = LeavingFaces(shards=shards, facts=of_faces, selection=selection, done=written)
    return faces, LeavingPeople(faces=faces, facts=of_people)
