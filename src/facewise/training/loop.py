"""The loop: from a configuration to a model that recognises, in as many sittings as it takes."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from facewise.errors import TrainingError
from facewise.training.backbones import backbone_name, build_backbone
from facewise.training.beginning import CHECKPOINTS, begun, only_one, the_accelerator
from facewise.training.checkpoints import Checkpoints
from facewise.training.classifying import require_directions
from facewise.training.config import CONFIG, TrainConfig
from facewise.training.data.dataset import ChipDataset
from facewise.training.data.index import at_least
from facewise.training.evaluating import Examiner
from facewise.training.feeding import (
    Numbered,
    require_people,
    tell_problems,
    the_augmentation,
    the_sampler,
)
from facewise.training.freed_memory import keep_freed_memory
from facewise.training.freezing import freeze, parsed_freeze
from facewise.training.imprinting import directions_of
from facewise.training.judging import Jury
from facewise.training.losses import OfflineTripletLoss, build_loss
from facewise.training.opening import fingerprint, read_index
from facewise.training.preparing import prepare
from facewise.training.processes import highest, made_equal, of_every_process, world
from facewise.training.randomness import seed_all
from facewise.training.stepping import Batch, Stepper
from facewise.training.stopping import Stopping, TrainingInterrupted, ignore_signals
from facewise.training.watching import Watch

if TYPE_CHECKING:
    from facewise.detection import Detector


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training gave.

    Attributes:
        folder: of the run: `model.safetensors` and `spec.json`, so that it is a `--model`.
        steps: that were made in all.
        best: the figure that decides, of the best evaluation, in [0, 1]; None without evaluations.
        best_step: when that was; the model is that of then. Without evaluations it is the last.
        stopped_early: the patience was at its end.
    """

    folder: Path
    steps: int
    best: float | None
    best_step: int
    stopped_early: bool


def train(config: TrainConfig, *, resume: bool = False) -> TrainResult:
    """Train an embedder, or go on training it.

    The random generators of Python, NumPy and PyTorch are seeded. SIGINT and SIGTERM are obeyed
    after the step that is being made, with a checkpoint. Started by `torchrun` or `accelerate
    launch`, each process makes its part of every batch, and the losses are those of one process.

    Args:
        config: everything that decides it.
        resume: go on with the run in `config.out` from its last checkpoint, exactly as if it had
            not been interrupted; a run that was not begun is begun.

    Raises:
        TrainingError: settings, data and backbone do not fit; there is a run in the folder and
            `resume` is False, or it was begun with other settings; or a loss is not finite, and
            then the message names the pictures of the batch.
        TrainingInterrupted: a signal came; a checkpoint was written.
        DeviceError: the device, or what the precision needs, is not on this machine.
        ExtraMissingError: a package of the extra `train` is missing.
        OSError: the run's folder cannot be written. A checkpoint that cannot be, because the disk
            is full, is a warning, and the one before it stays; but not the last of the run.
    """
    accelerator = the_accelerator(config)
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    if accelerator.is_main_process:
        config.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if accelerator.is_main_process:
            stack.enter_context(only_one(config.out))
        accelerator.wait_for_everyone()
        config = begun(config, resume)
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            config.save(config.out / CONFIG)
        stopping = stack.enter_context(Stopping())
        run = stack.enter_context(closing(_Run(config, accelerator, stopping)))
        return run.learn()


class _Run:
    """A training under way."""

    def __init__(self, config: TrainConfig, accelerator: Any, stopping: Stopping) -> None:
        self.config = config
        self._accelerator = accelerator
        self._stopping = stopping
        self._device: torch.device = accelerator.device
        self._main: bool = accelerator.is_main_process
        seed_all(config.seed)
        index = read_index(config.data, config.data_form, config.images)
        if self._main:
            tell_problems(index)
        self._index = at_least(index, config.at_least)
        require_people(self._index, config)
        backbone, self.spec = build_backbone(
            backbone_name(config.backbone, config.pretrained),
            embedding_size=config.embedding_size,
            pretrained=config.pretrained,
            input_size=config.input_size,
        )
        if config.freeze:
            freeze(backbone, parsed_freeze(config.freeze))
        twin = copy.deepcopy(backbone).to(self._device).eval().requires_grad_(False)
        loss = build_loss(
            config.loss_name,
            num_classes=self._index.num_classes,
            embedding_size=self.spec.embedding_size or 0,
            **config.loss_options,
        )
        if config.task == "classify":
            require_directions(loss, config.loss_name)
        self._sampler = the_sampler(config, loss, self._index)
        self._dataset = ChipDataset(
            self._index,
            self.spec,
            aligned=config.aligned,
            detector=None if config.aligned else self._detector(),
            cache_dir=None if config.aligned else config.out / "chips",
            augment=the_augmentation(config),
            seed=config.seed,
            others=not isinstance(loss, OfflineTripletLoss),
        )
        self._batches = len(self._sampler)
        self.total = config.epochs * self._batches // config.accumulate
        self.total = min(self.total, config.max_steps or self.total)
        if not self.total:
            raise TrainingError(
                f"batch_size {config.batch_size} × accumulate {config.accumulate}: "
                f"{len(self._index)} pictures do not fill one step in {config.epochs} epochs"
            )
        prepared = prepare(
            config, accelerator, backbone, loss, total=self.total, batches=self._batches
        )
        self._parts = prepared.parts
        self._stepper = Stepper(config, accelerator, prepared, self.spec, self._index)
        self._checkpoints = Checkpoints(config.out / CHECKPOINTS, config.keep_every)
        self._jury = Jury(
            config,
            self.spec,
            twin,
            self._parts,
            self._dataset,
            [self._examiner(word) for word in config.evaluate if self._main],
            device=self._device,
            stopping=stopping,
        )
        self._facts = {
            "data": fingerprint(self._index),
            "batches of an epoch": self._batches,
        }
        self._watch: Watch | None = None

    def _detector(self) -> Detector:
        from facewise.detection import DEFAULT_DETECTOR, load_detector

        return load_detector(self.config.detector or DEFAULT_DETECTOR)

    def _examiner(self, word: str) -> Examiner:
        aligned = self.config.evaluate_aligned
        return Examiner(
            word,
            self.spec,
            self.config.out / "evaluation",
            aligned=aligned,
            detector=None if aligned else self._detector(),
        )

    def close(self) -> None:
        """Close what is open."""
        if self._watch is not None:
            self._watch.close()

    def learn(self) -> TrainResult:
        """Make the steps that are left."""
        fresh = not self._restored()
        config, progress = self.config, self._parts.progress
        if self._main:
            self._watch = Watch(
                self.config.out,
                total=self.total,
                step=progress.step,
                tensorboard=self.config.tensorboard,
            )
        if fresh:
            if config.pretrained is not None and config.imprint:
                self._imprint()
            self._save(must=False)  # a model is never there without a checkpoint to go on from
        begun_at = progress.step
        finished = progress.stopped_early or progress.step >= self.total
        if not finished:
            # A signal came while it measured: that is made up for.
            self._look_up(resumed=True)
            with closing(self._all_batches()) as batches:
                self._stepper.set_learning()
                if self._watch is not None:
                    self._watch.begin()
                while not self._done():
                    self._step(list(islice(batches, self.config.accumulate)), begun_at)
                    self._look_up()
        if self._main and not (self._jury.model_is_there and config.evaluate):
            self._jury.save_model()
        if self._watch is not None and not finished:
            self._jury.project(self._watch)
        return TrainResult(
            self.config.out,
            progress.step,
            progress.best,
            progress.best_step if self.config.evaluate else progress.step,
            progress.stopped_early,
        )

    def _restored(self) -> bool:
        """Go on from the last checkpoint; whether there is one."""
        seed_all(self.config.seed + world()[0])
        checkpoint = self._checkpoints.load_last()
        if checkpoint is not None:
            self._sampler.load_state_dict(self._parts.restore(checkpoint, self._facts))
            if self._main:
                self._checkpoints.forget_after(checkpoint.step)
        return checkpoint is not None

    def _imprint(self) -> None:
        """Let the weights of classes begin with the people as the pretrained model sees them.

        Raises:
            TrainingInterrupted: a signal came; nothing was learnt yet.
        """
        loss = self._parts.loss
        if not loss.can_begin_with_people:
            return

        def report(done: int, total: int) -> None:
            if self._stopping.signal:
                raise TrainingInterrupted(self._stopping.signal)
            if self._watch is not None:
                self._watch.evaluating(done, total)

        if self._main:
            loss.begin_with(directions_of(self._dataset, self._jury.embedder, report))
        made_equal(loss)

    def _done(self) -> bool:
        return self._parts.progress.stopped_early or self._parts.progress.step >= self.total

    def _epochs(self, step: int) -> int:
        """Whole passes over the data after a step."""
        return step * self.config.accumulate // self._batches

    def _epoch(self, step: int) -> float:
        return step * self.config.accumulate / self._batches

    def _all_batches(self) -> Generator[Batch, None, None]:
        """Batches of this process from where the sampler stands on, without end."""
        epoch = self._sampler.state_dict()["epoch"]
        while True:
            yield from DataLoader(
                Numbered(self._dataset),
                batch_sampler=self._sampler,
                num_workers=self.config.workers,
                worker_init_fn=ignore_signals,
                pin_memory=self._device.type == "cuda",
                # Or it would draw from the global one, once more in a run that is resumed.
                generator=torch.Generator().manual_seed(self.config.seed + epoch),
            )
            epoch += 1
            self._sampler.set_epoch(epoch)

    def _step(self, batches: list[Batch], begun_at: int) -> None:
        """Make one step, and tell of it."""
        progress, watch = self._parts.progress, self._watch
        if watch is not None and progress.step == begun_at:
            watch.chips(batches[0][0].numpy(), begun_at)
        made = self._stepper.step(batches)
        if watch is not None:
            epoch = self._epoch(progress.step)
            watch.step(progress.step, epoch, made.loss, made.rates, made.pictures)

    def _look_up(self, *, resumed: bool = False) -> None:
        """Between two steps: measure, save, and do what a signal says.

        Raises:
            TrainingInterrupted: a signal came, and a checkpoint is written.
        """
        config, progress = self.config, self._parts.progress
        step, done = progress.step, self._done()
        epochs = self._epochs(step)
        new_epoch = step > 0 and epochs > self._epochs(step - 1)
        if new_epoch:
            made_equal(self._parts.loss)
        if config.evaluate_steps is not None:
            due = step % config.evaluate_steps == 0
        else:
            due = new_epoch and epochs // config.evaluate_every > (
                self._epochs(step - 1) // config.evaluate_every
            )
        due = bool(config.evaluate) and (due or done) and 0 < step != progress.evaluated_step
        if due:
            self._evaluate()
        signal = int(highest(self._stopping.signal, self._device))
        regular = config.checkpoint_every and step % config.checkpoint_every == 0
        if not resumed and (due or regular or new_epoch or self._done() or signal):
            self._save(must=self._done() or bool(signal))
        if signal:
            raise TrainingInterrupted(signal)

    def _evaluate(self) -> None:
        """Measure by every protocol; all processes know what the first one found."""
        progress = self._parts.progress
        if self._watch is not None:
            self._jury.judge(self._watch, self._epoch(progress.step))
        for name, value in of_every_process(progress.to_mapping())[0].items():
            setattr(progress, name, value)

    def _save(self, *, must: bool) -> None:
        """Write a checkpoint.

        Raises:
            OSError: it cannot be written, and must be.
        """
        step = self._parts.progress.step
        epoch, position = divmod(step * self.config.accumulate, self._batches)
        # Of the sampler itself: what loads pictures is ahead of what was learnt.
        sampler = {**self._sampler.state_dict(position), "epoch": epoch}
        state = self._parts.capture(sampler, self._facts)
        if not self._main:
            return
        assert self._watch is not None  # noqa: S101 - as above
        best = set() if self._parts.progress.best is None else {self._parts.progress.best_step}
        try:
            self._watch.sync()
            self._checkpoints.save(step, self._parts.backbone.state_dict(), state, keep=best)
        except OSError as error:
            if must:
                raise
            warnings.warn(
                f"no checkpoint at step {step}: {error}; the one before it stays", stacklevel=2
            )
