"""What a gallery tells of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from facewise.gallery.digests import digest_in, name_in

if TYPE_CHECKING:
    from facewise.gallery.own_search import OwnSearchFacts
    from facewise.gallery.records import Counts, FaceRecord, ModelFacts, Person
    from facewise.gallery.search import IndexFacts
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store


@dataclass(frozen=True, slots=True)
class PersonOverview:
    """A person, and how many faces.

    Attributes:
        person: the person.
        faces: how many there are.
    """

    person: Person
    faces: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values: id, name, notes, consent, retain_until, created, faces."""
        return person_dict(self.person) | {"faces": self.faces}


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """A person with the records of all faces."""

    person: Person
    faces: tuple[FaceRecord, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values: as `PersonOverview`, with a list of faces."""
        return person_dict(self.person) | {"faces": [face_dict(face) for face in self.faces]}


@dataclass(frozen=True, slots=True)
class Stats:
    """How large a gallery is, and what made it.

    Attributes:
        url: of the store.
        facts: of the model that made the vectors.
        counts: of people, faces and chips.
        bytes: by file, of the store and of the index.
        index: of what searches it, or None where a store searches by itself and does not tell.
        sealed: vectors and chips are encrypted.
    """

    url: str
    facts: ModelFacts
    counts: Counts
    bytes: dict[str, int]
    index: IndexFacts | OwnSearchFacts | None
    sealed: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values: url, model, embedding_size, people, faces, chips, files, index, sealed."""
        return {
            "url": self.url,
            "model": dict(self.facts.settings),
            "embedding_size": self.facts.embedding_size,
            **self.counts._asdict(),
            "files": self.bytes,
            "index": None if self.index is None else asdict(self.index),
            "sealed": self.sealed,
        }


def person_dict(person: Person) -> dict[str, Any]:
    """A person as plain values; dates as text in the form of ISO 8601."""
    content = asdict(person)
    day = person.retain_until
    content["retain_until"] = None if day is None else day.isoformat()
    content["created"] = person.created.isoformat()
    return content


def face_dict(face: FaceRecord) -> dict[str, Any]:
    """A face as plain values: id, source, sha256, box, quality, created, has_chip."""
    return {
        "id": face.id,
        "source": name_in(face.source),
        "sha256": digest_in(face.source),
        "box": None if face.box is None else list(face.box),
        "quality": face.quality,
        "created": face.created.isoformat(),
        "has_chip": face.has_chip,
    }


def stats(store: Store, index: Searcher) -> Stats:
    """How large a gallery is, and what made it.

    Raises:
        GalleryError: the store is damaged or cannot be reached.
    """
    from facewise.gallery.searching import index_folder

    index.refresh()
    folder = index_folder(store)
    files = store.files()
    if folder is not None and folder.is_dir():
        files += sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = {str(path): path.stat().st_size for path in files}
    sealed = store.cipher is not None
    return Stats(store.url, store.facts(), store.counts(), sizes, index.facts(), sealed)
