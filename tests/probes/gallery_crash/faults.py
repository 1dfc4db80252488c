"""What could be wrong with a gallery: put into children, to see that their kills tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import facewise.gallery.forgetting as forgetting
import facewise.gallery.transfer.moving as moving
from facewise.gallery.search.manifest import IndexFolder
from facewise.gallery.stores.sqlite.connection import SqliteDatabase
from facewise.result_cache import ResultCache


def _report_early() -> None:
    from gallery_crash import jobs

    @contextmanager
    def did(*words: Any) -> Iterator[None]:
        jobs.say("begin", 0, *words)
        jobs.say("done", 0.01, *words)
        yield

    jobs.did = did


def _no_transactions() -> None:
    @contextmanager
    def writing(self: Any) -> Iterator[None]:
        yield

    SqliteDatabase.writing = writing  # type: ignore[method-assign]


def _no_vacuum() -> None:
    SqliteDatabase.rewrite = lambda _: None  # type: ignore[method-assign]


def _no_erasing() -> None:
    """The face is gone from the tables, and the call returns."""
    forgetting.finish = lambda *_: None


def _no_index() -> None:
    forgetting.finish = lambda store, _: store.erase()


def _no_cache() -> None:
    ResultCache.erase = lambda _: None  # type: ignore[method-assign]


def _list_first() -> None:
    """The index's list is replaced, and its old files stay."""
    IndexFolder.sweep = lambda *_: None  # type: ignore[method-assign,assignment]


def _half_a_migration() -> None:
    moving.compare = lambda *_: "equal"
    moving.Move._faces = lambda *_: 0  # type: ignore[method-assign,assignment]


FAULTS: dict[str, tuple[str, Callable[[], None]]] = {
    "enrolling is reported before the commit": ("enrol", _report_early),
    "forgetting is reported before the commit": ("forget", _report_early),
    "a change is no transaction": ("enrol", _no_transactions),
    "the file is not written anew": ("forget", _no_vacuum),
    "nothing is erased": ("forget", _no_erasing),
    "the index keeps what was forgotten": ("forget", _no_index),
    "the cache of results keeps what was forgotten": ("forget", _no_cache),
    "old files of the index stay": ("index", _list_first),
    "a migration copies no faces": ("migrate", _half_a_migration),
}
"""By what is wrong: the kind of job, and what puts it into a process."""
