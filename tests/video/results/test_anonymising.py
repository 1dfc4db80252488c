"""Anonymised and annotated videos, from a small video with faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import facewise
from facewise.errors import VideoError
from facewise.video import VideoWriter, open_source
from facewise.video.results import Whom, anonymise, collect, write_annotated, write_anonymised
from facewise.video.results.covering import SOLID

pytest.importorskip("scipy")

SIDE = 70


@pytest.fixture(scope="module")
def heads(examples):
    found = {}
    for name, path in [("obama", "photos/obama.jpg"), ("stranger", "photos/astronaut.jpg")]:
        image = facewise.load_image(examples / path)
        [x1, y1, x2, y2] = facewise.detect(image)[0].select().boxes[0]
        middle, half = np.array([x1 + x2, y1 + y2]) / 2, (y2 - y1) * 0.9
        low, high = np.maximum(middle - half, 0).astype(int), (middle + half).astype(int)
        factor = SIDE / (y2 - y1)
        part = image[low[1] : high[1], low[0] : high[0]]
        found[name] = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return found


@pytest.fixture(scope="module")
def clip(heads, tmp_path_factory):
    """Obama comes from the left and stays; the stranger is there on frames 12 to 23."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, options={"crf": "12"}) as writer:
        for i in range(36):
            picture = np.full((180, 320, 3), (90, 120, 100), np.uint8)
            picture[::4] = 110
            for name, x, y in [("obama", min(8 * i - 60, 60), 20), ("stranger", 195 + i, 40)]:
                if name == "stranger" and not 12 <= i < 24:
                    continue
                head = heads[name][:, max(-x, 0) :]
                head = head[: 180 - y, : 320 - max(x, 0)]
                picture[y : y + head.shape[0], max(x, 0) : max(x, 0) + head.shape[1]] = head
            writer.write(picture, i / 20)
    return path


@pytest.fixture(scope="module")
def exact(clip):
    with open_source(clip) as source:
        return facewise.detect([frame.image for frame in source])


@pytest.fixture(scope="module")
def tracked(clip, examples):
    """With every face that the detector sees, and names."""
    from facewise.video import track
    from facewise.video.results import COVERING

    with collect(track(clip, people=examples / "people", **COVERING)) as video:
        yield video


def read(path):
    with open_source(path) as source:
        return [(frame.time, frame.image) for frame in source]


def dark(image, box):
    x1, y1, x2, y2 = np.round(box).astype(int).clip(0)
    off = np.abs(image[y1:y2, x1:x2].astype(int) - SOLID).max(axis=2)
    return (off < 40).mean()


def test_every_face_of_exact_detection_is_covered_on_every_frame(clip, exact, tmp_path):
    target = tmp_path / "covered.mp4"
    with anonymise(clip, target, how="solid") as video:
        assert not video.named  # nobody needs a name for that
    frames = read(target)
    assert [time for time, _ in frames] == [time for time, _ in read(clip)]
    assert sum(map(len, exact)) >= 30
    for (_, image), faces in zip(frames, exact, strict=True):
        for box in faces.boxes:
            assert dark(image, box) >= 0.95
    # Before the stranger is seen, and after, the place is covered some frames longer.
    place = exact[18].boxes[exact[18].boxes[:, 0].argmax()]
    assert dark(frames[8][1], place) > 0.5
    assert dark(frames[0][1], place) == 0


def test_only_strangers_are_covered(tracked, exact, tmp_path):
    target = tmp_path / "strangers.mp4"
    write_anonymised(tracked, target, "solid", Whom("unknown"))
    for i in (14, 18, 22):
        _, image = read(target)[i]
        left, right = sorted(exact[i].boxes.tolist())
        assert dark(image, right) >= 0.95
        assert dark(image, left) < 0.3


@pytest.mark.parametrize("whom", [Whom("named"), Whom(names=frozenset({"obama"}))])
def test_only_named_people_are_covered(tracked, exact, tmp_path, whom):
    target = tmp_path / "named.mp4"
    write_anonymised(tracked, target, "solid", whom, boxes=True)
    _, image = read(target)[18]
    left, right = sorted(exact[18].boxes.tolist())
    assert dark(image, left) >= 0.95
    assert dark(image, right) < 0.3


def test_a_face_is_not_known_any_more(tracked, exact, clip, tmp_path):
    """Neither found, nor, where it was, like what it was."""
    from facewise.alignment import crop

    embedder = facewise.load_embedder()
    policy = embedder.spec.crop
    faces = exact[18][exact[18].boxes[:, 0].argsort()]
    before = embedder.embed(crop(read(clip)[18][1], faces, policy))
    for how in ("blur", "pixelate", "solid"):
        target = tmp_path / f"{how}.mp4"
        write_anonymised(tracked, target, how)
        image = read(target)[18][1]
        assert len(facewise.detect(image)[0]) == 0
        after = embedder.embed(crop(image, faces, policy))
        assert ((before * after).sum(axis=1) < embedder.spec.threshold(1e-2).value).all()


def test_the_annotated_video_has_the_final_names_from_the_first_frame_on(tracked, tmp_path):
    target = tmp_path / "annotated.mp4"
    done = []
    notes = write_annotated(tracked, target, report=done.append)
    assert notes == []
    assert done == list(range(1, 37))
    frames = read(target)
    with open_source(tracked.source.name) as source:
        for (time, image), frame in zip(frames, source, strict=True):
            assert time == pytest.approx(frame.time, abs=1e-4)
            assert image.shape == frame.image.shape
    labels = {label for seen in tracked.faces() for label in seen.faces.data["name"].tolist()}
    assert labels == {"obama", "unknown"}
    first = next(seen for seen in tracked.faces() if len(seen.faces))
    assert first.faces.data["name"].tolist() == ["obama"]
    plain = tmp_path / "plain.mp4"
    write_annotated(tracked, plain, boxes=False)
    assert np.abs(read(plain)[18][1].astype(int) - frames[18][1]).max() > 60


def test_what_cannot_be_leaves_no_file(clip, tracked, tmp_path):
    target = tmp_path / "x.mp4"
    with pytest.raises(ValueError, match="needs people or a gallery"):
        anonymise(clip, target, who="named")
    with pytest.raises(VideoError, match="nobody there is person 9"):
        write_anonymised(tracked, target, whom=Whom(names=frozenset({"person 9"})))
    with pytest.raises(ValueError, match="how: expected"):
        write_anonymised(tracked, target, "smear")
    with pytest.raises(VideoError, match="expected a name that ends in"):
        write_anonymised(tracked, tmp_path / "x.txt")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_no_file(tracked, tmp_path):
    def interrupt(done):
        if done == 10:
            raise KeyboardInterrupt

    (tmp_path / "x.mp4").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_anonymised(tracked, tmp_path / "x.mp4", report=interrupt)
    assert (tmp_path / "x.mp4").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.shared
@pytest.mark.slow
def test_no_face_of_the_real_video_is_uncovered_on_any_frame(shared, tmp_path):
    from bench.anonymise import COLOR, covered_parts
    from bench.tracking.plain import exact_faces

    source = shared("data/photos/video.mp4")
    found = exact_faces(source, facewise.load_detector(), tmp_path / "exact.json")
    anonymise(source, tmp_path / "covered.mp4", how="solid", color=COLOR).close()
    parts = covered_parts(tmp_path / "covered.mp4", found)
    assert sum(map(len, parts)) >= 600
    assert min(part.min() for part in parts if part.size) >= 0.95
    with open_source(source) as one, open_source(tmp_path / "covered.mp4") as other:
        assert one.audio is not None
        assert other.audio is not None
