"""A server of Milvus Lite for tests, on this machine only; and what its files hold."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np


@cache
def server_port() -> int:
    """The port of a server that runs until this process ends."""
    folder = tempfile.mkdtemp(prefix="facewise-test-milvus-")
    process, port = start_server(Path(folder) / "data")

    def stop() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return port


def start_server(folder: Path, port: int | None = None) -> tuple[subprocess.Popen[str], int]:
    """Start a server for the files in a folder; it answers when this returns."""
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "milvus_lite.cmdline", "server", "--host", "127.0.0.1"),
            *("--port", str(port), "--data-dir", str(folder)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "listening" in line, line
    process.stdout.close()
    return process, port


def contents(files: Iterable[Path]) -> bytes:
    """The bytes of files, and those of the vectors that Parquet files hold in another form."""
    held = []
    for path in files:
        held.append(path.read_bytes())
        if path.suffix == ".parquet":
            import pyarrow.parquet

            table = pyarrow.parquet.read_table(path)
            if "vector" in table.column_names:
                rows = np.array(table.column("vector").to_pylist(), "<f4")
                held.append(rows.tobytes())
    return b"".join(held)
