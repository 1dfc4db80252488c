"""`python -m bench gallery`: enrol, search and identify, in every store and mode."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bench import gallery_children as children
from bench import gallery_lfw
from bench.children import Child
from bench.contest import Contender, Timed, reason
from bench.gallery_data import FACES, Population
from bench.hold import hold
from bench.record import Group, Record

PARTS = ("scale", "lfw")
MODES = ("float32", "bfloat16", "int8", "graph")
"""Forms of numbers for exact search, and approximate search as a gallery does it."""
SIZES = (100_000, 1_000_000)
_NUMPY = "numpy float32"
_IN_ONE_CHANGE = 100  # people
_SLOW_ROUNDS = 3

Making = Callable[[Path, Group], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="faces of a gallery")
    parser.add_argument(
        "--stores", nargs="+", default=["sqlite"], metavar="URL", help="sqlite, or URLs of others"
    )
    parser.add_argument("--work", type=Path, help="keep vectors, stores and indexes there")


def run(arguments: argparse.Namespace, record: Record) -> None:
    if "lfw" in arguments.parts:
        gallery_lfw.measure(arguments, record)
    if "scale" in arguments.parts:
        _scale(arguments, record)


def _scale(arguments: argparse.Namespace, record: Record) -> None:
    rounds = arguments.rounds or 101
    sizes = [3_000] if arguments.quick else arguments.sizes
    rounds = 3 if arguments.quick else rounds
    record.settings = {"rounds": rounds, "dimensions": 512, "faces of a person": FACES}
    population = Population(arguments.shared)
    for size in sizes:
        with ExitStack() as stack:
            work = arguments.work and arguments.work / str(size)
            if work is None:
                work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            work.mkdir(parents=True, exist_ok=True)
            _Contest(work, size, rounds, arguments.stores, record).hold(population)


class _Contest:
    """Everything about galleries of one size."""

    def __init__(
        self, work: Path, size: int, rounds: int, stores: Sequence[str], record: Record
    ) -> None:
        self._work = work
        self._size = size
        self._rounds = rounds
        self._few = min(rounds, 9)
        self._stores = [url for url in stores if url != "sqlite"]
        self._sqlite = f"sqlite:///{work}/people.db" if "sqlite" in stores else None
        self._record = record

    def hold(self, population: Population) -> None:
        """Enrol, then search for one probe, for 256, and by the predecessor's way."""
        self._invent(population)
        self._enrol()
        single = [(i, i + 1) for i in range(self._rounds)]
        many = [(256 * (i % 4), 256 * (i % 4 + 1)) for i in range(self._few)]
        for title, schedule, contenders in (
            ("one probe", single, self._searches()),
            ("256 probes", many, self._searches()),
            ("one probe, from vector to named people", single, self._identifying()),
            ("one probe, the predecessor's way", single[:_SLOW_ROUNDS], self._h5()),
        ):
            self._search(title, schedule, contenders)

    def _invent(self, population: Population) -> None:
        if (self._work / "truth.npy").exists():
            return
        centres = population.people(self._size // FACES)
        probes = population.probes(centres, 1024)
        faces = population.faces(centres)
        np.save(self._work / "faces.npy", faces)
        np.save(self._work / "probes.npy", probes)
        np.save(self._work / "truth.npy", children.best_rows(faces, probes) + 1)

    def _enrol(self) -> None:
        group = Group(
            f"{self._size:,} faces: enrolling",
            unit="",
            reference=_NUMPY,
            columns=["enrolled", "indexed", "graphed", "disk", "disk_index"],
            notes=[
                f"512 numbers a face, {FACES} faces a person.",
                f"Each change has {_IN_ONE_CHANGE * FACES:,} faces; it is durable when it returns.",
            ],
        )
        self._record.groups.append(group)
        for url in filter(None, [self._sqlite, *self._stores]):
            try:
                self._enrol_in(url, group)
            except Exception as error:  # a server may be missing
                self._record.miss(_named(url), reason(error))
            self._record.save()

    def _enrol_in(self, url: str, group: Group) -> None:
        from facewise.gallery import ModelFacts, NewFace, open_store
        from facewise.gallery.searching import searcher

        faces = np.load(self._work / "faces.npy", mmap_mode="r")
        seconds: dict[str, float] = {}
        facts = ModelFacts({"model": "bench"}, 512)
        marker = self._work / f"{_named(url)}.done"
        if marker.exists():
            return
        begun = time.perf_counter()
        step = _IN_ONE_CHANGE * FACES
        with open_store(url, create=facts) as store:
            for start in range(0, len(faces), step):
                block = np.array(faces[start : start + step])
                with store.change() as change:
                    for place in range(0, len(block), FACES):
                        person = change.add_person(f"person {start + place}")
                        change.add_faces(person, [NewFace(v) for v in block[place : place + FACES]])
            seconds["enrolled"] = len(faces) / (time.perf_counter() - begun)
            if url == self._sqlite:
                seconds |= self._index(store)
            else:
                begun = time.perf_counter()
                searcher(store).prepare()
                seconds["graphed"] = time.perf_counter() - begun
            seconds["disk"] = _disk(url, store)
        marker.touch()
        group.note(_named(url), seconds)

    def _index(self, store: Any) -> dict[str, float]:
        figures: dict[str, float] = {}
        for mode in MODES:
            begun = time.perf_counter()
            index = children.open_index(store, mode)
            figures["indexed"] = time.perf_counter() - begun
            if mode == "graph":
                begun = time.perf_counter()
                index.prepare()
                figures["graphed"] = time.perf_counter() - begun
            index.close()
            files = children.index_folder(store, mode).rglob("*")
            figures["disk_index"] = sum(path.stat().st_size for path in files if path.is_file())
        return figures

    def _searches(self) -> Mapping[str, tuple[children.Work, tuple[Any, ...]]]:
        found: dict[str, tuple[children.Work, tuple[Any, ...]]] = {
            _NUMPY: (children.numpy_flat, ()),
            "faiss, flat": (children.faiss_flat, ()),
        }
        if self._sqlite:
            for mode in MODES:
                name = mode if mode == "graph" else f"exact, {mode}"
                found[f"facewise, {name}"] = (children.facewise_index, (self._sqlite, mode))
        for url in self._stores:
            found[f"facewise, {_named(url)}"] = (children.store_search, (url,))
        return found

    def _identifying(self) -> Mapping[str, tuple[children.Work, tuple[Any, ...]]]:
        found: dict[str, tuple[children.Work, tuple[Any, ...]]] = {
            _NUMPY: (children.numpy_flat, ())
        }
        for url in filter(None, [self._sqlite, *self._stores]):
            found[f"facewise, {_named(url)}"] = (children.facewise_identify, (url,))
        return found

    def _h5(self) -> Mapping[str, tuple[children.Work, tuple[Any, ...]]]:
        import h5py

        path = self._work / "faces.h5"
        if not path.exists():
            faces = np.load(self._work / "faces.npy", mmap_mode="r")
            with h5py.File(path, "w") as file:
                for start in range(0, len(faces), FACES):
                    file[f"{start:09}/embedding"] = np.array(faces[start : start + FACES])
        return {_NUMPY: (children.numpy_flat, ()), "h5, a loop": (children.h5_loop, ())}

    def _search(
        self,
        title: str,
        schedule: children.Schedule,
        searches: Mapping[str, tuple[children.Work, tuple[Any, ...]]],
    ) -> None:
        group = Group(
            f"{self._size:,} faces: {title}",
            unit="probe",
            reference=_NUMPY,
            columns=["p95", "recall_at_1", "recall_at_10", "held"],
            notes=["Recall: of the faces that numpy's float32 finds. Each in its own process."],
        )
        judge = _Judge(np.load(self._work / "truth.npy"), schedule)
        plan = [schedule[0], *schedule]  # the first is the warm-up as well
        with ExitStack() as stack:
            contenders = []
            for name, (work, arguments) in searches.items():
                child = stack.enter_context(Child(work, self._work, plan, *arguments))
                try:
                    judge.held[name] = child.ask()
                except Exception as error:
                    self._record.miss(name, reason(error))
                    continue
                contenders.append(Contender(name, "", name, child.ask))
            hold(group, contenders, [list(range(*part)) for part in schedule], self._record, judge)


class _Judge:
    """What contenders found of what there was to find."""

    def __init__(self, truth: Any, schedule: children.Schedule) -> None:
        self._truth = truth
        self._schedule = schedule
        self._found: dict[str, list[tuple[float, float, int]]] = {}
        self._seconds: dict[str, list[float]] = {}
        self.held: dict[str, float] = {}

    def see(self, timed: Timed) -> None:
        start, stop = self._schedule[timed.round]
        name, found, true = timed.contender.name, timed.output, self._truth[start:stop]
        one = (found[:, 0] == true[:, 0]).mean()
        ten = np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, true, strict=True)])
        self._found.setdefault(name, []).append((float(one), float(ten), found.shape[1]))
        self._seconds.setdefault(name, []).append(timed.seconds)

    def extras(self, name: str) -> Mapping[str, float | None]:
        one, ten, columns = np.mean(self._found[name], axis=0)
        return {
            "p95": float(np.percentile(self._seconds[name], 95)),
            "recall_at_1": one,
            "recall_at_10": ten if columns > 1 else None,
            "held": self.held[name],
        }


def _named(url: str) -> str:
    """A store by its kind."""
    return url.split(":", 1)[0]


def _disk(url: str, store: Any) -> int:
    """Bytes of a store's files."""
    if _named(url) != "postgresql":
        return sum(path.stat().st_size for path in store.files())
    import psycopg

    with psycopg.connect(url.partition("?gallery=")[0]) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0
