from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import TrainingError
from facewise.recognition.people import Problem
from facewise.training.data.face_index import FaceIndex, at_least, index_of, split_people
from facewise.training.data.record_file import Records


def named(counts: dict[str, int]) -> FaceIndex:
    people = [name for name, count in counts.items() for _ in range(count)]
    return index_of(
        tuple(Path(f"{i}.jpg") for i in range(len(people))), people, [Problem(Path("x"), "bad")]
    )


def test_names_are_sorted_and_pictures_keep_their_order() -> None:
    index = named({"zoe": 1, "ann": 2})
    assert index.names == ("ann", "zoe")
    assert index.labels.tolist() == [1, 0, 0]
    assert index.labels.dtype == np.int64
    assert index.counts.tolist() == [2, 1]
    assert (len(index), index.num_classes) == (3, 2)


@pytest.mark.parametrize(
    ("names", "labels", "match"),
    [
        (("a", "b"), [0, 1], "2 for 3 pictures"),
        (("b", "a"), [0, 1, 1], "in order"),
        (("a", "a"), [0, 1, 1], "different"),
        (("a", "b"), [0, 1, 2], "from 0 to 1, got 0 to 2"),
        (("a", "b"), [0, 1, -1], "got -1 to 1"),
        (("a", "b", "c"), [0, 2, 2], "'b' has no picture"),
        (("a", "b"), [0.0, 1.0, 1.0], "whole numbers"),
    ],
)
def test_refuses_what_is_no_index(names, labels, match) -> None:
    with pytest.raises(TrainingError, match=match):
        FaceIndex(names, tuple(Path(f"{i}") for i in range(3)), np.array(labels))


def test_refuses_nothing() -> None:
    with pytest.raises(TrainingError, match="at least one picture"):
        index_of((), [])


def test_at_least_leaves_out_people_and_numbers_the_rest_anew() -> None:
    index = at_least(named({"ann": 2, "bob": 1, "cid": 3}), 2)
    assert index.names == ("ann", "cid")
    assert index.labels.tolist() == [0, 0, 1, 1, 1]
    assert [str(path) for path in index.sources] == [f"{i}.jpg" for i in (0, 1, 3, 4, 5)]
    assert index.problems == (Problem(Path("x"), "bad"),)
    with pytest.raises(TrainingError, match=r"nobody has 4 pictures; of 2 people the most .* is 3"):
        at_least(index, 4)
    with pytest.raises(TrainingError, match="at least 1, got 0"):
        at_least(index, 0)


def test_without_people() -> None:
    index = named({"ann": 2, "bob": 1}).without({"ann", "nobody"})
    assert index.names == ("bob",)
    with pytest.raises(TrainingError, match="all 1 people"):
        index.without({"bob"})


def test_records_stay_compact_in_a_subset() -> None:
    records = Records(Path("a.rec"), np.array([0, 40, 80]))
    index = index_of(records, ["a", "b", "a"]).subset(np.array([True, False, True]))
    assert isinstance(index.sources, Records)
    assert index.sources.offsets.tolist() == [0, 80]
    assert index.labels.tolist() == [0, 0]


def test_split_is_by_the_hash_of_name_and_seed() -> None:
    index = named({f"person {i}": 2 for i in range(500)})
    train, held = split_people(index, 0.2, seed=7)
    expected = sorted(
        name
        for name in index.names
        if int(hashlib.sha256(f"7\0{name}".encode()).hexdigest()[:16], 16) < 0.2 * 2**64
    )
    assert list(held.names) == expected
    assert not set(train.names) & set(held.names)
    assert len(train) + len(held) == 1000
    assert 70 <= held.num_classes <= 130  # 100, standard deviation 9
    assert train.problems == index.problems
    assert held.problems == ()
    assert split_people(index, 0.2, seed=8)[1].names != held.names


def test_people_who_are_added_move_nobody() -> None:
    few = {f"person {i}": 1 for i in range(300)}
    more = few | {f"another {i}": 1 for i in range(300)}
    held, held_of_more = (
        set(split_people(named(each), 0.3, seed=1)[1].names) for each in (few, more)
    )
    assert held == {name for name in held_of_more if name in few}
    wider = set(split_people(named(few), 0.5, seed=1)[1].names)
    assert held < wider


def test_a_split_that_leaves_a_side_empty_is_an_error() -> None:
    with pytest.raises(TrainingError, match="nobody held out with seed 0"):
        split_people(named({"ann": 1, "bob": 1}), 1e-6)
    with pytest.raises(TrainingError, match="nobody to train with"):
        split_people(named({"ann": 1, "bob": 1}), 1 - 1e-6)
    for share in (0, 1, float("nan")):
        with pytest.raises(TrainingError, match="share"):
            split_people(named({"ann": 1}), share)
