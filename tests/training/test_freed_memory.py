from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from facewise.training.freed_memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "keep":
    assert keep_freed_memory()
seen = []
for step in range(10):
    before = faults()
    activations = [torch.ones(size << 20) for size in (1, 2, 16, 8, 4, 16)]  # 188 MB
    del activations
    seen.append(faults() - before)
print(sum(seen[5:]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_the_system_is_asked_once() -> None:
    def faults(how: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    kept, left = faults("keep"), faults("leave")
    assert left > 100_000
    assert kept < 0.2 * left
