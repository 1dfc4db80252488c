"""`PeopleProtocol`: who of a gallery is in a probe, in a closed or an open set.

Gallery and probes are two folders, each with one folder of pictures a person. A probe of somebody
who is not in the gallery is a stranger, whom a good model finds nobody for.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from facewise.errors import ImageError, ProtocolError
from facewise.evaluation.protocols.reading import first_few, sha256_of, unreadable
from facewise.images import read_file
from facewise.recognition.folders import is_picture, pictures_in


@dataclass(frozen=True, slots=True, eq=False)
class PeopleProtocol:
    """A gallery of enrolled people, and probes to search in it.

    Attributes:
        name: of the protocol.
        sha256: over one line for each image, in order: the digest of its content and its name.
        images: m files, those of the gallery first.
        names: what reports call each image: `gallery/NAME/1.jpg`, `probes/NAME/2.jpg`.
        people: whom each image shows.
        enrolled: how many of the images, from the first on, are the gallery.
        remarks: what the reader noticed that a user should know.
    """

    name: str
    sha256: str
    images: tuple[Path, ...]
    names: tuple[str, ...]
    people: tuple[str, ...]
    enrolled: int
    remarks: tuple[str, ...] = ()


def read_people(gallery: Path, probes: Path) -> PeopleProtocol:
    """Find the pictures of two folders of people.

    A folder is a person, and holds pictures, also in folders of its own. Hidden files and files
    that have not a picture's name are ignored, as everywhere in facewise
    (`facewise.recognition.folders`). But a picture that lies beside the folders is an error, in the
    gallery and among the probes: whether its name is a person's cannot be told, and to leave it out
    would change the figures.

    Remarks tell of folders without pictures, and of pictures that are in the gallery and among the
    probes: a probe that is its own mate is always found.

    Args:
        gallery: the people who are enrolled.
        probes: pictures to search, by person.

    Raises:
        ProtocolError: a folder is missing or has no pictures, a picture lies in no person's folder,
            or one cannot be read.
    """
    remarks: list[str] = []
    images: list[Path] = []
    names: list[str] = []
    people: list[str] = []
    digests: list[str] = []
    enrolled = 0
    for title, root in (("gallery", gallery), ("probes", probes)):
        enrolled = len(images)
        for person, picture in _pictures(title, root, remarks):
            images.append(picture)
            names.append(f"{title}/{picture.relative_to(root).as_posix()}")
            people.append(person)
            digests.append(_digest(picture))
    known = set(digests[:enrolled])
    both = sum(digest in known for digest in digests[enrolled:])
    if both:
        remarks.append(
            f"{both} of {len(images) - enrolled} probes are the same files as pictures of the "
            "gallery, which flatters every rate"
        )
    lines = (f"{digest} {name}\n" for digest, name in zip(digests, names, strict=True))
    return PeopleProtocol(
        name="people",
        sha256=sha256_of(line.encode("utf-8", "surrogateescape") for line in lines),
        images=tuple(images),
        names=tuple(names),
        people=tuple(people),
        enrolled=enrolled,
        remarks=tuple(remarks),
    )


def _pictures(title: str, root: Path, remarks: list[str]) -> list[tuple[str, Path]]:
    """Person and file of every picture below a folder, by name."""
    try:
        entries = sorted(root.iterdir())
    except FileNotFoundError:
        raise ProtocolError(f"{root}: no such folder of people") from None
    except OSError as error:
        raise unreadable(root, error) from None
    loose = [entry.name for entry in entries if is_picture(entry) and not entry.is_dir()]
    if loose:
        raise ProtocolError(
            f"{root}: {len(loose)} pictures lie in no person's folder: {first_few(loose)} "
            "(expected NAME/1.jpg)"
        )
    folders = [each for each in entries if each.is_dir() and not each.name.startswith(".")]
    found, empty = [], []
    for folder in folders:
        # A link back to the folder of people would give one person the pictures of all.
        own = [(_name(folder), picture) for picture in _listed(folder, skip=root)]
        found += own
        if not own:
            empty.append(folder.name)
    if not found:
        raise ProtocolError(f"{root}: no pictures; expected a folder of them for each person")
    if empty:
        remarks.append(
            f"{title}: {len(empty)} of {len(folders)} folders have no pictures: {first_few(empty)}"
        )
    return found


def _name(folder: Path) -> str:
    """Whom a folder shows; an umlaut may be written in two ways (macOS takes it apart)."""
    return unicodedata.normalize("NFC", folder.name)


def _listed(folder: Path, skip: Path) -> list[Path]:
    try:
        return list(pictures_in(folder, skip=skip))
    except OSError as error:
        raise unreadable(folder, error) from None


def _digest(picture: Path) -> str:
    try:
        return hashlib.sha256(read_file(picture)).hexdigest()
    except ImageError as error:
        raise ProtocolError(str(error)) from None
