"""Two hours of frames, as fast as they can be watched: memory stays as it is.

`FACEWISE_SOAK_FRAMES=18000 python -m pytest -m slow -s tests/video/camera/test_soak.py`
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from facewise.video.camera.feed import Feed

pytest.importorskip("av")
pytest.importorskip("scipy")

FRAMES = int(os.environ.get("FACEWISE_SOAK_FRAMES", 2 * 60 * 60 * 25))
WARM_UP = min(10_000, FRAMES // 4)
SLACK = 8.0
"""MB by which the second half of the samples may lie above the first, on the mean."""


def resident():
    """MB of this process that are in memory."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@pytest.fixture
def clip(heads, tmp_path):
    """Four seconds in which people come, pass and go."""
    from facewise.video import VideoWriter

    height, width = 120, 214
    small = [cv2.resize(head, None, fx=0.5, fy=0.5) for head in heads.values()]
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, rate=25, options={"g": "10"}) as writer:
        for number in range(100):
            frame = np.full((height, width, 3), (92, 104, 116), np.uint8)
            for place, head in enumerate(small):
                x = round((number * (place + 2) * 1.5 + 90 * place) % (width + 100)) - 90
                left, right = max(x, 0), min(x + head.shape[1], width)
                if right > left:
                    y = 8 + 8 * place
                    frame[y : y + head.shape[0], left:right] = head[:, left - x : right - x]
            writer.write(frame, number / 25)
    return path


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_as_it_is(clip, watch, people):
    from facewise.video import open_source

    source = open_source(clip, loop=True, threads=1)  # not in real time: every frame counts
    watched = watch(None, feed=Feed(source, None), people=people, start=False)
    session = watched.session
    samples, begun, processor = [], time.monotonic(), time.process_time()
    told = dict.fromkeys(("came", "named", "went", "known"), 0)

    def frame():
        if session.latest is None or session.latest.number % 500:
            return
        number = session.latest.number
        for event in watched.told:
            told[event["event"]] = told.get(event["event"], 0) + 1
            told["known"] += event["event"] == "went" and event["name"] != "unknown"
        watched.told.clear()
        samples.append((number, resident()))
        if number % 6000 == 0:
            spent = time.process_time() - processor
            say(f"{number:7} frames  {samples[-1][1]:7.1f} MB  {spent:6.1f} s CPU  {told}")
        if number >= FRAMES:
            session.stop()

    session.on_frame = frame
    session.start()
    session.join()
    sizes = np.array([size for number, size in samples if number > WARM_UP])
    half = len(sizes) // 2
    growth = sizes[half:].mean() - sizes[:half].mean()
    seconds = time.monotonic() - begun
    say(
        f"{samples[-1][0]} frames in {seconds:.0f} s; {sizes.min():.1f} to {sizes.max():.1f} MB "
        f"after the first {WARM_UP}; the second half {growth:+.2f} MB"
    )
    assert told["went"] > FRAMES / 1000  # people did come and go
    assert growth < SLACK
