"""`Draw`: the number of a picture that also knows which draw of the training it is."""

from __future__ import annotations

import numpy as np
import torch


class Draw(int):
    """A picture's number in its index, as samplers give it.

    It is the number for everyone who wants one, and `serial` besides: the count of draws since the
    training began, over all processes. Augmentation is seeded by it. So a picture that is drawn
    twice is not changed twice in the same way, and neither the number of processes, nor that of
    loading workers, nor an interruption changes what a training sees.

    Attributes:
        serial: from 0.
    """

    serial: int

    def __new__(cls, picture: int, serial: int) -> Draw:
        """A picture's number, at some draw."""
        draw = super().__new__(cls, picture)
        draw.serial = serial
        return draw

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        return int(self), self.serial


def generator_of(item: int, seed: int) -> torch.Generator:
    """The random numbers that go with a draw.

    Args:
        item: a `Draw`; for any other number they come from PyTorch's own generator, as a plain
            sampler has it, and differ from call to call.
        seed: of the training.
    """
    if isinstance(item, Draw):
        mixed = np.random.SeedSequence((seed, item.serial)).generate_state(1, np.uint64)
        # PyTorch takes signed numbers.
        return torch.Generator().manual_seed(int(mixed[0] >> np.uint64(1)))
    return torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
