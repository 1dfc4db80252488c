"""A process that reads a video: interrupted, or ended without closing it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

pytest.importorskip("av")

SOURCE = Path(__file__).parents[3] / "src"
PATIENCE = 60


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


ENDLESS = """
import sys
from facewise.video import open_source
with open_source(sys.argv[1], loop=True) as source:
    for frame in source:
        frame.image
        if frame.index == 5:
            print("reading", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_it_cleanly(clips):
    process = start(ENDLESS, clips.write("a.mp4", [Fraction(i, 25) for i in range(30)]))
    assert process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert errors.strip().endswith("KeyboardInterrupt")
    assert "Exception ignored" not in errors


FORGETFUL = """
import sys
from facewise.video import open_source
source = open_source(sys.argv[1], loop=True)
for _ in range(5):
    next(source).image
print("done")
"""


def test_a_process_may_end_with_an_open_source(clips):
    process = start(FORGETFUL, clips.write("a.mp4", [Fraction(i, 25) for i in range(30)]))
    output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (0, "done\n", "")


WITHOUT = """
import sys
sys.modules["av"] = None
import facewise, facewise.video
try:
    facewise.video.open_source("a.mp4" if len(sys.argv) < 2 else sys.argv[1])
except facewise.ExtraMissingError as error:
    print(error)
"""


def test_without_the_extra(clips):
    process = start(WITHOUT, clips.write("a.mp4", [0]))
    output, errors = process.communicate(timeout=PATIENCE)
    assert (output, errors) == (
        "reading a video: needs av; pip install 'facewise[video]'\n",
        "",
    )
