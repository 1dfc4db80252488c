"""Invented people: who is found in a wrong folder, and who is not."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.curation.cleaning import judge, outside_the_largest, strangers_of
from facewise.curation.cleaning.agglomerative import clusters
from facewise.curation.cleaning.strangers import choose_limit, rarely_reached
from facewise.errors import CurationError
from facewise.zoo import get_spec

SIZE = 256
STRANGERS = strangers_of(get_spec("mobilefacenet.ms1m"))


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def people(rng, count):
    return unit(rng.normal(size=(count, SIZE)))


def faces(rng, person, count):
    """Of one person: cosines between them are about 0.6; of strangers 0 ± 0.06."""
    noise = unit(rng.normal(size=(count, SIZE)))
    return unit(person + 0.8 * noise)


def folders(rng, sizes):
    """Clean folders of different people."""
    those = people(rng, len(sizes))
    vectors = np.concatenate([faces(rng, p, n) for p, n in zip(those, sizes, strict=True)])
    return those, vectors, np.repeat(np.arange(len(sizes)), sizes)


def test_dirt_is_found_and_nothing_else(rng):
    those, vectors, home = folders(rng, [12] * 40)
    dirt = np.zeros(len(home), bool)
    for place in rng.choice(len(home), 48, replace=False):
        other = rng.integers(0, 40)
        if other != home[place]:
            vectors[place] = faces(rng, those[other], 1)[0]
            dirt[place] = True
    judged = judge(vectors, home, STRANGERS)
    assert judged.by_folders
    assert judged.rejected.tolist() == dirt.tolist()
    assert not judged.undecided.any()
    assert judged.alike == []
    assert abs(judged.limit.dirt - dirt.mean()) < 0.06
    # … and it is known whose they are.
    assert (judged.other[dirt] >= 0).mean() > 0.9
    assert (judged.other[~dirt] >= 0).sum() == 0


@pytest.mark.parametrize("count", [1, 3])
def test_few_folders_are_judged_by_what_the_model_is_known_for(rng, count):
    _, vectors, home = folders(rng, [10] * count)
    vectors[4] = people(rng, 1)[0]
    judged = judge(vectors, home, STRANGERS)
    assert not judged.by_folders
    assert np.flatnonzero(judged.rejected).tolist() == [4]


def test_two_people_of_equal_share_leave_the_folder_undecided(rng):
    _, vectors, home = folders(rng, [8] * 5)
    vectors[home == 2] = np.concatenate([faces(rng, p, 4) for p in people(rng, 2)])
    judged = judge(vectors, home, STRANGERS)
    assert judged.undecided.tolist() == (home == 2).tolist()
    assert judged.rejected.tolist() == (home == 2).tolist()


def test_of_two_people_of_equal_share_the_one_of_another_folder_is_wrong(rng):
    those, vectors, home = folders(rng, [8] * 5)
    own = np.flatnonzero(home == 2)
    for first in (True, False):  # whichever comes first
        wrong = own[:4] if first else own[4:]
        right = own[4:] if first else own[:4]
        vectors[wrong] = faces(rng, those[0], 4)
        vectors[right] = faces(rng, those[2], 4)
        judged = judge(vectors, home, STRANGERS)
        assert np.flatnonzero(judged.rejected).tolist() == wrong.tolist()
        assert not judged.undecided.any()
        assert judged.alike == []
        assert (judged.other[wrong] == 0).all()


def test_near_duplicates_have_one_vote(rng):
    _, vectors, home = folders(rng, [9] * 4)
    own = np.flatnonzero(home == 1)
    stranger = faces(rng, people(rng, 1)[0], 1)[0]
    vectors[own[:5]] = unit(stranger + 0.02 * rng.normal(size=(5, SIZE)) / 16)
    weights = np.ones(len(home))
    weights[own[:5]] = 1 / 5
    judged = judge(vectors, home, STRANGERS, weights=weights)
    assert np.flatnonzero(judged.rejected).tolist() == own[:5].tolist()
    # With a vote each they would be the majority.
    plain = judge(vectors, home, STRANGERS)
    assert plain.rejected[own[5:]].all()


def test_a_person_with_two_folders_is_told_and_nothing_is_rejected(rng):
    those, vectors, home = folders(rng, [8] * 6)
    vectors[home == 5] = faces(rng, those[1], 8)
    judged = judge(vectors, home, STRANGERS)
    assert [pair[:2] for pair in judged.alike] == [(1, 5)]
    assert not judged.rejected.any()
    assert (judged.other < 0).all()


def test_a_folder_of_one_or_two_is_not_torn(rng):
    _, vectors, home = folders(rng, [8, 1, 2, 8])
    pair = np.flatnonzero(home == 2)
    vectors[pair] = people(rng, 2)
    judged = judge(vectors, home, STRANGERS)
    assert not judged.rejected.any()
    assert judged.undecided.tolist() == (home == 2).tolist()
    assert np.isnan(judged.similarity[home == 1]).all()


def test_a_folder_in_which_no_two_agree_is_undecided(rng):
    _, vectors, home = folders(rng, [8] * 4)
    vectors[home == 3] = people(rng, 8)
    judged = judge(vectors, home, STRANGERS)
    assert judged.undecided.tolist() == (home == 3).tolist()


def test_folders_may_have_any_numbers_in_any_order(rng):
    _, vectors, home = folders(rng, [8] * 25)
    vectors[3] = people(rng, 1)[0]
    order = rng.permutation(len(home))
    plain = judge(vectors, home, STRANGERS)
    mixed = judge(vectors[order], 7 + 3 * home[order], STRANGERS)
    assert mixed.rejected.tolist() == plain.rejected[order].tolist()
    assert mixed.similarity == pytest.approx(plain.similarity[order])


def test_a_given_threshold_is_taken(rng):
    _, vectors, home = folders(rng, [8] * 4)
    assert not judge(vectors, home, STRANGERS, threshold=-1.0).rejected.any()
    judged = judge(vectors, home, STRANGERS, threshold=0.99)
    assert judged.limit.similarity == 0.99
    assert judged.rejected.all()


@pytest.mark.parametrize("affinity", ["cosine", "euclidean"])
@pytest.mark.parametrize("linkage", ["average", "complete", "single", "ward"])
def test_clusters_are_those_of_the_predecessors_library(rng, affinity, linkage):
    sklearn = pytest.importorskip("sklearn.cluster")
    _, vectors, _ = folders(rng, [6, 5, 4])
    if linkage == "ward" and affinity == "cosine":
        with pytest.raises(ValueError, match="goes with the affinity 'euclidean' only"):
            clusters(vectors, affinity=affinity, linkage=linkage)
        return
    for threshold in (0.3, 0.7, 1.1):
        expected = sklearn.AgglomerativeClustering(
            n_clusters=None,
            metric=affinity,
            linkage=linkage,
            compute_full_tree=True,
            distance_threshold=threshold,
        ).fit_predict(vectors)
        got = clusters(vectors, affinity=affinity, linkage=linkage, distance_threshold=threshold)
        assert len(set(zip(expected, got, strict=True))) == len(set(expected)) == len(set(got))


def test_the_predecessor_keeps_the_largest_cluster(rng):
    _, vectors, home = folders(rng, [6, 7])
    vectors[:2] = faces(rng, people(rng, 1)[0], 2)
    gone = outside_the_largest(vectors, home)
    assert np.flatnonzero(gone).tolist() == [0, 1]


def test_the_limit_is_where_the_fewest_errors_are_expected(rng):
    strangers = np.sort(rng.normal(0, 0.1, 100_000))
    genuine, dirt = rng.normal(0.6, 0.08, 3000), rng.normal(0, 0.1, 300)
    limit = choose_limit(np.concatenate([genuine, dirt]), strangers)
    assert 0.2 < limit.similarity < 0.35
    assert limit.dirt == pytest.approx(300 / 3300, abs=0.02)
    assert (dirt < limit.similarity).mean() > 0.97
    assert (genuine < limit.similarity).mean() < 0.001


def test_how_alike_strangers_are_comes_from_a_models_thresholds():
    spec = get_spec("dlib_resnet29.dlib")
    found = strangers_of(spec)
    for point in spec.thresholds:
        if point.far >= 1e-3:
            assert np.quantile(found, 1 - point.far) == pytest.approx(point.value, abs=0.006)
    with pytest.raises(CurationError, match="nobody has measured how alike strangers are"):
        strangers_of(get_spec("inception_resnet_v1.vggface2"))


def test_pairs_of_one_person_among_strangers_do_not_move_what_they_rarely_reach(rng):
    clean = np.sort(rng.normal(0, 0.1, 100_000))
    dirty = np.sort(np.concatenate([clean, np.full(300, 0.8)]))
    expected = 0.1 * 3.09
    assert rarely_reached(clean, 1e-3) == pytest.approx(expected, abs=0.015)
    assert rarely_reached(dirty, 1e-3) == pytest.approx(expected, abs=0.03)
    assert np.quantile(dirty, 0.999) == pytest.approx(0.8)
