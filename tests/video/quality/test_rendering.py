"""The synthetic videos: what is drawn is where the truth says, and seen as much as it says."""

from __future__ import annotations

import numpy as np
import pytest
from bench.tracking.cast import Person
from bench.tracking.heads import Head, cut_head
from bench.tracking.paths import Path, Wave, straight
from bench.tracking.rendering import render
from bench.tracking.scene import Actor, Prop, Script, Shot

GRAY = 100


def head(color=(250, 20, 20), size=100):
    """A flat square "head" of one colour whose face is its middle, 60 by 80."""
    pixels = np.zeros((size, size, 4), np.float32)
    pixels[5:-5, 5:-5, :3], pixels[5:-5, 5:-5, 3] = color, 1
    return Head("Ann", "1.jpg", pixels, (20, 10, 80, 90))


def somebody(number=1, color=(250, 20, 20)):
    return Person(number, f"P{number}", True, [], [head(color)])


def standing(x, y, size=80.0, end=99.0):
    return Path([(0, x, y, size), (end, x, y, size)])


def actor(path, number=1, color=(250, 20, 20), **more):
    person = somebody(number, color)
    return Actor(person, person.heads[0], path, **more)


def board(path, width=60, height=80, layer=9):
    pixels = np.full((height, width, 4), 30, np.float32)
    pixels[..., 3] = 1
    return Prop(pixels, path, layer)


def script(*shots, rate=10):
    return Script("test", 320, 240, rate, shots, seed=3)


def shot(actors, props=(), seconds=0.1, **more):
    picture = np.full((240, 320, 3), GRAY, np.uint8)
    return Shot(seconds, lambda number: picture, actors, props, **more)


def frames(*shots, **more):
    return list(render(script(*shots, **more)))


def red_box(picture):
    """Where the red is, as x1, y1, x2, y2."""
    rows, columns = np.nonzero((picture[..., 0] > 180) & (picture[..., 1] < 80))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("size", [80.0, 160.0, 40.0, 18.0])
def test_a_face_is_where_the_truth_says(size):
    [(picture, [seen])] = frames(shot([actor(standing(150, 120, size))]))
    scale = size / 80
    middle, half = np.array([150, 120]), np.array([30, 40]) * scale
    np.testing.assert_allclose(seen.box, [*(middle - half), *(middle + half)], atol=1e-3)
    assert (seen.person, seen.visible) == (1, 1.0)
    head_half = 45 * scale
    expected = [*(middle - head_half), *(middle + head_half)]
    np.testing.assert_allclose(red_box(picture), expected, atol=1.5)


def test_a_face_turns_about_its_middle():
    turned = actor(standing(150, 120), tilt=Wave(30))
    [(picture, [seen])] = frames(shot([turned]))
    np.testing.assert_allclose(seen.box, [120, 80, 180, 160], atol=1e-3)
    half = 45 * (np.cos(np.pi / 6) + np.sin(np.pi / 6))
    np.testing.assert_allclose(
        red_box(picture), [150 - half, 120 - half, 150 + half, 120 + half], atol=2
    )


@pytest.mark.parametrize(("x", "visible"), [(0, 0.5), (-15, 0.25), (-29, 1 / 60), (15, 0.75)])
def test_what_is_outside_of_the_picture_is_not_seen(x, visible):
    [(_, [seen])] = frames(shot([actor(standing(x, 120))]))
    assert seen.visible == pytest.approx(visible, abs=0.02)


def test_a_face_wholly_outside_is_not_in_the_truth():
    [(_, seen)] = frames(shot([actor(standing(-40, 120))]))
    assert seen == []


@pytest.mark.parametrize(("away", "visible"), [(0, 0), (15, 0), (45, 0.5), (60, 0.75), (75, 1)])
def test_a_nearer_head_hides_the_other(away, visible):
    """Both faces are 60 wide, the whole head that hides is 90."""
    near = actor(standing(150, 120), 1, layer=2)
    far = actor(standing(150 + away, 120), 2, (20, 250, 20), layer=1)
    [(_, seen)] = frames(shot([near, far]))
    share = {one.person: one.visible for one in seen}
    assert share[1] == 1
    assert share[2] == pytest.approx(visible, abs=0.03)


def test_the_order_of_the_list_does_not_matter_but_the_layer():
    near = actor(standing(150, 120), 1, layer=2)
    far = actor(standing(180, 120), 2, (20, 250, 20), layer=1)
    one, other = frames(shot([near, far]))[0], frames(shot([far, near]))[0]
    np.testing.assert_array_equal(one[0], other[0])
    assert {s.person: s.visible for s in one[1]} == {s.person: s.visible for s in other[1]}


def test_a_thing_hides_a_face():
    [(_, [seen])] = frames(
        shot([actor(standing(150, 120))], [board(Path([(0, 150, 100, 80), (9, 150, 100, 80)]))])
    )
    assert seen.visible == pytest.approx(0.25, abs=0.02)  # its lowest 20 of 80 rows


def test_a_moving_head_is_blurred_along_its_way_around_the_truth():
    """400 pixels a second at 10 frames: a shutter of half a frame blurs 20 pixels."""
    still = frames(shot([actor(standing(150, 120))]))[0][0]
    way = straight(0, 10, (-40, 120), (3960, 120), 80)
    moving = [pair for pair in frames(shot([actor(way)], seconds=1.0)) if pair[1]]
    picture, [seen] = moving[4]
    assert seen.box[0] == pytest.approx(float(moving[3][1][0].box[0]) + 40, abs=1e-2)

    def edge(image, row=120):
        line = image[row, :, 1].astype(int)
        return int(((line > 35) & (line < 85)).sum())

    assert edge(still) < 6
    assert 20 < edge(picture) < 45  # both sides
    assert abs(red_box(picture)[[0, 2]].mean() - seen.box[[0, 2]].mean()) < 3


def test_the_camera_moves_everything():
    picture = np.tile(np.arange(640, dtype=np.uint8)[None, :, None] // 4, (400, 1, 3))
    moved = Shot(
        0.1, lambda number: picture, [actor(standing(150, 120))], camera=lambda time: (40.0, 10.0)
    )
    [(image, [seen])] = frames(moved)
    np.testing.assert_allclose(seen.box, [80, 70, 140, 150], atol=1e-3)
    assert image.shape == (240, 320, 3)
    assert abs(float(image[200:, 300].mean()) - (340 % 256 // 4)) < 2


def test_shots_follow_each_other_and_actors_come_when_it_is_their_time():
    late = actor(Path([(0.3, 100, 100, 50), (0.6, 100, 100, 50)]), 2)
    pairs = frames(shot([late], seconds=1.0), shot([actor(standing(90, 90))], seconds=0.4))
    there = [[one.person for one in seen] for _, seen in pairs]
    assert there == [[]] * 3 + [[2]] * 4 + [[]] * 3 + [[1]] * 4


def test_the_same_script_gives_the_same_pixels_and_another_seed_other_noise():
    one, again = (frames(shot([actor(standing(150, 120))]))[0][0] for _ in range(2))
    np.testing.assert_array_equal(one, again)
    other = Script("x", 320, 240, 10, [shot([actor(standing(150, 120))])], seed=4)
    assert (next(iter(render(other)))[0] != one).any()


def test_paths():
    path = Path([(1, 0, 0, 10), (3, 200, 0, 10), (5, 200, 100, 20)])
    assert path.at(2) == pytest.approx((100, 0, 10))
    assert path.at(0) == pytest.approx((0, 0, 10))
    assert path.at(9) == pytest.approx((200, 100, 20))
    x, y, _ = path.at(3)  # cuts the corner
    assert 190 < x < 200
    assert 0 < y < 10
    with pytest.raises(ValueError, match="rising time"):
        Path([(1, 0, 0, 1), (1, 2, 2, 1)])


def test_a_head_is_cut_softly_and_keeps_its_face():
    image = np.full((250, 250, 3), 200, np.uint8)
    cut = cut_head(image, (80, 75, 165, 180), "Ann", "1.jpg")
    alpha = cut.pixels[..., 3]
    assert alpha[127, 122] == 1
    assert alpha[[0, -1]].max() == alpha[:, [0, -1]].max() == 0
    assert (alpha[90:165, 95:150] > 0.9).all()
    assert np.abs(np.diff(alpha, axis=0)).max() < 0.1  # no hard edge
    np.testing.assert_allclose(cut.pixels[..., 0], 200 * alpha, atol=1e-3)
    assert [level.shape[0] for _, level in cut.levels] == [250, 125, 62]
