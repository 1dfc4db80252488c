"""What the processor is called and which instructions it has that decide how networks run."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Any of these multiplies bfloat16; elsewhere it is emulated, slower than float32."""
INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""Any of these multiplies 8-bit integers without intermediate overflow; AVX2 alone saturates."""
_SHOWN = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


@cache
def processor_features() -> frozenset[str]:
    """The features that matter here, by the names of Linux's `/proc/cpuinfo`."""
    flags = set(_cpuinfo("flags").split())
    if hasattr(torch.cpu, "get_capabilities"):  # PyTorch 2.9 and later; on every system
        found = torch.cpu.get_capabilities()
        flags |= {name for name, value in found.items() if value is True}
        if found.get("avx512_f"):
            flags.add("avx512f")
    return frozenset(flags & set(_SHOWN))


@cache
def processor_name() -> str:
    """The processor, as its maker calls it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(key: str) -> str:
    """A value of Linux's `/proc/cpuinfo`, or nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
