"""Locks on a gallery's file, beside other uses of it by the same process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import store_worker as worker
from facewise.errors import GalleryError
from facewise.gallery import open_store


def test_what_opens_and_closes_the_file_keeps_the_locks(tmp_path):
    """A process that closes a file by other means than SQLite's loses its locks (POSIX)."""
    path = tmp_path / "people.db"
    code = (
        "import sys\n"
        "from facewise.errors import GalleryError\n"
        "from facewise.gallery.stores.sqlite import open_store\n"
        "with open_store(sys.argv[1], wait=0.05) as store:\n"
        "    try:\n"
        "        with store.change() as change: print(change.add_person('Ben'))\n"
        "    except GalleryError as error: print(error)\n"
    )

    def other():
        return subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    with open_store(path, create=worker.FACTS) as store:
        with store.change() as change:
            change.add_person("Ann")
            open_store(path).close()
            with pytest.raises(GalleryError, match="exists already"):
                open_store(path, create=worker.FACTS)
            list(store.vectors())
            store.check()
            store.changes(store.version())
            store.files()
            assert "in use by others" in other()
        assert other() == "2\n"
        assert [p.name for p in store.people()] == ["Ann", "Ben"]
