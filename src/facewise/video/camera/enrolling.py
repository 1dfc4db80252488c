"""From a portrait of somebody who is there to a person who is known."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image as PILImage

from facewise._files import replace_file
from facewise.errors import FacewiseError, NoFaceError
from facewise.gallery.enrolment import EnrolOptions
from facewise.gallery.names import checked_name, name_key
from facewise.gallery.portraits import Portrait as NamedPortrait
from facewise.recognition.people import People, pictures_by_name, plain_subject
from facewise.video.camera.alone import alone

if TYPE_CHECKING:
    from facewise.gallery import Gallery
    from facewise.pipeline import Pipeline
    from facewise.video.camera.portraits import Portrait
    from facewise.video.naming.known import KnownPeople


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of it.

    Attributes:
        name: as it is kept.
        new: nobody had that name before.
        remarks: what needs a look, in words.
        file: the photo that was written, or None.
    """

    name: str
    new: bool
    remarks: tuple[str, ...] = ()
    file: Path | None = None


class Enroller(Protocol):
    """Makes people known. It is called by one thread at a time."""

    @property
    def where(self) -> str:
        """Where people are kept, for messages."""
        ...

    def enrol(self, portrait: Portrait, name: str) -> Enrolled:
        """Keep somebody.

        Raises:
            FacewiseError: the name cannot be one, the portrait shows no clear face, or it cannot be
                kept.
        """
        ...


class IntoGallery:
    """Enrols into a gallery.

    Args:
        gallery: open; used by other threads too.
        camera: its name, for the records.
    """

    def __init__(self, gallery: Gallery, camera: str) -> None:
        self._gallery = gallery
        self._camera = camera

    @property
    def where(self) -> str:
        """See `Enroller`."""
        return self._gallery.store.url

    def enrol(self, portrait: Portrait, name: str) -> Enrolled:
        """See `Enroller`."""
        name = checked_name(name)
        image = alone(portrait, self._gallery.pipeline.detector)
        known = bool(self._gallery.store.find_people(name))
        place = f"{self._camera}, {datetime.now():%Y-%m-%d %H:%M:%S}"
        result = self._gallery.enrol_portraits(
            [NamedPortrait(name, image, place)], options=EnrolOptions()
        )
        remarks = [remark.text for remark in result.remarks]
        if not result.faces:
            raise FacewiseError("; ".join(remarks) or f"{name!r} has this very picture already")
        return Enrolled(name, not known, tuple(remarks))


class IntoFolder:
    """Enrols into a folder of people, as a photo.

    Args:
        folder: of people; it is made when it is needed.
        known: who is compared with; gets the new ones.
        pipeline: finds and embeds.
    """

    def __init__(self, folder: Path, known: KnownPeople, pipeline: Pipeline) -> None:
        self._folder = folder
        self._known = known
        self._pipeline = pipeline

    @property
    def where(self) -> str:
        """See `Enroller`."""
        return str(self._folder)

    def enrol(self, portrait: Portrait, name: str) -> Enrolled:
        """See `Enroller`."""
        name = file_name(checked_name(name))
        image = alone(portrait, self._pipeline.detector)
        people = self._known.people
        keys = {name_key(known): known for known in people.names}
        is_new = name_key(name) not in keys
        name = keys.get(name_key(name), name)
        path = self._folder / name / f"camera-{datetime.now():%Y%m%d-%H%M%S-%f}.png"
        content = io.BytesIO()
        PILImage.fromarray(image).save(content, "PNG")
        try:
            replace_file(path, content.getvalue())
        except OSError as error:
            raise FacewiseError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            template = self._template(name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._known.people = with_person(people, name, template)
        return Enrolled(name, is_new, file=path)

    def _template(self, name: str) -> np.ndarray:
        """The mean of the person's pictures, as `load_people` makes it."""
        _, pictures = pictures_by_name(self._folder)[name]
        vectors = []
        for found in self._pipeline.run_each(pictures):
            if isinstance(found, Exception):
                continue
            subject, _ = plain_subject(found.faces)
            if subject is not None:
                vectors.append(found.embeddings[subject])
        if not vectors:
            raise NoFaceError(f"{name!r}: no picture that can be used")
        mean = np.mean(vectors, axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)


def file_name(name: str) -> str:
    """A name that a folder can have; the name itself.

    Raises:
        FacewiseError: it cannot; says why.
    """
    bad = [sign for sign in ('/\\:*?"<>|' if os.name == "nt" else "/\\") if sign in name]
    if bad:
        raise FacewiseError(
            f"name {name!r:.60}: has a {bad[0]!r}, which the name of a folder cannot have; in a "
            "gallery it may"
        )
    if name.startswith("."):
        raise FacewiseError(f"name {name!r:.60}: begins with a dot, as hidden folders do")
    if len(os.fsencode(name)) > 255:
        raise FacewiseError(f"name {name!r:.20}…: is too long for the name of a folder")
    return name


def with_person(people: People, name: str, template: np.ndarray) -> People:
    """The same people, and one more, or one with another template."""
    rows = {known: people.templates[place] for place, known in enumerate(people.names)}
    rows[name] = template
    names = tuple(sorted(rows))
    return replace(people, names=names, templates=np.stack([rows[known] for known in names]))
