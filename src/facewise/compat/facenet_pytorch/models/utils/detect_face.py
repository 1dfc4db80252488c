"""Detection and cropping as functions, under the names of facenet-pytorch's module."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from PIL import Image as PILImage
from torch import nn
from torch.nn.functional import interpolate

from facewise.alignment import MarginCrop, margin_box
from facewise.compat.facenet_pytorch._pictures import as_list, as_rgb, pixels
from facewise.detection.cascade import Cascade
from facewise.detection.stages import InDtype, Stages

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from facewise.compat.facenet_pytorch._pictures import Picture, Pictures
    from facewise.faces import Faces


def detect_face(
    imgs: Pictures,
    minsize: float,
    pnet: nn.Module,
    rnet: nn.Module,
    onet: nn.Module,
    threshold: Sequence[float],
    factor: float,
    device: torch.device | str | None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Run the cascade of three networks; `MTCNN.detect` is the comfortable form.

    Args:
        imgs: a picture or a batch (see `MTCNN`).
        minsize: smallest face looked for, in pixels.
        pnet: proposal network.
        rnet: refinement network.
        onet: output network.
        threshold: least face probability at each of the three stages.
        factor: size of each level of the pyramid over the one before.
        device: where the networks are; None asks `pnet`.

    Returns:
        Two object arrays with an entry for each picture: boxes with their score, (n, 5), most
        confident first, and landmarks, (n, 5, 2).

    Raises:
        ImageError: an input is not a picture.
    """
    found = find_faces(imgs, minsize, pnet, rnet, onet, threshold, factor, device)
    boxes = [np.column_stack([faces.boxes, faces.scores]) for faces in found]
    points = [np.array(faces.landmarks) for faces in found]
    return np.array(boxes, dtype=object), np.array(points, dtype=object)


def find_faces(
    images: Pictures,
    min_face_size: float,
    pnet: nn.Module,
    rnet: nn.Module,
    onet: nn.Module,
    thresholds: Sequence[float],
    factor: float,
    device: torch.device | str | None = None,
) -> list[Faces]:
    """`detect_face` in the words of facewise: one `Faces` for each picture."""
    # DataParallel's copies of a network have no parameters, only buffers.
    tensor = next(chain(pnet.parameters(), pnet.buffers()), torch.empty(0))
    nets = (pnet, rnet, onet)
    networks = [n if tensor.dtype == torch.float32 else InDtype(n, tensor.dtype) for n in nets]
    cascade = Cascade(
        Stages(*networks),
        min_face_size=min_face_size,
        thresholds=thresholds,
        factor=factor,
        device=tensor.device if device is None else torch.device(device),
    )
    return [cascade.detect(pixels(image))[0] for image in as_list(images)]


def extract_face(
    img: Picture,
    box: ArrayLike,
    image_size: int = 160,
    margin: int = 0,
    save_path: str | PathLike[str] | None = None,
) -> torch.Tensor:
    """Cut a face out of a picture.

    Args:
        img: a PIL image, an array or a tensor with its channels last. Each kind is resized in its
            own way: by Pillow's bilinear filter, OpenCV's `INTER_AREA`, or PyTorch's `area`.
        box: `(x1, y1, x2, y2)` in pixels of the picture.
        image_size: side of the result in pixels.
        margin: pixels of the result that lie outside the box, both sides together.
        save_path: also save the face as a picture, in the format of the file's suffix; missing
            folders are made.

    Returns:
        float32 RGB values from 0 to 255, shape (3, image_size, image_size), on the CPU.

    Raises:
        ImageError: `img` is not a picture.
        ValueError: the margin is negative or leaves nothing of the face.
    """
    img = as_rgb(img)
    rectangle = margin_box(np.asarray(box), MarginCrop(image_size, margin), *get_size(img))
    face = crop_resize(img, rectangle, image_size)
    if save_path is not None:
        Path(save_path).parent.mkdir(parents=True, exist_ok=True)
        save_img(face, save_path)
    values = torch.from_numpy(_values(face).astype(np.float32))
    return values.permute(2, 0, 1).contiguous()


def crop_resize(img: Picture, box: Sequence[int], image_size: int) -> Picture:
    """The part of a picture inside `(left, top, right, bottom)`, resized to a square.

    The result is of the picture's kind; a tensor's is uint8 and on the CPU, as PyTorch's `area`
    does not run on every device.
    """
    left, top, right, bottom = box
    size = (image_size, image_size)
    if isinstance(img, PILImage.Image):
        return img.crop((left, top, right, bottom)).resize(size, PILImage.Resampling.BILINEAR)
    part = img[top:bottom, left:right]
    if isinstance(part, torch.Tensor):
        planes = part.detach().cpu().permute(2, 0, 1).float()
        return interpolate(planes[None], size, mode="area")[0].byte().permute(1, 2, 0)
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA)


def save_img(img: Picture, path: str | PathLike[str]) -> None:
    """Write a picture in the format of the file's suffix; values are rounded to whole ones.

    Raises:
        OSError: the file cannot be written.
    """
    if isinstance(img, PILImage.Image):
        img.save(path)
        return
    whole = np.rint(_values(img)).clip(0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(Path(path).suffix, cv2.cvtColor(whole, cv2.COLOR_RGB2BGR))
    Path(path).write_bytes(encoded.tobytes())


def get_size(img: Picture) -> tuple[int, int]:
    """`(width, height)` of a picture in pixels."""
    if isinstance(img, PILImage.Image):
        return img.size
    return img.shape[1], img.shape[0]


def _values(img: Picture) -> NDArray[Any]:
    return img.detach().cpu().numpy() if isinstance(img, torch.Tensor) else np.asarray(img)
