"""Time facewise beside the packages it replaces or competes with.

    python -m bench detect --json detect.json --markdown detect.md --plot detect.svg
    python -m bench report detect.json --plot detect.svg

Everything runs in one process and in turns; ratios, not milliseconds, are what to compare. The
figures are in docs/results/speed.md. facenet-pytorch has to be there:

    pip install --no-deps facenet-pytorch==2.6.0
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COMMANDS = {
    "align": "photos a second from a folder of photos to one of chips",
    "anonymise": "faces of a video that are covered, and what is left of them",
    "cluster": "people of a collection found without names: how rightly, how fast",
    "detect": "seconds for a frame of a video, with the faces found",
    "embed": "seconds for a face",
    "frames": "seconds for a frame of a video, decoded and made ready",
    "pipeline": "photos a second from files to vectors, and peak memory",
    "gallery": "galleries of known people: enrol, search, identify",
    "search": "seconds for a probe against a gallery",
    "track": "seconds for a frame of a video, from the file to tracked faces",
    "track_names": "tracks with the right names, 20 people being enrolled",
    "track_quality": "identities kept and faces found on videos with known truth",
    "train": "seconds for a step of training, and what it learns from",
}
_SHARED = Path(os.environ.get("FACEWISE_SHARED", Path(__file__).parents[2] / "shared"))


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    threads = thread_option(argv)
    if threads is not None:
        confine(threads)  # before torch is imported, which reads the variables once
    from bench.contest import UnavailableError

    try:
        return _run(argv, threads)
    except UnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(argv: list[str], threads: int | None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.command == "report":
        _publish(json.loads(arguments.file.read_text(encoding="utf-8")), arguments)
        return 0
    if threads is not None:
        _set_threads(threads)
    from bench.record import Record

    record = Record(arguments.command, argv, arguments.json)
    record.save()  # now, not after an hour, if the file cannot be written
    try:
        importlib.import_module(f"bench.{arguments.command}").run(arguments, record)
    except KeyboardInterrupt:
        record.save()
        print(f"interrupted; {arguments.json} has the rounds up to here", file=sys.stderr)
        return 130
    record.save(finished=True)
    _publish(record.to_dict(), arguments)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line. Each command adds its own options."""
    outputs = argparse.ArgumentParser(add_help=False)
    outputs.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    outputs.add_argument("--plot", type=Path, metavar="FILE", help="ratios as bars, .png or .svg")
    outputs.add_argument("--only", default="", metavar="TEXT", help="plot groups with this title")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", type=Path, required=True, metavar="FILE")
    shared.add_argument("--shared", type=Path, default=_SHARED, help="the data folder")
    shared.add_argument("--rounds", type=int)
    shared.add_argument("--quick", action="store_true", help="try everything once, measure nothing")
    shared.add_argument("--threads", type=int, help="confine everything to so many cores")
    shared.add_argument("--backends", nargs="+", default=("torch", "onnxruntime", "openvino"))
    top = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name, help=text, description=text, parents=[shared, outputs], allow_abbrev=False
        )
        importlib.import_module(f"bench.{name}").add_options(command)
    report = commands.add_parser("report", help="tables and plot of a JSON", parents=[outputs])
    report.add_argument("file", type=Path)
    return top


def thread_option(argv: Sequence[str]) -> int | None:
    """The value of --threads, before anything is imported for the other options."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--threads", type=int)
    threads: int | None = early.parse_known_args(argv)[0].threads
    return threads


def confine(threads: int) -> None:
    """Give this process and its children so many cores, for libraries that take all they see."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "FACEWISE_THREADS"):
        os.environ[name] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _set_threads(threads: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def _publish(record: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from bench import report

    # A file or a pipe has no width of its own, and takes a wide table.
    report.show(record, Console(width=None if sys.stdout.isatty() else 150))
    if arguments.markdown:
        arguments.markdown.write_text(report.markdown(record), encoding="utf-8")
    if arguments.plot:
        from bench.plot import plot

        plot(record, arguments.plot, arguments.only)


if __name__ == "__main__":
    sys.exit(main())
