"""Times that a container does not say, or says wrongly."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from facewise.video.sources.clock import Clock
from facewise.video.sources.gaps import Gaps
from facewise.video.sources.report import SourceReport

TICK = Fraction(1, 25)


def clock(**settings):
    settings = {"start": Fraction(0), "step": 0.04, "report": SourceReport(), **settings}
    return Clock(TICK, **settings)


def test_times_count_from_the_beginning():
    made = clock(start=Fraction(2))
    assert [made.time(tick) for tick in (50, 51, 60)] == pytest.approx([0, 0.04, 0.4])


def test_without_a_beginning_the_first_frame_is_it():
    made = clock(start=None)
    assert [made.time(tick) for tick in (1000, 1001)] == pytest.approx([0, 0.04])


def test_timestamps_that_come_late():
    """As in RTSP, before the server has sent its clock."""
    made = clock(start=None)
    assert [made.time(tick) for tick in (None, None, 500, 501)] == pytest.approx(
        [0, 0.04, 0.08, 0.12]
    )


def test_frames_without_times_come_evenly():
    made = clock()
    assert [made.time(None) for _ in range(3)] == pytest.approx([0, 0.04, 0.08])


def test_timestamps_that_begin_anew_go_on():
    report = SourceReport()
    made = clock(report=report)
    times = [made.time(tick) for tick in (0, 1, 100, 0, 1, 2)]
    assert times == pytest.approx([0, 0.04, 4, 4.04, 4.08, 4.12])
    assert report.notes == ["timestamps began anew after 4.00 s; times go on from there"]


@pytest.mark.parametrize("seed", range(20))
def test_times_always_grow(seed):
    chance = random.Random(seed)
    made, last = clock(), -1.0
    for _ in range(300):
        time = made.time(chance.choice([None, chance.randrange(-50, 500)]))
        assert time > last
        last = time


def test_times_of_decoding_are_put_in_order():
    """I0 P3 B1 B2 P6 B4 B5: decoded at 0 … 6, shown in the order 0, 1, 2, 3 …"""
    made = clock(depth=1, shown=False)
    for tick in range(7):
        made.sent(None, tick)
    own = [0, 2, 3, 1, 5, 6, 4]  # the packet of each frame, in the order of showing
    assert [made.time(None, tick) for tick in own] == pytest.approx([i / 25 for i in range(7)])


def test_a_packet_without_a_frame_makes_none_of_the_others_early():
    made = clock(shown=False)
    for tick in range(10):
        made.sent(tick + 3, tick)  # a guess of the time of showing, which is not believed
    assert [made.time(t + 3, t) for t in (0, 1, 5, 6)] == pytest.approx([0, 0.04, 0.2, 0.24])


def missing(times):
    gaps = Gaps()
    for time in times:
        gaps.frame(time)
    return gaps.missing()


def test_gaps_between_even_frames_are_counted():
    times = [round(i / 30, 3) for i in range(300) if i not in {50, 51, 52, 200}]
    assert missing(times) == 4


def test_uneven_frames_have_no_gaps():
    chance = random.Random(5)
    times = [0.0]
    for _ in range(3000):
        times.append(times[-1] + chance.choice([0.01, 0.02, 0.033, 0.1, chance.random()]))
    assert missing(times) == 0
    assert missing([]) == missing([1.0]) == 0
