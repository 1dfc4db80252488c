"""What `check` calls a problem, and what only a note."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewise import Gallery
from facewise.errors import GalleryError
from facewise.faces import EmbeddedFaces, Faces
from facewise.gallery import ImportOptions, ModelFacts, NewFace, checking, open_store
from facewise.result_cache import ResultCache


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Ann, Ben and Cleo, with a face each."""
    facts = ModelFacts({"model": "probe.none"}, 2)
    with Gallery(open_store(tmp_path / "people.db", create=facts)) as made:
        with made.store.change() as change:
            for name in ("Ann", "Ben", "Cleo"):
                change.add_faces(change.add_person(name), [NewFace([1, 0])])
        yield made


EDITS: dict[str, Any] = {
    "rename": lambda gallery: gallery.rename("Ann", "Quentin"),
    "merge": lambda gallery: gallery.merge("Ann", 2),
    "edit": lambda gallery: gallery.update("Ann", notes="Quentin"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_worth_a_note_until_something_is_forgotten(gallery: Gallery, edit: str) -> None:
    EDITS[edit](gallery)
    found = gallery.checkup()
    assert found.problems == ()
    assert "not erased yet" in found.notes[0]
    assert gallery.check() == []
    gallery.forget("Cleo")
    assert gallery.checkup() == checking.Checkup((), ())


def test_a_split_leaves_nothing(gallery: Gallery) -> None:
    with gallery.store.change() as change:
        change.add_faces(1, [NewFace([0, 1])])
    gallery.split([1], "Dora")
    assert gallery.checkup() == checking.Checkup((), ())


@pytest.mark.parametrize("after", [None, *EDITS])
def test_forgetting_that_was_not_completed_is_a_problem(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, after: str | None
) -> None:
    def killed(_: Any) -> None:
        raise KeyboardInterrupt

    gallery.rename("Ben", "Benjamin")
    gallery.erase()
    with monkeypatch.context() as patch:
        patch.setattr(type(gallery.store), "erase", killed)
        with pytest.raises(KeyboardInterrupt):
            gallery.forget("Cleo")
    if after is not None:
        EDITS[after](gallery)
    assert "not erased yet" in gallery.check()[0]
    assert gallery.checkup().notes == ()
    gallery.purge_expired()
    assert gallery.checkup() == checking.Checkup((), ())


def test_what_was_removed_without_a_word_in_the_log_is_a_problem(gallery: Gallery) -> None:
    with gallery.store.change() as change:
        change.remove_person(3)
    assert "not erased yet" in gallery.check()[0]


def test_damage_stays_a_problem_beside_a_note(gallery: Gallery, tmp_path: Path) -> None:
    gallery.rename("Ann", "Quentin")
    gallery.rebuild_index()
    [segment] = (tmp_path / "people.db.index").glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    found = gallery.checkup()
    assert segment.name in found.problems[0]
    assert len(found.notes) == 1


def test_erasing_is_noted_once(gallery: Gallery) -> None:
    def actions() -> list[str]:
        return [entry.action for entry in reversed(gallery.audit())]

    gallery.erase()
    gallery.purge_expired()  # nobody, and nothing to erase
    assert actions() == []
    gallery.rename("Ann", "Quentin")
    gallery.erase()
    gallery.erase()
    assert actions() == ["rename", "erase"]
    with pytest.raises(GalleryError, match="no person 'Ann'"):
        gallery.forget("Ann")
    assert actions() == ["rename", "erase"]


def test_what_others_remove_meanwhile_is_not_called_erased(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.rename("Ann", "Quentin")
    whole = type(gallery.store).erase

    def slowly(store: Any) -> None:
        whole(store)
        monkeypatch.undo()
        with store.change() as change:  # another process, that is killed then
            change.note("forget", 2, change.remove_person(2))

    monkeypatch.setattr(type(gallery.store), "erase", slowly)
    gallery.erase()
    assert gallery.audit(1)[0].action == "forget"
    assert "not erased yet" in gallery.check()[0]


def test_the_log_is_looked_through_page_by_page(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_PAGE", 3)
    gallery.rename("Ann", "Quentin")
    with gallery.store.change() as change:
        for _ in range(10):
            change.note("identify")
    assert len(gallery.checkup().notes) == 1
    monkeypatch.setattr(checking, "_MOST", 6)  # what is too far back is taken for the worse
    assert len(gallery.check()) == 1


@pytest.mark.parametrize("index", ["kept", "missing"])
def test_damaged_faces_are_named_and_can_be_forgotten(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))
    with ResultCache() as cache:  # nobody can say whose face it is
        cache.put(b"k" * 32, EmbeddedFaces(Faces([[0, 0, 9, 9]], [0.9]), np.eye(1, 2), (9, 9)))
    gallery.rebuild_index()
    gallery.close()
    path = tmp_path / "people.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE faces SET vector = zeroblob(8) WHERE id = 2")
    if index == "missing":
        shutil.rmtree(tmp_path / "people.db.index")
    with Gallery.open(path) as damaged:
        [problem] = damaged.check()
        assert "the vector of face 2" in problem
        gone = damaged.forget("Ben")
        assert (gone.faces, gone.cached_results) == (1, 1)
        assert damaged.check() == []
        assert [row.person.name for row in damaged.list()] == ["Ann", "Cleo"]


@pytest.mark.parametrize("text", ["notes,retain_until", "consent"])
def test_an_import_that_fills_in_what_was_not_known_is_no_damage(
    gallery: Gallery, tmp_path: Path, text: str
) -> None:
    cells = ",".join("2030-01-01" if name == "retain_until" else "yes" for name in text.split(","))
    (tmp_path / "a.csv").write_text(f"name,{text},v0,v1\nAnn,{cells},0,1\nDora,{cells},0,1\n")
    gallery.import_faces(tmp_path / "a.csv", ImportOptions(assume_model=True))
    assert [(entry.action, entry.person_id) for entry in gallery.audit()] == [
        *[("import", 4), ("import", 1), ("update", 1)]
    ]
    found = gallery.checkup()
    assert found.problems == ()
    assert "not erased yet" in found.notes[0]
    gallery.forget("Cleo")
    assert gallery.checkup() == checking.Checkup((), ())
