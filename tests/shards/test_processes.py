"""Several processes: the same shards, also when one of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from facewise.errors import ShardsError
from facewise.shards import Models, Way, embed_to_shards
from facewise.shards.job import Done, Job, Task
from facewise.shards.planning import plan
from facewise.shards.processes import in_processes
from facewise.shards.schema import Counts
from shard_rows import shard_files


def test_two_processes(folder, keys, tmp_path):
    alone = embed_to_shards(folder, tmp_path / "alone", shard_size=3)
    looked_at = []
    progress = type(
        "Bar",
        (),
        {
            "begin": lambda self, n: looked_at.append(n),
            "looked_at": lambda self, n: looked_at.append(n),
        },
    )()
    both = embed_to_shards(
        folder, tmp_path / "both", shard_size=3, way=Way(workers=2), progress=progress
    )
    assert both.counts == alone.counts
    assert both.failures == alone.failures
    assert looked_at[0] == looked_at[-1] == len(keys)
    assert looked_at[1:] == sorted(looked_at[1:])
    assert shard_files(tmp_path / "both").keys() == shard_files(tmp_path / "alone").keys()


def job_of(models, out):
    loaded = models.load()
    settings = {**loaded.settings(), "chips": False, "shard_size": 3}
    return Job(str(out), models.settled(loaded.embedder), settings, loaded.facts(), False)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the children in /proc")
def test_a_process_that_dies(folder, tmp_path):
    """Its unit has no shard; a new process does the next one."""
    (tmp_path / "out").mkdir()
    tasks = [Task(f"{i:06d}-x.parquet", unit) for i, unit in enumerate(plan([folder], 3))]
    found = []
    with closing(in_processes(job_of(Models(), tmp_path / "out"), tasks, 1)) as results:
        for done in results:
            found.append(done)
            if len(found) == 1:
                os.kill(child(), signal.SIGKILL)
    lost = [done for done in found if done.counts is None]
    assert len(found) == len(tasks)
    assert len(lost) == 1
    assert "process died" in lost[0].problem
    assert shard_files(tmp_path / "out").keys() == {
        task.shard for task in tasks if task.shard != lost[0].shard
    }


def child():
    """The one process that this one has started and that embeds."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                words = (entry / "cmdline").read_text()
            except OSError:
                continue
            if parent == os.getpid() and "facewise.shards.worker" in words:
                return int(entry.name)
    raise AssertionError("no such process")


def test_a_process_that_cannot_begin(folder, tmp_path):
    job = job_of(Models(), tmp_path)
    job.settings["detector"]["min_face_size"] = 99.0
    [task] = [Task("000000-x.parquet", unit) for unit in plan([folder], 1000)]
    with pytest.raises(ShardsError, match="a worker cannot begin: ModelMismatchError: detector"):
        list(in_processes(job, [task], 2))


def test_a_worker_ends_when_its_input_does():
    """Whoever started it is gone."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-m", "facewise.shards.worker"],
        input="",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("counts", [None, Counts(1, 2, 3, 4)])
def test_through_json(folder, tmp_path, counts):
    import json

    for value in (
        Task("name", plan([folder], 4)[0]),
        Done("name", counts, "a problem"),
        job_of(Models(), tmp_path),
    ):
        assert type(value).from_dict(json.loads(json.dumps(value.to_dict()))) == value
