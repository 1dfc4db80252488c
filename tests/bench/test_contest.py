"""Taking turns: the order, what is timed and what is not, and those that fail."""

from __future__ import annotations

import pytest
from bench.contest import Contender, UnavailableError, compete, fastest, reason, rotated


class Clock:
    """Time that only passes when somebody works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        def run(items):
            self.now += seconds * len(items)
            return [item * 10 for item in items]

        return run


def test_rotated():
    assert rotated("ABC", 0) == ["A", "B", "C"]
    assert rotated("ABC", 4) == ["B", "C", "A"]
    assert rotated([], 3) == []


def test_everybody_takes_a_turn_in_every_round_in_another_order():
    clock = Clock()
    contenders = [Contender(name, "", "k", clock.work(0)) for name in "ABC"]
    parts = list(compete(contenders, [[1], [2], [3], [4]], clock))
    order = ["".join(p.contender.name for p in parts if p.round == r) for r in range(4)]
    assert order == ["ABC", "BCA", "CAB", "ABC"]
    assert [p.items for p in parts[::3]] == [[1], [2], [3], [4]]


def test_only_the_work_itself_is_timed_and_counted_by_item():
    clock, calls = Clock(), []

    def slowly(value):
        clock.now += 100
        return value

    def run(items):
        calls.append(items)
        return clock.work(3)(items)

    contender = Contender("A", "single", "k", run, slowly, slowly, limit=2)
    first, second = compete([contender], [[1, 2, 3], [4, 5, 6]], clock)
    assert contender.name == "A, single"
    assert (first.seconds, first.output) == (3, [10, 20])
    assert (second.seconds, second.output) == (3, [40, 50])
    assert calls == [[1, 2], [1, 2], [4, 5]]  # the first is the warm-up


def test_one_that_fails_says_so_and_the_others_go_on():
    clock = Clock()

    def fail(items):
        if 3 in items:
            raise RuntimeError("no such operator\nat line 3")
        return items

    contenders = [Contender("A", "", "k", fail), Contender("B", "", "k", clock.work(1))]
    parts = list(compete(contenders, [[1], [3], [5]], clock))
    assert [(p.contender.name, p.round, p.error) for p in parts] == [
        ("A", 0, None),
        ("B", 0, None),
        ("B", 1, None),
        ("A", 1, "RuntimeError: no such operator"),
        ("B", 2, None),
    ]


def test_ctrl_c_is_not_taken_for_a_failure():
    def interrupt(items):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(compete([Contender("A", "", "k", interrupt)], [[1]]))


def test_reason():
    assert (
        reason(UnavailableError("not installed: pip install x")) == "not installed: pip install x"
    )
    assert reason(ValueError("bad\nworse")) == "ValueError: bad"
    assert reason(ValueError()) == "ValueError"


def test_fastest_takes_the_best_of_the_repeats():
    seconds = {"a": iter([9.0, 2.0]), "b": iter([3.0, 4.0])}
    chosen, figures = fastest({"first": "a", "second": "b"}, lambda c: next(seconds[c]))
    assert chosen == "a"
    assert figures == {"first": 2.0, "second": 3.0}
