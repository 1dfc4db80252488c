"""Which state of a network is the model: measure it, keep the best, and write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facewise.training.classifying import save_classifier
from facewise.training.evaluating import Examiner, Measured, embedder_of, for_spec
from facewise.training.result import save_model
from facewise.training.training_thresholds import thresholds_of_training
from facewise.zoo import Threshold, file_sha256

if TYPE_CHECKING:
    import torch
    from torch import nn

    from facewise.embedding import Embedder
    from facewise.training.config import TrainConfig
    from facewise.training.data.dataset import ChipDataset
    from facewise.training.state import Parts
    from facewise.training.stopping import Stopping
    from facewise.training.watching import Watch
    from facewise.zoo import ModelSpec


class Jury:
    """Measures what was learnt so far, and writes the model of a run.

    Args:
        config: of the run.
        spec: of its network.
        twin: a network of the same layers in evaluation mode, which takes over the weights that
            are measured and saved: the moving average's, where there is one.
        parts: what learns.
        dataset: what it learns from.
        examiners: the protocols; the first decides, by its accuracy, or the rank-1 rate of a
            search. None in other processes than the first, which does not call anything here.
        device: where the twin is.
        stopping: a signal ends a measurement without a result.
    """

    def __init__(
        self,
        config: TrainConfig,
        spec: ModelSpec,
        twin: nn.Module,
        parts: Parts,
        dataset: ChipDataset,
        examiners: Sequence[Examiner],
        *,
        device: torch.device,
        stopping: Stopping,
    ) -> None:
        self._config, self._spec, self._twin, self._parts = config, spec, twin, parts
        self._dataset, self._examiners = dataset, examiners
        self._device, self._stopping = device, stopping
        self._last: Measured | None = None

    @property
    def model_is_there(self) -> bool:
        """Whether a model was written."""
        return (self._config.out / "model.safetensors").is_file()

    @property
    def embedder(self) -> Embedder:
        """What was learnt, as serving would run it."""
        self._update_twin()
        return embedder_of(self._twin, self._spec, self._device)

    def judge(self, watch: Watch, epoch: float) -> None:
        """Measure by every protocol, and write the model if it is the best so far.

        A signal that comes meanwhile leaves everything as it was.

        Args:
            watch: where the figures go.
            epoch: passes over the data so far.
        """
        measured = self._measured(watch)
        if not measured:
            return
        progress = self._parts.progress
        watch.evaluated(progress.step, epoch, measured)
        self._last = measured[0]
        progress.evaluated_step = progress.step
        figure = measured[0].deciding
        if progress.best is None or figure > progress.best:
            progress.best, progress.best_step = figure, progress.step
            progress.without_better = 0
            self.save_model(measured)
            return
        progress.without_better += 1
        patience = self._config.patience
        progress.stopped_early = patience is not None and progress.without_better >= patience

    def save_model(self, measured: Sequence[Measured] = ()) -> None:
        """Write the model, with what was measured of it."""
        self._update_twin()
        out, spec = self._config.out, self._spec
        thresholds: tuple[Threshold, ...] = ()
        for examiner, each in zip(self._examiners, measured, strict=False):
            thresholds = thresholds or examiner.thresholds(each.vectors)
        if not thresholds:
            thresholds = thresholds_of_training(self._dataset, self.embedder)
        spec = replace(spec, thresholds=thresholds, measured=for_spec(measured))
        save_model(out, self._twin, spec)
        if self._config.task == "classify":
            digest = file_sha256(out / "model.safetensors")
            save_classifier(out, self._parts.loss, self._dataset.index.names, digest)

    def project(self, watch: Watch) -> None:
        """Give TensorBoard's projector the vectors of the last measurement."""
        if self._last is None or not self._config.projector:
            return
        examiner = self._examiners[0]
        shown = np.flatnonzero(~np.isnan(self._last.vectors).any(axis=1))
        shown = shown[: self._config.projector]
        people = examiner.people()
        watch.projector(
            self._last.vectors[shown],
            [people[i] for i in shown.tolist()],
            examiner.chips()[shown],
            self._parts.progress.step,
        )

    def _measured(self, watch: Watch) -> list[Measured]:
        """What the protocols say of the network; nothing if a signal came meanwhile."""
        self._update_twin()
        total = sum(examiner.count for examiner in self._examiners)
        found: list[Measured] = []
        done = 0

        def report(images: int) -> None:
            if self._stopping.signal:
                raise _Stopped
            watch.evaluating(done + images, total)

        try:
            report(0)
            for examiner in self._examiners:
                found.append(examiner.examine(self._twin, self._device, report))
                done += examiner.count
        except _Stopped:
            return []
        return found

    def _update_twin(self) -> None:
        """Give the network that is measured and saved the weights that were learnt."""
        self._twin.load_state_dict(self._parts.backbone.state_dict())
        if self._parts.ema is not None:
            self._parts.ema.copy_to(self._twin)


class _Stopped(Exception):  # noqa: N818 - no error
    """A signal came during a measurement."""
