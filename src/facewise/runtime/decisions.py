"""Decisions of `selection`, and the files that keep them: once for each machine and version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from facewise._software import installed_version
from facewise._version import __version__
from facewise.runtime.networks import Candidate
from facewise.runtime.processor import processor_features, processor_name
from facewise.runtime.threads import cores


@dataclass(frozen=True, slots=True)
class Proof:
    """How near networks are to the same ones in float32 PyTorch.

    Attributes:
        what: what was compared, with the figure's name: "least cosine of 8 chips".
        figure: the result; the higher the nearer.
        limit: the least figure that passes.
    """

    what: str
    figure: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the figure is at the limit or above; never for a NaN."""
        return self.figure >= self.limit

    def __str__(self) -> str:
        return f"{self.what} {self.figure:.6f}, limit {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one candidate.

    Attributes:
        candidate: backend and precision.
        proof: its proof, if it came to that.
        milliseconds: least time of each workload, if it was timed.
        refused: why it is out of the question, or None.
    """

    candidate: Candidate
    proof: Proof | None = None
    milliseconds: Mapping[str, float] | None = None
    refused: str | None = None

    def __str__(self) -> str:
        if self.refused is not None:
            return f"{self.candidate}: not used: {self.refused}"
        times = [f"{work} {time:.1f} ms" for work, time in (self.milliseconds or {}).items()]
        return "; ".join([f"{self.candidate}: {self.proof}", *times])


@dataclass(frozen=True, slots=True)
class Decision:
    """What was chosen for a model on this machine, and why.

    Attributes:
        subject: the model's name.
        asked: what was asked for: backend and precision, each a name or "auto".
        picked: the choice.
        why: in words.
        trials: all candidates.
        machine: processor, cores and versions it holds for.
    """

    subject: str
    asked: tuple[str, str]
    picked: Candidate | None
    why: str
    trials: tuple[Trial, ...]
    machine: Mapping[str, str]


def kept_decisions(folder: Path) -> list[Decision]:
    """The decisions made by this version of facewise on this machine, in the order of subjects."""
    found = (read_decision(path) for path in (folder / "decisions").glob("*.json"))
    here = this_machine(torch.device("cpu"))
    kept = [d for d in found if d is not None and {**d.machine, "device": "cpu"} == here]
    return sorted(kept, key=lambda decision: (decision.subject, decision.asked))


def this_machine(device: torch.device) -> dict[str, str]:
    """What decisions hold for."""
    versions = {
        name: installed_version(name)
        for name in ("torch", "numpy", "onnxruntime", "onnx", "openvino")
    }
    where = str(device)
    if device.type == "cuda":
        where = f"{device} {torch.cuda.get_device_name(device)}"
    return {
        "processor": processor_name(),
        "features": " ".join(sorted(processor_features())),
        "cores": str(cores()),
        "device": where,
        "facewise": __version__,
        **{name: version for name, version in versions.items() if version},
    }


def decision_file(folder: Path, made_of: list[Any]) -> Path:
    """Where the decision is kept that these plain values lead to."""
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return folder / "decisions" / f"{digest}.json"


def read_decision(path: Path) -> Decision | None:
    """A kept decision, or None where there is none that can be read."""
    try:
        content = json.loads(path.read_bytes())
        trials = tuple(
            Trial(
                Candidate(**trial["candidate"]),
                Proof(**trial["proof"]) if trial["proof"] else None,
                trial["milliseconds"],
                trial["refused"],
            )
            for trial in content["trials"]
        )
        picked = Candidate(**content["picked"]) if content["picked"] else None
        asked = (str(content["asked"][0]), str(content["asked"][1]))
        return Decision(
            str(content["subject"]), asked, picked, content["why"], trials, content["machine"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
