"""`MTCNN`: the predecessor's detector, its arguments and return conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import nn

from facewise import zoo
from facewise.compat.facenet_pytorch._pictures import as_list, as_rgb, is_batch
from facewise.compat.facenet_pytorch.models.utils.detect_face import (
    extract_face,
    find_faces,
    get_size,
)
from facewise.detection import mtcnn_nets
from facewise.detection.mtcnn import parameters_of
from facewise.faces import Faces
from facewise.runtime.devices import resolve_device

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.compat.facenet_pytorch._pictures import Picture, Pictures
    from facewise.faces import SelectPolicy

    FilePath: TypeAlias = str | PathLike[str]
    Device: TypeAlias = str | torch.device

_POLICIES: Mapping[str, SelectPolicy] = {
    "probability": "most_confident",
    "largest": "largest",
    "largest_over_threshold": "largest_over",
    "center_weighted_size": "most_central",
}
"""Methods of `MTCNN.select_boxes`, and what facewise calls them."""


class PNet(mtcnn_nets.PNet):
    """Proposal network of MTCNN, in evaluation mode.

    Args:
        pretrained: with the bundled weights, which are those of facenet-pytorch; else random.
    """

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        _prepare(self, "pnet", pretrained)


class RNet(mtcnn_nets.RNet):
    """Refinement network of MTCNN, in evaluation mode.

    Args:
        pretrained: with the bundled weights, which are those of facenet-pytorch; else random.
    """

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        _prepare(self, "rnet", pretrained)


class ONet(mtcnn_nets.ONet):
    """Output network of MTCNN, in evaluation mode.

    Args:
        pretrained: with the bundled weights, which are those of facenet-pytorch; else random.
    """

    def __init__(self, pretrained: bool = True) -> None:
        super().__init__()
        _prepare(self, "onet", pretrained)


class MTCNN(nn.Module):
    """Find faces and cut them out.

    A picture is a PIL image of any mode, or an array or tensor of shape (H, W, 3) with values
    from 0 to 255 ((H, W), (H, W, 1) and (H, W, 4) pass too). A batch is a list or tuple of
    pictures, of any sizes and kinds, or an array or tensor with four dimensions. The settings are
    attributes, and the networks submodules: what is assigned to them takes effect.

    Args:
        image_size: side of the faces cut out, in pixels.
        margin: pixels of such a face that lie outside the detected box, both sides together.
        min_face_size: smallest face looked for, in pixels.
        thresholds: least face probability at each of the three stages, in [0, 1].
        factor: size of each level of the pyramid over the one before, in (0, 1).
        post_process: faces are returned as `(value - 127.5) / 128`, not from 0 to 255.
        select_largest: order faces by area, largest first; else by probability.
        selection_method: which face is cut out, as in `select_boxes`; by default the largest, or
            without `select_largest` the most probable one.
        keep_all: cut out all faces.
        device: where the networks are put; later moves (`.to`) take effect as well.

    Raises:
        DeviceError: the device is not on this machine.
    """

    def __init__(
        self,
        image_size: int = 160,
        margin: int = 0,
        min_face_size: float = 20,
        thresholds: Sequence[float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        post_process: bool = True,
        select_largest: bool = True,
        selection_method: str | None = None,
        keep_all: bool = False,
        device: Device | None = None,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.margin = margin
        self.min_face_size = min_face_size
        self.thresholds = list(thresholds)
        self.factor = factor
        self.post_process = post_process
        self.select_largest = select_largest
        self.keep_all = keep_all
        self.selection_method = selection_method or ("largest" if select_largest else "probability")
        self.pnet = PNet()
        self.rnet = RNet()
        self.onet = ONet()
        self.device = torch.device("cpu") if device is None else device
        self.to(resolve_device(device)).to(memory_format=torch.channels_last)

    def forward(
        self,
        img: Pictures,
        save_path: FilePath | Sequence[FilePath | None] | None = None,
        return_prob: bool = False,
    ) -> Any:
        """Find faces and cut them out.

        Args:
            img: a picture, or a batch.
            save_path: also save the faces, as pictures that are not post-processed. For a batch a
                path for each picture, or None for those that are not to be saved. With
                `keep_all` the further faces get numbers: `face.png`, `face_2.png`, `face_3.png`.
            return_prob: return probabilities as well.

        Returns:
            A face, float32 (3, image_size, image_size), or with `keep_all` all n faces,
            (n, 3, image_size, image_size), in the order of `detect`; None where there is none.
            For a batch a list of those. With `return_prob` a pair: the faces and their
            probabilities, as `select_boxes`, or with `keep_all` `detect`, returns them.

        Raises:
            ImageError: an input is not a picture.
            ValueError: the number of paths is not that of pictures.
        """
        boxes, probs, points = self.detect(img, landmarks=True)
        if not self.keep_all:
            boxes, probs, points = self.select_boxes(
                boxes, probs, points, img, method=self.selection_method
            )
        faces = self.extract(img, boxes, save_path)
        return (faces, probs) if return_prob else faces

    def detect(self, img: Pictures, landmarks: bool = False) -> tuple[Any, ...]:
        """Find all faces.

        Args:
            img: a picture, or a batch.
            landmarks: return landmarks as well.

        Returns:
            Boxes (n, 4) as `(x1, y1, x2, y2)` in pixels, probabilities (n,) and with `landmarks`
            points (n, 5, 2): left eye, right eye, nose, left and right corner of the mouth. They
            are object arrays, ordered as `select_largest` says. Without a face, boxes and points
            are None and the probabilities `[None]`. For a batch each is an object array with an
            entry for each picture (one array of a dimension more, if all have as many faces).

        Raises:
            ImageError: an input is not a picture.
        """
        boxes: list[Any] = []
        probs: list[Any] = []
        points: list[Any] = []
        found = find_faces(
            img,
            self.min_face_size,
            self.pnet,
            self.rnet,
            self.onet,
            self.thresholds,
            self.factor,
        )
        for faces in found:
            if not len(faces):
                boxes.append(None)
                probs.append([None])
                points.append(None)
                continue
            if self.select_largest:
                faces = faces[faces.order("largest")]
            # Copies, because the arrays of `Faces` are read-only.
            boxes.append(np.array(faces.boxes))
            probs.append(np.array(faces.scores))
            points.append(np.array(faces.landmarks))
        arrays = [np.array(values, dtype=object) for values in (boxes, probs, points)]
        results = arrays if is_batch(img) else [values[0] for values in arrays]
        return tuple(results) if landmarks else tuple(results[:2])

    def select_boxes(
        self,
        all_boxes: Any,
        all_probs: Any,
        all_points: Any,
        imgs: Pictures,
        method: str = "probability",
        threshold: float = 0.9,
        center_weight: float = 2.0,
    ) -> tuple[Any, Any, Any]:
        """Choose one face of each picture.

        Args:
            all_boxes: of `detect`.
            all_probs: of `detect`.
            all_points: of `detect`.
            imgs: the picture or batch given to `detect`.
            method: `probability`: the most probable face; `largest`: the largest;
                `largest_over_threshold`: the largest with a probability above `threshold`;
                `center_weighted_size`: that with the greatest area less `center_weight` times the
                squared distance (pixels) of its centre from the picture's.
            threshold: in [0, 1].
            center_weight: see `center_weighted_size`.

        Returns:
            A box (1, 4), its probability and its points (1, 5, 2), or three times None. For a
            batch arrays of these, boxes (m, 1, 4), probabilities (m, 1) and points (m, 1, 5, 2);
            if there are pictures without a chosen face, object arrays with None in their place.

        Raises:
            ValueError: there is no such method.
        """
        if method not in _POLICIES:
            raise ValueError(f"method: expected one of {', '.join(_POLICIES)}; got {method!r}")
        batch = is_batch(imgs)
        if not batch:
            all_boxes, all_probs, all_points = [all_boxes], [all_probs], [all_points]
        boxes: list[Any] = []
        probs: list[Any] = []
        points: list[Any] = []
        for image, box, prob, point in zip(
            as_list(imgs), all_boxes, all_probs, all_points, strict=True
        ):
            faces = Faces.empty() if box is None else Faces(box, prob)
            best = faces.order(
                _POLICIES[method],
                image_size=get_size(image),
                min_score=threshold,
                center_weight=center_weight,
            )[:1]
            found = len(best) > 0
            boxes.append(np.array(box)[best] if found else None)
            probs.append(np.array(prob)[best] if found else [None])
            points.append(np.array(point)[best] if found else None)
        if batch:
            return _array(boxes), _array(probs), _array(points)
        return boxes[0], probs[0][0], points[0]

    def extract(
        self,
        img: Pictures,
        batch_boxes: Any,
        save_path: FilePath | Sequence[FilePath | None] | None,
    ) -> Any:
        """Cut out faces.

        Args:
            img: a picture, or a batch.
            batch_boxes: boxes (n, 4) in pixels, or None; for a batch such an entry for each
                picture. Without `keep_all` the first box alone counts.
            save_path: as in `forward`.

        Returns:
            Faces as `forward` returns them.

        Raises:
            ImageError: an input is not a picture.
            ValueError: the number of paths is not that of pictures.
        """
        images = as_list(img)
        paths = _paths(save_path, len(images))
        if not is_batch(img):
            return self._extract_one(images[0], batch_boxes, paths[0])
        return [
            self._extract_one(image, boxes, path)
            for image, boxes, path in zip(images, batch_boxes, paths, strict=True)
        ]

    def _extract_one(self, image: Picture, boxes: Any, path: Path | None) -> torch.Tensor | None:
        if boxes is None or not len(boxes):
            return None
        image = as_rgb(image)
        faces = []
        for number, box in enumerate(boxes if self.keep_all else boxes[:1], start=1):
            target = path
            if path is not None and number > 1:
                target = path.with_name(f"{path.stem}_{number}{path.suffix}")
            face = extract_face(image, box, self.image_size, self.margin, target)
            faces.append(fixed_image_standardization(face) if self.post_process else face)
        return torch.stack(faces) if self.keep_all else faces[0]


def fixed_image_standardization(image_tensor: torch.Tensor) -> torch.Tensor:
    """Values from 0 to 255 as `InceptionResnetV1` expects them: `(value - 127.5) / 128`."""
    return (image_tensor - 127.5) / 128.0


def prewhiten(x: torch.Tensor) -> torch.Tensor:
    """Values shifted to mean 0 and scaled to standard deviation 1, as davidsandberg/facenet did.

    The deviation counts as at least one over the root of the number of values, so that an even
    picture does not blow up.
    """
    return (x - x.mean()) / x.std().clamp(min=x.numel() ** -0.5)


def _prepare(network: nn.Module, name: str, pretrained: bool) -> None:
    # DataParallel's copies of a network have no parameters, but buffers: an empty one tells where
    # a copy is. It is no part of the state_dict.
    network.register_buffer("_placement", torch.empty(0), persistent=False)
    if pretrained:
        weights = zoo.weights_path(zoo.get_spec("mtcnn"))
        network.load_state_dict(parameters_of(name, weights))
    network.eval()


def _array(values: list[Any]) -> NDArray[Any]:
    """One array; of objects where None stands among arrays."""
    return np.array(values, dtype=object if any(v is None for v in values) else None)


def _paths(
    save_path: FilePath | Sequence[FilePath | None] | None, images: int
) -> Sequence[Path | None]:
    if save_path is None:
        return [None] * images
    given = [save_path] if isinstance(save_path, (str, PathLike)) else save_path
    if len(given) != images:
        raise ValueError(
            f"save_path: expected {images} paths, one for each picture; got {len(given)}"
        )
    return [None if path is None else Path(fspath(path)) for path in given]
