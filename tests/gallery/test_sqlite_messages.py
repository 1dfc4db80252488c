"""What SQLite says in few words is said with what to do about it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import namedtuple

import pytest

from facewise.gallery.stores.sqlite.connection import named

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "people.db").touch()
    return tmp_path / "people.db"


def test_a_full_disk(path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 21, 1 << 21, 0))
    for text in ("disk I/O error", "database or disk is full"):
        error = named(path, sqlite3.OperationalError(text))
        assert str(error) == f"{path}: its disk is full; reading needs some space too ({text})"


def test_a_folder_that_may_not_be_written_to(path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda place, mode: (place, mode) != (path.parent, os.W_OK))
    error = named(path, sqlite3.OperationalError("unable to open database file"))
    assert "its folder may not be written to, which reading needs too" in str(error)


def test_other_errors(path):
    assert str(named(path, sqlite3.OperationalError("no such table: x"))) == (
        f"{path}: no such table: x"
    )
