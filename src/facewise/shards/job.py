"""What a worker has to know, besides its units; as plain values, for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from facewise.shards.models import Models
from facewise.shards.schema import Counts
from facewise.shards.units import Unit


@dataclass(frozen=True, slots=True)
class Job:
    """What all units of a run have in common.

    Attributes:
        out: the folder of the shards, a path or URL.
        models: by name.
        settings: of the run; a worker whose models come to others refuses.
        facts: of the embedder.
        chips: whether the shards hold chips.
    """

    out: str
    models: Models
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    chips: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` makes an equal job of."""
        return {
            "out": self.out,
            "models": self.models.to_dict(),
            "settings": dict(self.settings),
            "facts": dict(self.facts),
            "chips": self.chips,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Job:
        """The job that `to_dict` was called of, also after a way through JSON."""
        return cls(**{**values, "models": Models(**values["models"])})


@dataclass(frozen=True, slots=True)
class Task:
    """A unit and the shard that it becomes.

    Attributes:
        shard: the name of its file.
        unit: the pictures.
        failed: the shard is there, and so many of its pictures failed: another takes its place only
            if fewer fail. None: a shard that is there stays.
    """

    shard: str
    unit: Unit
    failed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` makes an equal task of."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Task:
        """The task that `to_dict` was called of, also after a way through JSON."""
        return cls(values["shard"], Unit.from_dict(values["unit"]), values["failed"])


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a task.

    Attributes:
        shard: the name of its file.
        counts: of its rows; None: there is no shard.
        problem: why there is none; empty if there is one.
    """

    shard: str
    counts: Counts | None
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` makes an equal result of."""
        return {
            "shard": self.shard,
            "counts": None if self.counts is None else list(self.counts),
            "problem": self.problem,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Done:
        """The result that `to_dict` was called of, also after a way through JSON."""
        counts = values["counts"]
        return cls(values["shard"], None if counts is None else Counts(*counts), values["problem"])
