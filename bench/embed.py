"""`python -m bench embed`: seconds for a face, and how far its vector is from float32's."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

import facewise
from bench import inputs, peers
from bench.contest import Contender, Timed, UnavailableError, reason
from bench.hold import Builders, hold, let_in
from bench.peers import FACENET
from bench.record import Group, Record
from facewise.embedding import Embedder

BATCHES = (1, 16, 32)
INCEPTION = "inception_resnet_v1.vggface2"
_DLIB = "dlib_resnet29.dlib"
_MOBILE = "mobilefacenet.ms1m"
_DEFAULTS = "facewise defaults"
_CALIBRATED = 200  # faces

Chips = NDArray[np.uint8]
Vectors = NDArray[np.float32]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, help="faces in a batch")
    parser.add_argument("--precisions", nargs="+", default=("float32", "bfloat16", "int8"))
    parser.add_argument(
        "--dlib-models", type=Path, help="folder of dlib_face_recognition_resnet_model_v1.dat"
    )


def run(arguments: argparse.Namespace, record: Record) -> None:
    rounds, batches = arguments.rounds or 9, arguments.batches
    if arguments.quick:
        rounds, batches = 2, (4,)
    count = max(batches)  # faces a round, whatever the batch, so that each is timed for long enough
    record.settings = {"rounds": rounds, "faces_a_round": count}
    with random_inception(arguments.shared) as (net, weights):
        mobile = arguments.shared / "weights/mobilefacenet-ms1m-128d.pt"
        for model, file in {INCEPTION: weights, _DLIB: None, _MOBILE: mobile}.items():
            embedders = load(model, file, arguments, record)
            size = facewise.zoo.get_spec(model).input_size
            assert size is not None
            faces = list(inputs.chips(arguments.shared, rounds * count, size))
            parts = [faces[i::rounds] for i in range(rounds)]
            for batch in batches:
                builders: Builders = {}
                if model == INCEPTION:
                    builders = {FACENET: partial(facenet, net, batch)}
                elif model == _DLIB:
                    builders = {"dlib": partial(dlib, arguments.dlib_models, batch)}
                contenders = let_in(builders, record) + [
                    facewise_embedder(embedder, name, kind, batch)
                    for name, (kind, embedder) in embedders.items()
                ]
                if not contenders:
                    continue
                # The first is the peer, or float32 in torch where there is none.
                truth = contenders[0].name
                weights_of = " with random weights" if model == INCEPTION else ""
                group = Group(
                    f"{model}{weights_of}, {batch} face{'s' if batch > 1 else ''} a batch",
                    unit="face",
                    reference=FACENET if model == INCEPTION else truth,
                    columns=["cosine"],
                    notes=[f"Cosines are with the vectors of {truth}."],
                )
                hold(group, contenders, parts, record, Judge(truth))


@contextmanager
def random_inception(shared: Path) -> Iterator[tuple[torch.nn.Module, Path]]:
    """facenet-pytorch's InceptionResnetV1 with random weights, and a file of the same weights."""
    net = peers.facenet_embedder(normalised(inputs.chips(shared, 32, 160)))
    with tempfile.TemporaryDirectory(prefix="facewise-bench-") as folder:
        path = Path(folder) / "inception_resnet_v1.safetensors"
        # Without the layer of classes, which facewise has only for training.
        state = {k: v for k, v in net.state_dict().items() if not k.startswith("logits.")}
        save_file(state, path)
        yield net, path


def normalised(chips: Chips) -> torch.Tensor:
    """As facenet-pytorch's `fixed_image_standardization` gives them: float32 (n, 3, S, S)."""
    return ((torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 127.5) / 128.0).contiguous()


def facenet(net: torch.nn.Module, batch: int) -> list[Contender]:
    """facenet-pytorch in batches and, where that is something else, one by one."""

    def contender(size: int, variant: str) -> Contender:
        @torch.inference_mode()
        def run(given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
            return [net(x) for x in given]

        def prepare(chips: Sequence[Chips]) -> list[torch.Tensor]:
            return list(torch.split(normalised(np.stack(chips)), size))

        def finish(found: list[torch.Tensor]) -> Vectors:
            return torch.cat(found).numpy()

        return Contender(FACENET, variant, FACENET, run, prepare, finish)

    batched = contender(batch, f"batches of {batch}" if batch > 1 else "single")
    return [batched] if batch == 1 else [batched, contender(1, "single")]


def dlib(models: Path | None, batch: int) -> list[Contender]:
    """dlib's own network on the same chips."""
    package = peers.module("dlib", "pip install dlib-bin")
    file = None if models is None else models / "dlib_face_recognition_resnet_model_v1.dat"
    if file is None or not file.is_file():
        raise UnavailableError(
            "name the folder of dlib_face_recognition_resnet_model_v1.dat with --dlib-models"
        )
    net = package.face_recognition_model_v1(str(file))

    def prepare(chips: Sequence[Chips]) -> list[list[Chips]]:
        return [list(chips[i : i + batch]) for i in range(0, len(chips), batch)]

    def run(given: list[list[Chips]]) -> list[Any]:
        return [vector for part in given for vector in net.compute_face_descriptor(part)]

    def finish(vectors: list[Any]) -> Vectors:
        return np.array(vectors, np.float32)

    return [Contender("dlib", "", "dlib", run, prepare, finish)]


def load(
    model: str, weights: Path | None, arguments: argparse.Namespace, record: Record
) -> dict[str, tuple[str, Embedder]]:
    """By name the kind and the embedder: each precision and backend it runs in, and defaults."""
    choices: dict[str, tuple[str, dict[str, Any]]] = {
        f"facewise {precision}, {backend}": (
            f"facewise {precision}",
            {"precision": precision, "backend": backend},
        )
        for precision, backend in product(arguments.precisions, arguments.backends)
    }
    loaded = {}
    for name, (kind, options) in {**choices, _DEFAULTS: (_DEFAULTS, {})}.items():
        if model == INCEPTION and options.get("precision") == "int8":  # its weights are new
            size = facewise.zoo.get_spec(model).input_size
            assert size is not None
            count = 8 if arguments.quick else _CALIBRATED
            options["calibration"] = inputs.chips(arguments.shared, count, size)
        try:
            embedder = facewise.load_embedder(model, weights, **options)
        except Exception as error:  # of whatever kind the backend raises
            record.miss(f"{model}, {name}", reason(error))
        else:
            loaded[name] = (kind, embedder)
    return loaded


def facewise_embedder(embedder: Embedder, name: str, kind: str, batch: int) -> Contender:
    """facewise from uint8 chips, which it normalises itself, to vectors."""

    def prepare(chips: Sequence[Chips]) -> list[Chips]:
        return [np.stack(chips[i : i + batch]) for i in range(0, len(chips), batch)]

    def run(given: list[Chips]) -> list[Vectors]:
        return [embedder.embed(chips) for chips in given]

    return Contender(name, "", kind, run, prepare, np.concatenate, embedder.settings)


class Judge:
    """The smallest cosine of a contender's vectors with those of one of them."""

    def __init__(self, truth: str) -> None:
        self._truth = truth
        self._vectors: dict[str, dict[int, Vectors]] = {}

    def see(self, timed: Timed) -> None:
        unit = timed.output / np.linalg.norm(timed.output, axis=1, keepdims=True)
        self._vectors.setdefault(timed.contender.name, {})[timed.round] = unit

    def extras(self, name: str) -> Mapping[str, float | None]:
        own, true = self._vectors[name], self._vectors.get(self._truth, {})
        cosines = [(own[r] * true[r]).sum(axis=1) for r in own.keys() & true.keys()]
        return {"cosine": float(np.concatenate(cosines).min())} if cosines else {}
