"""Partial-FC: of a million people, only some take part in a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from facewise.errors import TrainingError
from facewise.training.losses.class_weights import ClassWeights, initial_weights
from facewise.training.losses.face_loss import checked_range

if TYPE_CHECKING:
    from torch.optim import Optimizer

_STATE = "state_"


class SampledClassWeights(ClassWeights):
    """The weights of all classes, of which a step sees those of the batch and a random part.

    An et al., "Partial FC: Training 10 Million Identities on a Single Machine" (2021) and "Killing
    Two Birds with One Stone" (2022): the softmax is over the people of the batch and random others,
    ceil(sample_rate * num_classes) together, or the people of the batch alone where they are more.

    The weights are a buffer, not a parameter. A step's rows are copied out of it; after `backward`
    they and their gradient are the parameter `sampled`, which is what an optimiser, a clipping of
    gradients or a scaler meet. `attach` hooks into the optimiser: before its step, what it
    remembers of these rows (momentum, squares: every state tensor with the shape of the
    parameter) is put in place; after it, rows and memory go back to where they belong. Any
    optimiser that treats numbers one by one will do (SGD, Adam, AdamW, Adagrad, RMSprop); rows
    that are not sampled are not touched, neither by decay nor by momentum. Counters of steps are
    common to all rows. With gradients accumulated over several batches, the rows of all of them
    take part.

    In evaluation mode all classes take part. Everything a resumed run needs is in `state_dict`:
    weights, memory and the state of the random numbers.

    Attributes:
        weight: (num_classes, *vector), a buffer.
        sampled: (c, *vector), the rows between `backward` and the optimiser's step, else (0, ...).
    """

    generator_state: Tensor

    def __init__(self, num_classes: int, *vector: int, sample_rate: float, seed: int = 0) -> None:
        nn.Module.__init__(self)
        checked_range("sample_rate", sample_rate, 0.0, 1.0)
        self.register_buffer("weight", initial_weights(num_classes, *vector))
        self.sampled = nn.Parameter(torch.empty(0, *vector))
        self.register_buffer("generator_state", torch.Generator().manual_seed(seed).get_state())
        self._count = max(1, -int(-sample_rate * num_classes // 1))
        self._index = torch.empty(0, dtype=torch.int64)
        self._attached = False

    def forward(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The sampled rows, and where the labels stand among them; see the base.

        Raises:
            TrainingError: training before `attach`, which would learn nothing.
        """
        if not self.training:
            return self.weight, labels
        if torch.is_grad_enabled() and not self._attached:
            raise TrainingError("sampled class weights: call loss.attach(optimizer) first")
        index = self._draw(labels)
        rows = self.weight.index_select(0, index)
        if torch.is_grad_enabled():
            rows.requires_grad_()
            rows.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                lambda rows: self._offer(index, rows)
            )
        return rows, torch.searchsorted(index, labels)

    def attach(self, optimizer: Optimizer) -> None:
        """Take part in the optimiser's steps; it must hold the parameter `sampled`.

        Raises:
            TrainingError: it does not.
        """
        groups = [g for g in optimizer.param_groups if any(p is self.sampled for p in g["params"])]
        if not groups:
            raise TrainingError("optimizer: does not hold the parameters of the loss")
        for key, value in optimizer.state.get(self.sampled, {}).items():
            if _is_rows(value, self.sampled):  # Adagrad fills its memory before the first step
                self._remember(key, groups[0].get("initial_accumulator_value", 0.0))
        optimizer.register_step_pre_hook(lambda optimizer, *_: self._before_step(optimizer))
        optimizer.register_step_post_hook(lambda optimizer, *_: self._after_step(optimizer))
        self._attached = True

    def _draw(self, labels: Tensor) -> Tensor:
        """The classes of a step, ascending."""
        generator = torch.Generator()
        generator.set_state(self.generator_state.cpu())
        # Chance on the host, so that it is the same on every device and in every process.
        chance = torch.rand(len(self.weight), generator=generator)
        self.generator_state.copy_(generator.get_state())
        positives = torch.unique(labels.cpu())
        count = max(self._count, len(positives))
        chance[positives] = 2.0
        index = chance.topk(count, sorted=False).indices.sort().values
        return index.to(self.weight.device)

    def _offer(self, index: Tensor, rows: Tensor) -> None:
        """Give the optimiser the rows of a batch and their gradient."""
        gradient, rows.grad = rows.grad, None
        assert gradient is not None  # noqa: S101 - torch calls this after it has set it
        if self.sampled.grad is not None:  # of an earlier batch: gradients are accumulated
            union = torch.unique(torch.cat([self._index, index]))
            total = gradient.new_zeros(len(union), *gradient.shape[1:])
            total.index_add_(0, torch.searchsorted(union, self._index), self.sampled.grad)
            total.index_add_(0, torch.searchsorted(union, index), gradient)
            index, gradient = union, total
            self.sampled.grad = None
            self.sampled.data = self.weight.index_select(0, index)
        else:
            self.sampled.data = rows.detach()
        self._index = index
        self.sampled.grad = gradient

    def _before_step(self, optimizer: Optimizer) -> None:
        if self.sampled.grad is None:
            return
        state = optimizer.state[self.sampled]
        for name, memory in self.named_buffers(recurse=False):
            if name.startswith(_STATE):
                state[name.removeprefix(_STATE)] = memory.index_select(0, self._index)

    def _after_step(self, optimizer: Optimizer) -> None:
        if self.sampled.grad is None:
            return
        state = optimizer.state[self.sampled]
        for key in [key for key, value in state.items() if _is_rows(value, self.sampled)]:
            self._remember(key, 0.0).index_copy_(0, self._index, state.pop(key))
        self.weight.index_copy_(0, self._index, self.sampled.detach())
        self.sampled.grad = None
        self.sampled.data = self.weight.new_empty(0, *self.weight.shape[1:])

    def _remember(self, key: str, fill: float) -> Tensor:
        """The memory of all rows for one key of the optimiser's state; made where it is missing."""
        name = _STATE + key
        if name not in self._buffers:
            self.register_buffer(name, torch.full_like(self.weight, fill))
        memory: Tensor = getattr(self, name)
        return memory

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        del destination[f"{prefix}sampled"]  # lives from backward to step, never longer

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        for key in state_dict:
            if key.startswith(f"{prefix}{_STATE}"):
                self._remember(key.removeprefix(f"{prefix}{_STATE}"), 0.0)
        present = {**state_dict, f"{prefix}sampled": self.sampled}
        super()._load_from_state_dict(present, prefix, *others)


def _is_rows(value: object, parameter: Tensor) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0 and value.shape == parameter.shape
