from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from facewise.alignment import MarginCrop
from facewise.errors import TrainingError
from facewise.images import load
from facewise.training.data.aligning import align_all
from facewise.training.data.dataset import ChipDataset
from facewise.training.data.face_index import index_of
from facewise.training.data.index import read_folder, read_recordio


@pytest.fixture
def photos(people, content, picture) -> Path:
    black = content(np.zeros((40, 50, 3), np.uint8))
    root = people(
        {
            "ann/1.jpg": content(picture(1, 40, 50)),
            "ann/1.png": content(picture(2, 40, 50)),
            "ann/may/1.png": content(picture(3, 60, 40)),
            "ann/black.png": black,
            "bob/a.b.png": content(picture(4, 16, 16)),
            "bob/bad.png": b"bad",
            "cid/1.png": black,
        },
        root="photos",
    )
    os.utime(root / "ann/1.jpg", (1, 1))
    return root


def test_chips_lie_as_the_pictures_do(photos, spec, detector, tmp_path, picture) -> None:
    out = tmp_path / "chips"
    done: list[int] = []
    made = align_all(read_folder(photos), detector, spec, out, report=done.append)
    chips = {path.relative_to(out).as_posix(): load(path) for path in out.rglob("*.png")}
    assert set(chips) == {"ann/1.png", "ann/1-2.png", "ann/may/1.png", "bob/a.b.png"}
    assert np.array_equal(chips["ann/1.png"], picture(1, 40, 50)[12:28, 17:33])
    assert np.array_equal(chips["ann/1-2.png"], picture(2, 40, 50)[12:28, 17:33])
    assert np.array_equal(chips["ann/may/1.png"], picture(3, 60, 40)[22:38, 12:28])
    assert np.array_equal(chips["bob/a.b.png"], picture(4, 16, 16))
    assert (made.cut, made.kept) == (4, 0)
    assert made.index.names == ("ann", "bob")
    assert set(made.index.sources) == {out / name for name in chips}
    assert [(str(p.path.relative_to(photos)), p.reason) for p in made.failures] == [
        ("ann/black.png", "no face found"),
        ("bob/bad.png", "not an image file that Pillow can read"),
        ("cid/1.png", "no face found"),
    ]
    assert made.index.problems == made.failures
    assert (out / "problems.csv").read_text().splitlines() == [
        "path,reason",
        f"{photos}/ann/black.png,no face found",
        f"{photos}/bob/bad.png,not an image file that Pillow can read",
        f"{photos}/cid/1.png,no face found",
    ]
    assert done[-1] == 7
    assert done == sorted(done)
    again = read_folder(out)
    assert set(again.sources) == set(made.index.sources)
    assert np.array_equal(ChipDataset(again, spec)[0][0].numpy(), chips["ann/1-2.png"])


def test_an_interrupted_run_goes_on(photos, spec, detector, tmp_path) -> None:
    out = tmp_path / "chips"
    index = read_folder(photos)
    align_all(index, detector, spec, out)
    (out / "ann/may/1.png").unlink()
    (out / "bob/a.b.png").write_bytes(b"")
    before = (out / "ann/1.png").stat().st_mtime_ns
    detector.seen = 0
    made = align_all(index, detector, spec, out)
    assert (made.cut, made.kept) == (2, 2)
    assert detector.seen == 6  # with those that they were looked at together with
    assert (out / "ann/1.png").stat().st_mtime_ns == before
    assert len(made.failures) == 3
    assert len(made.index) == 4
    detector.seen = 0
    assert align_all(index, detector, spec, out).failures == made.failures
    assert detector.seen == 0


def test_a_picture_that_changed_is_cut_again(photos, spec, detector, tmp_path, content, picture):
    out = tmp_path / "chips"
    align_all(read_folder(photos), detector, spec, out)
    (photos / "ann/may/1.png").write_bytes(content(picture(8, 60, 40)))
    later = time.time() + 10
    os.utime(photos / "ann/may/1.png", (later, later))
    assert align_all(read_folder(photos), detector, spec, out).cut == 1
    assert np.array_equal(load(out / "ann/may/1.png"), picture(8, 60, 40)[22:38, 12:28])


def test_a_failed_write_stops_and_leaves_no_part(
    photos, spec, detector, tmp_path, monkeypatch
) -> None:
    out = tmp_path / "chips"
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, to: full() if "may" in str(to) else
                        replace(path, to))  # fmt: skip

    def full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        align_all(read_folder(photos), detector, spec, out)
    assert not [path for path in out.rglob("*") if ".part" in path.name]
    monkeypatch.undo()
    assert len(align_all(read_folder(photos), detector, spec, out).index) == 4


def test_chips_of_two_models_do_not_mix(photos, spec, detector, tmp_path) -> None:
    from dataclasses import replace

    out = tmp_path / "chips"
    align_all(read_folder(photos), detector, spec, out)
    other = replace(spec, crop=MarginCrop(16, 4))
    with pytest.raises(TrainingError, match="cut with another crop; give another folder"):
        align_all(read_folder(photos), detector, other, out)
    detector.settings = {"corner": 2}
    with pytest.raises(TrainingError, match="give another folder"):
        align_all(read_folder(photos), detector, spec, out)


def test_webp_loses_nothing(photos, spec, detector, tmp_path, picture) -> None:
    align_all(read_folder(photos), detector, spec, tmp_path / "chips", suffix=".webp")
    chip = load(tmp_path / "chips/ann/1.webp")
    assert np.array_equal(chip, picture(1, 40, 50)[12:28, 17:33])
    with pytest.raises(TrainingError, match=r"expected \.png or \.webp, got '\.jpg'"):
        align_all(read_folder(photos), detector, spec, tmp_path / "chips", suffix=".jpg")


def test_records_become_files(write_records, spec, detector, tmp_path, content, picture) -> None:
    rec = write_records([(3, content(picture(1, 40, 50)))])
    index = read_recordio(rec)
    made = align_all(index, detector, spec, tmp_path / "chips")
    assert made.index.sources == (tmp_path / f"chips/00000003/{index.sources.offsets[0]:012d}.png",)
    assert np.array_equal(load(made.index.sources[0]), picture(1, 40, 50)[12:28, 17:33])


def test_pictures_of_a_list_may_lie_anywhere(people, spec, detector, tmp_path, content, picture):
    root = people({f"{folder}/1.png": content(picture(i, 40, 50)) for i, folder in
                   enumerate(("x", "y", "z"))}, root="anywhere")  # fmt: skip
    index = index_of(tuple(root / f"{f}/1.png" for f in "xyz"), ["ann", "ann", "bob"])
    made = align_all(index, detector, spec, tmp_path / "chips")
    assert [path.relative_to(tmp_path / "chips").as_posix() for path in made.index.sources] == [
        "ann/1.png",
        "ann/1-2.png",
        "bob/1.png",
    ]


@pytest.mark.parametrize("name", ["a/b", "..", ".ann", "a\\b", "a:b", " ann", "x" * 256])
def test_names_that_no_folder_can_have(name, spec, detector, tmp_path) -> None:
    index = index_of((tmp_path / "1.png",), [name])
    with pytest.raises(TrainingError, match="no folder can have the name"):
        align_all(index, detector, spec, tmp_path / "chips")
    assert not (tmp_path / "chips").exists()


def test_no_face_at_all_is_an_error(people, spec, detector, content, tmp_path) -> None:
    root = people({"ann/1.png": content(np.zeros((40, 50, 3), np.uint8))}, root="dark")
    with pytest.raises(TrainingError, match="none of the 1 pictures shows a face"):
        align_all(read_folder(root), detector, spec, tmp_path / "chips")
