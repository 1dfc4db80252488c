"""`facewise.video.track` on small videos of the example people."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import facewise
from facewise.errors import (
    FacewiseError,
    GalleryError,
    ModelError,
    ModelMismatchError,
    VideoError,
)
from facewise.gallery import Gallery
from facewise.recognition import UNKNOWN
from facewise.video import VideoWriter, open_source, track
from facewise.video.tracking import EveryNth

pytest.importorskip("av")
pytest.importorskip("scipy")

SIZE = (270, 480)
SIDE = 76  # pixels of a face


@pytest.fixture(scope="module")
def heads(examples):
    """Cut-out heads of the example people, all about equally large."""
    found = {}
    for name, path in [
        ("obama", "photos/obama.jpg"),
        ("biden", "people/biden/1.jpg"),
        ("stranger", "photos/astronaut.jpg"),
    ]:
        image = facewise.load_image(examples / path)
        [x1, y1, x2, y2] = facewise.detect(image)[0].select().boxes[0]
        middle, half = np.array([x1 + x2, y1 + y2]) / 2, (y2 - y1) * 0.95
        low = np.maximum(middle - half, 0).astype(int)
        high = (middle + half).astype(int)
        part = image[low[1] : high[1], low[0] : high[0]]
        factor = SIDE / (y2 - y1)
        found[name] = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return found


def clip(frames, *actors):
    """Pictures of a blurred background; an actor is a head and its places: frame -> (x, y) or None.

    Later actors are in front.
    """
    noise = np.random.default_rng(1).integers(0, 255, (*SIZE, 3), np.uint8)
    background = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 60, 190, cv2.NORM_MINMAX)
    pictures = []
    for i in range(frames):
        picture = background.copy()
        for head, places in actors:
            at = places(i)
            if at is not None:
                x, y = round(at[0]), round(at[1])
                seen = picture[max(y, 0) : y + head.shape[0], max(x, 0) : x + head.shape[1]]
                top, left = max(-y, 0), max(-x, 0)
                seen[:] = head[top : top + seen.shape[0], left : left + seen.shape[1]]
        pictures.append(picture)
    return pictures


def run(source, **options):
    with track(source, **options) as tracking:
        frames = list(tracking)
    return frames, tracking.tracks


def named_at(frame, x, y):
    """The name of the face at a place of a frame, or None."""
    for box, name in zip(frame.faces.boxes, frame.faces.data["name"].tolist(), strict=True):
        if box[0] <= x <= box[2] and box[1] <= y <= box[3]:
            return name
    return None


@pytest.fixture(scope="module")
def people(examples):
    return examples / "people"


@pytest.fixture(scope="module")
def crossing(heads):
    """Obama and Biden change sides in one height; the stranger stands below."""
    return clip(
        80,
        (heads["stranger"], lambda i: (190 + i / 8, 140)),
        (heads["obama"], lambda i: (10 + 4 * i, 10)),
        (heads["biden"], lambda i: (330 - 4 * i, 12)),
    )


def middle(heads, name):
    height, width = heads[name].shape[:2]
    return width / 2, height / 2


def test_two_people_who_cross_keep_their_names_and_a_stranger_has_none(crossing, heads, people):
    frames, tracks = run(crossing, people=people)
    assert [frame.index for frame in frames] == list(range(80))
    half = {name: middle(heads, name) for name in heads}
    for i in [*range(30), *range(55, 80)]:
        x, y = half["obama"]
        assert named_at(frames[i], 10 + 4 * i + x, 10 + y) == "obama"
        x, y = half["biden"]
        assert named_at(frames[i], 330 - 4 * i + x, 12 + y) == "biden"
    for i, frame in enumerate(frames):
        x, y = half["stranger"]
        assert named_at(frame, 190 + i / 8 + x, 140 + y) == UNKNOWN
        known = [name for name in frame.faces.data["name"].tolist() if name != UNKNOWN]
        assert len(set(known)) == len(known)
    labels = {one.label for one in tracks}
    assert labels == {"obama", "biden", "person 1"}
    for one in tracks:
        assert (one.confidence > 0.8) == one.known
        assert one.probability is None
        assert one.best.chip.shape == (150, 150, 3)
        assert 0 < one.embedded <= 5


@pytest.fixture(scope="module")
def returning(heads):
    """Obama and the stranger come, leave for three seconds, and come back at other places."""
    return clip(
        140,
        (heads["obama"], lambda i: (20, 20) if i < 25 else (300, 90) if i >= 100 else None),
        (heads["stranger"], lambda i: (300, 90) if i < 25 else (20, 20) if i >= 100 else None),
    )


@pytest.mark.parametrize("known", [True, False])
def test_who_comes_back_has_the_same_name_or_number(returning, heads, people, known):
    options = {"people": people} if known else {}
    frames, tracks = run(returning, **options)
    labels = {one.id: one.label for one in tracks}
    x, y = middle(heads, "obama")
    far, near = middle(heads, "stranger"), middle(heads, "stranger")

    def at(i, place):
        return labels[next(iter(ids(frames[i], *place)))]

    here = {
        "obama": [at(10, (20 + x, 20 + y)), at(125, (300 + x, 90 + y))],
        "stranger": [at(10, (300 + far[0], 90 + far[1])), at(125, (20 + near[0], 20 + near[1]))],
    }
    assert here["obama"][0] == here["obama"][1]
    assert here["stranger"][0] == here["stranger"][1]
    assert here["obama"][0] != here["stranger"][0]
    if known:
        assert here["obama"][0] == "obama"
        assert here["stranger"][0] == "person 1"
    else:
        assert set(labels.values()) == {"person 1", "person 2"}


def ids(frame, x, y):
    for box, track_id in zip(frame.faces.boxes, frame.faces.data["track"].tolist(), strict=True):
        if box[0] <= x <= box[2] and box[1] <= y <= box[3]:
            yield track_id


def test_strangers_are_known_again_without_the_trackers_memory(returning):
    """The tracker forgets everybody: the tracks of a person are brought together at the end."""
    from facewise.video.tracking import TrackingOptions

    _, tracks = run(returning, options=TrackingOptions(remembered=0))
    assert len(tracks) == 4
    assert sorted(one.person for one in tracks) == [1, 1, 2, 2]


def test_a_gallery_gives_the_same_names_and_has_a_note_of_it(crossing, people, tmp_path):
    with Gallery.create(tmp_path / "people.db") as gallery:
        gallery.enrol(people)
        _, tracks = run(crossing[:30], gallery=gallery)
        assert {one.name for one in tracks} == {"obama", "biden", UNKNOWN}
        notes = [entry for entry in gallery.audit() if entry.action == "identify"]
        assert [entry.count for entry in notes] == [3, 0]
        assert "with a name: 2" in notes[0].detail
        assert not any("obama" in entry.detail for entry in gallery.audit())
    _, by_url = run(crossing[:30], gallery=tmp_path / "people.db")
    assert [one.to_dict() for one in by_url] == [one.to_dict() for one in tracks]


def test_somebody_who_is_enrolled_meanwhile_gets_a_name(crossing, people, examples, tmp_path):
    with Gallery.create(tmp_path / "people.db") as gallery:
        with track(crossing, gallery=gallery) as tracking:
            for frame in tracking:
                if frame.index == 20:
                    assert set(frame.faces.data["name"].tolist()) == {UNKNOWN}
                    gallery.enrol(examples / "photos" / "astronaut.jpg", "eileen")
                    tracking.reconsider()
        assert "eileen" in {one.name for one in tracking.tracks}


def test_with_final_all_frames_have_the_names_of_the_end(crossing, people):
    first, tracks = run(crossing, people=people)
    second, again = run(crossing, people=people, final=True)
    assert [one.to_dict() for one in tracks] == [one.to_dict() for one in again]
    by_id = {one.id: one for one in tracks}
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert (one.index, one.time) == (other.index, other.time)
        np.testing.assert_array_equal(one.faces.boxes, other.faces.boxes)
        np.testing.assert_array_equal(one.faces.data["detected"], other.faces.data["detected"])
        assert (one.image == other.image).all()
        rows = zip(
            *(other.faces.data[k].tolist() for k in ("track", "name", "person")), strict=True
        )
        for id_, name, person in rows:
            assert (name, person) == (by_id[id_].name, by_id[id_].person)


def test_without_people_and_gallery_there_are_numbers_alone(crossing):
    frames, tracks = run(crossing[:20])
    assert {one.label for one in tracks} == {"person 1", "person 2", "person 3"}
    assert all(set(frame.faces.data["name"].tolist()) <= {UNKNOWN} for frame in frames)
    assert all(one.similarity is None for one in tracks)


def test_without_recognising_nothing_is_embedded(crossing):
    frames, tracks = run(crossing[:20], recognise=False)
    assert len(tracks) == 3
    assert {one.label for one in tracks} == {UNKNOWN}
    assert all(one.template is None for one in tracks)
    assert set(frames[0].faces.data) == {"track", "detected", "name", "similarity", "confidence"}


@pytest.mark.parametrize("every", [4, EveryNth(4)])
def test_the_detector_looks_at_every_nth_frame(crossing, people, every):
    frames, tracks = run(crossing[:24], people=people, every=every)
    looked = [frame.index for frame in frames if frame.faces.data["detected"].any()]
    assert looked[:5] == [0, 4, 8, 12, 16]
    assert {one.name for one in tracks} == {"obama", "biden", UNKNOWN}


@pytest.mark.parametrize("aside", [False, True])
def test_a_live_video_has_names_too(crossing, people, aside):
    with track(crossing[:40], people=people, live=True, aside=aside) as tracking:
        for i, frame in enumerate(tracking):
            assert frame.index == i  # at once: nothing is kept back
            looking = getattr(tracking._tracker._engine, "_looking", None)
            if looking is not None:  # a machine of any speed is fast enough
                looking.exception(60)
    assert {one.name for one in tracking.tracks} >= {"obama", "biden"}


def test_a_file_is_read_from_a_time_to_another(crossing, people, tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, rate=25) as writer:
        for i, picture in enumerate(crossing):
            writer.write(picture, i / 25)
    frames, tracks = run(path, people=people, start=0.4, stop=1.0)
    assert [round(frame.time, 2) for frame in frames] == [round(0.04 * i, 2) for i in range(10, 25)]
    assert {one.name for one in tracks} == {"obama", "biden", UNKNOWN}
    source = open_source(path, stop=0.2)
    frames, _ = run(source, people=people)
    assert len(frames) == 5
    with pytest.raises(ValueError, match="the source that is given has its own"):
        track(source, start=1)
    source.close()


def test_leaving_early_decides_by_what_was_seen_and_closes_the_source(crossing, people):
    with track(crossing, people=people) as tracking:
        for frame in tracking:
            if frame.index == 20:
                break
    assert {one.label for one in tracking.tracks} == {"obama", "biden", "person 1"}
    with pytest.raises(StopIteration):
        next(tracking)
    with pytest.raises(VideoError, match="closed"):
        next(tracking.source)


def test_an_error_inside_is_the_one_that_is_told(crossing):
    with pytest.raises(KeyError, match="mine"), track(crossing) as tracking:
        raise KeyError(f"mine, at {next(tracking).index}")


def test_ended_tracks_are_handed_out_while_it_runs(returning, people):
    given = []
    with track(returning, people=people) as tracking:
        for frame in tracking:
            given += tracking.ended()
            if frame.index == 90:
                assert {one.label for one in given} == {"obama", "person 1"}
    given += tracking.ended()
    assert [one.label for one in given].count("obama") == 2
    assert [one.label for one in given].count("person 1") == 2
    assert tracking.tracks == ()


def test_with_a_calibration_a_track_has_a_probability(crossing, people):
    from facewise.recognition import Calibration
    from facewise.recognition.calibration import (
        Counts,
        FarPoint,
        comparable,
        comparable_detector,
    )
    from facewise.recognition.curves import IsotonicCurve

    embedder, detector = facewise.load_embedder(), facewise.load_detector()
    calibration = Calibration(
        embedder=comparable(embedder),
        detector="mtcnn",
        detector_settings=comparable_detector(detector),
        far_table=(FarPoint(0.1, 0.88, 0.1), FarPoint(1e-4, 0.94, 1e-4)),
        curve=IsotonicCurve(((0.85, 0.01), (0.95, 0.99))),
        prior=0.5,
        scores={},
        counts=Counts(200, 50, 1000, 1000, 10_000),
        measured_on="200 pictures",
    )
    _, tracks = run(
        crossing[:20], people=people, calibration=calibration, model=embedder, detector=detector
    )
    for one in tracks:
        assert one.probability == calibration.probability(one.similarity)
        assert (one.probability > 0.9) == one.known


def test_what_cannot_be_is_refused(crossing, people, tmp_path):
    with pytest.raises(ValueError, match="not both"):
        track(crossing, people=people, gallery=tmp_path / "people.db")
    with pytest.raises(ValueError, match="recognise"):
        track(crossing, people=people, recognise=False)
    with pytest.raises(ValueError, match="give one of them"):
        track(crossing, people=people, far=1e-3, fpir=0.1)
    with pytest.raises(ValueError, match="n: expected at least 1"):
        track(crossing, every=0)
    with pytest.raises(ValueError, match=r"every: expected a whole number of frames.*got 2\.5"):
        track(crossing, every=2.5)
    with pytest.raises(ValueError, match="has its own"):
        track(crossing, every=EveryNth(3), resize=0.5)
    with pytest.raises(VideoError, match="no such file"):
        track(tmp_path / "none.mp4")
    with pytest.raises(FacewiseError, match="no such folder of people"):
        track(crossing, people=tmp_path / "nobody")
    with pytest.raises(GalleryError, match="no such gallery"):
        track(crossing, gallery=tmp_path / "none.db")
    with pytest.raises(ModelError, match="unknown model"):
        track(crossing, model="no.such")
    with pytest.raises(VideoError, match="second time"):
        track(open_source(crossing, real_time=True), final=True)


def test_people_of_another_model_are_refused(crossing, people):
    from dataclasses import replace

    from facewise.pipeline import Pipeline
    from facewise.recognition import load_people

    pipeline = Pipeline(facewise.load_detector(), facewise.load_embedder())
    known = load_people(people, pipeline)
    _, tracks = run(crossing[:5], people=known)
    assert "obama" in {one.name for one in tracks}
    with pytest.raises(ModelMismatchError):
        track(crossing, people=replace(known, settings={**known.settings, "weights": "0" * 64}))


def test_the_function_stays_a_function_whatever_is_imported():
    import importlib

    importlib.import_module("facewise.video.api")
    importlib.import_module("facewise.video.running")
    import facewise.video

    assert callable(facewise.video.track)
    assert {"track", "Track", "Tracking"} <= set(facewise.video.__all__)
