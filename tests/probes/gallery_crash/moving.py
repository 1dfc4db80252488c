"""Look at a migration that was killed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from byte_search import files_below, pieces_in
from facewise.errors import GalleryError
from facewise.gallery import Store, open_store
from gallery_crash.killing import Report
from gallery_crash.world import opened


class MovedGallery:
    """A gallery that processes move to another file, and are killed at it.

    Args:
        home: the folder of both, new.

    Attributes:
        source: URL of the gallery.
        seen: how often what was found after a kill.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self._home = home
        self.source, self._target = str(home / "people.db"), home / "new" / "people.db"
        self._target.parent.mkdir()
        self.seen: Counter[str] = Counter()
        self._gone: dict[str, bytes] = {}
        self._most = 0

    def forget_somebody(self) -> None:
        """Of the source, before anything is moved."""
        with opened(self.source) as gallery:
            person = next(iter(gallery.list())).person
            faces = [face.id for face in gallery.show(person.id).faces]
            vectors = gallery.store.vectors_of(faces).vectors
            self._gone = {"name": person.name.encode()}
            self._gone |= {f"vector {i}": row.tobytes() for i, row in enumerate(vectors)}
            gallery.forget(person.id)
        with open_store(self.source) as store:
            self._before = _picture(store)

    def job(self, kind: str, seed: int) -> dict[str, Any]:
        """For `jobs.run`."""
        return {
            "kind": kind,
            "url": self.source,
            "target": str(self._target),
            "cache": str(self._home / "cache"),
            "seed": seed,
        }

    def verify(self, report: Report) -> None:
        """What is there is right; what was said to be done is all there."""
        with open_store(self.source) as source:
            assert _picture(source) == self._before
            assert source.check() == []
            whole = False
            try:
                target = open_store(self._target)
            except GalleryError:  # it was not made yet, or not to its end
                assert self._most == 0
                self.seen["no target yet"] += 1
            else:
                with target:
                    whole = self._compare(source, target)
        assert pieces_in(files_below(self._target.parent), self._gone) == set()
        if report.done:
            assert whole

    def _compare(self, source: Store, target: Store) -> bool:
        """Whether the target is complete; if not, it is the beginning of the source."""
        assert target.check() == []
        people, faces, chips, vectors, audit = _picture(source)
        some_people, some_faces, some_chips, some_vectors, log = _picture(target)
        assert some_people == people[: len(some_people)]
        ids = [face.id for face in some_faces]
        assert sorted(ids) == sorted(face.id for face in faces)[: len(ids)]
        known = {face.id: (face, chip) for face, chip in zip(faces, chips, strict=True)}
        for face, chip in zip(some_faces, some_chips, strict=True):
            assert (face, chip) == known[face.id]
        assert some_vectors == vectors[: len(some_vectors)]
        assert len(ids) >= self._most  # no step back
        self._most = len(ids)
        begun = [entry[4].split(":")[0] for entry in log if entry[1] == "migrate"]
        complete = begun == ["begun", "log", "complete"]
        assert complete or begun in (["begun"], [])
        if complete:
            assert (len(some_people), len(ids)) == (len(people), len(faces))
            assert log[2:-1] == audit
        else:
            assert len(log) == len(begun)
            self.seen["in part" if some_people else "begun"] += 1
        self.seen["complete"] += complete
        return complete


def _picture(store: Store) -> tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]:
    """People, faces, chips, vectors, and the audit log but for its numbers."""
    people = store.people(limit=10**6)
    faces = [face for person in people for face in store.faces(person.id)]
    chips = [store.chip(face.id) if face.has_chip else None for face in faces]
    vectors = [
        (face, person, vector.tobytes())
        for block in store.vectors()
        for face, person, vector in zip(*(np.asarray(part) for part in block), strict=True)
    ]
    log = [
        (entry.time, entry.action, entry.person_id, entry.count, entry.detail)
        for entry in reversed(store.audit(10**6))
    ]
    return people, faces, chips, vectors, log
