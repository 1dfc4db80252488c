"""What every store has to pass: people, their names and texts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from facewise.errors import GalleryError
from facewise.gallery import NewFace
from facewise.gallery.names import checked_name, name_key
from store_contract import add, picture


def test_people(store):
    before = datetime.now(timezone.utc)
    with store.change() as change:
        ann = change.add_person(" Ann\t", "notes\nof two lines", "consent", date(2030, 2, 28))
        ben = change.add_person("Ben")
    found = store.person(ann)
    assert (found.name, found.notes, found.consent) == ("Ann", "notes\nof two lines", "consent")
    assert found.retain_until == date(2030, 2, 28)
    assert before <= found.created <= datetime.now(timezone.utc)
    assert 0 < ann < ben
    assert store.person(ben).retain_until is None
    assert [p.id for p in store.people()] == [ann, ben]
    assert store.people(limit=1) == [found]
    assert store.people(after=ann) == [store.person(ben)]
    assert store.people(after=ben) == store.people(limit=0) == []


def test_people_by_number(store):
    numbers = [add(store, f"p{i}", [])[0] for i in range(600)]
    assert store.people_of([]) == store.people_of([0, -1, numbers[-1] + 1]) == []
    some = store.people_of([numbers[5], 10**9, numbers[2], numbers[5]])
    assert some == [store.person(numbers[2]), store.person(numbers[5])]
    assert [person.id for person in store.people_of(np.array(numbers))] == numbers


def test_a_time_that_was_given_is_kept(store, unit):
    then = datetime(2001, 2, 3, 4, 5, 6, 789, timezone(timedelta(hours=3)))
    with store.change() as change:
        ann = change.add_person("Ann", created=then)
        (face,) = change.add_faces(ann, [NewFace(unit(), created=then)])
        with pytest.raises(GalleryError, match="time zone"):
            change.add_person("Ben", created=datetime(2001, 2, 3))
    assert store.person(ann).created == store.face(face).created == then


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Ann", "aNN"),
        ("Zoe\u0308", "ZO\u00cb"),
        ("Straße", "STRASSE"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("ann", "\u2003ann\n"),
        ("o'; DROP TABLE people; --", "O'; drop table people; --"),
        ("山田 太郎", "山田 太郎"),
        ("100%_", "100%_"),
    ],
)
def test_one_name_is_one_person(store, name, same):
    ann, _ = add(store, name, [])
    assert [p.id for p in store.find_people(same)] == [ann]
    with pytest.raises(GalleryError, match=f"number {ann}"), store.change() as change:
        change.add_person(same)
    assert [p.id for p in store.people()] == [ann]
    assert store.find_people(f"{name}x") == store.find_people(name[:-1]) == []


@pytest.mark.parametrize(
    "bad",
    [
        *("", " \t", "x" * 501, "a\0b", "a\nb", "a\x85b", "a\u2028b", "\ud800", "Unknown", "#12"),
        *(None, 3),
    ],
)
def test_names_that_are_none(store, bad):
    before = picture(store)
    with pytest.raises(GalleryError, match="name"), store.change() as change:
        change.add_person(bad)
    ann, _ = add(store, "Ann", [])
    with pytest.raises(GalleryError, match="name"), store.change() as change:
        change.update_person(ann, name=bad)
    with store.change() as change:
        change.remove_person(ann)
    assert picture(store)[:6] == before[:6]
    if isinstance(bad, str):
        assert store.find_people(bad) == []


def test_the_name_of_strangers():
    from facewise.recognition import UNKNOWN

    with pytest.raises(GalleryError, match="strangers"):
        checked_name(UNKNOWN)


def test_names_of_all_characters_are_kept(store, rng):
    """Whatever is taken as a name is found by it, and comes back as it was."""
    taken = {}
    with store.change() as change:
        for code in rng.choice(0x110000, 400, replace=False):
            with suppress(GalleryError):
                name = checked_name(f"{chr(code)}é{code}")
                taken[change.add_person(name)] = name
    assert len(taken) > 300
    for person, name in taken.items():
        assert store.person(person).name == name == checked_name(name)
        for form in (name, name.upper(), name.casefold()):
            if name_key(form) == name_key(name):  # not so for a few characters
                assert [p.id for p in store.find_people(form)] == [person]


@pytest.mark.parametrize("field", ["notes", "consent"])
def test_texts(store, field):
    for text in ("", "x" * 100_000, "a\tb\n\u2028'\";--\U0001f600"):
        with store.change() as change:
            person = change.add_person(f"p{len(text)}", **{field: text})
        assert getattr(store.person(person), field) == text
    for bad in ("a\0b", "\udcff", "x" * 100_001, None, b"x"):
        with pytest.raises(GalleryError, match=field), store.change() as change:
            change.add_person("bad", **{field: bad})


def test_a_person_changes(store, unit):
    ann, faces = add(store, "Ann", unit(2), notes="n", consent="c", retain_until=date(2030, 1, 1))
    known = store.person(ann)
    with store.change() as change:
        change.update_person(ann, name="ANN ")
    assert store.person(ann) == replace(known, name="ANN")
    with store.change() as change:
        change.update_person(ann, name="Zoë", retain_until=None)
        change.update_person(ann, consent="", notes="m")
        assert change.person(ann).name == "Zoë"
    changed = replace(known, name="Zoë", retain_until=None, consent="", notes="m")
    assert store.person(ann) == changed
    assert store.find_people("ann") == []
    assert store.find_people("zoë") == [changed]
    assert [f.id for f in store.faces(ann)] == faces
    assert store.check() != [] or not store.files()  # the old name is not erased yet
    store.erase()
    assert store.check() == []


def test_a_change_of_a_person_that_cannot_be(store):
    ann, _ = add(store, "Ann", [])
    add(store, "Ben", [])
    for fields in (
        *({"name": "BEN"}, {"colour": "red"}, {"id": 7}, {"notes": None}),
        *({"retain_until": "2030-01-01"}, {"retain_until": datetime.now(timezone.utc)}),
    ):
        before = picture(store)
        with pytest.raises(GalleryError), store.change() as change:
            change.update_person(ann, **fields)
        assert picture(store) == before
