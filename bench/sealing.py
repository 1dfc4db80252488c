"""What sealing costs: a plain gallery and a sealed one, in turns on one core.

    python -m bench.sealing --faces 100000 --json sealing.json

Vectors are of 512 numbers. Faces are added a few hundred in a transaction, as `enrol` does. The
ratios are what to compare; they are of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

D = 512
STEP = 250
KINDS = ("plain", "sealed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), arguments.faces, arguments.rounds)
    print(f"| {arguments.faces:,} faces | plain | sealed | sealed / plain |")
    print("|---|---|---|---|")
    for what, (plain, sealed, unit) in found.items():
        print(f"| {what} | {plain:,.4g} {unit} | {sealed:,.4g} {unit} | {sealed / plain:.2f} |")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1))


def measured(folder: Path, faces: int, rounds: int) -> dict[str, tuple[float, float, str]]:
    import numpy as np
    import torch

    from facewise.gallery import ModelFacts, NewFace, open_store
    from facewise.gallery.searching import searcher
    from facewise.gallery.vector_form import PlainForm

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    facts = ModelFacts({"model": "bench"}, D)
    keys = {"plain": None, "sealed": os.urandom(32)}
    paths = {kind: folder / f"{kind}.db" for kind in KINDS}
    stores = {kind: open_store(paths[kind], facts, keys[kind]) for kind in KINDS}
    people = {}
    for kind, store in stores.items():
        with store.change() as change:
            people[kind] = change.add_person("Ann")

    def add(kind: str, new: list[NewFace]) -> None:
        for start in range(0, len(new), STEP):
            with stores[kind].change() as change:
                change.add_faces(people[kind], new[start : start + STEP])

    def timed(action: Callable[[], object]) -> float:
        start = time.perf_counter()
        action()
        return time.perf_counter() - start

    def in_turns(action: Callable[[str], object], times: int) -> list[float]:
        seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(times):
            for kind in KINDS:
                seconds[kind].append(timed(lambda k=kind: action(k)))
        return [statistics.median(seconds[kind]) for kind in KINDS]

    part = max(faces // rounds, 1)
    adding = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        vectors = rng.standard_normal((part, D)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        new = [NewFace(vector) for vector in vectors]
        for kind in KINDS:
            adding[kind].append(timed(lambda k=kind, n=new: add(k, n)) / part)
    found: dict[str, tuple[float, float, str]] = {}

    def put(what: str, seconds: list[float], unit: str) -> None:
        found[what] = (*seconds, unit)

    put("add", [1 / statistics.median(adding[kind]) for kind in KINDS], "faces/s")
    read = in_turns(lambda kind: [None for _ in stores[kind].vectors()], rounds)
    put("read all", [part * rounds / seconds for seconds in read], "faces/s")
    some = rng.integers(1, part * rounds, 20).tolist()
    put("20 by number", [1e3 * s for s in in_turns(lambda k: stores[k].vectors_of(some), 50)], "ms")
    put("check", in_turns(lambda kind: stores[kind].check(), 1), "s")
    put("index made", in_turns(lambda kind: searcher(stores[kind]).close(), 1), "s")

    def reopened(kind: str) -> None:
        with open_store(paths[kind], key=keys[kind]) as store, closing(searcher(store)) as index:
            index.search(vectors[:1], 1)

    put("open, first answer", in_turns(reopened, rounds), "s")
    stores["plain"].close()
    cipher = stores["sealed"].cipher
    assert cipher is not None
    ids = list(range(len(vectors)))
    plain = PlainForm(D).encode(ids, vectors)
    sealed = cipher.seal_all("vector", ids, plain)
    put(
        "change-key",
        [float("nan"), timed(lambda: stores["sealed"].change_key("a passphrase"))],
        "s",
    )
    sealing = timed(lambda: cipher.seal_all("vector", ids, plain)) / part
    opening = timed(lambda: cipher.open_all("vector", ids, sealed)) / part
    put("cipher alone: seal", [float("nan"), 1 / sealing], "vectors/s")
    put("cipher alone: open", [float("nan"), 1 / opening], "vectors/s")
    stores["sealed"].close()
    for what, pattern in (("database", "{}.db"), ("index", "{}.db.index/*.segment")):
        sizes = [
            sum(path.stat().st_size for path in folder.glob(pattern.format(kind))) / 1e6
            for kind in KINDS
        ]
        put(f"size: {what}", sizes, "MB")
    return found


if __name__ == "__main__":
    main()
