"""From a folder of photos to a folder of chips: places, choices, lists, what is in the way."""

from __future__ import annotations

import csv
import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from facewise.aligning import align_folder, facts_of, read_boxes
from facewise.alignment import MarginCrop
from facewise.errors import AlignError
from facewise.images import load
from tiny_models import TinyDetector, photo, tree

CROP = MarginCrop(16, 0)


@pytest.fixture
def align(tmp_path):
    """`align(source, out="chips", **options)`: a run, and the detector that it had."""
    detectors = []

    def run(source, out="chips", detector=None, **options):
        detectors.append(detector or TinyDetector())
        crop = options.pop("crop", CROP)
        work = align_folder(source, tmp_path / out, detector=detectors[-1], crop=crop, **options)
        return work, detectors[-1]

    return run


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    photo(root / "top.jpg", 1)
    photo(root / "Änn/1.jpg", 2)
    photo(root / "Änn/1.png", 3, faces=2)
    photo(root / "Änn/trip to X/1.jpg", 4)
    photo(root / "bob/none.png", 5, faces=0)
    (root / "bob/bad.png").write_bytes(b"bad")
    (root / "bob/empty.png").write_bytes(b"")
    return root


def chips_in(folder):
    return {name for name in tree(folder) if name.endswith(".png")}


def test_chips_lie_as_the_photos_do(photos, tmp_path, align):
    work, _ = align(photos)
    out = tmp_path / "chips"
    assert chips_in(out) == {
        "top.png", "Änn/1.png", "Änn/1-2.png", "Änn/trip to X/1.png",
    }  # fmt: skip
    assert (work.cut, work.kept, work.chips) == (4, 0, 4)
    assert [(Path(str(f.task.photo.file)).name, f.reason, f.faceless) for f in work.failures] == [
        ("bad.png", "not an image file that Pillow can read", False),
        ("empty.png", "empty, expected the content of an image file", False),
        ("none.png", "no face found", True),
    ]
    assert [(s.task.source, s.faces) for s in work.several] == [("Änn/1.png", 2)]
    with (out / "several.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["path", "faces", "policy"],
            [f"{photos}/Änn/1.png", "2", "most_central"],
        ]
    assert len((out / "problems.csv").read_text().splitlines()) == 4
    # Seven photos of which two cannot be opened: four, of which three are good, then two.
    facts = facts_of(out / "Änn/trip to X/1.png")
    assert (facts.source, facts.faces, facts.cut) == ("Änn/trip to X/1.jpg", 1, 1)
    x1, y1, x2, y2 = facts.rectangle
    pixels = load(photos / "Änn/trip to X/1.jpg")[y1:y2, x1:x2]
    from PIL import Image

    expected = Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR)
    assert np.array_equal(load(out / "Änn/trip to X/1.png"), np.asarray(expected))


def test_a_second_run_looks_at_nothing_but_what_could_not_be_read(photos, tmp_path, align):
    align(photos)
    before = tree(tmp_path / "chips")
    work, detector = align(photos)
    assert (work.cut, work.kept, work.chips) == (0, 4, 4)
    assert detector.seen == 0
    assert len(work.failures) == 3
    assert [(s.task.source, s.faces) for s in work.several] == [("Änn/1.png", 2)]
    assert tree(tmp_path / "chips") == before
    photo(photos / "bob/bad.png", 9)  # repaired
    work, _ = align(photos)
    assert (work.cut, len(work.failures)) == (1, 2)
    _, detector = align(photos, retry_failed=True)
    assert detector.seen > 0
    assert set(tree(tmp_path / "chips")) == {*before, "bob/bad.png"}


def test_what_is_missing_is_cut_as_it_was(photos, tmp_path, align):
    align(photos, choice="all")
    out = tmp_path / "chips"
    before = tree(out)
    for name in ("top_0.png", "Änn/1-2_1.png"):
        (out / name).unlink()
    work, _ = align(photos, choice="all")
    assert (work.cut, work.kept) == (2, 2)
    assert tree(out) == before
    chip = out / "Änn/1-2_0.png"
    chip.write_bytes(chip.read_bytes()[:-20])  # a power cut
    chip = out / "Änn/1_0.png"
    chip.write_bytes(bytes(len(chip.read_bytes())))
    work, _ = align(photos, choice="all")
    assert (work.cut, work.kept) == (2, 2)
    assert tree(out) == before


def test_all_faces_and_fewer_of_them_later(tmp_path, align):
    root = tmp_path / "photos"
    photo(root / "a.png", 1, faces=3)
    photo(root / "b.png", 2)
    work, _ = align(root, choice="all")
    out = tmp_path / "chips"
    assert chips_in(out) == {"a_0.png", "a_1.png", "a_2.png", "b_0.png"}
    assert [facts_of(out / f"a_{i}.png").face for i in range(3)] == [0, 1, 2]
    assert work.chips == 4
    photo(root / "a.png", 1, faces=2)
    os.utime(root / "a.png", (2e9, 2e9))
    align(root, choice="all")
    assert chips_in(out) == {"a_0.png", "a_1.png", "b_0.png"}


@pytest.mark.parametrize(
    ("choice", "face"), [("largest", 2), ("most_confident", 0), ("most_central", 1)]
)
def test_the_policy_chooses(tmp_path, align, choice, face):
    root = tmp_path / "photos"
    photo(root / "a.png", 1, faces=3, width=42, height=38)
    align(root, choice=choice)
    [faces] = TinyDetector().detect([load(root / "a.png")])
    box = faces.boxes[face].tolist()
    assert facts_of(tmp_path / "chips/a.png").box == tuple(box)


def test_names_that_would_be_one(tmp_path, align):
    root = tmp_path / "photos"
    names = ["a.jpg", "a.png", "A.jpg", "b.jpg", "b.png/c.jpg", "caf\u00e9.jpg"]
    names += ["cafe\u0301.jpg", "a b\tc.jpg", "-x.jpg", "x.tar.jpg", "x" * 240 + ".png"]
    names += ["a.b/a.b.jpg", "%s.jpg"]
    for seed, name in enumerate(names):
        photo(root / name, seed)
    photo(root / os.fsdecode(b"no\xffutf8.jpg"), 99)
    work, _ = align(root, boxes=tmp_path / "boxes.txt")
    out = tmp_path / "chips"
    assert not work.failures
    assert len(chips_in(out)) == len(names) + 1
    assert len({name.casefold() for name in chips_in(out)}) == len(names) + 1
    assert facts_of(out / os.fsdecode(b"no\xffutf8.png")).source == os.fsdecode(b"no\xffutf8.jpg")
    assert facts_of(out / "b-2.png").source == "b.jpg"  # b.png is a folder there
    lines = read_boxes(tmp_path / "boxes.txt")
    assert len(lines) == len(names) + 1
    assert f"{out}/a b\\tc.png" in {line.path for line in lines}
    _, detector = align(root)
    assert detector.seen == 0


def test_a_name_that_is_too_long_for_a_chip(tmp_path, align):
    root = tmp_path / "photos"
    photo(root / ("x" * 251 + ".jpg"), 1)
    photo(root / "y.jpg", 2)
    work, _ = align(root, suffix=".webp")
    assert work.cut == 1
    [failure] = work.failures
    assert failure.reason.endswith("cannot be written (File name too long)")
    assert not failure.faceless


def test_two_at_once(photos, tmp_path, align):
    from concurrent.futures import ThreadPoolExecutor

    align(photos, "alone")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: align(photos), range(2)))
    assert tree(tmp_path / "chips") == tree(tmp_path / "alone")


def test_links_and_loops(tmp_path, align):
    root = tmp_path / "photos"
    photo(root / "a/1.png", 1)
    (root / "a/loop").symlink_to(root)
    (root / "b").symlink_to(root / "a")
    (root / "a/gone.png").symlink_to(root / "nowhere.png")
    (root / "a/link.png").symlink_to(root / "a/1.png")
    os.mkfifo(root / "a/pipe.png")
    work, _ = align(root)
    assert chips_in(tmp_path / "chips") == {"a/1.png", "a/link.png"}
    assert [f.reason for f in work.failures] == ["no such file"]


@pytest.mark.parametrize("inside", ["chips in photos", "photos in chips", "the same", "by a link"])
def test_one_folder_in_the_other(tmp_path, align, inside):
    root = tmp_path / "chips/photos" if inside == "photos in chips" else tmp_path / "photos"
    photo(root / "a.png", 1)
    out = {"chips in photos": "photos/chips", "photos in chips": "chips", "the same": "photos"}
    if inside == "by a link":
        (tmp_path / "link").symlink_to(root)
    before = tree(tmp_path)
    with pytest.raises(AlignError, match=r"lies among the photos|the photos lie in it"):
        align(root, out.get(inside, "link"))
    assert tree(tmp_path) == before


def test_what_facewise_has_not_cut_stays(tmp_path, align):
    root, out = tmp_path / "photos", tmp_path / "chips"
    for name in "abcd":
        photo(root / f"{name}.jpg", 1)
    theirs = photo(out / "a.png", 7).read_bytes()
    (out / "b.png").mkdir()
    (out / "c.png").write_text("notes")
    (out / "d.png").symlink_to(root / "d.jpg")
    original = (root / "d.jpg").read_bytes()
    work, _ = align(root)
    assert [f.task.source for f in work.failures] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert "facewise has not cut it; it is not replaced" in work.failures[0].reason
    assert (out / "a.png").read_bytes() == theirs
    assert (out / "c.png").read_text() == "notes"
    assert (root / "d.jpg").read_bytes() == original
    (out / "a.png").unlink()
    work, _ = align(root)
    assert (work.cut, len(work.failures)) == (1, 3)


@pytest.mark.parametrize("options", [{"choice": "largest"}, {"crop": MarginCrop(16, 2)},
                                     {"suffix": ".webp"}])  # fmt: skip
def test_other_settings_need_another_folder(photos, tmp_path, align, options):
    align(photos)
    before = tree(tmp_path / "chips")
    with pytest.raises(AlignError, match="cut with another"):
        align(photos, **options)
    assert tree(tmp_path / "chips") == before


def test_webp_keeps_facts_and_pixels(photos, tmp_path, align):
    align(photos, "png")
    align(photos, "webp", suffix=".webp")
    for name in ("top", "Änn/1"):
        both = [tmp_path / kind / f"{name}.{kind}" for kind in ("png", "webp")]
        assert np.array_equal(*map(load, both))
        assert facts_of(both[0]) == facts_of(both[1])
    assert align(photos, "webp", suffix=".webp")[0].kept == 4


def test_a_photo_that_the_models_fail_for_does_not_spoil_others(photos, tmp_path, align):
    class Failing(TinyDetector):
        def detect(self, images):
            if any(image[5, 5, 0] == bad for image in images):
                raise RuntimeError("out of\nmemory")
            return super().detect(images)

    bad = load(photos / "Änn/1.jpg")[5, 5, 0]
    work, _ = align(photos, detector=Failing())
    assert "the models failed (out of memory)" in {f.reason for f in work.failures}
    assert work.cut == 3
    assert align(photos)[0].cut == 1  # it is tried again


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX")
def test_a_folder_that_cannot_be_written(photos, tmp_path, align, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    out = tmp_path / "chips"
    align(photos, "other")
    out.mkdir()
    shutil.copy(tmp_path / "other/.facewise-align.json", out)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*chips/") as caught:
        align(photos)
    assert ".parts" not in str(caught.value)
    monkeypatch.undo()
    assert not [name for name in tree(out) if "parts" in name]
    assert align(photos)[0].cut == 4


def test_no_photos(tmp_path, align):
    (tmp_path / "empty").mkdir()
    with pytest.raises(AlignError, match="no pictures there"):
        align(tmp_path / "empty")
    with pytest.raises(AlignError, match="expected a folder of photos"):
        align(tmp_path / "nowhere")
    assert not (tmp_path / "chips").exists()


def test_boxes_as_facenet_writes_them(photos, tmp_path, align):
    align(photos, boxes=tmp_path / "boxes.txt", choice="all")
    out = tmp_path / "chips"
    found = {line.path: line.box for line in read_boxes(tmp_path / "boxes.txt")}
    assert set(found) == {
        f"{out}/{name}.png"
        for name in ("top_0", "Änn/1_0", "Änn/1-2_0", "Änn/1-2_1", "Änn/trip to X/1_0", "bob/none")
    }
    assert found[f"{out}/bob/none.png"] is None
    assert found[f"{out}/top_0.png"] == facts_of(out / "top_0.png").rectangle
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("/data/My Photos/a 1.png 12 3 40 50\r\n/data/b.png\n")
    assert read_boxes(theirs) == [
        ("/data/My Photos/a 1.png", (12, 3, 40, 50)),
        ("/data/b.png", None),
    ]


def test_a_log_of_failures_that_is_damaged(photos, tmp_path, align):
    align(photos)
    log = tmp_path / "chips/.facewise-align.failures"
    whole = log.read_bytes()
    log.write_bytes(b'\xff\n{"a": 1}\n[1, 2]\n' + whole[:-9])
    work, detector = align(photos)
    assert len(work.failures) == 3
    assert detector.seen > 0
    assert log.read_bytes() == whole


@pytest.mark.parametrize("choice", ["most_central", "all"])
def test_a_photo_that_shows_no_face_any_more_has_no_chip(tmp_path, align, choice):
    root = tmp_path / "photos"
    photo(root / "a.png", 1, faces=2)
    photo(root / "b.png", 2)
    align(root, choice=choice)
    photo(root / "a.png", 1, faces=0)
    os.utime(root / "a.png", (2e9, 2e9))
    work, _ = align(root, choice=choice)
    assert chips_in(tmp_path / "chips") == {"b_0.png" if choice == "all" else "b.png"}
    assert work.chips == 1


@pytest.mark.parametrize("name", ["problems.csv", "several.csv"])
def test_a_table_of_somebody_elses_stays(photos, tmp_path, align, name):
    (tmp_path / "chips").mkdir()
    (tmp_path / "chips" / name).write_text("mine")
    with pytest.raises(AlignError, match=f"{name}: is there, and facewise has not written it"):
        align(photos)
    assert tree(tmp_path / "chips") == {name: b"mine"}


def test_other_photos_need_another_folder(photos, tmp_path, align):
    align(photos)
    photo(tmp_path / "others/top.jpg", 9)
    before = tree(tmp_path / "chips")
    with pytest.raises(AlignError, match=r"holds the chips of .*photos, not of .*others"):
        align(tmp_path / "others")
    assert tree(tmp_path / "chips") == before
    photos.rename(tmp_path / "moved")
    (tmp_path / "chips/.facewise-align.json").unlink()  # as the message says
    work, _ = align(tmp_path / "moved")
    assert (work.cut, work.kept) == (0, 4)


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        (b"", True),
        (b"\0" * 9000, True),
        (b"\0" * 9000 + b"notes", False),
        (b"\x89PNG\r\n\x1a\n\0\0", True),
        (b"\x89PNG my notes", False),
        (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\1IDATx" * 1000, False),
        (b"RIFF\x10\0\0\0WAVEfmt " + b"\0" * 8, False),
        (b"RIFF\xff\xff\0\0WEBPVP8X" + b"x" * 50, True),
    ],
)
def test_what_a_power_cut_leaves_is_cut_anew_and_nothing_else(tmp_path, align, content, ours):
    root, out = tmp_path / "photos", tmp_path / "chips"
    photo(root / "a.jpg", 1)
    out.mkdir()
    (out / "a.png").write_bytes(content)
    work, _ = align(root)
    assert work.cut == ours
    assert ((out / "a.png").read_bytes() == content) is not ours


def test_half_a_chip_is_cut_anew(tmp_path, align):
    root, chip = tmp_path / "photos", tmp_path / "chips/a.png"
    photo(root / "a.jpg", 1)
    align(root)
    whole = chip.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:-4]):
        chip.write_bytes(part)
        assert align(root)[0].cut == 1
        assert chip.read_bytes() == whole
