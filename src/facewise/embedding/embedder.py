"""`Embedder`: from chips to vectors, with the preprocessing its spec states and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

from facewise.alignment import crop
from facewise.errors import ChipError, ModelError
from facewise.faces import Faces
from facewise.images import each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.images import ImageSource
    from facewise.runtime.networks import Candidate
    from facewise.zoo import ModelSpec


VectorNetwork: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""Normalised pictures, float32 (n, 3, S, S), to vectors of any length, (n, d)."""


class Embedder:
    """A network with its spec; made by `facewise.load_embedder`.

    Attributes:
        spec: the model's `ModelSpec`.
        weight_hash: sha256 of the weight file, in hex: embeddings compare only when it is equal.
        flip: `embed_faces` embeds each chip together with its mirror image.
        batch_size: chips in one pass of the network, mirror images counted: it bounds the memory.
        device: where PyTorch's part of the work is done.
        candidate: backend and precision of the network.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: VectorNetwork,
        *,
        weight_hash: str,
        device: torch.device,
        candidate: Candidate,
        flip: bool,
        batch_size: int,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        self.spec = spec
        self.weight_hash = weight_hash
        self.flip = flip
        self.batch_size = batch_size
        self.device = device
        self.candidate = candidate
        self._network = network

    @property
    def settings(self) -> dict[str, str | bool]:
        """Everything besides the chip that decides a vector, as plain values.

        In float32 backends differ by rounding only; in other precisions each is itself.
        """
        exact = self.candidate.precision == "float32"
        return {
            "model": self.spec.id,
            "weights": self.weight_hash,
            "crop": repr(self.spec.crop),
            "normalisation": repr(self.spec.normalisation),
            "flip": self.flip,
            "precision": "float32" if exact else str(self.candidate),
        }

    def embed(self, chips: NDArray[np.uint8], *, flip: bool = False) -> NDArray[np.float32]:
        """Embed chips that were cut as `spec.crop` says.

        Args:
            chips: uint8 RGB pictures, shape (n, S, S, 3), S being `spec.input_size`.
            flip: embed the mirror image of each chip too, and add the two vectors; `embed_faces`
                does so where the spec (or `load_embedder`) says it.

        Returns:
            float32 vectors of unit length, shape (n, d): their dot product is the cosine
            similarity.

        Raises:
            ChipError: another shape or type.
            ModelError: the network gave values that are not finite.
        """
        try:
            chips = np.asarray(chips)
        except ValueError as error:
            raise ChipError(f"chips: expected one array of equal pictures ({error})") from None
        size = self.spec.input_size
        if chips.dtype != np.uint8 or chips.ndim != 4 or chips.shape[1:] != (size, size, 3):
            raise ChipError(
                f"chips: expected uint8 (n, {size}, {size}, 3) for {self.spec.id}, "
                f"got {chips.dtype} {chips.shape}"
            )
        vectors = np.empty((len(chips), self.spec.embedding_size or 0), np.float32)
        step = max(self.batch_size // 2, 1) if flip else self.batch_size
        for start in range(0, len(chips), step):
            part = slice(start, start + step)
            vectors[part] = self._embed_batch(chips[part], flip)
        return vectors

    @torch.inference_mode()
    def lengths(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The length of each chip's vector before it is made a unit vector, without its mirror.

        Of some networks it says how good the picture is (`facewise.quality.norms`).

        Args:
            chips: as of `embed`.

        Returns:
            float32 (n,), at least 0.
        """
        found = [np.empty(0, np.float32)]
        for start in range(0, len(chips), self.batch_size):
            x = normalised(chips[start : start + self.batch_size], self.spec, self.device)
            found.append(torch.linalg.vector_norm(self._network(x), dim=1).cpu().numpy())
        lengths: NDArray[np.float32] = np.concatenate(found)
        return lengths

    def embed_faces(
        self, images: Sequence[ImageSource] | ImageSource, faces: Sequence[Faces] | Faces
    ) -> list[NDArray[np.float32]]:
        """Cut and embed the faces of each picture.

        Args:
            images: pictures in any form that `facewise.load_image` takes.
            faces: a detector's answer for the same pictures, in the same order.

        Returns:
            For each picture the vectors of its faces, float32 (number of faces, d).

        Raises:
            ImageError: an input is not a picture.
            FacesError: `spec.crop` needs landmarks and the faces have none.
            ValueError: the numbers of pictures and of faces differ.
        """
        assert self.spec.crop is not None  # noqa: S101 - the registry refuses embedders without
        if isinstance(faces, Faces):
            faces = [faces]
        found = []
        for image, some in zip(each(images), faces, strict=True):
            found.append(self.embed(crop(image, some, self.spec.crop), flip=self.flip))
        return found

    @torch.inference_mode()
    def _embed_batch(self, chips: NDArray[np.uint8], flip: bool) -> NDArray[np.float32]:
        x = normalised(chips, self.spec, self.device)
        vectors = self._network(torch.cat([x, x.flip(3)]) if flip else x)
        if flip:
            vectors = vectors[: len(chips)] + vectors[len(chips) :]
        if vectors.shape != (len(chips), self.spec.embedding_size):
            raise ModelError(
                f"{self.spec.id}: gave {tuple(vectors.shape)} for {len(chips)} chips; its spec "
                f"states embedding_size {self.spec.embedding_size}"
            )
        if not torch.isfinite(vectors).all():
            raise ModelError(f"{self.spec.id}: gave values that are not finite ({self.candidate})")
        unit: NDArray[np.float32] = torch.nn.functional.normalize(vectors).cpu().numpy()
        return unit


def normalised(chips: NDArray[np.uint8], spec: ModelSpec, device: torch.device) -> torch.Tensor:
    """Chips as the input of a network: float32 (n, 3, S, S), in channels_last memory order."""
    normal = spec.normalisation
    pixels = torch.from_numpy(np.ascontiguousarray(chips)).to(device, non_blocking=True).float()
    if normal.colour == "bgr":
        pixels = pixels.flip(3)
    if normal.per_image:
        least = pixels[0].numel() ** -0.5 if len(pixels) else 1.0
        std, mean = torch.std_mean(pixels, dim=(1, 2, 3), correction=0, keepdim=True)
        return pixels.sub_(mean).div_(std.clamp_min(least)).permute(0, 3, 1, 2)
    scale = 1 / torch.tensor(normal.std, device=device)
    pixels.sub_(torch.tensor(normal.mean, device=device)).mul_(scale)
    # (n, S, S, 3) in memory, seen as (n, 3, S, S): PyTorch's channels_last, nothing is copied.
    return pixels.permute(0, 3, 1, 2)
