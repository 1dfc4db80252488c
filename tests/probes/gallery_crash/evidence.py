"""Look at a gallery whose process was killed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from byte_search import files_below, pieces_in
from facewise import Gallery
from facewise.gallery.digests import name_in
from facewise.gallery.search.manifest import IndexFolder
from facewise.gallery.searching import index_folder
from gallery_crash.killing import Report
from gallery_crash.ledger import People, outcomes, removed
from gallery_crash.world import D, World, index_of, opened


class Watched:
    """A gallery that processes change and are killed at.

    Args:
        home: its folder, new.
        world: who can be in it.
        exact_up_to: see `world.opened`.

    Attributes:
        seen: how often what was found after a kill.
    """

    def __init__(self, home: Path, world: World, exact_up_to: int | None = None) -> None:
        self.home, self.cache = home, home / "cache"
        home.mkdir()
        self.cache.mkdir()
        self.url = str(home / "people.db")
        self.seen: Counter[str] = Counter()
        self._world = world
        self._exact_up_to = exact_up_to
        self._pictures = {
            picture.place: picture for own in world.pictures.values() for picture in own
        }
        self.people: People = {}
        self._names_gone: set[str] = set()
        self._places_gone: set[str] = set()

    def job(self, kind: str, seed: int) -> dict[str, Any]:
        """For `jobs.run`."""
        return {
            "kind": kind,
            "url": self.url,
            "cache": str(self.cache),
            "pictures": str(self._world.folder),
            "people": len(self._world.paths),
            "exact_up_to": self._exact_up_to,
            "gone": sorted(self._names_gone),
            "seed": seed,
        }

    @contextmanager
    def cached(self) -> Iterator[None]:
        """With the cache of results of those who change the gallery."""
        before = os.environ["FACEWISE_CACHE"]
        os.environ["FACEWISE_CACHE"] = str(self.cache)
        try:
            yield
        finally:
            os.environ["FACEWISE_CACHE"] = before

    def verify(self, report: Report) -> None:
        """All that was reported is so; what was in flight is wholly there or wholly not."""
        for operation in report.done:
            names, places = removed(self.people, operation)
            self._names_gone |= names
            self._places_gone |= places
            self.people = outcomes(self.people, operation, self._world)[-1]
        self._nothing_comes_back()  # before anybody opens the files, and mends them
        allowed = [self.people]
        if report.in_flight is not None:
            allowed = outcomes(self.people, report.in_flight, self._world)
        with self.cached(), opened(self.url, exact_up_to=self._exact_up_to) as gallery:
            found = self._found(gallery)
            assert found in allowed, (report.in_flight, _difference(found, allowed[-1]))
            self._note(report, allowed, found)
            self._whole(gallery)
            self._index_is_right(gallery)
            if report.in_flight is not None and found == allowed[-1]:
                names, places = removed(self.people, report.in_flight)
                self._names_gone |= names
                self._places_gone |= places
            self.people = found
        self._nothing_comes_back()
        self._all_is_there()

    def _found(self, gallery: Gallery) -> People:
        """Who is there; the vectors are those of the pictures, to the last bit."""
        people = {}
        for row in gallery.list():
            faces = gallery.show(row.person.id).faces
            block = gallery.store.vectors_of([face.id for face in faces])
            assert block.face_ids.tolist() == [face.id for face in faces]
            assert set(block.person_ids.tolist()) <= {row.person.id}
            places = [name_in(face.source) for face in faces]
            assert len(set(places)) == len(places)
            for place, face, vector in zip(places, faces, block.vectors, strict=True):
                picture = self._pictures[place]
                np.testing.assert_array_equal(vector, picture.vector)
                if face.has_chip:
                    assert gallery.store.chip(face.id) == picture.chip
            people[row.person.name] = frozenset(places)
        return people

    def _whole(self, gallery: Gallery) -> None:
        """`check` finds nothing, or only what is not erased yet, and `erase` erases it."""
        found = gallery.checkup()
        assert all("not erased yet" in problem for problem in found.problems), found
        if found.problems:
            self.seen["not erased yet"] += 1
        gallery.erase()
        assert gallery.checkup().problems == gallery.checkup().notes == ()

    def _index_is_right(self, gallery: Gallery) -> None:
        """It answers as comparing everything does, and has no file that it does not need."""
        folder = index_folder(gallery.store)
        assert folder is not None
        kept = IndexFolder(folder)
        manifest = kept.read()
        assert manifest is not None
        assert kept.left_over(manifest) == []
        faces = [face.id for row in gallery.list() for face in gallery.show(row.person.id).faces]
        ids, people, vectors = gallery.store.vectors_of(faces)
        probes = np.random.default_rng(0).standard_normal((20, D), np.float32)
        probes = np.concatenate([probes / np.linalg.norm(probes, axis=1)[:, None], vectors[::50]])
        k = min(5, max(len(ids), 1))
        similarities = probes @ vectors.T
        best = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
        exact = index_of(gallery).search(probes, k)
        if not len(ids):
            assert (exact.faces == -1).all()
            return
        np.testing.assert_array_equal(exact.faces, ids[best])
        np.testing.assert_array_equal(exact.people, people[best])
        expected = np.take_along_axis(similarities, best, 1)
        np.testing.assert_allclose(exact.similarities, expected, atol=1e-5)
        if self._exact_up_to is not None:
            self.seen[f"index: {gallery.index.facts().kind}"] += 1
            near = gallery.index.search(probes, 1).faces[:, 0]
            assert (near == ids[best[:, 0]]).mean() >= 0.9

    def _nothing_comes_back(self) -> None:
        """No file has a piece of what was reported forgotten."""
        sought = {f"name {name}": name.encode() for name in self._names_gone}
        for place in self._places_gone:
            sought |= self._pictures[place].texts()
        assert pieces_in(files_below(self.home), sought) == set()

    def _all_is_there(self) -> None:
        """The search of bytes finds what is there: it would find the rest too."""
        sought = {}
        for name, places in list(self.people.items())[:5]:
            sought[f"name {name}"] = name.encode()
            for place in places:
                texts = self._pictures[place].texts()
                sought |= {label: texts[label] for label in texts if label.endswith(_KEPT)}
        assert pieces_in(files_below(self.home), sought) == set(sought)

    def _note(self, report: Report, allowed: list[People], found: People) -> None:
        if report.in_flight is None:
            self.seen["nothing in flight"] += 1
            return
        operation = report.in_flight[0]
        if allowed[0] == allowed[-1]:
            self.seen[operation] += 1
        elif found == allowed[0]:
            self.seen[f"{operation}: not there"] += 1
        else:
            self.seen[f"{operation}: {'there' if found == allowed[-1] else 'in part'}"] += 1


_KEPT = (" as float32", " as bfloat16", " as place")


def _difference(found: People, wanted: People) -> dict[str, Any]:
    names = {name for name in found | wanted if found.get(name) != wanted.get(name)}
    return {name: (found.get(name), wanted.get(name)) for name in names}
