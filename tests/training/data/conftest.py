"""What the tests of data share: pictures, RecordIO files as insightface makes them, a detector."""

from __future__ import annotations

import io
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from PIL import Image

from facewise.alignment import MarginCrop
from facewise.faces import Faces
from facewise.zoo import ModelSpec, Weights

SIDE = 16


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operations are quicker on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pixels(seed: int, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """Noise by seed, height and width."""
    return pixels


@pytest.fixture
def content() -> Callable[[np.ndarray], bytes]:
    """A picture as the bytes of a PNG file."""
    return png


@pytest.fixture
def people(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a folder: noise (by its place in the list), or content that is given."""

    def make(files: Iterable[str] | dict[str, bytes], root: str = "people") -> Path:
        folder = tmp_path / root
        folder.mkdir(exist_ok=True)
        given = files if isinstance(files, dict) else dict.fromkeys(files)
        for seed, (name, content) in enumerate(given.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(pixels(seed)) if content is None else content)
        return folder

    return make


@pytest.fixture
def spec() -> ModelSpec:
    """A model for chips of 16×16 that are cut by the box."""
    return ModelSpec(
        id="test.tiny",
        task="embed",
        architecture="test",
        weights=Weights("tiny", "none", "none"),
        input_size=SIDE,
        embedding_size=4,
        crop=MarginCrop(SIDE, 0),
    )


class CornerDetector:
    """Finds a face in the middle of each picture, and a smaller one; none in a black one."""

    settings = MappingProxyType({"corner": 1})
    together = 4

    def __init__(self) -> None:
        self.seen = 0
        self._lock = threading.Lock()

    def detect(self, images: Sequence[np.ndarray]) -> list[Faces]:
        with self._lock:
            self.seen += len(images)
        return [self._one(image) for image in images]

    def _one(self, image: np.ndarray) -> Faces:
        if not image.any():
            return Faces.empty()
        height, width = image.shape[:2]
        x, y = (width - SIDE) // 2, (height - SIDE) // 2
        return Faces([[0, 0, 4, 4], [x, y, x + SIDE, y + SIDE]], [0.99, 0.9])


@pytest.fixture
def detector() -> CornerDetector:
    return CornerDetector()


MAGIC = struct.pack("<I", 0xCED7230A)


def framed(payload: bytes) -> bytes:
    """A payload in the frame of dmlc's RecordIOWriter: cut where it holds the magic number."""
    parts, begin = [], 0
    for place in range(0, len(payload) // 4 * 4, 4):
        if payload[place : place + 4] == MAGIC:
            parts.append(payload[begin:place])
            begin = place + 4
    parts.append(payload[begin:])
    out = b""
    for i, part in enumerate(parts):
        flag = 0 if len(parts) == 1 else 1 if i == 0 else 3 if i == len(parts) - 1 else 2
        out += MAGIC + struct.pack("<I", flag << 29 | len(part)) + part + bytes(-len(part) % 4)
    return out


def packed(label: float | Sequence[float], number: int, image: bytes = b"") -> bytes:
    """What mxnet.recordio.pack makes: the header, labels if there are several, the image."""
    if isinstance(label, (int, float)):
        return struct.pack("<IfQQ", 0, label, number, 0) + image
    labels = np.asarray(label, "<f4")
    return struct.pack("<IfQQ", len(labels), 0, number, 0) + labels.tobytes() + image


@pytest.fixture
def write_records(tmp_path: Path) -> Callable[..., Path]:
    """Write `train.rec` and `train.idx`.

    In the form of insightface: pictures, which are (label, image), have keys from 1 on; behind them
    stands a record for each person; record 0 says where those begin and end. Without `identities`
    pictures have keys from 0 on and nothing else is there.
    """

    def write(
        pictures: Sequence[tuple[float | Sequence[float], bytes]],
        *,
        identities: bool = True,
        name: str = "train",
    ) -> Path:
        if identities:
            first = len(pictures) + 1
            firsts = [np.atleast_1d(label)[0] for label, _ in pictures]
            ranges = [
                (firsts.index(person) + 1, firsts.index(person) + 1 + firsts.count(person))
                for person in dict.fromkeys(firsts)
            ]
            payloads = [packed((first, first + len(ranges)), 0)]
            payloads += [packed(label, i + 1, image) for i, (label, image) in enumerate(pictures)]
            payloads += [packed(each, first + i) for i, each in enumerate(ranges)]
        else:
            payloads = [packed(label, i, image) for i, (label, image) in enumerate(pictures)]
        rec, idx = b"", ""
        for key, payload in enumerate(payloads):
            idx += f"{key}\t{len(rec)}\n"
            rec += framed(payload)
        path = tmp_path / f"{name}.rec"
        path.write_bytes(rec)
        path.with_suffix(".idx").write_text(idx)
        return path

    return write
