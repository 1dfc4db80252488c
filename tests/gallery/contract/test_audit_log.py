"""What every store has to pass: the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from facewise.errors import GalleryError
from store_contract import add


def test_the_audit_log(store):
    before = datetime.now(timezone.utc)
    for i in range(5):
        with store.change() as change:
            change.note("identify", None if i % 2 else i + 1, i, f"detail {i}")
    entries = store.audit()
    assert [(e.action, e.count, e.detail) for e in entries] == [
        ("identify", i, f"detail {i}") for i in (4, 3, 2, 1, 0)
    ]
    assert [e.person_id for e in entries] == [5, None, 3, None, 1]
    assert all(before <= e.time <= datetime.now(timezone.utc) for e in entries)
    assert store.audit(limit=2) == entries[:2]
    for bad in (("", None, 0, ""), ("x", None, -1, ""), ("x", None, 0, "\ud800")):
        with pytest.raises(GalleryError), store.change() as change:
            change.note(*bad)
    assert store.audit() == entries


def test_the_audit_log_is_read_in_parts(store):
    time = datetime(2020, 2, 29, 23, 59, 59, 123456, timezone(timedelta(hours=2)))
    with store.change() as change:
        for i in range(7):
            change.note("enrol", None, i, time=time if i == 3 else None)
    entries = store.audit()
    assert [entry.count for entry in entries] == [6, 5, 4, 3, 2, 1, 0]
    assert entries[3].time == time
    assert store.audit(2, before=entries[1].id) == entries[2:4]
    assert store.audit(before=entries[-1].id) == []
    with pytest.raises(GalleryError, match="time"), store.change() as change:
        change.note("enrol", time=datetime(2020, 1, 1))
    assert store.audit() == entries


def test_the_audit_log_outlives_a_person(store, unit):
    ann, _ = add(store, "Ann", unit(1))
    with store.change() as change:
        change.note("forget", ann, change.remove_person(ann))
    store.erase()
    assert [(e.action, e.person_id, e.count) for e in store.audit()] == [("forget", ann, 1)]
