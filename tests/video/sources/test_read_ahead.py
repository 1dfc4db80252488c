"""The reader's thread: bounded, stopped at any moment, and honest about what failed."""

from __future__ import annotations

import _thread
import gc
import threading
import time
import weakref
from fractions import Fraction

import numpy as np
import pytest

from facewise.errors import VideoError
from facewise.video import open_source
from facewise.video.sources.read_ahead import ReadAhead

PATIENCE = 20.0


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "facewise-video"]


def until(condition):
    """Wait for what another thread does; a test that would hang fails."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    until(lambda: not threads())


def counting(made, end=None):
    def make(stopped):
        while len(made) != end:
            made.append(len(made))
            yield made[-1]

    return make


@pytest.mark.parametrize("size", [1, 2, 5])
def test_it_runs_ahead_and_no_further(size):
    made = []
    ahead = ReadAhead(counting(made), size)
    until(lambda: len(made) == size + 1)  # one more is in its hands
    assert next(ahead) == 0
    until(lambda: len(made) == size + 2)
    assert [next(ahead) for _ in range(5)] == [1, 2, 3, 4, 5]
    until(lambda: len(made) == size + 7)
    assert ahead.close()
    assert list(ahead) == []


def test_the_newest_are_kept_of_what_cannot_wait():
    made = []
    ahead = ReadAhead(counting(made, 1000), 3, newest=True)
    until(lambda: len(made) == 1000 and not threads())
    assert list(ahead) == [997, 998, 999]
    assert ahead.given_up == 997


def test_an_exception_comes_after_the_items_before_it():
    def make(stopped):
        yield 1
        yield 2
        raise RuntimeError("the disk is gone")

    ahead = ReadAhead(make, 10)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(RuntimeError, match="the disk is gone"):
        next(ahead)
    assert list(ahead) == []


def test_closing_ends_the_iterator_in_its_own_thread():
    ended = []

    def make(stopped):
        try:
            while True:
                yield 0
        finally:
            ended.append(threading.current_thread().name)

    ahead = ReadAhead(make, 1)
    next(ahead)
    assert ahead.close()
    assert ended == ["facewise-video"]


def test_closing_while_it_looks_for_an_item():
    seen = threading.Event()

    def make(stopped):
        while not stopped():
            seen.set()
        return iter(())

    ahead = ReadAhead(make, 1)
    assert seen.wait(PATIENCE)
    assert ahead.close()


def test_who_forgets_to_close_it_has_closed_it():
    ahead = ReadAhead(counting([]), 2)
    next(ahead)
    del ahead  # the fixture sees that the thread is gone


def test_an_item_that_was_taken_is_not_held():
    class Item:
        pass

    def make(stopped):
        while True:
            yield Item()

    ahead = ReadAhead(make, 1)
    item = weakref.ref(next(ahead))
    until(lambda: gc.collect() >= 0 and item() is None)
    ahead.close()


def test_ctrl_c_while_waiting_for_a_frame():
    waiting = threading.Event()

    def make(stopped):
        waiting.set()
        until(stopped)
        return iter(())

    ahead = ReadAhead(make, 1)
    assert waiting.wait(PATIENCE)
    threading.Timer(0.05, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        next(ahead)
    assert ahead.close()


@pytest.mark.parametrize("frames", [0, 1, 7, 39, 40])
def test_a_source_may_be_closed_at_any_frame(clips, frames):
    with open_source(clips.write("a.mp4", [Fraction(i, 25) for i in range(40)])) as source:
        taken = [next(source) for _ in range(frames)]
    assert not threads()
    assert [clips.number(frame.image) for frame in taken] == list(range(frames))  # still good
    source.close()
    with pytest.raises(VideoError, match="has been closed"):
        next(source)


def test_a_source_that_is_dropped_in_a_loop_is_closed(clips):
    path = clips.write("a.mp4", [Fraction(i, 25) for i in range(40)])
    for frame in open_source(path):
        if frame.index == 3:
            break
    gc.collect()
    until(lambda: not threads())


def test_an_error_of_the_caller_ends_the_thread(clips):
    path = clips.write("a.mp4", [Fraction(i, 25) for i in range(40)])
    with pytest.raises(ZeroDivisionError), open_source(path) as source:
        [1 / (3 - frame.index) for frame in source]
    assert not threads()


def test_memory_that_frames_ahead_may_take_is_bounded():
    """Frames of 48 MB: five of them, not the eight that were asked for, are made ahead."""
    made = []

    def picture():
        made.append(1)
        return np.zeros((4000, 8000, 3), np.uint8)

    class Pictures(list):
        pass

    from facewise.video.sources.source import Source

    source = open_source([picture()] * 30, ahead=20)
    next(source)
    until(lambda: source.report.frames >= 5)
    assert isinstance(source, Source)
    assert source._ahead._shelf._size == 5
    source.close()
