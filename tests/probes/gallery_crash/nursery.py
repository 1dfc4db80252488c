"""A process that has loaded everything, and forks a child for every job: `python -m …nursery`.

It reads jobs from standard input, one JSON object a line, and writes to standard output, one JSON
list a line: `["pid", PID]`, then what the child says, then `["ended", STATUS]` (of `waitpid`).
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from gallery_crash import jobs


def main() -> None:
    jobs.warm_up()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                jobs.say("pid", os.getpid())
                jobs.run(json.loads(line))
                status = 0
            except BaseException:
                traceback.print_exc()
                status = 1
            sys.stderr.flush()
            os._exit(status)
        _, status = os.waitpid(pid, 0)
        jobs.say("ended", status)


if __name__ == "__main__":
    main()
