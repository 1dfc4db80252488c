"""The truth of a video: who is where on each frame; read and written as MOTChallenge does."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

COUNTED = 0.5
"""Part of a face that must be in the picture and not covered for it to be expected."""


class Seen(NamedTuple):
    """A face on a frame: whose, where (x1, y1, x2, y2), and how much of it can be seen."""

    person: int
    box: Floats
    visible: float


class Named(NamedTuple):
    """A person of a truth, and whether a gallery of the cast knows them."""

    name: str
    enrolled: bool


@dataclass(frozen=True, eq=False)
class Truth:
    """Who is where in a video.

    Attributes:
        width: of the frames.
        height: of the frames.
        frames: for each frame its faces. Those that can be seen by less than `COUNTED` are not
            expected; who finds one of them is neither right nor wrong.
        people: by number.
    """

    width: int
    height: int
    frames: Sequence[Sequence[Seen]]
    people: Mapping[int, Named]

    @property
    def counted(self) -> int:
        """Faces that are expected."""
        return sum(seen.visible >= COUNTED for faces in self.frames for seen in faces)

    def boxes(self, frame: int) -> Floats:
        """Of a frame's faces, within the picture, (n, 4)."""
        return within([seen.box for seen in self.frames[frame]], self.width, self.height)


def within(boxes: Sequence[Floats] | Floats, width: int, height: int) -> Floats:
    """Boxes (n, 4) without what reaches beyond the picture."""
    table = np.asarray(boxes, np.float32).reshape(-1, 4)
    inside: Floats = table.clip(0, np.array([width, height, width, height], np.float32))
    return inside


def write_truth(truth: Truth, folder: Path, name: str) -> None:
    """Write `NAME.txt` and `NAME.people.csv`.

    A line of the first: frame and id from 1 on, left, top (both from 1 on), width, height, 1 if
    the face is expected, class 1, visibility. Its first line is a comment with the number of frames
    and their size.
    """
    lines = [f"# {len(truth.frames)} frames of {truth.width}x{truth.height}"]
    for number, faces in enumerate(truth.frames, 1):
        for person, box, visible in faces:
            x1, y1, x2, y2 = map(float, box)
            place = f"{x1 + 1:.2f},{y1 + 1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            counts = int(round(visible, 3) >= COUNTED)
            lines.append(f"{number},{person},{place},{counts},1,{visible:.3f}")
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (folder / f"{name}.people.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "name", "enrolled"])
        writer.writerows([i, who.name, int(who.enrolled)] for i, who in truth.people.items())


def read_truth(folder: Path, name: str) -> Truth:
    """What `write_truth` wrote, with boxes to a hundredth of a pixel.

    Raises:
        ValueError: the file does not begin with its comment.
    """
    path = folder / f"{name}.txt"
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    words = head.split()
    if len(words) < 5 or words[0] != "#" or words[2:4] != ["frames", "of"]:
        raise ValueError(f"{path}: expected '# N frames of WxH' first, got {head!r}")
    width, height = map(int, words[4].split("x"))
    frames: list[list[Seen]] = [[] for _ in range(int(words[1]))]
    for line in lines:
        if line.startswith("#"):
            continue
        values = [float(value) for value in line.split(",")]
        left, top, across, down = values[2:6]
        box = np.array([left - 1, top - 1, left - 1 + across, top - 1 + down], np.float32)
        frames[int(values[0]) - 1].append(Seen(int(values[1]), box, values[8]))
    with (folder / f"{name}.people.csv").open(encoding="utf-8", newline="") as file:
        people = {
            int(row["id"]): Named(row["name"], row["enrolled"] == "1")
            for row in csv.DictReader(file)
        }
    return Truth(width, height, frames, people)
