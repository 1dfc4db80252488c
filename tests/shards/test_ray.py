"""Ray Data with two workers on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import pytest

from facewise.shards import embed_to_shards, open_shards
from shard_rows import shard_files

pytest.importorskip("ray", reason="no Ray here: pip install 'facewise[ray]', where it has a wheel")

SCRIPT = """
import json, sys
from pathlib import Path
from facewise.shards import Models, Way, embed_to_shards
from facewise.errors import ShardsError

source, out = sys.argv[1:]
way = Way(workers=2, ray=True)
first = embed_to_shards(source, out, shard_size=3, way=way)
for path in sorted(Path(out).glob("*.parquet"))[1::2]:
    path.unlink()
kept = {path.name: path.stat().st_mtime_ns for path in Path(out).glob("*.parquet")}

import ray
assert not ray.is_initialized()
# One cluster for two more runs, and a look at what it listens on.
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
import psutil
ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
addresses = set()
for process in ours:
    try:
        addresses |= {c.laddr.ip for c in process.net_connections() if c.status == "LISTEN"}
    except psutil.Error:
        pass
second = embed_to_shards(source, out, shard_size=3, way=way)
assert ray.is_initialized()  # it is not ours to end
assert all(Path(out, name).stat().st_mtime_ns == time for name, time in kept.items())

from facewise.shards import ray_cluster
from facewise.shards.job import Job
plain = Job.to_dict
def other(self):
    values = json.loads(json.dumps(plain(self)))
    values["settings"]["detector"]["min_face_size"] = 99.0
    return values
Job.to_dict = other
try:
    embed_to_shards(source, out + "-other", shard_size=3, way=way)
    problem = ""
except ShardsError as error:
    problem = str(error)
print(json.dumps([first.to_dict(), second.to_dict(), sorted(addresses), problem]))
"""


@pytest.mark.slow
def test_two_workers(folder, tmp_path):
    """The same shards as alone; what is there stays; nobody else can reach a cluster of ours."""
    alone = embed_to_shards(folder, tmp_path / "alone", shard_size=3)
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
    }
    with tempfile.TemporaryDirectory(prefix="ray-") as short:  # since sockets' names have to be
        done = subprocess.run(
            [sys.executable, str(script), str(folder), str(tmp_path / "out")],
            env=environment | {"RAY_TMPDIR": short},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    first, second, addresses, problem = json.loads(done.stdout.splitlines()[-1])
    assert first["written"] == alone.shards
    assert second["written"] == alone.shards // 2
    for run in (first, second):
        assert {key: run[key] for key in alone.counts._asdict()} == alone.counts._asdict()
        assert run["failures"] == alone.to_dict()["failures"]
    assert shard_files(tmp_path / "out").keys() == shard_files(tmp_path / "alone").keys()
    assert open_shards(tmp_path / "out").total == alone.counts
    assert addresses
    assert all(address.removeprefix("::ffff:").startswith("127.") for address in addresses)
    assert "ModelMismatchError" in problem
    assert "min_face_size" in problem
    assert not (tmp_path / "out-other").exists() or not shard_files(tmp_path / "out-other")
