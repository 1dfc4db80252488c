"""One way of searching a gallery with nothing else running, so that its memory stays warm.

    python -m bench.gallery_alone work/1000000 graph --probes 200
    python -m bench.gallery_alone work/1000000 postgresql://… --probes 15

WORK is a folder that `python -m bench gallery --work` has kept; WAY is `numpy`, `faiss`, a mode of
the SQLite store in it (graph, float32, bfloat16, int8), or the URL of another store.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench import gallery_children as children
from bench.gallery import MODES


def searched(work: Path, way: str, schedule: children.Schedule) -> Iterator[Any]:
    """The way's generator; see `gallery_children`."""
    if way == "numpy":
        return children.numpy_flat(work, schedule)
    if way == "faiss":
        return children.faiss_flat(work, schedule)
    if way in MODES:
        url = f"sqlite:///{work.resolve()}/people.db"
        return children.facewise_index(work, schedule, url, way)
    return children.store_search(work, schedule, way)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("way")
    parser.add_argument("--probes", type=int, default=60)
    arguments = parser.parse_args()
    schedule = [(i, i + 1) for i in range(arguments.probes)]
    way = searched(arguments.work, arguments.way, schedule)
    next(way)
    truth = np.load(arguments.work / "truth.npy")
    seconds, right = [], 0
    for start, _ in schedule:
        begun = time.perf_counter()
        found = next(way)
        seconds.append(time.perf_counter() - begun)
        right += int(found[0, 0] == truth[start, 0])
    half, most = np.percentile(seconds[1:], [50, 95]) * 1e3  # the first one warms up
    recall = right / len(schedule)
    print(f"p50 {half:.1f} ms, p95 {most:.1f} ms, recall@1 {recall:.4f}")


if __name__ == "__main__":
    main()
