"""How many threads may work: the processors of this process, shared and never oversubscribed.

There are two ways to keep n processors busy: operations of n threads, one after another, or n
workers whose operations have one thread each. A thread is either a caller, which may use the first
way, or a worker (see `facewise.runtime.workers`), whose operations have one thread; so at any time
workers times threads of an operation are at most `cores()`.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import cache
from pathlib import Path

from facewise.errors import FacewiseError

THREADS_VARIABLE = "FACEWISE_THREADS"

_CGROUPS = Path("/sys/fs/cgroup")
_local = threading.local()
_one_at_a_time = threading.Lock()


def cores() -> int:
    """The processors that this process may use, at least one.

    Those it is bound to (affinity); a container's share of processor time (the CPU quota of
    cgroups, version 1 or 2), rounded down; and never more than the environment variables
    `FACEWISE_THREADS` and `OMP_NUM_THREADS` say.

    Raises:
        FacewiseError: `FACEWISE_THREADS` is not a whole number of at least 1.
    """
    limits = [_bound_to(), _quota(), _from_facewise(), _from_openmp()]
    return min(limit for limit in limits if limit is not None)


def threads() -> int:
    """The threads that one operation may use in the calling thread.

    One in a worker; elsewhere all of `cores()`, but not more than `torch.set_num_threads` was
    given.

    Raises:
        FacewiseError: see `cores`.
    """
    if in_worker():
        return 1
    torch = sys.modules.get("torch")  # not loaded: so nobody has set it
    return cores() if torch is None else min(cores(), torch.get_num_threads())


def in_worker() -> bool:
    """Whether the calling thread is a worker, whose operations have one thread each."""
    return getattr(_local, "in_worker", False)


def become_worker() -> None:
    """Make the calling thread a worker, for the rest of its life.

    PyTorch's operators have one thread in it from now on. Other threads keep the number they have,
    and new ones get the number they would have got.
    """
    import torch

    _local.in_worker = True
    # `torch.set_num_threads` sets the number of its thread, and the one that threads start with
    # that have not used PyTorch yet. A new thread sees the latter; so one reads it first, and puts
    # it back afterwards. What is left of the race: a thread that uses PyTorch for the first time,
    # or a setting made, between the two lines that are marked.
    with _one_at_a_time:
        read, changed = threading.Event(), threading.Event()

        def keep() -> None:
            number = torch.get_num_threads()
            read.set()
            changed.wait()
            torch.set_num_threads(number)  # to here

        keeper = threading.Thread(target=keep, name="facewise-keeper")
        keeper.start()
        read.wait()
        # First use: only after it does a thread keep a number of its own.
        torch.get_num_threads()
        torch.set_num_threads(1)  # from here
        changed.set()
        keeper.join()


def _bound_to() -> int:
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        count: int | None = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count()
    return count or 1


def _from_facewise() -> int | None:
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise FacewiseError(
            f"{THREADS_VARIABLE}: expected a whole number of at least 1, got {text!r}"
        )
    return int(text)


def _from_openmp() -> int | None:
    """OpenMP's own variable; what OpenMP ignores is ignored here too."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # outermost level first
    return int(first) if first.isdecimal() and int(first) else None


@cache
def _quota() -> int | None:
    return cpu_quota(_CGROUPS, Path("/proc/self/cgroup"))


def cpu_quota(cgroups: Path, membership: Path) -> int | None:
    """The whole processors that control groups let this process use, at least 1; None: no limit.

    Args:
        cgroups: where they are mounted.
        membership: the file that names those of the process (`/proc/self/cgroup`, see cgroups(7)).
    """
    shares = []
    for line in _text(membership).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers == "":
            mounts = [cgroups, cgroups / "unified"]
        elif "cpu" in controllers.split(","):
            mounts = [cgroups / controllers, cgroups / "cpu"]
        else:
            continue
        # A limit of any group above counts too. In a container the name may be the one outside of
        # it, which is not to be seen; the container's own group is the mount itself then.
        path = Path(group.lstrip("/"))
        for mount in mounts:
            shares += [_share(mount / place) for place in (path, *path.parents)]
    found = [share for share in shares if share is not None]
    return max(int(min(found)), 1) if found else None


def _share(group: Path) -> float | None:
    """Processor time over time, of one group: version 2's one file, or version 1's two."""
    words = _text(group / "cpu.max").split() or [
        *_text(group / "cpu.cfs_quota_us").split(),
        *_text(group / "cpu.cfs_period_us").split(),
    ]
    try:
        quota, period = map(int, words)
    except ValueError:  # "max", or no such files
        return None
    return quota / period if quota > 0 and period > 0 else None  # version 1: -1 is no limit


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
