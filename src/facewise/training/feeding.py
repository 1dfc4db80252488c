"""What is learnt from, batch by batch."""

from __future__ import annotations

import warnings

import torch
from torch.utils.data import Dataset

from facewise.errors import TrainingError
from facewise.training.config import TrainConfig
from facewise.training.data.augment import Augmentation
from facewise.training.data.dataset import ChipDataset
from facewise.training.data.index import FaceIndex
from facewise.training.data.samplers import BatchSampler, build_sampler
from facewise.training.known_options import known_options
from facewise.training.losses import FaceLoss, OfflineTripletLoss
from facewise.training.processes import world
from facewise.training.triplet_sampler import TripletSampler, the_triplets

_SHOWN = 5
"""Problems that are named."""


class Numbered(Dataset[tuple[torch.Tensor, int, int]]):
    """The pictures with their numbers, so that an error can name them."""

    def __init__(self, dataset: ChipDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int, int]:
        chip, label = self._dataset[number]
        return chip, label, int(number)


def tell_problems(index: FaceIndex) -> None:
    """Warn of what was left out when the data were listed."""
    found = index.problems
    if not found:
        return
    shown = "; ".join(str(problem) for problem in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    warnings.warn(
        f"{len(found)} left out of the data: {shown}{more} (`facewise train index` lists all)",
        RuntimeWarning,
        stacklevel=2,
    )


def require_people(index: FaceIndex, config: TrainConfig) -> None:
    """Make sure that there are two people to tell apart."""
    if index.num_classes < 2:
        raise TrainingError(
            f"{config.data}: expected at least two people with {config.at_least} pictures or more, "
            f"got {index.num_classes}"
        )


def the_augmentation(config: TrainConfig) -> Augmentation | None:
    """How chips are varied, or None where they are not."""
    if not config.augment:
        return None
    found: Augmentation = known_options("augment", Augmentation, config.augment)
    return found


def the_sampler(config: TrainConfig, loss: FaceLoss, index: FaceIndex) -> BatchSampler:
    """The sampler of this process."""
    kind = config.sampler
    if kind == "auto":
        kind = "pk" if loss.needs_pairs else "plain"
    rank, count = world()
    if isinstance(loss, OfflineTripletLoss):
        triplets = the_triplets(
            config.triplets or config.out / "triplets.npy",
            index.labels,
            config.triplet_count,
            config.seed,
            write=rank == 0,
        )
        return TripletSampler(
            index.labels,
            triplets,
            batch_size=config.batch_size,
            seed=config.seed,
            rank=rank,
            world=count,
        )
    return build_sampler(
        kind,
        index.labels,
        batch_size=config.batch_size,
        k=config.pictures_each if kind == "pk" else None,
        seed=config.seed,
        rank=rank,
        world=count,
    )
