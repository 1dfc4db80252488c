"""What a run shows of itself while it learns: a bar, tables, TensorBoard, plots."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.training.evaluating import FIGURES, GRID, Measured
from facewise.training.extra import needed
from facewise.training.logs import CsvLog
from facewise.training.plots import write_plots

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = ("step", "epoch", "loss", "learning_rate", "images_per_second")
EVALUATIONS = ("step", "epoch", "protocol", *FIGURES)
CURVES = ("step", "epoch", "protocol", "far", "tar")

_SHOWN = 32
"""Chips of the first batch that TensorBoard shows."""


class Watch:
    """The records of a run, written by its first process.

    In the run's folder are `log.csv` (a row a step), `evaluations.csv`, `roc.csv`, `accuracy.png`,
    `roc.png`, and `tensorboard/`.

    Args:
        folder: of the run.
        total: steps of the whole run.
        step: that it goes on from; what was written of later ones is removed.
        tensorboard: write files for it.

    Raises:
        ExtraMissingError: TensorBoard is wanted and not installed.
        OSError: a file cannot be written.
    """

    def __init__(self, folder: Path, *, total: int, step: int, tensorboard: bool) -> None:
        self._folder = folder
        self._log = CsvLog(folder / "log.csv", STEPS, step)
        self._evaluations = CsvLog(folder / "evaluations.csv", EVALUATIONS, step)
        self._curves = CsvLog(folder / "roc.csv", CURVES, step)
        self._board = _board(folder / "tensorboard", step) if tensorboard else None
        self._bar = _Bar(total, step)
        self._since, self._images = time.perf_counter(), 0

    def begin(self) -> None:
        """Start the clock: what came before is no part of the speed."""
        self._since, self._images = time.perf_counter(), 0

    def step(
        self, step: int, epoch: float, loss: float, rates: Mapping[str, float], images: int
    ) -> None:
        """Note a step.

        Args:
            step: its number, from 1.
            epoch: passes over the data so far.
            loss: mean over the pictures of the step.
            rates: learning rates by what learns with them, the backbone first.
            images: pictures of the step, of all processes.
        """
        now = time.perf_counter()
        speed = images / max(now - self._since, 1e-9)
        self._since = now
        self._log.append(
            {
                "step": step,
                "epoch": f"{epoch:.6g}",
                "loss": repr(loss),
                "learning_rate": repr(next(iter(rates.values()))),
                "images_per_second": f"{speed:.1f}",
            }
        )
        self._bar.move(step, loss, images)
        if self._board is not None:
            self._board.add_scalar("loss", loss, step)
            self._board.add_scalar("images_per_second", speed, step)
            for name, rate in rates.items():
                self._board.add_scalar(f"learning_rate/{name}", rate, step)

    def chips(self, chips: NDArray[np.uint8], step: int) -> None:
        """Show chips as the network gets them, uint8 (n, S, S, 3), before normalisation."""
        if self._board is not None:
            self._board.add_images("chips", chips[:_SHOWN], step, dataformats="NHWC")

    def evaluating(self, done: int, total: int) -> None:
        """Show how far an evaluation is."""
        self._bar.evaluating(done, total)

    def evaluated(self, step: int, epoch: float, each: Sequence[Measured]) -> None:
        """Note what an evaluation gave, and draw the plots anew."""
        for measured in each:
            place = {"step": step, "epoch": f"{epoch:.6g}", "protocol": measured.protocol}
            self._evaluations.append({**place, **measured.figures})
            if measured.curve is not None:
                for far, tar in zip(GRID, measured.curve.tolist(), strict=True):
                    if not np.isnan(tar):
                        self._curves.append({**place, "far": f"{far:.6g}", "tar": tar})
            if self._board is not None:
                for name, value in measured.figures.items():
                    if value is not None:
                        self._board.add_scalar(f"{measured.protocol}/{name}", value, step)
        self._evaluations.flush()
        self._curves.flush()
        write_plots(self._folder)
        self.begin()

    def projector(
        self,
        vectors: NDArray[np.float32],
        people: Sequence[str],
        chips: NDArray[np.uint8],
        step: int,
    ) -> None:
        """Give TensorBoard's projector vectors, float32 (n, d), with their names and chips."""
        if self._board is None or not len(vectors):
            return
        pictures = np.moveaxis(chips[:, ::2, ::2], 3, 1).astype(np.float32) / 255
        torch = needed("torch", "training")
        self._board.add_embedding(
            torch.from_numpy(np.ascontiguousarray(vectors)),
            metadata=list(people),
            label_img=torch.from_numpy(pictures),
            global_step=step,
            tag="embeddings",
        )

    def sync(self) -> None:
        """Force what was noted to the disk, before a checkpoint says that it was."""
        for log in (self._log, self._evaluations, self._curves):
            log.sync()

    def close(self) -> None:
        """End the bar and close the files."""
        self._bar.close()
        for log in (self._log, self._evaluations, self._curves):
            log.close()
        if self._board is not None:
            self._board.close()


def _board(folder: Path, step: int) -> Any:
    needed("tensorboard", "training with tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    # What an interrupted run wrote after its last checkpoint is hidden.
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


class _Bar:
    """A progress bar with images a second and the time left, where a person is watching."""

    def __init__(self, total: int, step: int) -> None:
        self._bar: Any = None
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("learning", total=total, completed=step, note="")
        self._bar.start()
        self._begun = self._paused = time.perf_counter()
        self._images, self._note = 0, ""

    def move(self, step: int, loss: float, images: int) -> None:
        if self._bar is None:
            return
        self._images += images
        speed = self._images / max(time.perf_counter() - self._begun, 1e-9)
        self._note = f"{speed:,.0f} images/s, loss {loss:.4f}"
        self._bar.update(self._task, completed=step, note=self._note)

    def evaluating(self, done: int, total: int) -> None:
        if self._bar is None:
            return
        now = time.perf_counter()
        if done == 0:
            self._paused = now
        note = f"{done:,} of {total:,} images"
        self._bar.update(self._task, description="measuring", note=note)
        if done >= total:  # the speed is that of learning
            self._begun += now - self._paused
            self._paused = now
            self._bar.update(self._task, description="learning", note=self._note)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
