"""`python -m facewise.shards.worker`: a process that embeds the units it is told of.

It reads a job and then tasks from standard input, one JSON text a line, and answers each on
standard output. When the input ends, also because whoever started it is gone, it ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import IO

READY = "ready"


def main() -> None:
    """Work until there are no more tasks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it
    # What libraries print is not an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines = sys.stdin
    _work(lines, answers)


def _work(lines: IO[str], answers: IO[str]) -> None:
    import torch

    from facewise.runtime.threads import cores
    from facewise.shards.job import Done, Job, Task
    from facewise.shards.locations import reason
    from facewise.shards.unit_embedder import UnitEmbedder

    def say(what: object) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    if torch.get_num_threads() > cores():
        torch.set_num_threads(cores())  # the process is ours
    first = next(lines, None)
    if first is None:
        return
    job = Job.from_dict(json.loads(first))
    try:
        embedder = UnitEmbedder(job)
    except Exception as error:
        say(reason(error))
        return
    say(READY)
    for line in lines:
        task = Task.from_dict(json.loads(line))
        try:
            done = embedder.embed(task)
        except Exception as error:  # the next unit may be better
            done = Done(task.shard, None, reason(error))
        say(done.to_dict())


if __name__ == "__main__":
    main()
