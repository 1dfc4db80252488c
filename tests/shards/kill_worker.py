"""Runs that are killed; started once by the tests, since loading takes longer than a run.

    python kill_worker.py

Each line of standard input is JSON: `source`, `out`, `size`, and `step` or null. A child does the
run, and kills itself before the step-th thing it does to a file of `out`. Lines of standard output:
the child's number, then how it ended: `ended`, `killed`, or what went wrong.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback

import torch

from facewise.shards import Models, embed_to_shards

_LOADED = Models().load()


def run(source: str, out: str, size: int, step: int | None) -> None:
    """In the child."""
    torch.set_num_threads(1)
    left = step

    def count(event: str, arguments: tuple) -> None:
        nonlocal left
        if left is not None and any(out in str(word) for word in arguments[:2]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    embed_to_shards(source, out, shard_size=size)


def main() -> None:
    """Fork for each line."""
    Models.load = lambda self: _LOADED
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            code = 1
            try:
                run(order["source"], order["out"], order["size"], order["step"])
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        print(child, flush=True)  # noqa: T201
        _, status = os.waitpid(child, 0)
        words = {0: "ended", -signal.SIGKILL: "killed"}
        print(words.get(os.waitstatus_to_exitcode(status), f"status {status}"), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
