"""MTCNN from its weight file, exact or fast."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from facewise.detection.cascade import Cascade
from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.detection.stages import InDtype, Stages
from facewise.errors import ModelError
from facewise.faces import Faces
from facewise.images import load
from facewise.runtime.devices import resolve_device, resolve_dtype
from facewise.runtime.networks import Candidate, compile_network
from facewise.runtime.selection import Proof, asked_for, choose
from facewise.runtime.weights import read_tensors
from facewise.zoo import cache_dir, file_sha256

MODES = ("exact", "fast")

_DATA = Path(__file__).parents[1] / "data"
_EXACT = Candidate("torch", "float32")
_OFFERED = {
    "exact": (_EXACT, Candidate("onnxruntime", "float32"), Candidate("openvino", "float32")),
    "fast": (
        _EXACT,
        Candidate("torch", "bfloat16"),
        Candidate("onnxruntime", "float32"),
        Candidate("openvino", "float32"),
        Candidate("openvino", "bfloat16"),
    ),
    "fast elsewhere": (_EXACT, Candidate("torch", "bfloat16"), Candidate("torch", "float16")),
}
"""What may run the networks, by mode; elsewhere: on other devices than the CPU."""

_LEAST_OVERLAP = {"float32": 0.999, "bfloat16": 0.9, "float16": 0.9}
"""With the box of float32 PyTorch: rounding decides which of several good candidates stands for a
face, so the box of a lower precision is as good and not the same."""

_SHAPES = {"pnet": (1, 3, 84, 640), "rnet": (64, 3, 24, 24), "onet": (16, 3, 48, 48)}
"""Of a typical input."""

_TIMED = (480, 640)
"""Height and width of the picture that is timed."""


class Mtcnn(Cascade):
    """The cascade with networks from a weight file.

    Args:
        weights: safetensors file with the parameters of the three networks, under `pnet.`,
            `rnet.` and `onet.`.
        min_face_size: smallest face looked for, in pixels.
        thresholds: least face probability at each of the three stages, in [0, 1].
        factor: size of each level of the pyramid over the one before, in (0, 1).
        mode: "exact" computes in float32 and gives the faces of facenet-pytorch. "fast" lets the
            first two networks compute in a lower precision, where the processor is faster with it;
            it finds the same faces but for a few doubtful ones, in boxes that differ by a few per
            cent (`docs/results/speed.md`).
        backend: "torch", "onnxruntime", "openvino" or "auto"; by default what `FACEWISE_BACKEND`
            says. "auto" is torch in the exact mode, and what is fastest in the fast mode.
        precision: of the fast mode: "float32", "bfloat16", "float16" (not on the CPU) or "auto";
            by default what `FACEWISE_PRECISION` says.
        device: where PyTorch runs (see `facewise.runtime.devices`).

    Raises:
        ValueError: an option is outside its range; a precision for the exact mode.
        ModelError: the file does not hold the networks.
        FacewiseError: backend or precision cannot be had (see `facewise.runtime.selection`).
    """

    def __init__(
        self,
        weights: Path,
        *,
        min_face_size: float = 20,
        thresholds: Sequence[float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        mode: str = "exact",
        backend: str | None = None,
        precision: str | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode: expected one of {', '.join(MODES)}, got {mode!r}")
        if mode == "exact" and precision not in (None, "auto", "float32"):
            raise ValueError(
                f"precision {precision!r}: the exact mode computes in float32; take mode='fast'"
            )
        where = resolve_device(device)
        networks = load_networks(weights)
        for network in networks:
            network.to(where).to(memory_format=torch.channels_last)
        self._weight_hash = file_sha256(weights)
        super().__init__(
            Stages(*networks),
            min_face_size=min_face_size,
            thresholds=thresholds,
            factor=factor,
            device=where,
        )
        self.mode = mode
        asked = asked_for(backend, "float32" if mode == "exact" else precision)
        if mode == "exact" and (asked[0] == "auto" or where.type != "cpu"):
            asked = ("torch", "float32")
        self.candidate = _EXACT if asked == ("torch", "float32") else self._choose(asked, networks)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides what it finds, as plain values."""
        return {
            "weights": self._weight_hash,
            "min_face_size": self.min_face_size,
            "thresholds": self.thresholds,
            "factor": self.factor,
            "mode": self.mode,
            "networks": str(self.candidate),
        }

    def _choose(self, asked: tuple[str, str], networks: tuple[PNet, RNet, ONet]) -> Candidate:
        """Take the networks that run best, and say what they are."""
        plain = self.stages
        face = load(_DATA / "self_test_face.jpg")
        height, width = _TIMED
        tiles = (-(-height // face.shape[0]), -(-width // face.shape[1]), 1)
        scene = np.tile(face, tiles)[:height, :width]

        def faces(stages: Stages, image: np.ndarray[Any, np.dtype[np.uint8]]) -> Faces:
            self.stages = stages
            return self.detect([image])[0]

        def prove(stages: Stages, candidate: Candidate) -> Proof:
            overlap = _overlap(faces(plain, face), faces(stages, face))
            return Proof("overlap of a known face", overlap, _LEAST_OVERLAP[candidate.precision])

        offered = self.mode if self.device.type == "cpu" else f"{self.mode} elsewhere"
        try:
            choice = choose(
                f"mtcnn {self.mode}",
                key=json.dumps([self._weight_hash, self.min_face_size, self.thresholds]),
                asked=asked,
                offered=_OFFERED[offered],
                build=lambda candidate: self._build(candidate, networks),
                prove=prove,
                workloads={f"{width}×{height} pixels": lambda stages: faces(stages, scene)},
                folder=cache_dir() / "runtime",
                device=self.device,
            )
        finally:
            self.stages = plain
        self.stages = choice.built
        return choice.candidate

    def _build(self, candidate: Candidate, networks: tuple[PNet, RNet, ONet]) -> Stages:
        """The networks, the last always in float32: its score chooses the box of a face."""
        pnet, rnet, onet = networks
        if candidate.backend == "torch":
            dtype = resolve_dtype(candidate.precision)
            low_pnet, low_rnet = (
                InDtype(copy.deepcopy(net).to(dtype), dtype) for net in (pnet, rnet)
            )
            return Stages(low_pnet, low_rnet, onet)
        last = Candidate(candidate.backend, "float32")
        return Stages(
            self._compiled("pnet", pnet, candidate, {0: "batch", 2: "height", 3: "width"}),
            self._compiled("rnet", rnet, candidate),
            self._compiled("onet", onet, last),
        )

    def _compiled(
        self,
        name: str,
        network: nn.Module,
        candidate: Candidate,
        dynamic: dict[int, str] | None = None,
    ) -> Any:
        return compile_network(
            network,
            torch.zeros(_SHAPES[name]),
            candidate,
            key=f"{self._weight_hash} {name}",
            folder=cache_dir() / "runtime",
            device=self.device,
            dynamic=dynamic,
        )


def parameters_of(network: str, weights: Path) -> dict[str, torch.Tensor]:
    """The state_dict of one network, `pnet`, `rnet` or `onet`, in a weight file of all three."""
    prefix = f"{network}."
    return {
        name.removeprefix(prefix): values
        for name, values in read_tensors(weights).items()
        if name.startswith(prefix)
    }


def load_networks(weights: Path) -> tuple[PNet, RNet, ONet]:
    """The three networks of a weight file, in float32, for inference.

    Raises:
        ModelError: the file does not hold them.
    """
    networks = PNet(), RNet(), ONet()
    try:
        for name, network in zip(("pnet", "rnet", "onet"), networks, strict=True):
            network.load_state_dict(parameters_of(name, weights))
    except RuntimeError as error:  # its text says which network does not fit
        raise ModelError(f"{weights}: not the weights of MTCNN ({error})") from error
    for network in networks:
        network.eval().requires_grad_(False)
    return networks


def _overlap(expected: Faces, found: Faces) -> float:
    """Intersection over union of the only face each time; 0 where there is another number."""
    if len(expected) != 1 or len(found) != 1:
        return 0.0
    (a,), (b,) = expected.boxes, found.boxes
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(shared / (expected.areas[0] + found.areas[0] - shared))
