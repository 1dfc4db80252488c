from __future__ import annotations

import copy
import pickle
from itertools import chain

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from facewise.errors import TrainingError
from facewise.training.data.draws import Draw, generator_of
from facewise.training.data.samplers import build_sampler

# Person 0 has 1 picture, person 1 has 2, and so on; mixed.
LABELS = np.random.default_rng(3).permutation(np.repeat(np.arange(8), np.arange(1, 9)))
KINDS = {
    "plain": {"batch_size": 12},
    "balanced": {"batch_size": 12},
    "pk": {"batch_size": 12, "k": 3},
}


def sampler(kind: str, **options):
    return build_sampler(kind, LABELS, **{"seed": 5, **KINDS[kind], **options})


@pytest.mark.parametrize("kind", KINDS)
def test_batches_have_one_size_and_differ_by_epoch_and_seed(kind) -> None:
    one = sampler(kind)
    first = list(one)
    assert len(one) == len(first) == 3  # 36 pictures
    assert {len(batch) for batch in first} == {12}
    assert all(0 <= picture < 36 for batch in first for picture in batch)
    assert list(one) == first
    one.set_epoch(1)
    second = list(one)
    assert second != first
    one.set_epoch(0)
    assert list(one) == first
    assert list(sampler(kind, seed=6)) != first
    assert list(sampler(kind)) == first


def test_plain_draws_each_picture_once_and_fills_the_last_batch() -> None:
    batches = list(build_sampler("plain", [0, 1, 2, 3, 4], batch_size=3, seed=1))
    drawn = [picture for batch in batches for picture in batch]
    assert sorted(drawn[:5]) == [0, 1, 2, 3, 4]
    assert drawn[5:] == drawn[:1]
    [batch] = build_sampler("plain", [0, 0], batch_size=6)
    assert sorted(batch) == [0, 0, 0, 1, 1, 1]


def test_plain_orders_are_uniform() -> None:
    one = build_sampler("plain", [0] * 4, batch_size=4)
    places = np.zeros((4, 4))
    for epoch in range(2000):
        one.set_epoch(epoch)
        [batch] = one
        places[np.arange(4), batch] += 1
    assert np.abs(places - 500).max() < 100  # standard deviation 19


def test_balanced_draws_everybody_as_often_and_pictures_in_turn() -> None:
    drawn = [picture for batch in sampler("balanced", batch_size=36) for picture in batch]
    counts = np.bincount(LABELS[drawn], minlength=8)
    assert set(counts.tolist()) == {4, 5}  # 36 draws of 8 people
    for person in range(8):
        own = [picture for picture in drawn if LABELS[picture] == person]
        pictures = int(np.sum(person == LABELS))
        assert len(set(own[:pictures])) == min(pictures, len(own))
        assert own[pictures:] == own[: max(len(own) - pictures, 0)]


def test_pk_batches_hold_p_people_with_k_pictures_each() -> None:
    one = sampler("pk")
    for epoch in range(20):
        one.set_epoch(epoch)
        shown: dict[int, list[int]] = {}
        for batch in one:
            groups = np.reshape(batch, (4, 3))
            people = LABELS[groups]
            assert (people == people[:, :1]).all()
            assert len(set(people[:, 0].tolist())) == 4
            for person, group in zip(people[:, 0].tolist(), groups.tolist(), strict=True):
                assert len(set(group)) == min(3, person + 1)
                shown.setdefault(person, []).extend(group)
        for person, pictures in shown.items():  # none again before all have been
            assert len(set(pictures[: person + 1])) == min(person + 1, len(pictures))


def test_pk_reaches_everybody_within_two_rounds() -> None:
    one = build_sampler("pk", np.repeat(np.arange(10), 4), batch_size=8, k=2, seed=2)
    drawn = [picture for epoch in range(3) for batch in epoch_of(one, epoch) for picture in batch]
    assert set(drawn) == set(range(40))


def epoch_of(one, epoch):
    one.set_epoch(epoch)
    return list(one)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("world", [2, 4])
def test_the_parts_of_all_processes_are_the_batch_of_one(kind, world) -> None:
    alone = sampler(kind)
    ranks = [sampler(kind, rank=rank, world=world) for rank in range(world)]
    for epoch in range(3):
        whole = epoch_of(alone, epoch)
        parts = [epoch_of(each, epoch) for each in ranks]
        joined = [list(chain(*batch)) for batch in zip(*parts, strict=True)]
        assert joined == whole
        serials = [[draw.serial for draw in batch] for batch in joined]
        assert serials == [[draw.serial for draw in batch] for batch in whole]
        assert list(chain(*serials)) == list(range(epoch * 36, epoch * 36 + 36))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("used", [0, 1, 2, 3])
def test_goes_on_with_the_very_next_batch(kind, used) -> None:
    whole = sampler(kind)
    expected = [draws(batch) for epoch in (2, 3) for batch in epoch_of(whole, epoch)]
    interrupted = sampler(kind)
    interrupted.set_epoch(2)
    batches = iter(interrupted)
    seen = [draws(next(batches)) for _ in range(used)]
    assert interrupted.position == used
    state = copy.deepcopy(interrupted.state_dict())
    resumed = sampler(kind, rank=0, world=1)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    for epoch in (2, 3):
        resumed.set_epoch(epoch)
        seen += [draws(batch) for batch in resumed]
    assert seen == expected


def draws(batch):
    return [(int(draw), draw.serial) for draw in batch]


def test_a_loader_that_fetches_ahead_is_told_what_was_used() -> None:
    one = sampler("plain")
    loader = iter(DataLoader(Numbers(), batch_sampler=one, num_workers=1))
    first = next(loader).tolist()
    assert one.position > 1
    state = one.state_dict(position=1)
    assert (state["epoch"], state["position"]) == (0, 1)
    other = sampler("plain")
    other.load_state_dict(state)
    assert [first, *map(list, other)] == list(sampler("plain"))


class Numbers(Dataset):
    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, item: int) -> int:
        assert isinstance(item, Draw)
        return item


def test_another_world_may_go_on() -> None:
    state = sampler("pk").state_dict(position=2)
    ranks = [sampler("pk", rank=rank, world=2) for rank in range(2)]
    for each in ranks:
        each.load_state_dict(state)
    [first], [second] = (list(each) for each in ranks)
    assert first + second == list(sampler("pk"))[2]


def test_a_state_of_something_else_is_refused() -> None:
    state = sampler("plain").state_dict()
    others = [
        sampler("balanced"),
        sampler("plain", seed=6),
        sampler("plain", batch_size=6),
        build_sampler("plain", LABELS[::-1], batch_size=12, seed=5),
    ]
    for other in others:
        with pytest.raises(TrainingError, match="cannot be continued"):
            other.load_state_dict(state)
    by_three = sampler("pk").state_dict()
    with pytest.raises(TrainingError, match="cannot be continued"):
        sampler("pk", k=4).load_state_dict(by_three)
    for position in (-1, 4):
        with pytest.raises(TrainingError, match=r"from 0 to 3 .* got -?\d in 0"):
            sampler("plain").load_state_dict({**state, "position": position})


@pytest.mark.parametrize(
    ("kind", "options", "match"),
    [
        ("random", {}, "expected plain, balanced or pk, got 'random'"),
        ("plain", {"batch_size": 0}, "batch_size: expected at least 1"),
        ("plain", {"seed": -1}, "seed: expected at least 0"),
        ("plain", {"world": 5}, "multiple of the 5 processes, got 12"),
        ("plain", {"world": 2, "rank": 2}, "rank: expected 0 to 1 of 2, got 2"),
        ("pk", {}, "k: expected the number"),
        ("pk", {"k": 5}, r"p × k = 2 × 5 = 10, got 12"),
        ("pk", {"k": 1}, "p: expected 1 to 8 people in a batch, got 12"),
        ("pk", {"k": 4, "world": 2}, "p: expected a multiple of the 2 processes"),
    ],
)
def test_wrong_arguments(kind, options, match) -> None:
    with pytest.raises(TrainingError, match=match):
        build_sampler(kind, LABELS, **{"batch_size": 12, **options})
    for labels in ([], [0.5], [[1]]):
        with pytest.raises(TrainingError, match="labels"):
            build_sampler("plain", labels, batch_size=1)


def test_a_million_people_take_seconds() -> None:
    labels = np.random.default_rng(0).integers(0, 200_000, 1_000_000)
    for kind, options in (("balanced", {}), ("pk", {"k": 4})):
        one = build_sampler(kind, labels, batch_size=512, **options)
        assert len(next(iter(one))) == 512


def test_a_draw_is_a_number_that_survives_pickling() -> None:
    draw = pickle.loads(pickle.dumps(Draw(7, 123)))
    assert draw == 7
    assert draw.serial == 123
    assert [10, 11][Draw(1, 0)] == 11
    assert copy.copy(draw).serial == 123


def test_random_numbers_follow_from_seed_and_serial() -> None:
    states = {
        (seed, serial): generator_of(Draw(0, serial), seed).initial_seed()
        for seed in range(4)
        for serial in range(50)
    }
    assert len(set(states.values())) == 200
    assert generator_of(Draw(9, 7), 2).initial_seed() == states[2, 7]
    assert generator_of(3, 0).initial_seed() != generator_of(3, 0).initial_seed()
