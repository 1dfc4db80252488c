"""New faces join old clusters; ids stay; what must not come together does not."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.curation.clustering import Limits, sort
from facewise.curation.clustering.editing import keep_apart, leave_out, merge, rename, split
from facewise.errors import CurationError
from invented_album import add, album_in, clusters
from invented_people import invented, near

LIMITS = Limits(0.4, 0.55)


@pytest.fixture
def album(tmp_path):
    with album_in(tmp_path) as made:
        yield made


def test_new_faces_join_and_ids_stay(album):
    vectors, whose = invented(5, 8, cosine=0.9)
    add(album, vectors[whose < 3][::2])
    done = sort(album, LIMITS)
    assert (done.new, done.joined, done.merged) == (12, 12, 0)
    before = clusters(album)
    assert sorted(map(len, before.values())) == [4, 4, 4]
    assert sort(album, LIMITS) == type(done)(0, 0, 0)
    assert clusters(album) == before
    add(album, np.concatenate([vectors[whose < 3][1::2], vectors[whose >= 3]]))
    sort(album, LIMITS)
    after = clusters(album)
    assert {i: faces[:4] for i, faces in after.items() if i in before} == before
    assert sorted(map(len, after.values())) == [8] * 5
    assert min(set(after) - set(before)) > max(before)


def test_strangers_stay_out_until_they_come_again(album):
    strangers, _ = invented(6, 1, seed=9)
    add(album, strangers)
    sort(album, LIMITS)
    assert album.clusters(2) == []
    first = {faces[0]: i for i, faces in clusters(album).items()}
    add(album, near(strangers[2:3], 0.9, np.random.default_rng(0)))
    sort(album, LIMITS)
    [cluster] = album.clusters(2)
    assert (cluster.id, cluster.faces, cluster.title) == (first[3], 2, f"person {first[3]}")


def test_two_faces_of_a_photo_are_two_people_unless_allowed(tmp_path):
    vectors, _ = invented(1, 6, cosine=0.95)
    for same_photo, expected in ((False, 2), (True, 1)):
        with album_in(tmp_path, name=f"{same_photo}.album") as album:
            add(album, vectors, photos=[0, 0, 1, 2, 3, 4])
            sort(album, LIMITS, same_photo=same_photo)
            found = clusters(album)
            assert len(found) == expected
            assert any({1, 2} <= set(faces) for faces in found.values()) == same_photo


def test_a_bridge_joins_clusters_and_the_name_or_the_oldest_stays(album):
    a, b = np.eye(64, dtype=np.float32)[:2]
    add(album, np.stack([a, a, b, b]))
    sort(album, Limits(0.6, 0.6))
    one, two = sorted(clusters(album))
    rename(album, two, "Ann")
    bridge = (a + b) / np.sqrt(2)
    add(album, np.stack([bridge.astype(np.float32)] * 20))
    assert sort(album, Limits(0.6, 0.6)).merged == 1
    assert {i: len(faces) for i, faces in clusters(album).items()} == {two: 24}
    assert album.cluster("ann").id == two
    with pytest.raises(CurationError, match=f"no cluster #{one}"):
        album.cluster(one)


@pytest.mark.parametrize("how", ["names", "apart", "split"])
def test_what_somebody_keeps_apart_stays_apart(album, how):
    vectors, _ = invented(1, 10, cosine=0.95)
    add(album, vectors[:6])
    sort(album, LIMITS)
    [first] = clusters(album)
    second = split(album, first, [4, 5, 6]).id
    if how != "split":
        album_apart_taken_back(album, first, second)
    if how == "names":
        rename(album, first, "Ann")
        rename(album, second, "Eve")
    if how == "apart":
        keep_apart(album, [first, second])
    add(album, vectors[6:])
    sort(album, LIMITS)
    found = clusters(album)
    assert set(found) == {first, second}
    assert {1, 2, 3} <= set(found[first])
    assert {4, 5, 6} <= set(found[second])
    merge(album, [first, second], name="Ann")
    assert len(clusters(album)) == 1
    assert album.apart() == []


def album_apart_taken_back(album, one, two):
    with album.change():
        album.let_together(one, two)


def test_poor_faces_join_people_but_not_each_other(album):
    vectors, _ = invented(3, 4, cosine=0.9, seed=3)
    poor = np.ones(12)
    poor[[3, 8, 9, 10, 11]] = 0.01  # one of the first, and all of the third
    add(album, vectors, qualities=poor)
    sort(album, LIMITS)
    found = clusters(album)
    assert sorted(map(len, found.values())) == [1, 1, 1, 1, 4, 4]
    assert next(faces for faces in found.values() if 1 in faces) == [1, 2, 3, 4]


def test_poor_faces_do_not_bring_clusters_together(album):
    a, b = np.eye(64, dtype=np.float32)[:2]
    bridge = ((a + b) / np.sqrt(2)).astype(np.float32)
    add(album, np.stack([a, a, b, b, *[bridge] * 4]), qualities=[1, 1, 1, 1, 0, 0, 0, 0])
    sort(album, Limits(0.45, 0.5))
    found = clusters(album)
    assert not any({1, 3} <= set(faces) for faces in found.values())


def test_what_is_left_out_stays_out(album):
    vectors, _ = invented(2, 5, cosine=0.9)
    add(album, vectors)
    sort(album, LIMITS)
    leave_out(album, [1, 6, 7, 8, 9, 10])
    assert clusters(album) == {1: [2, 3, 4, 5]}
    assert len(album.clusters()) == 1
    add(album, near(vectors[:2], 0.95, np.random.default_rng(1)))
    sort(album, LIMITS)
    assert all(face.cluster is None for face in album.faces() if face.left_out)


@pytest.mark.parametrize("method", ["whispers", "agglomerative", "hdbscan"])
def test_other_methods_sort_and_obey_too(album, method):
    vectors, _ = invented(6, 6, d=64, cosine=0.93, seed=2)
    add(album, vectors[::2])
    sort(album, LIMITS, method)
    before = clusters(album)
    add(album, vectors[1::2])
    sort(album, LIMITS, method)
    found = clusters(album)
    assert sorted(map(len, found.values())) == [6] * 6
    assert all(set(faces) <= set(found[i]) for i, faces in before.items())
