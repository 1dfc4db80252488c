"""What a run has come to, and how it tells how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from facewise.shards.face_batch import Failure
from facewise.shards.schema import Counts


@dataclass(frozen=True, slots=True)
class ShardRun:
    """What a run has come to.

    Attributes:
        out: the folder.
        model: id of the embedder.
        weights: the hash of its weights.
        shards: how many the run has, or its part of them.
        written: shards that this run wrote.
        kept: shards that were there.
        counts: what they hold together.
        failures: the first hundred pictures, or tar files, without a result.
        unwritten: shards that could not be written, and why; the next run tries again.
    """

    out: str
    model: str
    weights: str
    shards: int
    written: int
    kept: int
    counts: Counts
    failures: tuple[Failure, ...]
    unwritten: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` writes them."""
        return {
            "out": self.out,
            "model": self.model,
            "weights": self.weights,
            "shards": self.shards,
            "written": self.written,
            "kept": self.kept,
            **self.counts._asdict(),
            "failures": [
                {"source": failure.source, "key": failure.key, "error": failure.reason}
                for failure in self.failures
            ],
            "unwritten": list(self.unwritten),
        }


class Progress:
    """Told by a run how far it is; does nothing by itself."""

    def begin(self, pictures: int | None) -> None:
        """The run begins: so many pictures are to do; None: nobody knows."""

    def looked_at(self, pictures: int) -> None:
        """So many pictures of this run are done."""
