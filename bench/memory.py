"""One contender's peak memory, in a process that does nothing else; see `bench.pipeline`.

    python -m bench.memory SHARED WEIGHTS FRAMES facenet BATCH
    python -m bench.memory SHARED WEIGHTS FRAMES facewise MODE PRECISION BACKEND

Prints bytes as JSON: `memory_before` with models and frames loaded, and the largest, `memory`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.contest import UnavailableError
from bench.inputs import Frame, read_video


def resident(largest: bool) -> int:
    """Resident memory of this process in bytes, now or at its largest.

    Raises:
        UnavailableError: the system does not say.
    """
    # Not getrusage: Linux counts there what the parent had when it started this process.
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        raise UnavailableError("memory is measured on Linux only") from None
    key = "VmHWM:" if largest else "VmRSS:"
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def facenet(weights: Path, batch: int) -> Callable[[list[Frame]], object]:
    """facenet-pytorch, so many frames in a call."""
    import torch
    from safetensors.torch import load_file

    from bench.peers import facenet_pytorch

    package = facenet_pytorch()
    mtcnn = package.MTCNN(margin=14, keep_all=True, factor=0.5)
    net = package.InceptionResnetV1().eval()
    net.load_state_dict(load_file(weights), strict=False)

    @torch.inference_mode()
    def run(frames: list[Frame]) -> None:
        for start in range(0, len(frames), batch):
            part = frames[start : start + batch]
            found = mtcnn(np.stack(part)) if batch > 1 else [mtcnn(part[0])]
            faces = [some for some in found if some is not None]
            if faces:
                net(torch.cat(faces))

    return run


def facewise(
    weights: Path, mode: str, precision: str, backend: str
) -> Callable[[list[Frame]], object]:
    """facewise, all frames in a call."""
    import facewise
    from bench.embed import INCEPTION

    detector = facewise.load_detector("mtcnn", factor=0.5, mode=mode, backend=backend)
    embedder = facewise.load_embedder(INCEPTION, weights, precision=precision, backend=backend)

    def run(frames: list[Frame]) -> object:
        return embedder.embed_faces(frames, detector.detect(frames))

    return run


def main(arguments: list[str]) -> None:
    shared, weights, count, package, *settings = arguments
    path = Path(weights)
    run = facenet(path, int(settings[0])) if package == "facenet" else facewise(path, *settings)
    frames = read_video(Path(shared) / "data/photos/video.mp4", int(count))
    before = resident(largest=False)
    run(frames)
    print(json.dumps({"memory_before": before, "memory": resident(largest=True)}))


if __name__ == "__main__":
    main(sys.argv[1:])
