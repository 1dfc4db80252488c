"""The contract of stores, and how one is opened.

A store keeps people, faces and vectors, and knows nothing of models, thresholds, indexes or
pictures. `tests/gallery/contract` is what each has to pass.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from facewise.errors import GalleryError
from facewise.gallery.change import Change, Reading

if TYPE_CHECKING:
    from typing_extensions import Self

    from facewise.gallery.records import (
        AuditEntry,
        Counts,
        FaceChanges,
        Ids,
        LastIds,
        ModelFacts,
        VectorBlock,
        Vectors,
    )
    from facewise.gallery.sealing.cipher import Cipher
    from facewise.gallery.sealing.keys import Key

BLOCK = 8192
"""Vectors in one block, if nothing else is asked for."""

NOT_ERASED = "not erased yet"
"""Words of `Store.check` for what was removed or overwritten, and may still be in its files."""

_STORES = {
    "sqlite": "facewise.gallery.stores.sqlite",
    "postgresql": "facewise.gallery.stores.postgres",
    "milvus": "facewise.gallery.stores.milvus",
}
"""Which module opens which scheme; each has `open_store(url, create, key)`."""


class Store(Reading, Protocol):
    """An open store. Threads may share one; processes each open their own.

    Attributes:
        url: what it was opened by; a password is not part of it.
        cipher: with which files beside the store are to be sealed; None where it is not sealed.
        out_of_reach: where what was removed may still be after `erase`, in words ("the server's
            write-ahead log"); empty: nowhere that belongs to the store.
    """

    url: str
    cipher: Cipher | None
    out_of_reach: str

    def identity(self) -> str:
        """A random text that this gallery got when it was made, and no other has."""

    def facts(self) -> ModelFacts:
        """What made its vectors."""

    def version(self) -> int:
        """A number that grows with each committed change of people or faces.

        It grows in steps of random size: when a copy of a store is put back, it soon has versions
        that the lost one never had, and `changes` can tell. A change that only notes leaves it.
        """

    def change(self) -> AbstractContextManager[Change]:
        """Begin a change, after the changes that others have begun.

        When the `with` block has ended, the change is durable: neither a killed process nor a power
        cut loses it. An exception in the block leaves everything as it was.

        Raises:
            GalleryError: others have been writing for too long, nothing can be written, or this
                thread is in a change already.
        """

    def counts(self) -> Counts:
        """How many people, faces and chips there are."""

    def last_ids(self) -> LastIds:
        """The ids that were given last: all later ones are above."""

    def vectors(self, after_face_id: int = 0, block: int = BLOCK) -> Iterator[VectorBlock]:
        """All vectors of faces whose id is above `after_face_id`, ascending by face id.

        One consistent state of the store, that of the moment when the first block is taken. Whoever
        keeps the vectors asks for `version` before that, and later for the `changes` since it:
        they name everything that may be missing, and perhaps faces that were among them already.

        Args:
            after_face_id: 0 for all.
            block: most rows of one block, at least 1.

        Raises:
            GalleryError: also where a vector is damaged; names its face.
        """

    def vectors_of(self, face_ids: Sequence[int] | Ids) -> VectorBlock:
        """The vectors of some faces, ascending by id; those that are not there are left out."""

    def vectors_of_people(self, person_ids: Sequence[int] | Ids) -> VectorBlock:
        """All vectors of some people, ascending by face id; who is not there has none."""

    def changes(self, since_version: int) -> FaceChanges | None:
        """What happened to faces since a version.

        Returns:
            None where the log does not reach back so far, or this store never had such a version:
            whatever was built from it has to be built again.
        """

    def audit(self, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
        """The last entries of the audit log, newest first.

        Args:
            limit: how many at most.
            before: only entries whose id is below this one.
        """

    def check(self) -> list[str]:
        """Look at everything: structure, references, checksums, lengths of vectors.

        Returns:
            What is wrong, in words, one entry a problem; empty where all is well. Also whether
            something was removed and not erased yet (with the words `NOT_ERASED`).
        """

    def erase(self) -> None:
        """Make what was removed or overwritten really gone.

        No file of the store holds it then, but for what `out_of_reach` names.

        To be called after the change that removed it. Takes the time of writing the store anew,
        and as much free space. Does nothing where nothing was removed since the last time.

        Raises:
            GalleryError: others have been reading or writing for too long, or there is no space:
                what was removed stays removed, but its bytes may still be there.
        """

    def change_key(self, key: Key) -> None:
        """Seal it with another key; vectors and chips stay as they are.

        Whoever has it open already, goes on. Afterwards no file of the store holds what the old key
        opens, but for what `out_of_reach` names; copies of them do.

        Raises:
            GalleryError: it is not sealed, or the key can be none. Or as of `erase`: the key was
                changed, but what the old one opens may still be there.
        """

    def search(self, probes: Vectors, k: int) -> tuple[Ids, Ids, Vectors] | None:
        """The store's own search, or None where it has none.

        Args:
            probes: float32 (m, d), of unit length.
            k: at least 1.

        Returns:
            Face ids, person ids and cosine similarities, each (m, min(k, number of faces)), the
            most similar first.
        """

    def files(self) -> list[Path]:
        """The files on this machine that hold it, as far as they exist; none for a server.

        To look at their sizes, or to search them when nobody uses the store: on POSIX systems a
        process that opens and closes a file loses the locks that its open stores have on it.
        """

    def close(self) -> None:
        """Give everything back. A closed store raises `GalleryError`; closing twice is harmless."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_store(
    url: str | PathLike[str], create: ModelFacts | None = None, key: Key | None = None
) -> Store:
    """Open a store.

    Args:
        url: `people.db` or `sqlite:///people.db` (`sqlite:////srv/people.db` for a path from the
            root): one SQLite file. `postgresql://user@host/database?gallery=name`: a schema of a
            database (see `docs/postgresql.md`). `milvus:///people`: a folder, or
            `milvus://host:port/name?…`: a server, for the vectors (see `docs/milvus.md`).
        create: make a new gallery for vectors of this model; nothing may be there yet.
        key: of a sealed gallery, or to seal the new one with: 32 bytes; or a str, which is 32 bytes
            in base64 or else a passphrase.

    Raises:
        GalleryError: there is no gallery, or one where a new one should be; it is damaged, or no
            gallery; or no store has such a URL. It is sealed and the key is missing or another one,
            or it is not sealed and a key was given.
        ExtraMissingError: a package is not installed that this needs; says which.

    Example:
        >>> import tempfile
        >>> from facewise.gallery import ModelFacts, open_store
        >>> folder = tempfile.TemporaryDirectory()
        >>> facts = ModelFacts({"model": "some.model"}, embedding_size=512)
        >>> with open_store(f"{folder.name}/people.db", create=facts) as store:
        ...     with store.change() as change:
        ...         ann = change.add_person("Ann")
        ...     store.person(ann).name
        'Ann'
        >>> folder.cleanup()
    """
    text = os.fspath(url)
    if not isinstance(text, str) or not text:
        raise GalleryError(f"gallery {text!r:.60}: expected a path or a URL")
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)
    scheme = match[1].lower() if match else "sqlite"
    if scheme not in _STORES:
        known = ", ".join(f"{name}://" for name in _STORES)
        raise GalleryError(f"gallery {scheme}://…: no such store; expected a path or {known}")
    store: Store = import_module(_STORES[scheme]).open_store(text, create, key)
    return store
