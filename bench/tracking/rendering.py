"""Make the frames of a script, and their truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.tracking.scene import Actor, Picture, Prop, Script, Shot
from bench.tracking.truth import Seen

Floats = NDArray[np.float32]

_SHUTTER = 0.5
"""Part of a frame's time in which its light falls."""

_NOISE = 2.0
"""Standard deviation of the camera's noise, in grey values."""


@dataclass(frozen=True, eq=False)
class Patch:
    """Something drawn: RGB times alpha, and alpha, at its place in the picture."""

    pixels: Floats
    left: int
    top: int


def render(script: Script) -> Iterator[tuple[Picture, list[Seen]]]:
    """The frames one after another, uint8 RGB, and every face that is at least partly in them."""
    rng = np.random.default_rng(script.seed)
    shape = (script.height, script.width, 3)
    noise = [np.rint(rng.normal(0, _NOISE, shape)).astype(np.int16) for _ in range(5)]
    for shot in script.shots:
        for number in range(round(shot.seconds * script.rate)):
            canvas, seen = _frame(script, shot, number)
            grain = np.roll(noise[int(rng.integers(5))], int(rng.integers(script.width)), axis=1)
            yield np.clip(canvas + grain, 0, 255).astype(np.uint8), seen


def _frame(script: Script, shot: Shot, number: int) -> tuple[Picture, list[Seen]]:
    time = number / script.rate
    size = (script.width, script.height)
    canvas = _view(shot.background(number), shot.camera(time), size)
    everything: list[Actor | Prop] = [*shot.actors, *shot.props]
    there = [one for one in everything if one.path.start <= time <= one.path.end]
    owner = np.full((script.height, script.width), -1, np.int16)
    faces: list[tuple[int, Actor, Patch, Floats]] = []
    for place, one in enumerate(sorted(there, key=lambda one: one.layer)):
        patch = _blurred(shot, one, time, script.rate)
        _draw(canvas, owner, patch, place)
        if isinstance(one, Actor):
            faces.append((place, one, patch, _box(one, _matrix(shot, one, time))))
    seen = []
    for place, actor, patch, box in faces:
        visible = _visible(owner, patch, box, place)
        inside = (box[:2] < size).all() and (box[2:] > 0).all()
        if inside:
            seen.append(Seen(actor.person.number, box, visible))
    return canvas, seen


def _view(background: Picture, corner: tuple[float, float], size: tuple[int, int]) -> Picture:
    """What the camera sees of the background."""
    if corner == (0.0, 0.0) and background.shape[1::-1] == size:
        return np.array(background, np.uint8)
    shift = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]]], np.float32)
    moved = cv2.warpAffine(
        background, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, np.uint8)


def _matrix(shot: Shot, one: Actor | Prop, time: float) -> Floats:
    """From its own pixels to the frame's, (2, 3)."""
    x, y, size = one.path.at(time)
    across, down = shot.camera(time)
    if isinstance(one, Prop):
        height, width = one.pixels.shape[:2]
        scale = size / height
        return np.array(
            [
                [scale, 0, x - across - scale * width / 2],
                [0, scale, y - down - scale * height / 2],
            ],
            np.float32,
        )
    head = one.head
    scale = size / head.height
    angle = math.radians(one.tilt.at(time))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn = turn @ np.diag([scale * one.stretch.at(time), scale])
    middle = np.array([(head.box[0] + head.box[2]) / 2, (head.box[1] + head.box[3]) / 2])
    place = np.array([x - across, y - down + size * one.bob.at(time)]) - turn @ middle
    return np.column_stack([turn, place]).astype(np.float32)


def _box(actor: Actor, matrix: Floats) -> Floats:
    """Of the face in the frame; it turns with its middle, not with its sides."""
    box = np.array(actor.head.box, np.float32)
    middle = matrix[:, :2] @ (box[:2] + box[2:]) / 2 + matrix[:, 2]
    half = (box[2:] - box[:2]) / 2 * np.hypot(matrix[0, :2], matrix[1, :2])
    return np.concatenate([middle - half, middle + half]).astype(np.float32)


def _blurred(shot: Shot, one: Actor | Prop, time: float, rate: int) -> Patch:
    """As it looks while the shutter is open; `time` is the middle of it."""
    half = _SHUTTER / rate / 2
    ends = [_matrix(shot, one, moment) for moment in (time - half, time + half)]
    way = float(np.hypot(*(ends[1] - ends[0])[:, 2]))
    count = int(np.clip(math.ceil(way / 2), 1, 8))
    moments = [time] if count == 1 else np.linspace(time - half, time + half, count)
    matrices = [_matrix(shot, one, float(moment)) for moment in moments]
    pixels, factor = _level(one, matrices[0])
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32) / factor
    reached = np.concatenate([corners @ matrix[:, :2].T + matrix[:, 2] for matrix in matrices])
    left, top = np.floor(reached.min(axis=0)).astype(int)
    right, bottom = np.ceil(reached.max(axis=0)).astype(int)
    total = np.zeros((bottom - top, right - left, 4), np.float32)
    for matrix in matrices:
        own = matrix.copy()
        own[:, :2] /= factor
        own[:, 2] -= (left, top)
        total += cv2.warpAffine(pixels, own, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    total /= len(matrices)
    if isinstance(one, Actor):
        total[..., :3] *= one.light.at(time)
    return Patch(total, int(left), int(top))


def _level(one: Actor | Prop, matrix: Floats) -> tuple[Floats, float]:
    """The smallest of its copies that need not be enlarged more than the whole."""
    if isinstance(one, Prop):
        return one.pixels, 1.0
    scale = float(np.hypot(matrix[0, 1], matrix[1, 1]))
    factor, pixels = one.head.levels[0]
    for smaller, copy in one.head.levels[1:]:
        if scale <= smaller:
            factor, pixels = smaller, copy
    return pixels, factor


def _draw(canvas: Picture, owner: NDArray[np.int16], patch: Patch, place: int) -> None:
    rows, columns, part = _inside(patch, canvas.shape[0], canvas.shape[1])
    if not part.size:
        return
    below = canvas[rows, columns] * (1 - part[..., 3:])
    canvas[rows, columns] = np.rint(np.clip(below + part[..., :3], 0, 255)).astype(np.uint8)
    owner[rows, columns][part[..., 3] > 0.5] = place


def _visible(owner: NDArray[np.int16], patch: Patch, box: Floats, place: int) -> float:
    """The part of a face that is in the picture and not covered, in [0, 1]."""
    x1, y1, x2, y2 = np.rint(box - [patch.left, patch.top, patch.left, patch.top]).astype(int)
    mask = np.zeros(patch.pixels.shape[:2], bool)
    mask[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = True
    mask &= patch.pixels[..., 3] > 0.5
    if not mask.any():
        return 0.0
    whole = Patch(mask[..., None].astype(np.float32), patch.left, patch.top)
    rows, columns, part = _inside(whole, *owner.shape)
    return float((part[..., 0] * (owner[rows, columns] == place)).sum() / mask.sum())


def _inside(patch: Patch, height: int, width: int) -> tuple[slice, slice, Floats]:
    """Where a patch lies in a picture, and that part of it."""
    y, x = max(patch.top, 0), max(patch.left, 0)
    bottom = max(min(patch.top + patch.pixels.shape[0], height), y)
    right = max(min(patch.left + patch.pixels.shape[1], width), x)
    part = patch.pixels[y - patch.top : bottom - patch.top, x - patch.left : right - patch.left]
    return slice(y, y + part.shape[0]), slice(x, x + part.shape[1]), part
