"""MTCNN from its weight file, exact or fast."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import nn

from facewise.detection.cascade import Cascade
from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.detection.sieve import PASSING, CandidateSieve, CellSieve, Sieve
from facewise.detection.stages import InDtype, Stages
from facewise.errors import ModelError
from facewise.faces import Faces
from facewise.images import load
from facewise.runtime.decisions import Proof
from facewise.runtime.devices import resolve_device, resolve_dtype
from facewise.runtime.networks import Candidate, compile_network
from facewise.runtime.quantization import Ranges
from facewise.runtime.selection import asked_for, choose
from facewise.runtime.weights import BUNDLED, read_tensors
from facewise.zoo import cache_dir, file_sha256, get_spec

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODES = ("exact", "fast")

_DATA = Path(__file__).parents[1] / "data"
_EXACT = Candidate("torch", "float32")
_OFFERED = {
    "exact": (_EXACT, Candidate("onnxruntime", "float32"), Candidate("openvino", "float32")),
    "fast": (
        _EXACT,
        Candidate("torch", "bfloat16"),
        Candidate("torch", "int8"),
        Candidate("onnxruntime", "float32"),
        Candidate("onnxruntime", "int8"),
        Candidate("openvino", "float32"),
        Candidate("openvino", "bfloat16"),
        Candidate("openvino", "int8"),
    ),
    "fast elsewhere": (_EXACT, Candidate("torch", "bfloat16"), Candidate("torch", "float16")),
}
"""What may run the networks, in the fast mode those of the sieve; elsewhere: on other devices than
the CPU, where there is no sieve."""

_LEAST_OVERLAP = {"exact": 0.999, "fast": 0.98, "fast elsewhere": 0.9}
"""With the box that float32 PyTorch finds without a sieve. Rounding decides which of several good
candidates stands for a face, so in a lower precision its box is as good and not the same."""

_SHAPES = {
    "pnet": (1, 3, 84, 640), "rnet": (64, 3, 24, 24), "onet": (16, 3, 48, 48),
    "cells": (1, 3, 84, 640), "candidates": (256, 3, 24, 24),
}  # fmt: skip
"""Of a typical input."""

_DYNAMIC = {"pnet": {0: "batch", 2: "height", 3: "width"}}
_DYNAMIC["cells"] = _DYNAMIC["pnet"]

_SCENE = (720, 1280)
"""Height and width of the picture that proves and is timed: large enough for both parts of the
sieve to act."""

_SIEVE = BUNDLED / "mtcnn_sieve.safetensors"
_SIEVE_RANGES = _DATA / "sieve_ranges.json"


class _Parts(NamedTuple):
    """What of a cascade is chosen."""

    stages: Stages
    sieve: Sieve | None


class Mtcnn(Cascade):
    """The cascade with networks from a weight file.

    Args:
        weights: safetensors file with the parameters of the three networks, under `pnet.`,
            `rnet.` and `onet.`.
        min_face_size: smallest face looked for, in pixels.
        thresholds: least face probability at each of the three stages, in [0, 1].
        factor: size of each level of the pyramid over the one before, in (0, 1).
        mode: "exact" computes in float32 and gives the faces of facenet-pytorch. "fast" looks
            twice: a sieve finds where a face is possible, and the networks judge only that, in
            float32. It finds the same faces but for a few doubtful ones, and nearly always in the
            same boxes (`docs/results/detection.md`). On other devices than the CPU it lets the
            first two networks compute in a lower precision instead.
        backend: "torch", "onnxruntime", "openvino" or "auto"; by default what `FACEWISE_BACKEND`
            says. "auto" is torch in the exact mode; in the fast mode it is what runs the sieve
            fastest.
        precision: of the sieve: "float32", "bfloat16", "int8" or "auto"; by default what
            `FACEWISE_PRECISION` says. On other devices: of the networks, also "float16".
        device: where PyTorch runs (see `facewise.runtime.devices`).

    Raises:
        ValueError: an option is outside its range; a precision for the exact mode.
        ModelError: the file does not hold the networks; or, in the fast mode, not those that the
            sieve was taught by.
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
        if mode == "exact" and asked == ("torch", "float32"):
            self.candidate = _EXACT
        else:
            self.candidate = self._choose(asked, networks)

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
            "sieve": None if self.sieve is None else _sieve_hash(),
        }

    def _choose(self, asked: tuple[str, str], networks: tuple[PNet, RNet, ONet]) -> Candidate:
        """Take what runs best, and say what it is."""
        plain = _Parts(self.stages, None)
        offered = self.mode if self.device.type == "cpu" else f"{self.mode} elsewhere"
        build = partial(self._compiled_stages, networks)
        if offered == "fast":
            if self._weight_hash != get_spec("mtcnn").weights.sha256:
                raise ModelError(
                    "mode='fast': its sieve was taught by the weights that come with facewise; "
                    "with others take mode='exact'"
                )
            build = partial(self._with_sieve, load_sieve_networks(_SIEVE))
        scene = _scene()

        def faces(parts: _Parts) -> Faces:
            """With the usual settings, whatever this detector's: the networks are the same."""
            usual = Cascade(
                parts.stages,
                min_face_size=20,
                thresholds=(0.6, 0.7, 0.7),
                factor=0.709,
                device=self.device,
                sieve=parts.sieve,
            )
            return usual.detect([scene])[0]

        def prove(parts: _Parts, _: Candidate) -> Proof:
            overlap = _least_overlap(faces(plain), faces(parts))
            return Proof("least overlap of known faces", overlap, _LEAST_OVERLAP[offered])

        choice = choose(
            f"mtcnn {self.mode}",
            key=json.dumps([self._weight_hash, _sieve_hash() if offered == "fast" else None]),
            asked=asked,
            offered=_OFFERED[offered],
            build=build,
            prove=prove,
            workloads={f"{_SCENE[1]}×{_SCENE[0]} pixels": faces},
            folder=cache_dir() / "runtime",
            device=self.device,
        )
        self.stages, self.sieve = choice.built
        return choice.candidate

    def _compiled_stages(self, networks: tuple[PNet, RNet, ONet], candidate: Candidate) -> _Parts:
        """The networks, the last always in float32: its score chooses the box of a face."""
        pnet, rnet, onet = networks
        if candidate.backend == "torch":
            dtype = resolve_dtype(candidate.precision)
            low_pnet, low_rnet = (
                InDtype(copy.deepcopy(net).to(dtype), dtype) for net in (pnet, rnet)
            )
            return _Parts(Stages(low_pnet, low_rnet, onet), None)
        last = Candidate(candidate.backend, "float32")
        stages = Stages(
            self._compiled("pnet", pnet, candidate, self._weight_hash),
            self._compiled("rnet", rnet, candidate, self._weight_hash),
            self._compiled("onet", onet, last, self._weight_hash),
        )
        return _Parts(stages, None)

    def _with_sieve(
        self, networks: tuple[CellSieve, CandidateSieve], candidate: Candidate
    ) -> _Parts:
        """The networks as they are, behind a sieve."""
        ranges = json.loads(_SIEVE_RANGES.read_text(encoding="utf-8"))
        cells, candidates = (
            self._compiled(name, network, candidate, _sieve_hash(), ranges[name])
            for name, network in zip(("cells", "candidates"), networks, strict=True)
        )
        if candidate.backend == "torch":  # takes pixels as they are
            return _Parts(self.stages, Sieve(lambda x: cells(x)[0], lambda x: candidates(x)[0]))
        sieve = Sieve(lambda x: cells(x.float())[0], lambda x: candidates(x.float())[0])
        return _Parts(self.stages, sieve)

    def _compiled(
        self,
        name: str,
        network: nn.Module,
        candidate: Candidate,
        weight_hash: str,
        ranges: Ranges | None = None,
    ) -> Any:
        return compile_network(
            network,
            torch.zeros(_SHAPES[name]),
            candidate,
            key=f"{weight_hash} {name}",
            folder=cache_dir() / "runtime",
            device=self.device,
            dynamic=_DYNAMIC.get(name),
            calibration=ranges,
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
    _fill({"pnet": networks[0], "rnet": networks[1], "onet": networks[2]}, weights, "MTCNN")
    return networks


def load_sieve_networks(weights: Path) -> tuple[CellSieve, CandidateSieve]:
    """The two networks of a sieve, likewise."""
    networks = CellSieve(), CandidateSieve()
    _fill({"cells": networks[0], "candidates": networks[1]}, weights, "a sieve")
    return networks


def _fill(networks: Mapping[str, nn.Module], weights: Path, what: str) -> None:
    try:
        for name, network in networks.items():
            network.load_state_dict(parameters_of(name, weights))
            network.eval().requires_grad_(False)
    except RuntimeError as error:  # its text says which network does not fit
        raise ModelError(f"{weights}: not the weights of {what} ({error})") from error


def _scene() -> NDArray[np.uint8]:
    """A picture with a few faces in much else, as pictures are."""
    face = load(_DATA / "self_test_face.jpg")
    height, width = _SCENE
    scene = np.asarray(cv2.resize(face, (width, height)), np.uint8)
    for top, left in ((20, 40), (60, 1000), (500, 30)):
        scene[top : top + len(face), left : left + len(face)] = face
    return scene


def _sieve_hash() -> str:
    """Of everything that decides what the sieve lets pass."""
    return f"{file_sha256(_SIEVE)} {file_sha256(_SIEVE_RANGES)} {PASSING}"


def _least_overlap(expected: Faces, found: Faces) -> float:
    """The least intersection over union of two answers' faces; 0 if their numbers differ."""
    if len(expected) != len(found) or not len(expected):
        return 0.0
    a, b = expected.boxes[:, None], found.boxes[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    overlap = shared / (expected.areas[:, None] + found.areas[None] - shared)
    return float(overlap.max(axis=1).min())
