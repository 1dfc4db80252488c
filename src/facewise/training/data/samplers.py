"""In which order pictures are drawn: batches for one process or many, and from any place on.

The order of an epoch follows from the labels, the seed and the epoch alone. Every process knows the
whole of it and takes its part of each batch, so a training with several processes sees the very
batches of one with a single process; and a training that goes on begins in the middle of an epoch
without a look at what came before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Sampler

from facewise.errors import TrainingError
from facewise.training.data.draws import Draw

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BatchSampler(Sampler[list[int]]):
    """Batches of `Draw`s, all of one size; made by `build_sampler`, for a `DataLoader`.

    Args:
        labels: int64 (n,), whom each picture shows.
        batch_size: draws in a batch, of all processes together.
        seed: at least 0.
        rank: of this process, from 0.
        world: how many processes there are; it divides the batch.

    Attributes:
        epoch: the current one, from 0.
        position: how many batches of it were given out. Workers of a loader fetch some before the
            training has seen them, so whoever keeps a checkpoint counts for himself.
    """

    def __init__(
        self, labels: NDArray[np.int64], *, batch_size: int, seed: int, rank: int, world: int
    ) -> None:
        if batch_size < 1:
            raise TrainingError(f"batch_size: expected at least 1, got {batch_size}")
        if seed < 0:
            raise TrainingError(f"seed: expected at least 0, got {seed}")
        if not 0 <= rank < world:
            raise TrainingError(f"rank: expected 0 to {world - 1} of {world}, got {rank}")
        if batch_size % world:
            raise TrainingError(
                f"batch_size: expected a multiple of the {world} processes, got {batch_size}"
            )
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world = world
        self.epoch = 0
        self.position = 0
        self._start = 0

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """The pictures of an epoch, intp (len(self) * batch_size,)."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Batches in an epoch, of which the last is filled up."""
        return -(-len(self.labels) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of this epoch from the position on that `load_state_dict` gave."""
        order = self.order(np.random.default_rng((self.seed, self.epoch)))
        epoch, start, self._start = self.epoch, self._start, 0
        share = self.batch_size // self.world
        for batch in range(start, len(self)):
            first = batch * self.batch_size + self.rank * share
            serial = epoch * len(self) * self.batch_size + first
            pictures = order[first : first + share].tolist()
            self.position = batch + 1
            yield [Draw(picture, serial + i) for i, picture in enumerate(pictures)]

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch; or stay where it is, if it is the current one."""
        if epoch < 0:
            raise TrainingError(f"epoch: expected at least 0, got {epoch}")
        if epoch != self.epoch:
            self.epoch, self.position, self._start = epoch, 0, 0

    def state_dict(self, position: int | None = None) -> dict[str, Any]:
        """Where it stands, for a checkpoint; the same in every process.

        Args:
            position: how many batches of the epoch the training has used; by default how many
                were given out.
        """
        return {
            "epoch": self.epoch,
            "position": self.position if position is None else position,
            "order": self._fingerprint(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the batch after those that were used.

        Raises:
            TrainingError: the state is of other data, another seed or another kind of batches.
        """
        if state["order"] != self._fingerprint():
            raise TrainingError(
                "sampler: the checkpoint was made with other pictures, or another sampler, seed or "
                "batch size; its order cannot be continued"
            )
        epoch, position = int(state["epoch"]), int(state["position"])
        if epoch < 0 or not 0 <= position <= len(self):
            raise TrainingError(
                f"sampler: expected a position from 0 to {len(self)} in an epoch from 0, got "
                f"{position} in {epoch}"
            )
        self.epoch, self.position, self._start = epoch, position, position

    def _settings(self) -> tuple[object, ...]:
        """What decides the order besides the labels."""
        return type(self).__name__, self.batch_size, self.seed

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self._settings()).encode())
        digest.update(np.ascontiguousarray(self.labels, "<i8").tobytes())
        return digest.hexdigest()


class PlainSampler(BatchSampler):
    """Every picture once in an epoch; the last batch is filled up with the first ones again."""

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """See the class."""
        return np.resize(random.permutation(len(self.labels)), len(self) * self.batch_size)


class BalancedSampler(BatchSampler):
    """Every person as often as any other (once more at most), however many pictures there are.

    The people come in rounds, each in another order; and a person's pictures one after the other,
    in an order of the epoch, so that none comes again before all have been.
    """

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """See the class."""
        pictures = _Pictures(self.labels, random)
        total, people = len(self) * self.batch_size, len(pictures.counts)
        drawn = _rounds(people, -(-total // people), random).reshape(-1)[:total]
        return pictures.at(drawn, _visits(drawn))


class PeopleSampler(BatchSampler):
    """Batches of p different people with k pictures each (P×K), those of a person side by side.

    The people come in rounds, each in another order; those who are left when a round does not fill
    another batch are passed over in that round. Whoever has fewer than k pictures shows some more
    than once in a batch (`at_least` leaves such people out); else the k are different ones, and no
    picture comes again before all have been.

    Args:
        labels: int64 (n,), whom each picture shows.
        p: people in a batch, of all processes together; a multiple of the processes.
        k: pictures of each.
        seed: as of `BatchSampler`, like the others.
        rank: of this process.
        world: how many processes there are.
    """

    def __init__(
        self, labels: NDArray[np.int64], *, p: int, k: int, seed: int, rank: int, world: int
    ) -> None:
        people = len(np.unique(labels))
        if not 1 <= p <= people:
            raise TrainingError(f"p: expected 1 to {people} people in a batch, got {p}")
        if k < 1:
            raise TrainingError(f"k: expected at least 1 picture of each person, got {k}")
        if p % world:
            raise TrainingError(
                f"p: expected a multiple of the {world} processes, so that nobody's pictures are "
                f"parted, got {p}"
            )
        super().__init__(labels, batch_size=p * k, seed=seed, rank=rank, world=world)
        self.p, self.k = p, k

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """See the class."""
        pictures = _Pictures(self.labels, random)
        people = len(pictures.counts)
        in_a_round = people // self.p
        rounds = _rounds(people, -(-len(self) // in_a_round), random)[:, : in_a_round * self.p]
        drawn = np.repeat(rounds.reshape(-1)[: len(self) * self.p], self.k)
        return pictures.at(drawn, _visits(drawn))

    def _settings(self) -> tuple[object, ...]:
        return *super()._settings(), self.p, self.k


class _Pictures:
    """The pictures of each person, in a random order of their own.

    Attributes:
        counts: intp (people,), how many there are.
    """

    def __init__(self, labels: NDArray[np.int64], random: np.random.Generator) -> None:
        mixed = random.permutation(len(labels))
        self._sorted = mixed[np.argsort(labels[mixed], kind="stable")]
        _, self._first, self.counts = np.unique(
            labels[self._sorted], return_index=True, return_counts=True
        )

    def at(self, people: NDArray[np.intp], visit: NDArray[np.intp]) -> NDArray[np.intp]:
        """Which picture somebody shows at some visit; they begin again after the last."""
        return self._sorted[self._first[people] + visit % self.counts[people]]


def _rounds(people: int, count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """All people in another order in each round, intp (count, people)."""
    every = np.broadcast_to(np.arange(people), (count, people))
    return random.permuted(every, axis=1)


def _visits(people: NDArray[np.intp]) -> NDArray[np.intp]:
    """How often each person has been drawn before, at each draw."""
    order = np.argsort(people, kind="stable")
    counts = np.bincount(people)
    visits = np.empty_like(order)
    visits[order] = np.arange(len(people)) - np.repeat(np.cumsum(counts) - counts, counts)
    return visits


def build_sampler(
    kind: str,
    labels: Sequence[int] | NDArray[np.int64],
    *,
    batch_size: int,
    p: int | None = None,
    k: int | None = None,
    seed: int = 0,
    rank: int = 0,
    world: int = 1,
) -> BatchSampler:
    """A sampler of batches for this process.

    Args:
        kind: "plain" (every picture once), "balanced" (every person as often as any other) or "pk"
            (p people with k pictures each in a batch).
        labels: int (n,), whom each picture shows.
        batch_size: pictures in a batch, of all processes together.
        p: people in a batch with "pk", by default batch_size / k; the others do not look at it.
        k: pictures of each with "pk", which needs it; likewise.
        seed: at least 0.
        rank: of this process, from 0: it gets the part of each batch from rank * batch_size / world
            on. The parts of all processes, one after the other, are the batch of a single one.
        world: how many processes there are.

    Raises:
        TrainingError: an argument outside its range, a batch that cannot be divided evenly, or an
            unknown kind.

    Example:
        >>> from facewise.training.data.samplers import build_sampler
        >>> sampler = build_sampler("pk", [0, 0, 1, 1, 2, 2], batch_size=4, k=2)
        >>> [len(batch) for batch in sampler]
        [4, 4]
    """
    each = np.asarray(labels)
    if each.ndim != 1 or not len(each) or each.dtype.kind not in "iu":
        raise TrainingError(
            f"labels: expected whole numbers of shape (n,), got {each.dtype} {each.shape}"
        )
    each = each.astype(np.int64)
    if kind == "pk":
        if k is None or k < 1:
            raise TrainingError(f"k: expected the number of pictures of each person, got {k}")
        p = batch_size // k if p is None else p
        if p * k != batch_size:
            raise TrainingError(
                f"batch_size: expected p × k = {p} × {k} = {p * k}, got {batch_size}"
            )
        return PeopleSampler(each, p=p, k=k, seed=seed, rank=rank, world=world)
    kinds = {"plain": PlainSampler, "balanced": BalancedSampler}
    if kind not in kinds:
        raise TrainingError(f"sampler: expected plain, balanced or pk, got {kind!r}")
    return kinds[kind](each, batch_size=batch_size, seed=seed, rank=rank, world=world)
