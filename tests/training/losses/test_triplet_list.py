from __future__ import annotations

import numpy as np
import pytest

from facewise.errors import TrainingError
from facewise.training.losses import TripletList, draw_triplets, load_triplets

LABELS = np.array([5, 2, 5, 2, 9, 2, 5, 7, 7])  # person 9 has one picture


def test_draws_two_of_one_person_and_one_of_another():
    triplets = draw_triplets(LABELS, 4000, seed=3).triplets
    anchor, positive, negative = LABELS[triplets].T
    assert (anchor == positive).all()
    assert (anchor != negative).all()
    assert (triplets[:, 0] != triplets[:, 1]).all()
    # People equally: three of them as anchors, and each of the three others as negative.
    for person in (5, 2, 7):
        assert np.mean(anchor == person) == pytest.approx(1 / 3, abs=0.03)
    assert np.mean(negative[anchor == 5] == 9) == pytest.approx(1 / 3, abs=0.05)
    pairs = {tuple(pair) for pair in triplets[anchor == 2, :2].tolist()}
    assert pairs == {(1, 3), (1, 5), (3, 1), (3, 5), (5, 1), (5, 3)}


def test_is_the_same_for_the_same_seed():
    first, again, other = (draw_triplets(LABELS, 50, seed=seed).triplets for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_comes_back_from_its_file(tmp_path):
    drawn = draw_triplets(LABELS, 20)
    file = tmp_path / "lists" / "triplets.npy"
    drawn.save(file)
    again = load_triplets(file, LABELS)
    np.testing.assert_array_equal(again.triplets, drawn.triplets)
    np.testing.assert_array_equal(again.pictures[:6], drawn.triplets[:2].ravel())
    assert len(again) == 20
    assert [path.name for path in file.parent.iterdir()] == ["triplets.npy"]


@pytest.mark.parametrize(
    ("triplets", "message"),
    [
        ([[0, 2, 1], [0, 2, 9]], r"triplet 1 is \[0, 2, 9\]: expected pictures 0 to 8"),
        ([[0, 2, 1], [0, 1, 4]], r"triplet 1 is \[0, 1, 4\]: .* another index\?"),
        ([[0, 2, 6]], r"triplet 0 is \[0, 2, 6\]"),
        ([[2, 2, 1]], r"triplet 0 is \[2, 2, 1\]"),
    ],
)
def test_refuses_what_does_not_fit_the_pictures(tmp_path, triplets, message):
    file = tmp_path / "triplets.npy"
    TripletList(np.array(triplets)).save(file)
    with pytest.raises(TrainingError, match=message):
        load_triplets(file, LABELS)


def test_refuses_other_files(tmp_path):
    file = tmp_path / "triplets.npy"
    with pytest.raises(TrainingError, match=r"triplets\.npy: not a list of triplets"):
        load_triplets(file, LABELS)
    np.save(file, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(TrainingError, match="not a list of triplets"):
        load_triplets(file, LABELS)
    np.save(file, np.zeros((4, 2)))
    with pytest.raises(TrainingError, match=r"expected int64 \(m, 3\), got float64 \(4, 2\)"):
        load_triplets(file, LABELS)


def test_needs_people_to_draw_from():
    with pytest.raises(TrainingError, match="got 3 people with at most 1"):
        draw_triplets(np.array([0, 1, 2]), 5)
    with pytest.raises(TrainingError, match="got 1 people with at most 2"):
        draw_triplets(np.array([0, 0]), 5)
