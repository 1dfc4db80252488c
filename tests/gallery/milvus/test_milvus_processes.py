"""Several processes on one gallery in Milvus: killed at any moment, or writing at once."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="pymilvus is not installed")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")

import milvus_worker as worker
from facewise.errors import GalleryError
from facewise.gallery import open_store
from facewise.gallery.stores.milvus import blocks
from milvus_server import contents, start_server


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(blocks, "FACES", 16)
    monkeypatch.setattr(blocks, "_UNFLUSHED", 12)


def start(url, seed, count, kind):
    return subprocess.Popen(
        [sys.executable, worker.__file__, url, str(seed), str(count), kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )


def run(code, *arguments):
    """What a program says in another process."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def kill_somewhere(url, seed, moments):
    """Run a worker, and kill it at a random moment after a random number of steps.

    Returns:
        The lines that it said, as words.
    """
    process = start(url, seed, 10**6, "churn")
    said = "".join(process.stdout.readline() for _ in range(moments.randint(1, 40)))
    with suppress(subprocess.TimeoutExpired):
        process.wait(moments.uniform(0.0, 0.1))
    process.send_signal(signal.SIGKILL)
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


def crash(folder, kills, seed):
    """Kill after kill, on one gallery: what was said to be done is so, and nothing else.

    Returns:
        How often something was to be erased after a kill.
    """
    url, moments = f"milvus:///{folder}", random.Random(seed)
    open_store(url, create=worker.FACTS).close()
    counts, present, forgotten, left = {}, set(), set(), 0
    for round_ in range(kills):
        begun = {"enrol": set(), "forget": set()}
        for what, name, *more in kill_somewhere(url, f"{seed}{round_:03}", moments):
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
        with open_store(url) as store:
            problems = store.check()
            assert problems == [] or (len(problems) == 1 and "not erased" in problems[0])
            left += bool(problems)
            found = stored(store)
            assert present - begun["forget"] <= found.keys() <= present | begun["enrol"]
            assert not forgotten & found.keys()
            for name, vectors in found.items():  # whole, to the last bit
                np.testing.assert_array_equal(vectors, worker.vectors(name, counts[name]))
            faces, _, _ = store.search(
                np.concatenate([worker.vectors(name, 1) for name in sorted(found)]), 1
            )
            ids = {person.name: store.faces(person.id)[0].id for person in store.people()}
            assert faces[:, 0].tolist() == [ids[name] for name in sorted(found)]
            forgotten |= present - found.keys()
            present = set(found)
            store.erase()
            assert store.check() == []
            held = contents(store.files())
            for name in forgotten:
                assert f"{name}.jpg".encode() not in held
                assert worker.vectors(name, 1).tobytes() not in held
            assert all(worker.vectors(name, 1).tobytes() in held for name in present)
    assert forgotten
    assert present
    return left


def test_five_kills(tmp_path):
    crash(tmp_path / "people", 5, 1)


@pytest.mark.slow
def test_a_hundred_kills(tmp_path):
    assert crash(tmp_path / "people", 100, 2) > 10


def test_another_process_is_told_what_to_do_and_that_works(tmp_path):
    """A folder is for one process; a server of the same files is for many."""
    url = f"milvus:///{tmp_path}/people"
    code = (
        "import sys\n"
        "from facewise.errors import GalleryError\n"
        "from facewise.gallery import open_store\n"
        "try:\n"
        "    with open_store(sys.argv[1]) as store: print(store.counts().faces)\n"
        "except GalleryError as error: print(error)\n"
    )
    with open_store(url, create=worker.FACTS) as store, open_store(url) as other:
        with other.change() as change:
            ann = change.add_person("Ann")
            change.add_faces(ann, [worker.NewFace(v) for v in worker.vectors("Ann", 3)])
        store.close()
        assert other.counts().faces == 3
        said = run(code, url)
    assert "in use by another process" in said
    assert f"{tmp_path}/people" in said
    folder, address = re.search(r"--data-dir (\S+)` and open (\S+)", said).groups()
    assert run(code, url) == "3\n"
    server, port = start_server(Path(folder))
    try:
        address = address.replace(":19530/", f":{port}/")
        assert run(code, address) == "3\n"
        with open_store(address) as store:
            np.testing.assert_array_equal(stored(store)["Ann"], worker.vectors("Ann", 3))
            with store.change() as change:
                change.add_person("Ben")
            with pytest.raises(GalleryError, match="in use by another process"):
                open_store(url)
    finally:
        server.terminate()
        server.wait()
    with open_store(url) as store:
        assert [person.name for person in store.people()] == ["Ann", "Ben"]
        assert store.check() == []


def together(tmp_path, count):
    server, port = start_server(tmp_path / "engine")
    try:
        url = f"milvus://127.0.0.1:{port}/people?records={tmp_path}/records.db"
        open_store(url, create=worker.FACTS).close()
        processes = [start(url, seed, count, "grow") for seed in (1, 2)]
        said = [process.communicate() for process in processes]
        assert [text for text, _ in said] == ["done\n"] * 2, said
        with open_store(url) as store:
            found = stored(store)
            names = {f"N{s}-{i}" for s in (1, 2) for i in range(count) if i % 3 != 2}
            assert found.keys() == names
            for name, vectors in found.items():
                np.testing.assert_array_equal(vectors, worker.vectors(name, 2))
            store.erase()
            assert store.check() == []
    finally:
        server.kill()
        server.wait()


def test_two_processes_write_to_a_server_at_once_without_loss(tmp_path):
    together(tmp_path, 30)


@pytest.mark.slow
def test_two_processes_write_for_long(tmp_path):
    together(tmp_path, 1000)


def test_a_server_that_is_killed_loses_nothing(tmp_path):
    """Its processes go on when it is back."""
    server, port = start_server(tmp_path / "engine")
    url = f"milvus://127.0.0.1:{port}/people?records={tmp_path}/records.db"
    with open_store(url, create=worker.FACTS) as store:
        for name in ("Ann", "Ben"):
            with store.change() as change:
                change.add_faces(
                    change.add_person(name), [worker.NewFace(v) for v in worker.vectors(name, 9)]
                )
        server.kill()
        server.wait()
        server, _ = start_server(tmp_path / "engine", port)
        try:
            found = stored(store)
            for name in ("Ann", "Ben"):
                np.testing.assert_array_equal(found[name], worker.vectors(name, 9))
            assert store.check() == []
        finally:
            server.kill()
            server.wait()


def test_a_program_that_forgets_to_close_ends_and_loses_nothing(tmp_path):
    url = f"milvus:///{tmp_path}/people"
    code = (
        "import sys, milvus_worker as w\n"
        "store = w.open_store(sys.argv[1], create=w.FACTS)\n"
        "with store.change() as change:\n"
        "    ann = change.add_person('Ann')\n"
        "    change.add_faces(ann, [w.NewFace(v) for v in w.vectors('A', 2)])\n"
    )
    assert run(code, url) == ""
    with open_store(url) as store:
        assert store.check() == []
        np.testing.assert_array_equal(stored(store)["Ann"], worker.vectors("A", 2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_store_does_not_go_through_a_fork(tmp_path):
    code = (
        "import os, sys, milvus_worker as w\n"
        "from facewise.errors import GalleryError\n"
        "store = w.open_store(sys.argv[1], create=w.FACTS)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    told = 0\n"
        "    for call in (store.people, store._engine.keys):\n"
        "        try: call()\n"
        "        except GalleryError as error: told += 'another process' in str(error)\n"
        "    os._exit(told)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), store.check())\n"
    )
    assert run(code, f"milvus:///{tmp_path}/people") == "2 []\n"
