"""The best faces of each person, in folders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import facewise
from facewise.alignment import MarginCrop
from facewise.errors import VideoError
from facewise.video.results import chips, save_chips
from facewise.video.results.file_names import FolderNames
from tracked_parts import a_track, faces_of

POLICY = MarginCrop(32)


@pytest.fixture
def video(tracked_video, rng):
    """Two people for 60 frames; the first one is sharp on frames 20 and 45 only."""
    sharp = rng.integers(0, 255, (200, 300, 3), np.uint8)
    soft = cv2.resize(sharp[:4, :6], (300, 200), interpolation=cv2.INTER_CUBIC)
    pictures = [sharp if i in {20, 45} else soft for i in range(60)]
    boxes = {1: (10, 10, 110, 110), 2: (150, 20, 200, 70)}
    tracks = [a_track(1, [(0, 59)], name="a/b"), a_track(2, [(0, 59)], person=3)]
    frames = [faces_of(boxes, detected=i % 5 == 0) for i in range(60)]
    return tracked_video(frames, tracks, pictures=pictures, size=(300, 200))


def test_the_best_faces_of_each_track_are_there(video, tmp_path):
    folder = tmp_path / "deep" / "chips"
    seen = []
    number = save_chips(video, folder, per_track=2, crop_policy=POLICY, report=seen.append)
    files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.png"))
    assert len(files) == number == 4
    assert {file.partition("/")[0] for file in files} == {"a_b", "person 3"}
    assert seen == list(range(1, 61))
    chip = facewise.load_image(folder / files[0])
    assert chip.shape == (32, 32, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_a_sharp_face_is_taken_before_others(video, tmp_path):
    save_chips(video, tmp_path / "c", per_track=1, crop_policy=POLICY)
    names = {file.parent.name: file.name for file in (tmp_path / "c").rglob("*.png")}
    assert names["a_b"] in {"track-0001-frame-000020.png", "track-0001-frame-000045.png"}


def test_chips_of_another_video_are_not_mixed(video, tmp_path):
    (tmp_path / "empty").mkdir()
    save_chips(video, tmp_path / "empty", crop_policy=POLICY)
    with pytest.raises(VideoError, match="is not empty"):
        save_chips(video, tmp_path / "empty", crop_policy=POLICY)
    (tmp_path / "file").write_text("")
    with pytest.raises(VideoError, match="is a file"):
        save_chips(video, tmp_path / "file", crop_policy=POLICY)
    with pytest.raises(ValueError, match="per_track"):
        save_chips(video, tmp_path / "new", per_track=0)


def test_an_interruption_leaves_nothing(video, tmp_path):
    def interrupt(done):
        if done == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_chips(video, tmp_path / "c", crop_policy=POLICY, report=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_the_name_of_the_folder(video, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(chips, "replace_file", full)
    with pytest.raises(OSError, match="No space left") as caught:
        save_chips(video, tmp_path / "c", crop_policy=POLICY)
    assert caught.value.filename == str(tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_folder_names_are_safe_and_each_person_s_own(rng):
    names = FolderNames()
    hard = [
        "a/b",
        "a\\b",
        "..",
        ".",
        " ",
        "CON",
        "con",
        "nul.txt",
        "x" * 300,
        "é",
        "e\u0301",
        "\x00",
    ]
    alphabet = list("ab/\\.: *?\x07\u202eñ")
    labels = hard + ["".join(rng.choice(alphabet, rng.integers(1, 12))) for _ in range(200)]
    given = {label: names(label) for label in labels}
    for label, name in given.items():
        assert names(label) == name
        assert name.strip(" .") == name
        assert not set(name) & set('<>:"/\\|?*\x00\x07\u202e')
        assert 0 < len(name.encode()) < 100
        assert name.upper() not in {"CON", "NUL", "NUL.TXT"}
    assert len({name.casefold() for name in given.values()}) == len(given)
    assert names("Barack Obama") == "Barack Obama"
