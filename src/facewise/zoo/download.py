"""Get the weights of a model onto this machine, verified."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import DownloadError, ModelError
from facewise.zoo.cache import cached_path, locate
from facewise.zoo.hashing import check, expected_sha256, file_sha256, record_sha256, sidecar
from facewise.zoo.spec import ModelSpec

if TYPE_CHECKING:
    from facewise.zoo.transfer import Report

_ROUNDS = 3
_PAUSE = 1.0  # seconds before the second round, twice as long before the third


def fetch(spec: ModelSpec, *, progress: bool | Report = True, timeout: float = 30.0) -> Path:
    """The path of a model's verified weight file, which is downloaded if it is not here.

    The addresses are tried in their order, up to three times each; broken downloads are continued.
    Of several processes that want the same file, one downloads and the others wait for it. The
    licence is shown before, on standard error.

    Args:
        spec: the model.
        progress: show a bar when standard error is a terminal; or a function that is called with
            the bytes that are here and the bytes of the whole file (None: not known).
        timeout: seconds without an answer, or without data, after which an address is given up.

    Returns:
        A file whose size and sha256 are the published ones. Where no sha256 is published, that of
        the first download is recorded beside the file and holds from then on.

    Raises:
        DownloadError: the file is not here and cannot be fetched (no address serves it, none is
            known, or `FACEWISE_OFFLINE` is set); says where to put it by hand.
        ModelError: the file is here, damaged, and cannot be replaced.
    """
    path = _present(spec)
    if path is not None:
        return path
    if offline():
        raise DownloadError(
            f"{spec.id}: {spec.weights.filename} is not on this machine and FACEWISE_OFFLINE "
            f"forbids the network; {by_hand(spec)}"
        )
    if not spec.weights.urls:
        raise DownloadError(f"{spec.id}: cannot be downloaded automatically; {by_hand(spec)}")
    target = cached_path(spec)
    with _only_one(spec, target):
        path = _present(spec)  # another process may have brought it meanwhile
        if path is None:
            _announce(spec, target)
            _download(spec, target, progress, timeout)
    return target if path is None else path


def offline() -> bool:
    """Whether the environment variable `FACEWISE_OFFLINE` forbids the network."""
    return os.environ.get("FACEWISE_OFFLINE", "").lower() not in ("", "0", "false", "no")


def by_hand(spec: ModelSpec) -> str:
    """What a person can do to bring the weight file here, as part of a sentence."""
    weights = spec.weights
    sources = " or ".join(weights.urls) or weights.by_hand
    source = f"from {sources} " if sources else "(no address is known: bring your own copy) "
    return (
        f"get {weights.filename} {source}and put it at {cached_path(spec)}, "
        "or into a folder named in FACEWISE_WEIGHTS"
    )


def _present(spec: ModelSpec) -> Path | None:
    """The verified file on this machine; None if there is none, or a damaged one to replace."""
    path = locate(spec)
    if path is None:
        return None
    ours = path == cached_path(spec)
    try:
        check(spec, path)
    except ModelError:
        if not ours or not spec.weights.urls or offline():
            raise
        return None
    if ours and expected_sha256(spec, path) is None:
        _trust(spec, path, file_sha256(path))
    return path


def _trust(spec: ModelSpec, path: Path, digest: str) -> None:
    """Hold a file of unpublished sha256 to the first one seen, and say so."""
    try:
        record_sha256(path, digest)
    except OSError:  # a cache one may only read, with files somebody else put there
        return
    _say(
        f"no sha256 is published for {spec.id}; that of this file, {digest}, is recorded in "
        f"{sidecar(path)} and holds from now on"
    )


def _download(spec: ModelSpec, target: Path, progress: bool | Report, timeout: float) -> None:
    # Only here, because requests takes a tenth of a second to import.
    from facewise.zoo.transfer import AddressError, finish, transfer

    part = target.with_name(f"{target.name}.part")
    sha256 = expected_sha256(spec, target)
    faults: dict[str, AddressError] = {}
    with _reporting(spec, progress) as report, _writing(part):
        for turn in range(_ROUNDS):
            left = [url for url in spec.weights.urls if url not in faults or not faults[url].final]
            if turn and left:
                time.sleep(_PAUSE * turn)
            for url in left:
                try:
                    digest = transfer(
                        url,
                        part,
                        size=spec.weights.size,
                        sha256=sha256,
                        timeout=timeout,
                        report=report,
                    )
                except AddressError as fault:
                    faults[url] = fault
                    continue
                finish(part, target)
                if sha256 is None:
                    _trust(spec, target, digest)
                return
    reasons = "; ".join(f"{url}: {fault}" for url, fault in faults.items())
    raise DownloadError(f"{spec.id}: could not be downloaded ({reasons}); {by_hand(spec)}")


@contextlib.contextmanager
def _only_one(spec: ModelSpec, target: Path) -> Iterator[None]:
    """Let one process at a time download a file.

    The lock is the operating system's, so that of a killed process is gone with it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(f"{target}.lock")
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _say(f"waiting for another process, which downloads {spec.id}")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(
            f"{path}: cannot be written ({error.strerror or error}); free space there, or set "
            "FACEWISE_CACHE to another folder"
        ) from error


@contextlib.contextmanager
def _reporting(spec: ModelSpec, progress: bool | Report) -> Iterator[Report]:
    if callable(progress):
        yield progress
        return
    if not progress or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(spec.weights.filename, total=spec.weights.size)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _silent(done: int, total: int | None) -> None:
    """Report to no one."""


def _announce(spec: ModelSpec, target: Path) -> None:
    weights = spec.weights
    size = f" ({weights.size / 1e6:.1f} MB)" if weights.size else ""
    damaged = ", where a damaged file lies" if target.is_file() else ""
    _say(
        f"downloading {spec.id}{size} to {target}{damaged}\n"
        f"  licence: {weights.licence}\n"
        f"  trained on: {weights.training_set}"
    )


def _say(text: str) -> None:
    sys.stderr.write(f"facewise: {text}\n")
    sys.stderr.flush()
