"""Any loss of pytorch-metric-learning, by its name there."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from facewise.errors import TrainingError
from facewise.training.extra import needed
from facewise.training.losses.face_loss import FaceLoss, checked_batch, full_precision

if TYPE_CHECKING:
    from torch import Tensor

PREFIX = "pml:"
"""Before a name of that library: `pml:ContrastiveLoss`."""

_CLASSES, _SIZE = "num_classes", "embedding_size"


class LibraryLoss(FaceLoss):
    """A loss of pytorch-metric-learning, in float32 and with our checks of a batch.

    Musgrave 2020, "PyTorch Metric Learning". Losses with weights of classes (those that ask for
    `num_classes`) take plain batches; the others compare the pictures of a batch, so they need
    several of a person. Their parameters learn at the rate of the weights of classes. A few of them
    keep numbers that no checkpoint holds (`DynamicSoftMarginLoss`) or draw chance of their own:
    those do not go on exactly, nor are they equal in several processes.

    Args:
        name: of a class in `pytorch_metric_learning.losses`.
        num_classes: people in the training set.
        embedding_size: length d of the embeddings.
        options: arguments of that class.

    Raises:
        TrainingError: there is no such loss, it does not take an option, or refuses its value.
        ExtraMissingError: the library is not installed.
    """

    def __init__(self, name: str, num_classes: int, embedding_size: int, **options: Any) -> None:
        super().__init__(embedding_size)
        made = _class_of(name)
        sizes = {_CLASSES: num_classes, _SIZE: embedding_size}
        accepted = _parameters(made)
        own = {key: value for key, value in sizes.items() if key in accepted}
        for option in options:
            if option not in accepted or option in sizes:
                known = ", ".join(sorted(accepted.keys() - sizes.keys())) or "none"
                raise TrainingError(f"{PREFIX}{name}: no option {option!r}; it has {known}")
        try:
            self.loss = made(**own, **options)
        except (TypeError, ValueError, AssertionError) as error:
            raise TrainingError(f"{PREFIX}{name}: {error}") from error
        # One where they are optional compares pictures and weighs people.
        classes = accepted.get(_CLASSES)
        self.needs_pairs = classes is None or classes.default is not classes.empty
        self._name = name
        self._classes = None if self.needs_pairs else num_classes

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; see `FaceLoss`.

        Raises:
            TrainingError: as there, or the library cannot compute it from a batch with labels.
        """
        with full_precision(embeddings):
            vectors = checked_batch(embeddings, labels, self.embedding_size, self._classes)
            try:
                loss: Tensor = self.loss(vectors, labels)
            except (ValueError, NotImplementedError, AssertionError) as error:
                raise TrainingError(f"{PREFIX}{self._name}: {error}") from error
        # Where it finds nothing to learn from, the library gives a zero without a gradient.
        return loss if loss.requires_grad else loss + 0.0 * vectors.sum()


def library_losses() -> list[str]:
    """The names that the library has.

    Raises:
        ExtraMissingError: it is not installed.
    """
    losses = needed("pytorch_metric_learning.losses", "a loss of pytorch-metric-learning")
    return sorted(
        name
        for name, found in vars(losses).items()
        if inspect.isclass(found)
        and issubclass(found, losses.BaseMetricLossFunction)
        and not inspect.isabstract(found)
        and not name.startswith("Base")
    )


def library_options(name: str) -> dict[str, Any]:
    """The options of a loss and their defaults; one without a default must be given.

    Raises:
        TrainingError: there is no such loss.
        ExtraMissingError: the library is not installed.
    """
    return {
        key: parameter.default
        for key, parameter in _parameters(_class_of(name)).items()
        if key not in (_CLASSES, _SIZE)
    }


def _class_of(name: str) -> type[torch.nn.Module]:
    names = library_losses()
    if name not in names:
        raise TrainingError(f"loss {PREFIX}{name}: there is none; there are {', '.join(names)}")
    module = needed("pytorch_metric_learning.losses", "a loss of pytorch-metric-learning")
    found: type[torch.nn.Module] = getattr(module, name)
    return found


def _parameters(made: type[torch.nn.Module]) -> dict[str, inspect.Parameter]:
    """The arguments that a class and its bases name."""
    return {
        parameter.name: parameter
        for base in reversed(made.__mro__)
        if issubclass(base, torch.nn.Module)
        and base is not torch.nn.Module
        and "__init__" in vars(base)
        for parameter in list(inspect.signature(base.__init__).parameters.values())[1:]
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
