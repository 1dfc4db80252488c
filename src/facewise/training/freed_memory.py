"""Keep freed memory in the process, for the next step of a training on the CPU."""

from __future__ import annotations

import ctypes
import sys

# The numbers of <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4

_PAD = 256 << 20


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, instead of giving it back to the system.

    glibc asks the system anew for each large array and gives it back when it is freed. A training
    does that with all its activations in every step, and the system clears each page before it
    hands it out: for MobileFaceNet in float32 that takes longer than the arithmetic
    (`docs/results/training.md`). It holds for the whole process, from now on, and the process stays
    as large as it once was.

    Returns:
        Whether it was done: glibc is there and accepts it.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library, such as musl
        return False
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    mallopt.restype = ctypes.c_int
    asked = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, _PAD))
    accepted = [mallopt(option, value) == 1 for option, value in asked]  # all, even after a no
    return all(accepted)
