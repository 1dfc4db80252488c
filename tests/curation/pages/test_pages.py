"""A page holds what it was told and nothing else; its decisions are checked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from facewise.curation.pages import (
    Choice,
    Group,
    Page,
    Section,
    Tile,
    read_decisions,
    thumbnail,
    write_page,
)
from facewise.errors import CurationError

NASTY = "</script><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>\u202e\x00\udcff"
CHOICES = (Choice("keep", "Kept", "good"), Choice("out", "Not this one", "bad"))


def jpeg(value=0):
    return thumbnail(np.full((30, 40, 3), value, np.uint8))


def page(tiles=(), **more):
    group = Group("g0", NASTY, tiles, notes=(NASTY,), name=NASTY)
    content = {"notes": (NASTY,), "facts": ((NASTY, NASTY),), "command": NASTY, **more}
    return Page("probe", NASTY, CHOICES, [Section(NASTY, [group], lines=(NASTY,))], **content)


class Elements(HTMLParser):
    """All elements with their attributes, and the text within each script."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts, self._open = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._open = tag == "script"
        if self._open:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._open = False

    def handle_data(self, data):
        if self._open:
            self.scripts[-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_names_cannot_become_markup(tmp_path):
    tiles = [Tile("1", jpeg(), NASTY, "out", NASTY, link="file:///a?b&c")]
    path = write_page(tmp_path / "p.html", page(tiles, made={"x": NASTY}))
    read = Elements(path.read_text(encoding="utf-8"))
    assert len(read.all("script")) == 2  # the data, and ours
    assert [image["src"][:23] for image in read.all("img")] == ["data:image/jpeg;base64,"]
    assert not any(key.startswith("on") for _, attributes in read.found for key in attributes)
    about = json.loads(read.scripts[0])
    assert about["made"] == {"x": NASTY}


def test_unfinished_work_is_kept_for_the_same_page_alone(tmp_path):
    def key(tiles=(("1", "keep"),), name="Ann", **made):
        shown = [Tile(number, None, "x", choice) for number, choice in tiles]
        groups = [Group("g0", "t", shown, name=name)]
        whole = Page("probe", "t", CHOICES, [Section("s", groups)], made=made)
        text = write_page(tmp_path / "p.html", whole).read_text(encoding="utf-8")
        return json.loads(Elements(text).scripts[0])["page"]

    others = [key(source="b"), key(source="a", tiles=[("1", "out")]), key(source="a", name="Bob")]
    assert key(source="a") == key(source="a")
    assert len({key(source="a"), *others}) == 4


def test_the_policy_lets_run_what_is_ours_alone(tmp_path):
    text = write_page(tmp_path / "p.html", page()).read_text(encoding="utf-8")
    policy = re.search('Security-Policy" content="([^"]+)"', text)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    script = Elements(text).scripts[1]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    for kind, content in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_pictures_may_lie_beside_the_page_and_are_replaced_with_it(tmp_path):
    path = tmp_path / "a b.html"
    for count in (3, 2):
        tiles = (Tile(str(i), lambda i=i: jpeg(i), "x", "keep") for i in range(count))
        write_page(path, page(tiles), pictures="beside")
        files = sorted(p.name for p in (tmp_path / "a b.pictures").glob("*.jpg"))
        sources = [image["src"] for image in Elements(path.read_text()).all("img")]
        assert sources == [f"a%20b.pictures/{name}" for name in files]
        assert len(files) == count
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a b.html", "a b.pictures"]


def test_a_folder_that_is_somebody_elses_is_left(tmp_path):
    (tmp_path / "p.pictures").mkdir()
    (tmp_path / "p.pictures" / "mine.jpg").touch()
    with pytest.raises(CurationError, match="holds something else"):
        write_page(tmp_path / "p.html", page(), pictures="beside")
    assert (tmp_path / "p.pictures" / "mine.jpg").exists()


@pytest.mark.parametrize(
    ("tiles", "said"),
    [
        ([("1", "keep"), ("1", "keep")], "two faces of the page have the id '1'"),
        ([("\u00e4", "keep")], "expected plain ASCII"),
        ([("1", "burn")], "the page has no choice 'burn'"),
    ],
)
def test_a_page_that_would_be_wrong_leaves_the_old_one(tmp_path, tiles, said):
    path = tmp_path / "p.html"
    write_page(path, page())
    old = path.read_text()
    with pytest.raises(CurationError, match=said):
        write_page(path, page([Tile(i, None, "", choice) for i, choice in tiles]))
    assert path.read_text() == old
    assert [p.name for p in tmp_path.iterdir()] == ["p.html"]


def test_memory_holds_one_thumbnail_at_a_time(tmp_path):
    alive = []

    def make(i):
        alive.append(i)
        return jpeg(i % 255)

    tiles = (Tile(str(i), lambda i=i: make(i), "", "keep") for i in range(50))

    def seen():
        for tile in tiles:
            assert len(alive) == int(tile.id)  # the one before was written, this one not made
            yield tile

    write_page(tmp_path / "p.html", page(seen()))
    assert len(alive) == 50


def test_a_thumbnail_shows_the_face_and_some_around():
    image = np.zeros((400, 300, 3), np.uint8)
    image[100:200, 100:200] = 255
    box = np.array([100, 100, 200, 200], np.float32)
    small = np.asarray(Image.open(io.BytesIO(thumbnail(image, box))).convert("L"))
    assert max(small.shape) <= 112
    assert small[56, 56] > 250
    assert small[3, 3] < 5
    assert 0.25 < (small > 128).mean() < 0.45  # (1 / 1.7)²
    assert Image.open(io.BytesIO(thumbnail(image))).size == (84, 112)


WHOLE = {
    "format": "facewise decisions",
    "version": 1,
    "kind": "probe",
    "made": {"a": 1},
    "choices": {"1": "keep", "2": "out"},
    "overruled": ["2"],
    "names": {"g0": "Ann"},
}


def test_decisions_are_read(tmp_path):
    path = tmp_path / "d.json"
    path.write_text(json.dumps(WHOLE), encoding="utf-8-sig")  # as some editors write it
    found = read_decisions(path, "probe", {"keep", "out"})
    assert found.choices == {"1": "keep", "2": "out"}
    assert found.overruled == {"2"}
    assert found.names == {"g0": "Ann"}
    assert found.made == {"a": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, "no such file"),
        ("[1", "not a file of decisions"),
        ("[" * 100_000, "not a file of decisions"),
        ({"format": "x"}, "which a page of facewise exports"),
        ({"version": 2}, "has version 2, expected 1"),
        ({"version": True}, "has version True, expected 1"),
        (json.dumps(WHOLE).replace('"2": "out"', '"1": "out"'), "'1' stands there twice"),
        ({"kind": "cluster"}, "holds decisions of 'cluster', expected 'probe'"),
        ({"choices": {"1": "burn"}, "overruled": []}, "'1' has the choice 'burn'"),
        ({"choices": [1]}, "damaged"),
        ({"names": {"g": 1}}, "damaged"),
        ({"made": None}, "damaged"),
        ({"overruled": ["7"]}, "overruled names faces without a choice"),
        ({"overruled": [[]]}, "overruled names faces without a choice"),
    ],
)
def test_what_is_no_decision_file_is_refused(tmp_path, change, said):
    path = tmp_path / "d.json"
    if change is not None:
        path.write_text(change if isinstance(change, str) else json.dumps(WHOLE | change))
    with pytest.raises(CurationError, match=said):
        read_decisions(path, "probe", {"keep", "out"})


def test_only_a_page_is_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CurationError, match=r"notes\.txt: is there, and is no page"):
        write_page(tmp_path / "notes.txt", page())
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CurationError, match="is no file"):
        write_page(tmp_path / "pipe", page())
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "link.html").symlink_to("real.html")
    for title in ("one", "two"):
        write_page(tmp_path / "link.html", Page("probe", title, CHOICES, []))
    assert (tmp_path / "link.html").is_symlink()
    assert "<title>two</title>" in (tmp_path / "real.html").read_text()
