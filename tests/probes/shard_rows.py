"""What shards hold, for tests: rows, and the bytes of files."""

from __future__ import annotations

from pathlib import Path


def shard_rows(place: Path) -> list[dict]:
    """All rows of a folder, in the order of shards; lists as bytes, which compare, or None."""
    import numpy as np
    import pyarrow.parquet as pq

    rows = []
    for path in sorted(place.glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            for name in ("box", "landmarks", "vector"):
                values = np.array(row[name], np.float32)
                row[name] = None if np.isnan(values).all() else values.tobytes()
            rows.append(row)
    return rows


def shard_files(place: Path) -> dict[str, bytes]:
    """The finished shards of a folder, by name; drafts are none."""
    found = {}
    for path in place.glob("[0-9]*.parquet"):
        found[path.name] = path.read_bytes()
    return found
