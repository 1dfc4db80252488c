"""Teach MTCNN's sieve what MTCNN sees; writes its weights and the ranges of its activations.

    python -m bench.teach_sieve ../shared --scenes 2800 --minutes 16

The pictures are those of LFW of people who are not in `lfw-landmarks`, alone or as mosaics, in
other sizes, light, sharpness and noise. MTCNN's first network says of each cell of every level how
much it looks like a face, its second of each candidate; the two networks of the sieve learn what
passes MTCNN's thresholds, with a slack of one logit, and a miss counts 8 to 16 times a false alarm.

Training is random and stops after a time, so it does not give the same bytes twice. What the result
finds and loses is asserted in `tests/detection/test_sieve.py`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

import facewise
from facewise.detection.cascade import Cascade, _squared, _visible
from facewise.detection.mipmaps import Mipmaps
from facewise.detection.mtcnn import Mtcnn
from facewise.detection.proposals import Proposer, levels
from facewise.detection.resampling import IntegralImages
from facewise.detection.sieve import SLOPE, USUAL, CandidateSieve, CellSieve, logit
from facewise.detection.stages import network_input
from facewise.runtime.fusion import simplified
from facewise.runtime.quantization import observe

_SOURCE = Path(facewise.__file__).parent
_TILE = 64  # pixels of a level that are learnt from together
_CELLS = _TILE // 2 - 5
_CANDIDATES = 150  # of one scene at most
_THRESHOLDS = tuple(logit(probability) for probability in USUAL)
_SLACK = 1.0  # a logit
_STRONG = 2.5  # a logit: the cells and candidates that faces come from
_BATCHES = (64, 512)

Pixels = NDArray[np.uint8]
Logits = NDArray[np.float32]


class Lesson(NamedTuple):
    """What one network learns from: pixels (n, h, w, 3), and logits (n, h', w'), NaN for none."""

    pixels: Pixels
    logits: Logits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("shared", type=Path)
    parser.add_argument("--scenes", type=int, default=2800)
    parser.add_argument("--minutes", type=float, default=16, help="of training, both networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=_SOURCE, help="folder with weights/ and data/")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    torch.manual_seed(arguments.seed)
    lessons = prepare(files(arguments.shared), arguments.scenes, rng)
    networks = CellSieve(), CandidateSieve()
    start_from_the_teacher(networks[0], facewise.load_detector("mtcnn").stages.pnet)  # type: ignore[attr-defined]
    shares = (2 / 3, 1 / 3)
    tensors: dict[str, torch.Tensor] = {}
    ranges: dict[str, Any] = {}
    for i, (name, network) in enumerate(zip(("cells", "candidates"), networks, strict=True)):
        learn(
            network,
            lessons[i],
            _THRESHOLDS[i],
            _BATCHES[i],
            60 * arguments.minutes * shares[i],
            rng,
        )
        take_pixels(network)
        seen = torch.from_numpy(lessons[i].pixels[::20]).permute(0, 3, 1, 2)
        found = observe(simplified(network), (part.float() for part in seen.split(256)))
        ranges[name] = {step: [round(x, 4) for x in ends] for step, ends in found.items()}
        ranges[name]["x"] = [0.0, 255.0]
        tensors |= {
            f"{name}.{key}": value.contiguous() for key, value in network.state_dict().items()
        }
    save_file(tensors, arguments.out / "weights" / "mtcnn_sieve.safetensors")
    text = json.dumps(ranges, indent=1) + "\n"
    (arguments.out / "data" / "sieve_ranges.json").write_text(text, encoding="utf-8")


def files(shared: Path) -> list[Path]:
    """Pictures of LFW, without the people that detectors are judged by."""
    judged = (shared / "data/lfw-landmarks/landmarks.csv").read_text(encoding="utf-8")
    people = sorted((shared / "data/lfw/lfw-deepfunneled").iterdir())
    return sorted(f for p in people if p.name not in judged for f in p.glob("*.jpg"))


def prepare(paths: list[Path], scenes: int, rng: np.random.Generator) -> tuple[Lesson, Lesson]:
    """Lessons for both networks, from many scenes."""
    rows: tuple[list[Any], ...] = ([], [], [], [])
    for number in range(scenes):
        options = {
            "factor": float(rng.choice([0.5, 0.709])),
            "min_face_size": float(rng.choice([20, 20, 12, 30, 40])),
        }
        teacher = facewise.load_detector("mtcnn", **options)
        assert isinstance(teacher, Mtcnn)
        image = scene(paths, rng)
        for pixels, logits in tiles(teacher, image, rng):
            rows[0].append(pixels)
            rows[1].append(logits)
        pixels, logits = candidates(teacher, image, rng)
        rows[2].extend(pixels)
        rows[3].extend(logits)
        if number % 100 == 0:
            print(f"scene {number}: {len(rows[0])} tiles, {len(rows[2])} candidates", flush=True)
    order = rng.permutation(len(rows[0]))
    cells = Lesson(np.stack(rows[0])[order], np.stack(rows[1])[order])
    return cells, Lesson(np.stack(rows[2]), np.array(rows[3], np.float32)[:, None, None])


def scene(paths: list[Path], rng: np.random.Generator) -> Pixels:
    """A picture, or a mosaic of some."""

    def one() -> Pixels:
        return facewise.load_image(paths[rng.integers(len(paths))])

    if rng.random() < 0.55:
        size = np.exp(rng.uniform(np.log(0.5), np.log(2.4)))
        how = cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC
        image = cv2.resize(one(), None, fx=size, fy=size, interpolation=how)
    else:
        n = int(rng.integers(2, 6))
        side = int(rng.uniform(60, 700 / n))
        small = [
            cv2.resize(one(), (side, side), interpolation=cv2.INTER_AREA) for _ in range(n * n)
        ]
        image = np.concatenate([np.concatenate(small[i::n], axis=1) for i in range(n)], axis=0)
    return changed(np.asarray(image, np.uint8), rng)


def changed(image: Pixels, rng: np.random.Generator) -> Pixels:
    """In other light, sharpness, colour, and turned."""
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if rng.random() < 0.15:
        image = np.rot90(image, rng.integers(1, 4))
    if rng.random() < 0.5:
        contrast, light, gamma = rng.uniform(0.5, 1.4), rng.uniform(-40, 40), rng.uniform(0.6, 1.6)
        curve = ((np.arange(256) / 255) ** gamma * 255 - 127.5) * contrast + 127.5 + light
        image = np.clip(curve, 0, 255).astype(np.uint8)[image]
    if rng.random() < 0.1:
        image = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    if rng.random() < 0.3:
        blurred = cv2.GaussianBlur(np.ascontiguousarray(image), (0, 0), rng.uniform(0.5, 3))
        image = np.asarray(blurred, np.uint8)
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(2, 12), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image)


@torch.inference_mode()
def tiles(
    teacher: Cascade, image: Pixels, rng: np.random.Generator
) -> Iterator[tuple[Pixels, Logits]]:
    """Tiles of every level, at random places and round cells that may be faces."""
    picture = IntegralImages([image])
    for level in pyramid(teacher, image):
        [exact] = picture.resized(level.height, level.width)
        area = level.height * level.width
        pixels = np.asarray(cv2.convertScaleAbs(exact), np.uint8)
        pnet: Any = teacher.stages.pnet
        found = pnet.conv4_1(pnet.features(network_input(exact[None], teacher.device)))
        logits = (found[0, 1] - found[0, 0]).numpy()
        height = max(level.height // 2 * 2, _TILE)
        width = max(level.width // 2 * 2, _TILE)
        below, right = max(height - level.height, 0), max(width - level.width, 0)
        pixels = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")
        whole = np.full((height // 2 - 5, width // 2 - 5), np.nan, np.float32)
        part = logits[: whole.shape[0], : whole.shape[1]]
        whole[: part.shape[0], : part.shape[1]] = part
        likely = np.argwhere(whole > -1)
        corners = list(rng.integers(0, np.array(whole.shape) - _CELLS + 1, (1 + area // 40000, 2)))
        for _ in range(min(len(likely), 1 + area // 20000)):
            corner = likely[rng.integers(len(likely))] - rng.integers(0, _CELLS, 2)
            corners.append(np.clip(corner, 0, np.array(whole.shape) - _CELLS))
        for row, column in corners:
            yield (
                pixels[2 * row : 2 * row + _TILE, 2 * column : 2 * column + _TILE],
                whole[row : row + _CELLS, column : column + _CELLS],
            )


@torch.inference_mode()
def candidates(teacher: Cascade, image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Logits]:
    """PNet's candidates as the sieve sees them, and RNet's logits."""
    picture = IntegralImages([image])
    proposer = Proposer(teacher.stages, None, teacher.thresholds[0], teacher.device)
    found = _squared(proposer.propose(picture, pyramid(teacher, image)))
    _, windows = _visible(found, picture.width, picture.height)
    windows = rng.permutation(windows)[:_CANDIDATES]
    if not len(windows):
        return np.empty((0, 24, 24, 3), np.uint8), np.empty(0, np.float32)
    rnet: Any = teacher.stages.rnet
    crops = network_input(picture.crops(windows, 24), teacher.device)
    logits = rnet.dense5_1(rnet.features(crops))
    return Mipmaps(image).crops(windows, 24), (logits[:, 1] - logits[:, 0]).numpy()


def pyramid(teacher: Cascade, image: Pixels) -> Any:
    """The levels that the teacher looks at."""
    return levels(image.shape[0], image.shape[1], teacher.min_face_size, teacher.factor)


@torch.no_grad()
def start_from_the_teacher(sieve: CellSieve, pnet: Any) -> None:
    """PNet's own filters: where its PReLU has a negative slope, the negated filter too."""
    first, second, third, last = (m for m in sieve.steps if isinstance(m, nn.Conv2d))
    slopes = pnet.prelu1.weight
    down = (slopes < 0).nonzero().flatten()
    first.weight.copy_(torch.cat([pnet.conv1.weight, -pnet.conv1.weight[down]]))
    first.bias.copy_(torch.cat([pnet.conv1.bias, -pnet.conv1.bias[down]]))
    bent = -slopes[down][None, :, None, None] * pnet.conv2.weight[:, down]
    second.weight.copy_(torch.cat([pnet.conv2.weight, bent], dim=1))
    second.bias.copy_(pnet.conv2.bias)
    third.weight.copy_(pnet.conv3.weight)
    third.bias.copy_(pnet.conv3.bias)
    last.weight.copy_(SLOPE * (pnet.conv4_1.weight[1:] - pnet.conv4_1.weight[:1]))
    last.bias.copy_(SLOPE * (pnet.conv4_1.bias[1:] - pnet.conv4_1.bias[:1]))


def learn(
    network: nn.Module,
    lesson: Lesson,
    threshold: float,
    batch: int,
    seconds: float,
    rng: np.random.Generator,
) -> None:
    """Adam with a cosine of a rate, for so long; network of inputs `(pixel - 127.5) / 128`."""
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    start, step, losses = time.monotonic(), 0, 0.0
    while (part := (time.monotonic() - start) / seconds) < 1:
        rate = 4e-3 * min(1, step / 300 + 0.01) * (0.5 * (1 + np.cos(np.pi * part)) + 0.002)
        for group in optimizer.param_groups:
            group["lr"] = rate
        chosen = rng.integers(0, len(lesson.pixels), batch)
        x = torch.from_numpy(lesson.pixels[chosen]).permute(0, 3, 1, 2).float()
        x = x.sub_(127.5).div_(128)
        y = torch.from_numpy(lesson.logits[chosen])
        if rng.random() < 0.5:
            x, y = x.flip(3), y.flip(2)
        known = y.isfinite()
        y = y.nan_to_num(0.0)
        target = torch.sigmoid(SLOPE * (y - threshold + _SLACK))
        weight = torch.where(y > threshold, torch.where(y > _STRONG, 16.0, 8.0), 1.0) * known
        loss = binary_cross_entropy_with_logits(network(x)[:, 0], target, reduction="none")
        loss = (loss * weight).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step, losses = step + 1, losses + loss.item()
        if step % 500 == 0:
            print(f"step {step}, {part:.0%}: loss {losses / 500:.4f}", flush=True)
            losses = 0.0
    network.eval().requires_grad_(False)


@torch.no_grad()
def take_pixels(network: nn.Module) -> None:
    """Move the normalisation of the input into the first convolution."""
    first = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    assert first.bias is not None
    first.bias.sub_(first.weight.sum(dim=(1, 2, 3)) * 127.5 / 128)
    first.weight.div_(128)


if __name__ == "__main__":
    main()
