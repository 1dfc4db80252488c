"""What was decided on the page is done, once."""

from __future__ import annotations

import json

import pytest

from facewise.curation.clustering import Limits, sort
from facewise.curation.clustering.editing import rename
from facewise.curation.clustering.overview import apply_decisions, write_overview
from facewise.errors import CurationError
from invented_album import add, album_in, clusters
from invented_people import invented

LIMITS = Limits(0.4, 0.5)


@pytest.fixture
def album(tmp_path):
    with album_in(tmp_path) as made:
        add(made, invented(3, 4, cosine=0.95)[0])
        add(made, invented(1, 1, seed=8)[0])
        sort(made, LIMITS)
        yield made


def decisions(album, path, overruled=None, names=None):
    """A file as the page exports it."""
    overruled = overruled or {}
    choices = {f"f{f.id}": "in" for f in album.faces() if f.cluster is not None} | overruled
    before = {f"c{c.id}": c.name or "" for c in album.clusters()}
    path.write_text(
        json.dumps(
            {
                "format": "facewise decisions",
                "version": 1,
                "kind": "cluster",
                "made": {"album": album.fact("id"), "clusters": before},
                "choices": choices,
                "overruled": list(overruled),
                "names": before | (names or {}),
            }
        )
    )
    return path


def test_names_merges_and_faces_that_go(album, tmp_path):
    file = decisions(
        album,
        tmp_path / "d.json",
        {"f1": "out", "f6": "none"},
        {"c1": "Ann", "c2": "Eve", "c3": " ann "},
    )
    said = apply_decisions(album, file)
    assert len(said) == 5
    found = clusters(album)
    assert found == {1: [2, 3, 4, 9, 10, 11, 12], 2: [5, 7, 8], 4: [13], 5: [1]}
    assert album.cluster("Ann").id == 1
    assert album.apart() == [(1, 5)]
    sort(album, LIMITS)
    assert clusters(album) == found  # 1 stays apart from those it is most alike
    assert apply_decisions(album, file) == []
    assert clusters(album) == found


def test_two_that_are_clicked_out_can_be_one_person(album, tmp_path):
    rename(album, 1, "Ann")
    from facewise.curation.clustering.editing import merge

    merge(album, [1, 2])
    file = decisions(album, tmp_path / "d.json", {f"f{i}": "out" for i in (5, 6, 7, 8)})
    apply_decisions(album, file)
    sort(album, LIMITS)
    found = clusters(album)
    assert found[1] == [1, 2, 3, 4]
    assert [5, 6, 7, 8] in found.values()


def test_two_names_can_change_places(album, tmp_path):
    rename(album, 1, "Ann")
    rename(album, 2, "Eve")
    file = decisions(album, tmp_path / "d.json", names={"c1": "Eve", "c2": "Ann", "c3": ""})
    apply_decisions(album, file)
    assert (album.cluster("Eve").id, album.cluster("Ann").id) == (1, 2)
    assert len(clusters(album)) == 4


def test_what_changed_since_the_page_was_written_is_left(album, tmp_path):
    file = decisions(album, tmp_path / "d.json", {"f1": "out"}, {"c3": "Ann"})
    rename(album, 2, "Zoe")  # not touched on the page
    from facewise.curation.clustering.editing import leave_out, merge

    leave_out(album, [1])
    merge(album, [3, 2])
    apply_decisions(album, file)
    assert album.cluster("Zoe").id == 2
    assert [f.id for f in album.faces() if f.left_out] == [1]


def test_files_of_other_albums_and_damaged_ones(album, tmp_path):
    with album_in(tmp_path, name="other.album") as other:
        file = decisions(other, tmp_path / "d.json")
    with pytest.raises(CurationError, match="another album"):
        apply_decisions(album, file)
    for key in ("x1", "f", "f1x", "f\u0661"):
        file = decisions(album, tmp_path / "d.json", {key: "out"})
        with pytest.raises(CurationError, match="is no id of this page"):
            apply_decisions(album, file)


def test_the_page_shows_people_and_strangers_if_asked(album, tmp_path):
    rename(album, 2, "<Ann & Co>")
    page = write_overview(album, tmp_path / "p.html", problems=["x.jpg: broken"]).read_text()
    assert "&lt;Ann &amp; Co&gt;" in page
    assert "<Ann" not in page
    assert page.count("data-id=") == 12
    assert "x.jpg: broken" in page
    page = write_overview(album, tmp_path / "p.html", strangers=True).read_text()
    assert page.count("data-id=") == 13
