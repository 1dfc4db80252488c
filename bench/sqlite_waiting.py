"""How long a change waits beside a process that changes a gallery without pause.

    python -m bench.sqlite_waiting [COUNT]

Who waits asks once in a millisecond (`stores/sqlite/connection.py`), or, for comparison, as SQLite
itself does (`busy_timeout`). Prints quantiles of COUNT changes (400), and how many the other
process made meanwhile.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from facewise.errors import GalleryError
from facewise.gallery import ModelFacts, open_store
from facewise.gallery.stores.sqlite.connection import SqliteDatabase

OTHER = """
import sys
from facewise.gallery import open_store
with open_store(sys.argv[1]) as store:
    print(flush=True)
    number = 0
    while True:
        number += 1
        with store.change() as change:
            change.add_person(f"other {number}")
"""


def measured(count: int) -> tuple[np.ndarray, int, int]:
    """Seconds of each change; how many had to give up after 60 s; changes of the other process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.db"
        with open_store(path, ModelFacts({"model": "bench.waiting"}, 8)) as store:
            with subprocess.Popen(
                [sys.executable, "-c", OTHER, str(path)], stdout=subprocess.PIPE
            ) as other:
                assert other.stdout is not None
                other.stdout.readline()
                seconds, failed = [], 0
                for i in range(count):
                    began = time.monotonic()
                    try:
                        with store.change() as change:
                            change.add_person(f"mine {i}")
                    except GalleryError:
                        failed += 1
                    seconds.append(time.monotonic() - began)
                    if sum(seconds) > 90:
                        break
                other.kill()
            return np.array(seconds), failed, store.counts().people - len(seconds) + failed


def by_sqlite(self: SqliteDatabase, sql: str, **_: object) -> None:
    """In the place of `SqliteDatabase._in_turn`."""
    self.run(f"PRAGMA busy_timeout={int(self._wait * 1000)}")
    self.row(sql)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name in ("every millisecond", "SQLite's own"):
        if name == "SQLite's own":
            SqliteDatabase._in_turn = by_sqlite  # type: ignore[method-assign,assignment]
        seconds, failed, others = measured(count)
        at = np.quantile(seconds, (0.5, 0.95, 0.99, 1)) * 1000
        print(
            f"{name}: {len(seconds)} changes, {failed} gave up; milliseconds p50 {at[0]:.1f}, "
            f"p95 {at[1]:.1f}, p99 {at[2]:.1f}, longest {at[3]:.0f}; the other process: {others}"
        )


if __name__ == "__main__":
    main()
