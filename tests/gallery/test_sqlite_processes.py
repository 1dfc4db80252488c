"""Several processes on one file: killed at any moment, or writing at once."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import GalleryError
from facewise.gallery import open_store
from facewise.gallery.stores.sqlite import open_store as open_sqlite

SCRIPT = Path(__file__).with_name("sqlite_worker.py")
_spec = importlib.util.spec_from_file_location("sqlite_worker", SCRIPT)
worker = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worker)


def start(path, seed, count, kind):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path), str(seed), str(count), kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )


def kill_somewhere(path, seed, moments):
    """Run a worker, and kill it at a random moment after a random number of steps.

    Returns:
        The lines that it said, as words.
    """
    process = start(path, seed, 10**6, "churn")
    said = "".join(process.stdout.readline() for _ in range(moments.randint(1, 30)))
    with suppress(subprocess.TimeoutExpired):
        process.wait(moments.uniform(0.0, 0.03))
    process.send_signal(signal.SIGKILL)
    # Not by `communicate`, which passes by what `readline` has read ahead.
    text, errors = said + process.stdout.read(), process.stderr.read()
    assert process.wait() == -signal.SIGKILL, errors
    process.stdout.close()
    process.stderr.close()
    return [line.split() for line in text[: text.rindex("\n")].splitlines()]


def stored(store):
    """The vectors of each person, by name."""
    names = {person.id: person.name for person in store.people(limit=10**6)}
    found = {name: [] for name in names.values()}
    for block in store.vectors():
        for person, vector in zip(block.person_ids.tolist(), block.vectors, strict=True):
            found[names[person]].append(vector)
    return {name: np.array(rows) for name, rows in found.items()}


def crash(path, kills, seed):
    """Kill after kill, on one gallery: what was said to be done is so, and nothing else."""
    moments = random.Random(seed)
    open_store(path, create=worker.FACTS).close()
    counts, present, forgotten = {}, set(), set()
    for round_ in range(kills):
        lines = kill_somewhere(path, f"{seed}{round_:03}", moments)
        begun = {"enrol": set(), "forget": set()}
        for what, name, *more in lines:
            if what == "enrol":
                counts[name] = int(more[0])
                begun["enrol"] = {name}
            elif what == "forget":
                begun["forget"] = {name}
            elif what == "enrolled":
                begun["enrol"].clear()
                present.add(name)
            elif what == "forgot":
                begun["forget"].clear()
                present.discard(name)
                forgotten.add(name)
        with open_store(path) as store:
            problems = store.check()
            assert problems == [] or (len(problems) == 1 and "not erased" in problems[0])
            found = stored(store)
            assert present - begun["forget"] <= found.keys() <= present | begun["enrol"]
            assert not forgotten & found.keys()
            for name, vectors in found.items():  # whole, to the last bit
                np.testing.assert_array_equal(vectors, worker.vectors(name, counts[name]))
            assert {e.action for e in store.audit(10)} <= {"enrol", "forget"}
            forgotten |= present - found.keys()
            present = set(found)
            store.erase()
            assert store.check() == []
            held = b"".join(file.read_bytes() for file in store.files())
            for name in forgotten:
                assert f"{name}.jpg".encode() not in held
                assert worker.vectors(name, 1).tobytes() not in held
            assert all(worker.vectors(name, 1).tobytes() in held for name in present)
    assert forgotten
    assert present


def test_twenty_kills(tmp_path):
    crash(tmp_path / "people.db", 20, 1)


@pytest.mark.slow
def test_two_hundred_kills(tmp_path):
    crash(tmp_path / "people.db", 200, 2)


def test_a_kill_while_a_gallery_is_made_leaves_none_or_a_whole_one(tmp_path):
    """Whatever was written of it: it can be opened, or be made."""
    code = "import sys; sys.path[:0] = [{!r}]\nimport sqlite_worker as w\nprint(flush=True)\n{}"
    make = "w.open_store({!r}, create=w.FACTS)"
    times, whole = random.Random(3), 0
    for i in range(8):
        path = tmp_path / f"{i}.db"
        text = code.format(str(SCRIPT.parent), make.format(str(path)))
        process = subprocess.Popen(
            [sys.executable, "-c", text],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            process.wait(times.uniform(0, 0.03))
        process.kill()
        process.communicate()
        try:
            with open_store(path) as store:
                assert store.check() == []
                whole += 1
        except GalleryError:
            with open_store(path, create=worker.FACTS) as store:
                assert store.check() == []


def together(path, count):
    open_store(path, create=worker.FACTS).close()
    processes = [start(path, seed, count, "grow") for seed in (1, 2)]
    said = [process.communicate() for process in processes]
    assert said == [("done\n", "")] * 2
    with open_store(path) as store:
        found = stored(store)
        assert found.keys() == {f"N{s}-{i}" for s in (1, 2) for i in range(count) if i % 3 != 2}
        for name, vectors in found.items():
            np.testing.assert_array_equal(vectors, worker.vectors(name, 2))
        store.erase()
        assert store.check() == []


def test_two_processes_write_at_once_without_loss(tmp_path):
    together(tmp_path / "people.db", 150)


@pytest.mark.slow
def test_two_processes_write_for_long(tmp_path):
    together(tmp_path / "people.db", 5000)


def test_who_waits_too_long_is_told(tmp_path):
    path = tmp_path / "people.db"
    with open_store(path, create=worker.FACTS) as store, open_sqlite(str(path), wait=0.05) as other:
        with store.change() as change:
            change.add_person("Ann")
            with pytest.raises(GalleryError, match=r"people\.db: in use by others"), other.change():
                pass
            assert other.people() == []  # who reads does not wait
        with other.change() as change:
            change.add_person("Ben")
        assert [p.name for p in store.people()] == ["Ann", "Ben"]


def test_erasing_waits_for_who_reads_and_says_so(tmp_path):
    path = tmp_path / "people.db"
    with open_store(path, create=worker.FACTS) as store, open_sqlite(str(path), wait=0.05) as other:
        with store.change() as change:
            for name in ("Ann", "Quentin"):
                person = change.add_person(name)
                change.add_faces(person, [worker.NewFace(v) for v in worker.vectors(name, 3)])
        walk = store.vectors(block=1)
        next(walk)
        with other.change() as change:
            change.remove_person(person)
        with pytest.raises(GalleryError, match="in use by others"):
            other.erase()
        assert [p.name for p in store.people()] == ["Ann"]  # removed all the same
        assert "not erased" in store.check()[0]
        walk.close()
        other.erase()
        assert store.check() == []
        assert not any(b"Quentin" in file.read_bytes() for file in store.files())


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


def test_of_many_who_make_a_gallery_one_does(tmp_path):
    path = tmp_path / "people.db"
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "import sqlite_worker as w\n"
        "from facewise.errors import GalleryError\n"
        "try: w.open_store(sys.argv[2], create=w.FACTS); print('made')\n"
        "except GalleryError as error: print(error)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(SCRIPT.parent), str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
        for _ in range(4)
    ]
    said = sorted(process.communicate()[0].strip() for process in processes)
    assert said.count("made") == 1
    assert sum("exists already" in text for text in said) == 3
    with open_store(path) as store:
        assert store.check() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_store_does_not_go_through_a_fork(tmp_path):
    """SQLite's connections must not; who tries is told, and the parent's are not harmed."""
    path = tmp_path / "people.db"
    with open_store(path, create=worker.FACTS) as store:
        child = os.fork()
        if child == 0:  # pragma: no cover
            try:
                store.people()
            except GalleryError as error:
                os._exit(7 if "another process" in str(error) else 1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        with store.change() as change:
            change.add_person("Ann")
        assert store.check() == []
