"""From tracked frames to names: with an embedder that tells people by their colour."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from facewise.recognition import UNKNOWN
from facewise.video.naming import Namer
from facewise.video.naming.evidence import MOST


def names(tracked):
    return dict(zip(tracked.faces.data["track"].tolist(), tracked.faces.data["name"], strict=True))


def run(namer, frames, together=1):
    """All frames with names, some at a time."""
    done = []
    for start in range(0, len(frames), together):
        done += namer.add(frames[start : start + together])
    namer.finish()
    return done


def test_frames_come_back_with_names_similarities_and_confidences(world):
    namer = world.namer(world.people(ann=1, bob=2))
    frames = [world.frame(i, {1: 2, 5: 7}) for i in range(20)]
    done = run(namer, frames)
    assert [one.index for one in done] == list(range(20))
    assert all(one.frame is given.frame for one, given in zip(done, frames, strict=True))
    for one in done:
        assert names(one) == {1: "bob", 5: UNKNOWN}
        data = one.faces.data
        assert data["similarity"].dtype == data["confidence"].dtype == np.float32
        assert data["similarity"][0] > 0.99
        assert data["similarity"][1] < 0.5
        assert data["confidence"][1] == 0
        assert data["detected"].all()
    sure = [one.faces.data["confidence"][0] for one in done]
    assert sure == sorted(sure)
    assert 0 < sure[0] < sure[-1] <= 1


def test_a_track_tells_everything_of_it(world):
    namer = world.namer(world.people(ann=1))
    faces = [{1: 1}] * 10 + [{}] * 15 + [{1: 1, 2: 6}] * 5
    run(namer, [world.frame(i, some, looked=i % 2 == 0) for i, some in enumerate(faces)])
    ann, other = namer.tracks
    assert (ann.id, ann.name, ann.person, ann.label) == (1, "ann", 0, "ann")
    assert [tuple(span) for span in ann.spans] == [(0, 9, 0.0, 0.9), (25, 29, 2.5, 2.9)]
    assert (ann.first_frame, ann.last_frame, ann.first_time, ann.last_time) == (0, 29, 0.0, 2.9)
    assert (ann.frames, ann.detections) == (15, 7)
    assert ann.similarity == pytest.approx(1, abs=1e-4)
    assert ann.template.shape == (64,)
    assert ann.best.chip.shape == (16, 16, 3)
    assert ann.best.chip.dtype == np.uint8
    assert abs(int(ann.best.chip[..., 0].mean()) - 10) <= 12  # the colour of the face, by JPEG
    assert ann.best.box == (0, 0, 64, 64)
    assert ann.best.frame % 2 == 0
    assert (other.name, other.person, other.label) == (UNKNOWN, 1, "person 1")
    assert other.confidence == 0


def test_only_a_few_faces_of_a_track_are_embedded_and_many_tracks_together(world):
    namer = world.namer()
    faces = {track: track for track in range(1, 9)}
    run(namer, [world.frame(i, faces) for i in range(600)])
    assert world.embedder.chips <= 8 * (MOST + 1)
    assert world.embedder.calls <= MOST + 1


def test_carried_faces_are_not_embedded_and_a_small_face_neither(world):
    namer = world.namer(world.people(ann=1))
    [done] = namer.add([world.frame(0, {1: 1}, looked=False)])
    assert world.embedder.chips == 0
    assert done.faces.data["similarity"].tolist() == [-1]
    assert names(done) == {1: UNKNOWN}
    namer.finish()
    [track] = namer.tracks
    assert (track.similarity, track.best, track.template, track.person) == (None, None, None, 0)
    assert track.label == UNKNOWN


def test_where_the_detector_looks_aside_carried_faces_are_embedded_now_and_then(world):
    namer = world.namer(world.people(ann=1), carried=True)
    done = run(namer, [world.frame(i, {1: 1}, looked=False, rate=50) for i in range(100)])
    assert names(done[0]) == {1: "ann"}
    assert 3 <= world.embedder.chips <= MOST
    assert namer.tracks[0].embedded == world.embedder.chips


def test_all_frames_given_together_have_what_is_known_at_the_last(world):
    namer = world.namer(world.people(ann=1))
    frames = [world.frame(i, {1: 1}, looked=i == 3) for i in range(4)]
    assert [names(one) for one in namer.add(frames)] == [{1: "ann"}] * 4


def test_frames_without_faces_and_without_anything(world):
    namer = world.namer(world.people(ann=1))
    assert namer.add([]) == []
    [done] = namer.add([world.frame(0, {})])
    assert done.faces.data["name"].tolist() == []
    assert done.faces.data["name"].dtype.kind == "U"
    namer.finish()
    assert namer.tracks == ()


def test_strangers_get_numbers_and_who_comes_back_gets_his(world):
    namer = world.namer()
    faces = [{1: 8, 2: 9}] * 8 + [{}] * 30 + [{3: 9, 4: 10}] * 8 + [{}] * 30 + [{5: 8}] * 8
    run(namer, [world.frame(i, some) for i, some in enumerate(faces)])
    assert {t.id: t.person for t in namer.tracks} == {1: 1, 2: 2, 3: 2, 4: 3, 5: 1}


@pytest.mark.parametrize(
    ("place", "looked", "one"), [(1, True, False), (1, False, True), (0.4, True, True)]
)
def test_two_who_are_seen_apart_at_once_are_two_people(world, place, looked, one):
    """But not two boxes on one face, nor one that was only carried to where another is."""
    namer = world.namer()
    frames = [world.frame(i, {i % 2 + 1: (8, 5)}) for i in range(10)]
    frames.append(world.frame(10, {1: (8, 0), 2: (8, place)}, looked=looked))
    run(namer, frames)
    first, second = namer.tracks
    assert (first.person == second.person) == one


def test_what_is_kept_of_a_face_keeps_nothing_else(world):
    namer = world.namer()
    namer.add([world.frame(i, {1: 1, 2: 2}) for i in range(2)])
    namer.add([world.frame(2, {1: 1, 2: 2})])
    for subject in namer._memory.going:
        assert subject.evidence.waiting.chip.base is None
        assert all(vector.base is None for _, vector in subject.evidence.faces)


def test_of_two_tracks_of_one_person_on_a_frame_one_has_the_name(make_world):
    world = make_world(noise=0.3)
    namer = world.namer(world.people(ann=1, bob=2))
    faces = [{1: 1}] * 10 + [{1: 1, 2: 1}] * 10 + [{2: 1}] * 10 + [{2: 1, 3: 1}] * 10
    for one in run(namer, [world.frame(i, some) for i, some in enumerate(faces)]):
        known = [name for name in names(one).values() if name != UNKNOWN]
        assert len(set(known)) == len(known)
        assert set(known) <= {"ann"}
    final = {t.id: t.name for t in namer.tracks}
    assert not final[1] == final[2] == "ann"
    assert not final[2] == final[3] == "ann"
    assert "ann" in final.values()


def test_noise_changes_no_name_twice(make_world, rng):
    """Faces so noisy that they resemble others now and then."""
    world = make_world(noise=1.5)
    namer = world.namer(world.people(**{f"p{i}": i for i in range(1, 6)}))
    shown = {}
    frames = []
    for i in range(400):
        here = rng.permutation(12)[:3] + 1
        frames.append(world.frame(i, {int(t): int(t) % 6 + 1 for t in here}))
    for one in run(namer, frames, together=3):
        known = [name for name in names(one).values() if name != UNKNOWN]
        assert len(set(known)) == len(known)
        for track, name in names(one).items():
            if not shown.setdefault(track, [name]) or shown[track][-1] != name:
                shown[track].append(name)
    for given in shown.values():
        assert len(given) <= 3  # unknown, a name, and one change
        assert UNKNOWN not in given[1:-1]


def test_ended_tracks_are_handed_out_once_and_known_when_they_come_back(world):
    namer = world.namer(world.people(ann=1))
    given = []
    faces = [{1: 1, 2: 9}] * 8 + [{}] * 30 + [{1: 1, 2: 9}] * 8 + [{}] * 30 + [{3: 9}] * 4
    for i, some in enumerate(faces):
        done = namer.add([world.frame(i, some)])
        if 1 in some:
            assert names(done[0])[1] == "ann"
        given += namer.ended()
    namer.finish()
    given += namer.ended()
    assert [(t.id, t.label) for t in given] == [
        (1, "ann"), (2, "person 1"), (1, "ann"), (2, "person 1"), (3, "person 1"),
    ]  # fmt: skip
    assert [t.first_frame for t in given] == [0, 0, 38, 38, 76]
    assert [t.frames for t in given] == [8, 8, 8, 8, 4]
    assert namer.tracks == ()
    assert world.embedder.chips < 20


def size(thing, seen):
    """Bytes of everything that is reached from a thing."""
    if id(thing) in seen or isinstance(thing, type) or type(thing).__module__ in {"types"}:
        return 0
    seen.add(id(thing))
    total = sys.getsizeof(thing)
    if isinstance(thing, dict):
        total += sum(size(k, seen) + size(v, seen) for k, v in thing.items())
    elif isinstance(thing, (list, tuple, set)):
        total += sum(size(one, seen) for one in thing)
    elif isinstance(thing, np.ndarray):
        total += thing.nbytes + (0 if thing.base is None else size(thing.base, seen))
    elif type(thing).__module__.startswith("facewise"):
        for name in getattr(thing, "__slots__", ()) or vars(thing):
            total += size(getattr(thing, name), seen)
    return total


@pytest.mark.parametrize("taken", [True, False])
def test_memory_does_not_grow_on_an_endless_stream(world, taken):
    """New people beside one who stays, whether somebody takes the tracks that ended or not."""
    namer = world.namer(world.people(ann=1), keep=40, remembered=30)
    sizes = []
    for i in range(900):
        track = i // 5 + 1
        faces = {track: track % 25, track + 1: (track + 1) % 25, 10**6: 1}
        namer.add([world.frame(i, faces)])
        if taken and i % 7 == 0:
            namer.ended()
        if i in (450, 600, 899):
            sizes.append(size(namer, {id(world.embedder), id(world.judge)}))
    assert max(sizes) < 1.05 * min(sizes)
    assert len(namer._memory.subjects) < 80
    assert len(namer._memory.subjects[10**6].met) < 80
    assert (namer.lost == 0) == taken


def test_when_the_people_change_names_are_decided_anew(world):
    known = world.people(ann=1)
    namer = world.namer(known)
    [done] = namer.add([world.frame(0, {1: 1, 2: 2})])
    assert names(done) == {1: "ann", 2: UNKNOWN}
    known.people = world.people(bob=2).people
    namer.reconsider()
    [done] = namer.add([world.frame(1, {1: 1, 2: 2})])
    assert names(done) == {1: UNKNOWN, 2: "bob"}


def test_without_an_embedder_there_are_tracks_alone(world):
    namer = Namer()
    [done] = run(namer, [world.frame(0, {1: 1})])
    assert names(done) == {1: UNKNOWN}
    [track] = namer.tracks
    assert (track.id, track.label, track.embedded, track.best) == (1, UNKNOWN, 0, None)


def test_what_is_compared_is_noted_once_and_counted(world):
    notes = []
    known = world.people(ann=1)
    known.note = lambda tracks, named: notes.append((tracks, named))
    namer = world.namer(known)
    run(namer, [world.frame(i, {1: 1, 2: 2, 3: 3}) for i in range(10)])
    assert notes == [(0, 0), (3, 1)]
