"""Several processes on one gallery: killed at any moment, or writing at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest

import store_worker as worker
from facewise.errors import GalleryError
from store_kinds import KINDS
from store_told import ENVIRONMENT, Told, start, stored


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return KINDS[request.param]


@pytest.fixture(params=["sqlite", "postgres"])
def plain(request):
    return KINDS[request.param]


def kill_somewhere(kind, url, seed, moments):
    """Run a worker, and kill it at a random moment after a random number of steps.

    Returns:
        What it said.
    """
    process = start(url, seed, 10**6, "churn", kind.key)
    said = "".join(process.stdout.readline() for _ in range(moments.randint(1, 30)))
    with suppress(subprocess.TimeoutExpired):
        process.wait(moments.uniform(0.0, 0.03))
    process.send_signal(signal.SIGKILL)
    # Not by `communicate`, which passes by what `readline` has read ahead.
    text, errors = said + process.stdout.read(), process.stderr.read()
    assert process.wait() == -signal.SIGKILL, errors
    process.stdout.close()
    process.stderr.close()
    kind.settle(url)
    return text


def crash(kind, folder, kills, seed):
    """Kill after kill, on one gallery: what was said to be done is so, and nothing else."""
    moments, url, told = random.Random(seed), kind.url(folder), Told()
    kind.open(url, create=worker.FACTS).close()
    for round_ in range(kills):
        told.hear(kill_somewhere(kind, url, f"{seed}{round_:03}", moments))
        with kind.open(url) as store:
            problems = store.check()
            assert problems == [] or (len(problems) == 1 and "not erased" in problems[0])
            told.compare(store)
            assert {e.action for e in store.audit(10)} <= {"enrol", "forget"}
            store.erase()
            assert store.check() == []
            held = kind.held(store, url)
        if held is None:
            continue
        for name in told.forgotten:
            assert f"{name}.jpg".encode() not in held
            assert worker.vectors(name, 1).tobytes() not in held
        readable = [worker.vectors(name, 1).tobytes() in held for name in told.present]
        assert all(readable) if kind.key is None else not any(readable)
    assert told.forgotten
    assert told.present


def test_some_kills(kind, tmp_path):
    crash(kind, tmp_path, kind.kills, 1 if kind.key is None else 3)


@pytest.mark.slow
def test_two_hundred_kills(plain, tmp_path):
    crash(plain, tmp_path, 200, 2)


def test_a_kill_while_a_gallery_is_made_leaves_none_or_a_whole_one(plain, tmp_path):
    """Whatever was written of it: it can be opened, or be made."""
    times = random.Random(3)
    for i in range(8):
        url = plain.url(tmp_path, f"p{i}")
        text = f"import store_worker as w\nprint(flush=True)\nw.open_store({url!r}, create=w.FACTS)"
        process = subprocess.Popen(
            [sys.executable, "-c", text], stdout=subprocess.PIPE, env=ENVIRONMENT
        )
        process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            process.wait(times.uniform(0, 0.03))
        process.kill()
        process.communicate()
        plain.settle(url)
        try:
            with plain.open(url) as store:
                assert store.check() == []
        except GalleryError:
            with plain.open(url, create=worker.FACTS) as store:
                assert store.check() == []


def together(kind, folder, count):
    url = kind.url(folder)
    kind.open(url, create=worker.FACTS).close()
    processes = [start(url, seed, count, "grow", kind.key) for seed in (1, 2)]
    said = [process.communicate() for process in processes]
    assert said == [("done\n", "")] * 2
    with kind.open(url) as store:
        found = stored(store)
        assert found.keys() == {f"N{s}-{i}" for s in (1, 2) for i in range(count) if i % 3 != 2}
        for name, vectors in found.items():
            np.testing.assert_array_equal(vectors, worker.vectors(name, 2))
        store.erase()
        assert store.check() == []


def test_two_processes_write_at_once_without_loss(plain, tmp_path):
    together(plain, tmp_path, 150)


@pytest.mark.slow
def test_two_processes_write_for_long(plain, tmp_path):
    together(plain, tmp_path, 5000)


def test_who_waits_too_long_is_told(plain, tmp_path):
    url = plain.url(tmp_path)
    with plain.open(url, create=worker.FACTS) as store, plain.impatient(url) as other:
        with store.change() as change:
            change.add_person("Ann")
            with pytest.raises(GalleryError, match=r"people.*: in use by others"), other.change():
                pass
            assert other.people() == []  # who reads does not wait
        with other.change() as change:
            change.add_person("Ben")
        assert [p.name for p in store.people()] == ["Ann", "Ben"]


def test_erasing_waits_for_who_reads_and_says_so(plain, tmp_path):
    url = plain.url(tmp_path)
    with plain.open(url, create=worker.FACTS) as store, plain.impatient(url) as other:
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
        assert b"Quentin" not in (plain.held(store, url) or b"")


def test_of_many_who_make_a_gallery_one_does(plain, tmp_path):
    url = plain.url(tmp_path)
    code = (
        "import sys, store_worker as w\n"
        "from facewise.errors import GalleryError\n"
        "try: w.open_store(sys.argv[1], create=w.FACTS); print('made')\n"
        "except GalleryError as error: print(error)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, url], stdout=subprocess.PIPE, env=ENVIRONMENT, text=True
        )
        for _ in range(4)
    ]
    said = sorted(process.communicate()[0].strip() for process in processes)
    assert said.count("made") == 1
    assert sum("exists already" in text for text in said) == 3
    with plain.open(url) as store:
        assert store.check() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_store_does_not_go_through_a_fork(plain, tmp_path):
    """Connections must not; who tries is told, and the parent's are not harmed."""
    url = plain.url(tmp_path)
    with plain.open(url, create=worker.FACTS) as store:
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
