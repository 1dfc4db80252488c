"""Killed at any moment and started again: finished shards stay, each picture is there once."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from facewise.shards import embed_to_shards, open_shards
from shard_rows import shard_files, shard_rows

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

SCRIPT = Path(__file__).with_name("kill_worker.py")


class Runs:
    """Runs over one folder, in children of a process that has the models."""

    def __init__(self, source, size):
        self._order = {"source": str(source), "size": size}
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "OMP_NUM_THREADS": "1",
                "FACEWISE_THREADS": "2",
            },
            bufsize=0,  # or `select` would not see what is waiting in a buffer
        )

    def run(self, out, step=None, seconds=None):
        """One run, killed at a step or a moment, if it has not ended by then.

        Returns:
            Whether it ended by itself.
        """
        self.begin(out, step)
        return self.end(seconds)

    def begin(self, out, step=None):
        order = {**self._order, "out": str(out), "step": step}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    def end(self, seconds=None):
        child = int(self._process.stdout.readline())
        if seconds is not None and not select.select([self._process.stdout], [], [], seconds)[0]:
            with suppress(ProcessLookupError):  # it has ended since
                os.kill(child, signal.SIGKILL)
        ended = self._process.stdout.readline().strip()
        assert ended in {b"ended", b"killed"}, ended
        return ended == b"ended"

    def close(self):
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0


class Watch:
    """What kills must not change."""

    def __init__(self, out):
        self._out = out
        self.finished = {}

    def look(self):
        files = shard_files(self._out)
        for name, content in self.finished.items():
            assert files.get(name) == content, f"{name} has changed"
        self.finished = files
        if files:
            kept = open_shards(self._out, partial=True).counts
            assert kept.keys() == files.keys()  # what has its name is whole

    def end(self, expected):
        """The files of a run that nobody killed, and no drafts."""
        self.look()
        assert self.finished == expected
        rest = {path.name for path in self._out.iterdir()} - self.finished.keys()
        assert rest == {"_manifest.json"}


def check_all_once(out, keys):
    once = {}
    for row in shard_rows(out):
        once.setdefault(row["key"], set()).add((row["source"], row["picture"]))
    assert sorted(once) == sorted(keys)
    assert all(len(places) == 1 for places in once.values())


@pytest.mark.slow
def test_killed_at_each_step(folder, tmp_path):
    """Before each thing that a run does to its folder, in a folder of its own, and then again."""
    runs = Runs(folder / "obama", 2)
    assert runs.run(tmp_path / "whole")
    expected = shard_files(tmp_path / "whole")
    step, kills = 0, 0
    while True:
        step += 1
        out = tmp_path / f"{step}"
        watch = Watch(out)
        if runs.run(out, step=step):
            break
        kills += 1
        watch.look()
        for again in (1 + step // 2, None):  # and once more, elsewhere
            if runs.run(out, step=again):
                break
            kills += 1
            watch.look()
        watch.end(expected)
        check_all_once(out, [f"{name}-{side}.jpg" for name in (1, 2) for side in (200, 260)])
        step += step // 6
    runs.close()
    watch.end(expected)
    assert kills >= 10


def crash(runs, kills, out, seed, limit):
    """Kill after kill, on one folder after another, each until its run has ended."""
    moments = random.Random(seed)
    whole = out / "whole"
    began = time.monotonic()
    assert runs.run(whole)
    took = time.monotonic() - began
    expected = shard_files(whole)
    done, round_ = 0, 0
    while done < kills:
        place = out / f"{round_}"
        round_ += 1
        assert round_ < limit
        watch = Watch(place)
        while not runs.run(place, seconds=moments.uniform(0, took * 1.1)):
            done += 1
            watch.look()
        watch.end(expected)
    return whole


@pytest.mark.slow
def test_ten_kills_at_random_moments(folder, tmp_path):
    runs = Runs(folder / "photos", 1)
    whole = crash(runs, 10, tmp_path, 6, limit=100)
    runs.close()
    check_all_once(whole, [path.name for path in (folder / "photos").iterdir()])


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("seed", range(5))
def test_fifty_kills_on_lfw(shared, tmp_path, seed):
    people = sorted(path for path in shared("data/lfw").rglob("*.jpg"))[::67][:64]
    names = tmp_path / "list.txt"
    names.write_text("\n".join(map(str, people)))
    runs = Runs(names, 4)
    whole = crash(runs, 10, tmp_path / "runs", seed, limit=100)
    runs.close()
    check_all_once(whole, list(map(str, people)))


def test_two_runs_at_once(folder, keys, tmp_path):
    """They do the same work, and get in each other's way in nothing."""
    out = tmp_path / "out"
    both = [Runs(folder, 1), Runs(folder, 1)]
    for runs in both:
        runs.begin(out)
    for runs in both:
        assert runs.end()
        runs.close()
    embed_to_shards(folder, tmp_path / "alone", shard_size=1)
    check_all_once(out, keys)
    assert shard_files(out).keys() == shard_files(tmp_path / "alone").keys()
    assert len(list(out.iterdir())) == len(keys) + 1
