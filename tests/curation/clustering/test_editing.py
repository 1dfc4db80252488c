"""Decisions about an album, and those that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.curation.clustering import Limits, sort
from facewise.curation.clustering.editing import keep_apart, leave_out, merge, rename, split
from facewise.errors import CurationError, GalleryError
from invented_album import add, album_in, clusters
from invented_people import invented


@pytest.fixture
def album(tmp_path):
    with album_in(tmp_path) as made:
        add(made, invented(3, 4, cosine=0.95)[0])
        sort(made, Limits(0.4, 0.5))
        assert sorted(clusters(made)) == [1, 2, 3]
        yield made


def test_names_are_found_but_for_case_and_go_again(album):
    assert rename(album, 2, " Zoe\u0308 ").title == "Zo\u00eb"
    assert album.cluster("ZO\u00cb").id == 2
    assert [c.id for c in album.clusters()] == [2, 1, 3]
    with pytest.raises(CurationError, match=r"'zoë' is cluster #2; merge"):
        rename(album, 1, "zo\u00eb")
    assert rename(album, 2, None).title == "person 2"
    with pytest.raises(GalleryError, match="at least one character"):
        rename(album, 2, " ")
    for number in ("12", "#12"):  # they would be found by it, or not at all
        with pytest.raises((CurationError, GalleryError), match="is how the number of a person"):
            rename(album, 2, number)
    with pytest.raises(CurationError, match="no face 99999999999999999999"):
        leave_out(album, [99999999999999999999])


def test_merging_keeps_the_named_one(album):
    rename(album, 3, "Ann")
    found = merge(album, [1, "ann", 2])
    assert (found.id, found.name, found.faces) == (3, "Ann", 12)
    assert clusters(album) == {3: list(range(1, 13))}


def test_merging_two_names_asks_which_stays(album):
    rename(album, 1, "Ann")
    rename(album, 2, "Eve")
    with pytest.raises(CurationError, match="'Ann' and 'Eve'; say which"):
        merge(album, [1, 2])
    assert merge(album, [1, 2], name="Eve").title == "Eve"
    assert album.cluster("eve").faces == 8


def test_merging_and_splitting_what_cannot_be(album):
    with pytest.raises(CurationError, match="at least two"):
        merge(album, [1, 1])
    with pytest.raises(CurationError, match="no cluster #9"):
        merge(album, [1, 9])
    with pytest.raises(CurationError, match="nobody is called 'Ann'"):
        split(album, "Ann")
    with pytest.raises(CurationError, match="has no face 5"):
        split(album, 1, [2, 5])
    with pytest.raises(CurationError, match="all 4 faces"):
        split(album, 1, [1, 2, 3, 4])
    with pytest.raises(CurationError, match="no face 99"):
        leave_out(album, [1, 99])
    with pytest.raises(CurationError, match="two different"):
        keep_apart(album, [1, 1])
    assert {i: len(faces) for i, faces in clusters(album).items()} == {1: 4, 2: 4, 3: 4}


def test_foes_go_along_when_clusters_merge(album):
    keep_apart(album, [1, 2])
    merge(album, [2, 3], name="Ann")
    assert album.apart() == [(1, 2)]
    merge(album, [1, 2])
    assert album.apart() == []


def test_splitting_without_faces_takes_the_looser_part(album):
    merge(album, [1, 2])
    leave_out(album, [1])
    new = split(album, 1, name="Eve")
    assert {new.id, 1} == {1, 4}
    assert clusters(album) == {1: [5, 6, 7, 8], 3: [9, 10, 11, 12], 4: [2, 3, 4]}
    assert (new.title, album.apart()) == ("Eve", [(1, 4)])


def test_splitting_equal_faces_and_one(tmp_path):
    with album_in(tmp_path, d=3, name="x.album") as album:
        add(album, np.repeat(np.eye(3, dtype=np.float32)[:2], [3, 1], axis=0))
        sort(album, Limits(0.5, 0.5))
        [one, two] = sorted(clusters(album))
        with pytest.raises(CurationError, match="has one face"):
            split(album, two)
        assert album.cluster(one).faces == 3
        new = split(album, one)
        assert new.faces == 1


def test_a_change_that_fails_changes_nothing(album):
    with pytest.raises(GalleryError):
        split(album, 1, [1], name="a\nb")
    with pytest.raises(GalleryError):
        merge(album, [1, 2], name="unknown")
    assert clusters(album)[1] == [1, 2, 3, 4]
    assert album.apart() == []
