"""Moving a gallery to another store: everything, once, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time

import numpy as np
import pytest

from facewise.errors import GalleryError, ModelMismatchError
from facewise.gallery import Gallery, ModelFacts, NewFace, migrate, open_store
from facewise.gallery.transfer import moving
from gallery_files import FACTS, D, everything, fill, killed, log, units


@pytest.fixture
def source(store, rng):
    """With gaps in the numbers, faces of people mixed, an audit log, and something removed."""
    with store.change() as change:
        people = store.people()
        for _ in range(3):
            for person in people[:4]:
                change.add_faces(person.id, [NewFace(v) for v in units(rng, 2)])
        change.remove_person(people[5].id)
        change.move_faces([change.faces(people[6].id)[2].id], people[1].id)
        change.remove_faces([change.faces(people[7].id)[0].id])
        gone = change.add_person("Gone")
        change.add_faces(gone, [NewFace(v) for v in units(rng, 3)])
        change.remove_person(gone)
        change.add_faces(people[0].id, [NewFace(units(rng, 1)[0])])
        last = change.add_person("Last")
        change.add_faces(last, [NewFace(units(rng, 1)[0])])
        change.remove_person(last)
    with store.change() as change:
        for i in range(1205):
            change.note("identify" if i % 2 else "enrol", people[0].id, i, f"detail {i}")
    return store


def state(store):
    return store.version(), log(store), everything(store), store.identity()


def test_everything_is_there(source, tmp_path):
    before, done = state(source), []
    result = migrate(source, tmp_path / "new.db", done=done.append)
    assert result.copied == source.counts().faces == result.faces == done[-1]
    assert (result.people, result.chips) == (source.counts().people, source.counts().chips)
    with open_store(f"sqlite:///{tmp_path}/new.db") as target:
        assert everything(target) == everything(source)
        assert target.facts() == FACTS
        assert target.check() == []
        assert log(target)[2:-1] == log(source)
        assert result.audit == 1205
        first, last = log(target)[0], log(target)[-1]
        assert first[1:] == (
            *("migrate", None, 0),
            f"begun: gallery {source.identity()}, version {source.version()}",
        )
        assert last[1:] == (
            *("migrate", None, source.counts().faces),
            f"complete: gallery {source.identity()}, version {source.version()}",
        )
        # Numbers are never given twice, there neither: also not those of who was removed.
        assert target.last_ids() == source.last_ids()
    assert state(source) == before
    assert json.loads(json.dumps(result.to_dict()))["checksum"] == result.checksum
    assert len(result.checksum) == 64


def test_a_second_run_changes_nothing(source, tmp_path):
    first = migrate(source, tmp_path / "new.db")
    with open_store(tmp_path / "new.db") as target:
        version, audit = target.version(), log(target)
        again = migrate(source, target)
        assert (again.copied, again.audit, again.checksum) == (0, 0, first.checksum)
        assert (target.version(), log(target)) == (version, audit)
        with target.change() as change:
            change.add_person("New")
        with pytest.raises(GalleryError, match=r"was complete on 2.*changed since"):
            migrate(source, target)


@pytest.mark.parametrize("together", [1, 16, 300])
def test_an_interruption_anywhere(source, tmp_path, monkeypatch, together):
    """Before and after each of the transactions in turn: the next run goes on."""
    monkeypatch.setattr(moving, "TOGETHER", together)
    counting = 0
    target = open_store(tmp_path / "new.db", create=FACTS)
    change = type(target).change

    class StopError(Exception):
        pass

    def stopping(self):
        nonlocal counting
        if self is target:
            counting += 1
            if counting == 4:
                raise StopError
        return change(self)

    monkeypatch.setattr(type(target), "change", stopping)
    runs = copied = 0
    while True:
        counting, runs = 0, runs + 1
        there = target.counts()
        try:
            result = migrate(source, target)
        except StopError:
            assert target.counts() > there  # it comes further each time
            assert runs < 10_000
            if together == 1 and runs == 20:
                break
        else:
            copied = result.copied
            assert everything(target) == everything(source)
            assert log(target)[2:-1] == log(source)
            assert copied <= result.faces
            break
    assert runs > 1
    target.close()


def faces_in(target):
    """How far a migration came, or None where there is no whole gallery yet."""
    try:
        with open_store(target) as found:
            return found.counts().faces
    except GalleryError:
        return None


@pytest.mark.parametrize("kills", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment(source, tmp_path, rng, kills):
    """Nothing is lost and nothing doubled, however often it is killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    place = source.files()[0]
    expected, noted, before = everything(source), log(source), state(source)
    begin = time.monotonic()
    assert not killed(place, tmp_path / "whole.db", 100, environment)
    length = time.monotonic() - begin
    count = rounds = resumed = 0
    reached = set()
    while count < kills:
        rounds += 1
        target = tmp_path / f"{rounds}.db"
        times = 0
        while killed(place, target, rng.uniform(0, length * 0.6), environment):
            count, times = count + 1, times + 1
            reached.add(faces_in(target))
            if times >= 6:  # then to the end
                assert not killed(place, target, 100, environment)
                break
        resumed += times
        with open_store(target) as found:
            assert everything(found) == expected
            assert log(found)[2:-1] == noted
            assert found.check() == []
        assert rounds < 20 * kills
    assert resumed >= kills
    assert len(reached) > 1  # not always the same moment
    assert state(source) == before


def test_a_killed_one_has_not_finished(source, tmp_path, monkeypatch):
    """What is there before the end is not taken for a finished migration."""

    def stop(done):
        raise KeyboardInterrupt

    monkeypatch.setattr(moving, "TOGETHER", 16)
    with pytest.raises(KeyboardInterrupt):
        migrate(source, tmp_path / "new.db", done=stop)
    with open_store(tmp_path / "new.db") as target:
        assert [entry.action for entry in target.audit()] == ["migrate"]
        assert 0 < target.counts().faces < source.counts().faces
        with pytest.raises(GalleryError, match="not complete; complete that first"):
            migrate(target, tmp_path / "third.db")
    problem = "a migration to this gallery is not complete; start it again"
    with Gallery.open(tmp_path / "new.db") as gallery:
        assert problem in gallery.check()
    migrate(source, tmp_path / "new.db")
    with Gallery.open(tmp_path / "new.db") as gallery:
        assert gallery.check() == []
        migrate(gallery.store, tmp_path / "third.db")


def test_the_source_was_changed_meanwhile(source, tmp_path):
    calls = []

    def disturb(done):
        if not calls:
            with open_store(tmp_path / "people.db") as other, other.change() as change:
                change.add_person("Late")
        calls.append(done)

    for _ in range(2):
        with pytest.raises(GalleryError, match=r"changed since the migration .* was begun"):
            migrate(source, tmp_path / "new.db", done=disturb)
    assert len(calls) == 1
    with open_store(tmp_path / "other.db", create=FACTS) as target:
        migrate(source, target)
        assert everything(target) == everything(source)


def test_identifying_meanwhile_is_no_change(source, tmp_path):
    """Notes alone leave the version; those that are there at the end are copied."""

    def note(done):
        with open_store(tmp_path / "people.db") as other, other.change() as change:
            change.note("identify", None, 1)

    migrate(source, tmp_path / "new.db", done=note)
    with open_store(tmp_path / "new.db") as target:
        assert log(target)[2:-1] == log(source)


def test_targets_that_are_something_else(source, tmp_path, rng):
    with open_store(tmp_path / "used.db", create=FACTS) as used:
        fill(used, rng)
        before = everything(used)
        with pytest.raises(GalleryError, match="another gallery; expected a new one"):
            migrate(source, used)
        assert everything(used) == before
        migrate(used, tmp_path / "copy.db")
    with pytest.raises(GalleryError, match="another gallery; expected a new one"):
        migrate(source, tmp_path / "copy.db")
    with open_store(tmp_path / "noted.db", create=FACTS) as noted:
        with noted.change() as change:
            change.note("identify")
        with pytest.raises(GalleryError, match="another gallery"):
            migrate(source, noted)
    with pytest.raises(GalleryError, match="is the same gallery"):
        migrate(source, source)
    with pytest.raises(GalleryError, match="is the same gallery"):
        migrate(tmp_path / "people.db", tmp_path / "people.db")
    facts = ModelFacts({**FACTS.settings, "weights": "cd" * 32}, D)
    with open_store(tmp_path / "model.db", create=facts) as other:
        with pytest.raises(ModelMismatchError, match="weights"):
            migrate(source, other)
        assert other.audit() == []
    (tmp_path / "text.db").write_text("mine" * 1000)
    with pytest.raises(GalleryError, match=r"text\.db"):
        migrate(source, tmp_path / "text.db")
    assert (tmp_path / "text.db").read_text() == "mine" * 1000
    with pytest.raises(GalleryError, match="no such gallery"):
        migrate(tmp_path / "nothing.db", tmp_path / "else.db")
    assert not (tmp_path / "else.db").exists()


def test_a_gallery_moves_on(source, tmp_path):
    """From one to the next to the next: the log grows by three entries each time."""
    migrate(source, tmp_path / "1.db")
    migrate(tmp_path / "1.db", tmp_path / "2.db")
    with open_store(tmp_path / "2.db") as target:
        assert everything(target) == everything(source)
        assert log(target)[4:-2] == log(source)
        assert len(log(target)) == len(log(source)) + 6


def test_an_empty_gallery_moves(empty, tmp_path):
    result = migrate(empty, tmp_path / "moved.db")
    assert (result.people, result.faces) == (0, 0)
    with open_store(tmp_path / "moved.db") as target:
        assert target.counts() == (0, 0, 0)


USES = {
    "identify": lambda gallery: gallery.pipeline,  # also enrol and search
    "candidates": lambda gallery: gallery.candidates(np.eye(1, D)),
    "people": Gallery.people,
    "rename": lambda gallery: gallery.rename("Ann", "Quentin"),
    "update": lambda gallery: gallery.update("Ann", notes="x"),
    "merge": lambda gallery: gallery.merge("Ann", "embedding"),
    "split": lambda gallery: gallery.split([2], "Quentin"),
    "export": lambda gallery: gallery.export("never.npz"),
    "import": lambda gallery: gallery.import_faces("never.npz"),
}


def test_an_unfinished_target_is_not_used(source, tmp_path, monkeypatch):
    """Nobody is called unknown since half of the people are not there yet."""
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(moving, "TOGETHER", 64)

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(source, tmp_path / "new.db", done=stop)
    with Gallery(open_store(tmp_path / "new.db")) as gallery:
        before = state(gallery.store)
        for use in USES.values():
            with pytest.raises(GalleryError, match="migration to this gallery is not complete"):
                use(gallery)
        assert state(gallery.store) == before
        assert "migration" in gallery.check()[0]
        assert "Ann" in [row.person.name for row in gallery.list()]
    migrate(source, tmp_path / "new.db")
    with Gallery(open_store(tmp_path / "new.db")) as gallery:
        reads = []
        whole = type(gallery.store).audit
        monkeypatch.setattr(
            type(gallery.store),
            "audit",
            lambda *args, **more: reads.append(1) or whole(*args, **more),
        )
        gallery.rename("Ann", "Quentin")
        assert gallery.show("Quentin").person.name == "Quentin"
        assert len(reads) < 4  # not the whole log, which may be long
    with pytest.raises(KeyboardInterrupt):
        migrate(source, tmp_path / "other.db", done=stop)
    with Gallery(open_store(tmp_path / "other.db")) as gallery:
        assert gallery.forget("Ann").people == (1,)
        assert "migration" in gallery.check()[0]  # still


@pytest.mark.parametrize("part", ["person", "face", "vector", "chip"])
def test_what_is_not_equal_is_found(source, tmp_path, monkeypatch, part):
    """A target that changes what it is given: named, and not called complete."""
    with open_store(tmp_path / "new.db", create=FACTS) as target:
        kept = {
            "person": (type(target), "people"),
            "face": (type(target), "faces"),
            "vector": (type(target), "vectors"),
            "chip": (type(target), "chip"),
        }[part]
        original = getattr(*kept)

        def wrong(self, *given, **more):
            from dataclasses import replace

            found = original(self, *given, **more)
            if self is not target:
                return found
            if part == "person":
                return [replace(person, notes="x") for person in found]
            if part == "face":
                return [replace(face, quality=0.25) for face in found]
            if part == "chip":
                return found and found[:-1] + b"?"
            return (block._replace(vectors=np.nextafter(block.vectors, 2)) for block in found)

        monkeypatch.setattr(*kept, wrong)
        words = {"person": "person 1", "face": "the faces of person 1"}.get(part, f"the {part} of")
        with pytest.raises(GalleryError, match=f"not as .*: {words}"):
            migrate(source, target)
        monkeypatch.undo()
        assert [entry.action for entry in target.audit()] == ["migrate"]
        migrate(source, target)


def test_a_gallery_is_sealed_on_the_way(source, tmp_path):
    pytest.importorskip("cryptography")
    key = hashlib.sha256(b"key").digest()
    migrate(source, tmp_path / "sealed.db", target_key=key)
    with pytest.raises(GalleryError, match="key"):
        migrate(source, tmp_path / "sealed.db")
    with open_store(tmp_path / "sealed.db", key=key) as target:
        assert everything(target) == everything(source)
        vector = next(iter(target.vectors())).vectors[0].tobytes()
    assert all(vector not in path.read_bytes() for path in tmp_path.glob("sealed.db*"))
    migrate(tmp_path / "sealed.db", tmp_path / "open.db", source_key=key)
    with open_store(tmp_path / "open.db") as target:
        assert everything(target) == everything(source)


@pytest.mark.parametrize("ids", [[], [1], [2**40], [1, 2, 3], [5, 6, 900, 901], [3, 2**30, 2**62]])
def test_the_last_of_some_numbers(ids):
    asked = []

    def first_above(after):
        asked.append(after)
        return next((id_ for id_ in ids if id_ > after), None)

    assert moving._last(first_above) == (ids[-1] if ids else 0)
    assert len(asked) < 200
