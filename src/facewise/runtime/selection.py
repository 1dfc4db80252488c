"""Choose how a model's networks run: the fastest way that proves itself on this machine.

A choice is made once for each machine, set of versions and weights, and kept as a file; after that
only what was chosen is built.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Generic, TypeVar

import torch

from facewise._files import replace_file
from facewise.errors import DeviceError, ExtraMissingError, FacewiseError
from facewise.runtime.decisions import (
    Decision,
    Proof,
    Trial,
    decision_file,
    read_decision,
    this_machine,
)
from facewise.runtime.networks import BACKENDS, PRECISIONS, Candidate
from facewise.runtime.processor import BFLOAT16, INT8, processor_features

BACKEND_VARIABLE = "FACEWISE_BACKEND"
PRECISION_VARIABLE = "FACEWISE_PRECISION"
EXTRAS = {"onnxruntime": "onnx", "openvino": "openvino"}
"""The optional dependency of facewise that brings a backend."""

_MODULES = {"onnxruntime": ("onnxruntime", "onnx"), "openvino": ("openvino", "onnx")}
_GAIN = 1.1
"""How much faster than a simpler way one must be to be taken: less may be noise."""
_ROUNDS = 15
_SECONDS = 1.5
"""Of timing, after which no further round begins."""
_RESOLUTION = 1e-3
"""Milliseconds."""

Built = TypeVar("Built")


@dataclass(frozen=True, slots=True)
class Choice(Generic[Built]):
    """Networks ready to run, and the decision that led to them."""

    built: Built
    candidate: Candidate
    decision: Decision


def asked_for(
    backend: str | None, precision: str | None, *, impossible: str | None = None
) -> tuple[str, str]:
    """What the arguments say, else the environment, else "auto".

    Args:
        backend: the argument, or None.
        precision: likewise.
        impossible: a backend that cannot run the model. The environment speaks to all models, and
            its wish for that backend does not concern this one.

    Raises:
        FacewiseError: a name is wrong.
    """
    found = []
    for value, variable, names in (
        (backend, BACKEND_VARIABLE, BACKENDS),
        (precision, PRECISION_VARIABLE, PRECISIONS),
    ):
        kind = variable.removeprefix("FACEWISE_").lower()
        source = kind if value is not None else variable
        name = value if value is not None else os.environ.get(variable) or "auto"
        if value is None and name == impossible:
            name = "auto"
        if name not in (*names, "auto"):
            raise FacewiseError(f"{source} {name!r}: expected one of {', '.join(names)}, auto")
        found.append(name)
    return found[0], found[1]


def choose(
    subject: str,
    *,
    key: str,
    asked: tuple[str, str],
    offered: Sequence[Candidate],
    build: Callable[[Candidate], Built],
    prove: Callable[[Built, Candidate], Proof],
    workloads: Mapping[str, Callable[[Built], object]],
    folder: Path,
    device: torch.device | None = None,
    withheld: Mapping[str, str] | None = None,
) -> Choice[Built]:
    """Build what runs a model best: each candidate proves itself, the survivors are timed.

    Args:
        subject: the model's name, for messages and reports.
        key: everything that decides the networks besides the candidate: weights, architecture,
            and what the proof and the workloads depend on.
        asked: from `asked_for`.
        offered: the candidates that the model can run as, the simplest first.
        build: makes the networks of a candidate.
        prove: compares them with float32 PyTorch on real data; called once a machine.
        workloads: by name, what to time: calls that use the networks as real work does.
        folder: where decisions are kept: `zoo.cache_dir() / "runtime"`.
        device: where PyTorch runs; the CPU by default.
        withheld: by candidate (as a string), or by precision for all backends, why it is not taken
            for this model unless that precision is asked for.

    Returns:
        The networks of the fastest candidate; of the simplest, unless another is 1.1 times as
        fast. A candidate that was asked for by both names is not timed.

    Raises:
        ExtraMissingError: the backend asked for is not installed.
        DeviceError: this machine lacks what the precision asked for needs.
        FacewiseError: nothing that was asked for can be built and passes its proof.
    """
    device = device or torch.device("cpu")
    trials = [
        Trial(candidate, refused=_obstacle(candidate, asked, device, withheld or {}))
        for candidate in offered
        if matches(candidate, asked)
    ]
    _check_asked(subject, asked, offered, trials)
    machine = this_machine(device)
    path = decision_file(
        folder, [subject, key, asked, machine, [asdict(trial) for trial in trials]]
    )
    kept = read_decision(path)
    if kept is not None and kept.picked is not None:
        with contextlib.suppress(Exception):  # whatever has broken since: decide anew
            return Choice(build(kept.picked), kept.picked, kept)
    able: dict[Candidate, Built] = {}
    errors: list[FacewiseError] = []
    for i, trial in enumerate(trials):
        if trial.refused is None:
            trials[i] = _tried(trial.candidate, build, prove, able, errors)
    if errors and not able:
        raise errors[0]  # all have failed, so it is the model's fault, which this one describes
    if len(able) > 1:
        times = _timed(able, workloads)
        trials = [Trial(t.candidate, t.proof, times.get(t.candidate), t.refused) for t in trials]
    picked, why = _picked(trials)
    decision = Decision(subject, asked, picked, why, tuple(trials), machine)
    with contextlib.suppress(OSError):
        replace_file(path, json.dumps(asdict(decision), indent=1).encode())
    if picked is None:
        raise FacewiseError(f"{subject}: {why}")
    return Choice(able[picked], picked, decision)


def installed(backend: str) -> bool:
    """Whether the modules of a backend are there."""
    return all(find_spec(module) is not None for module in _MODULES.get(backend, ()))


def lacking(precision: str, device: torch.device) -> str | None:
    """What this machine lacks for a precision, in words, or None."""
    if device.type != "cpu":
        return "integers are computed on the CPU only" if precision == "int8" else None
    if precision == "float16":
        return "processors compute float16 slowly; it is for other devices"
    needed = {"bfloat16": BFLOAT16, "int8": INT8}.get(precision)
    if needed is not None and not needed & processor_features():
        return f"this processor has none of {', '.join(sorted(needed))}"
    return None


def matches(candidate: Candidate, asked: tuple[str, str]) -> bool:
    """Whether a candidate is among what was asked for."""
    backend, precision = asked
    return backend in ("auto", candidate.backend) and precision in ("auto", candidate.precision)


def _obstacle(
    candidate: Candidate,
    asked: tuple[str, str],
    device: torch.device,
    withheld: Mapping[str, str],
) -> str | None:
    """Why a candidate need not even be built, or None."""
    if not installed(candidate.backend):
        return f"not installed: pip install 'facewise[{EXTRAS[candidate.backend]}]'"
    if candidate.backend != "torch" and device.type != "cpu":
        return "runs on the CPU only"
    if asked[1] == "auto":
        reason = withheld.get(str(candidate), withheld.get(candidate.precision))
        if reason is not None:
            return reason
    return lacking(candidate.precision, device)


def _check_asked(
    subject: str,
    asked: tuple[str, str],
    offered: Sequence[Candidate],
    trials: Sequence[Trial],
) -> None:
    """Raise what is wrong with a request that leaves no candidate to try."""
    if any(trial.refused is None for trial in trials):
        return
    backend, precision = asked
    if not trials:
        raise FacewiseError(
            f"{subject}: does not run with backend {backend!r} and precision {precision!r}; "
            f"it has {', '.join(map(str, offered))}"
        )
    reasons = "; ".join(f"{trial.candidate}: {trial.refused}" for trial in trials)
    missing = [t.candidate.backend for t in trials if not installed(t.candidate.backend)]
    if len(missing) == len(trials):
        raise ExtraMissingError(f"{subject}: {reasons}")
    raise DeviceError(f"{subject}: {reasons}")


def _tried(
    candidate: Candidate,
    build: Callable[[Candidate], Built],
    prove: Callable[[Built, Candidate], Proof],
    able: dict[Candidate, Built],
    errors: list[FacewiseError],
) -> Trial:
    """Build a candidate and let it prove itself; put it with the able ones, or its error down."""
    try:
        built = build(candidate)
        proof = prove(built, candidate)
    except Exception as error:  # backends raise whatever they like
        if isinstance(error, FacewiseError):
            errors.append(error)
        reason = str(error).splitlines()[0] if str(error) else ""
        return Trial(candidate, refused=f"{type(error).__name__}: {reason}")
    if not proof.passed:
        return Trial(candidate, proof, refused=f"differs from float32 torch: {proof}")
    able[candidate] = built
    return Trial(candidate, proof)


def _timed(
    able: Mapping[Candidate, Built], workloads: Mapping[str, Callable[[Built], object]]
) -> dict[Candidate, dict[str, float]]:
    """Least milliseconds of each candidate for each workload, measured in turns."""
    least = {candidate: dict.fromkeys(workloads, math.inf) for candidate in able}
    begin = time.perf_counter()
    for turn in range(_ROUNDS + 1):
        if turn > 1 and time.perf_counter() - begin > _SECONDS:
            break
        for candidate, built in able.items():
            for name, work in workloads.items():
                start = time.perf_counter()
                work(built)
                taken = 1000 * (time.perf_counter() - start)
                if turn:  # the first is a warm-up
                    least[candidate][name] = min(
                        least[candidate][name], max(round(taken, 3), _RESOLUTION)
                    )
    return least


def _picked(trials: Sequence[Trial]) -> tuple[Candidate | None, str]:
    """The candidate to take, and why."""
    able = [trial for trial in trials if trial.refused is None]
    if not able:
        reasons = "; ".join(f"{trial.candidate}: {trial.refused}" for trial in trials)
        return None, f"no way to run it passes its proof ({reasons})"
    if len(able) == 1:
        return able[0].candidate, "the only one of those asked for that this machine can run"
    scores = [math.prod((trial.milliseconds or {}).values()) for trial in able]
    power = 1 / max(len(able[0].milliseconds or {}), 1)  # to their geometric mean
    best = min(scores)
    first = next(i for i, s in enumerate(scores) if (s / best) ** power <= _GAIN)
    gain = (scores[0] / scores[first]) ** power
    against = "" if first == 0 else f", {gain:.1f} times as fast as {able[0].candidate}"
    return able[first].candidate, f"the fastest that passes its proof{against}"
