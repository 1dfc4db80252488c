"""Checkpoints that are whole or not there: each a folder, verified by hash when it is read.

A checkpoint `step-00001200` holds `model.safetensors` (the backbone's tensors by their own names),
`state.safetensors` and `state.json` (everything else, see `encoding`) and `manifest.json` (the
SHA-256 of the others). It is written beside its place, forced to the disk, and renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from facewise.errors import TrainingError
from facewise.training.encoding import decode, encode

_NAME = re.compile(r"step-(\d{8,})")
_MODEL, _TENSORS, _STATE, _MANIFEST = (
    "model.safetensors",
    "state.safetensors",
    "state.json",
    "manifest.json",
)
_DRAFT = ".writing-"
_FORMAT = 1
_LAST = 2
"""Checkpoints that are kept whatever they are worth: should the last be damaged, there is another.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        step: steps that were made before it.
        model: tensors of the backbone.
        state: everything else.
        model_sha256: of the model's file.
        path: its folder.
    """

    step: int
    model: dict[str, torch.Tensor]
    state: dict[str, Any]
    model_sha256: str
    path: Path


class Checkpoints:
    """The checkpoints of a run.

    Args:
        folder: where they lie; made when the first is written.
        every: those whose step is a multiple of it are kept for good, or None.
    """

    def __init__(self, folder: Path, every: int | None = None) -> None:
        self._folder = folder
        self._every = every

    def steps(self) -> list[int]:
        """The steps of which there is a checkpoint, rising."""
        if not self._folder.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(name.group(1)) for name in names if name)

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step lies, or would."""
        return self._folder / f"step-{step:08d}"

    def save(
        self,
        step: int,
        model: Mapping[str, torch.Tensor],
        state: Mapping[str, Any],
        *,
        keep: Collection[int] = (),
    ) -> Path:
        """Write a checkpoint, then remove those that are not needed any more.

        Kept are the last two, multiples of `every`, and those of `keep`. What was there before is
        as it was until the new one is on the disk.

        Args:
            step: steps that were made.
            model: tensors of the backbone, on any device.
            state: as `encoding.encode` takes it.
            keep: steps to keep, such as the best.

        Returns:
            Its folder; that of the same step, where it is there already.

        Raises:
            OSError: it cannot be written, for example because the disk is full; the earlier
                checkpoints are all there.
        """
        content, tensors = encode(dict(state))
        own = {
            key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for key, value in model.items()
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remove_drafts()
        if step in self.steps():
            return self.path(step)
        draft, place = self._folder / f"{_DRAFT}{step:08d}", self.path(step)
        try:
            draft.mkdir()
            files = {
                _MODEL: _write(draft / _MODEL, save(own, metadata={"format": "pt"})),
                _TENSORS: _write(draft / _TENSORS, save(tensors)),
                _STATE: _write(draft / _STATE, json.dumps(content).encode()),
            }
            manifest = {"format": _FORMAT, "step": step, "sha256": files}
            _write(draft / _MANIFEST, json.dumps(manifest, indent=2).encode())
            _sync_folder(draft)
            draft.rename(place)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        _sync_folder(self._folder)
        self._remove_old({step, *keep})
        return place

    def load(self, step: int) -> Checkpoint:
        """Read the checkpoint of a step and verify it.

        Raises:
            TrainingError: it is missing or damaged; names the file.
        """
        place = self.path(step)
        try:
            manifest = json.loads((place / _MANIFEST).read_bytes())
            if manifest["format"] != _FORMAT or manifest["step"] != step:
                raise TrainingError(
                    f"{place / _MANIFEST}: expected format {_FORMAT} and step {step}, got "
                    f"{manifest['format']!r} and {manifest['step']!r}"
                )
            for name in (_MODEL, _TENSORS, _STATE):
                found, expected = _sha256(place / name), manifest["sha256"][name]
                if found != expected:
                    raise TrainingError(
                        f"{place / name}: damaged (its SHA-256 is {found[:12]}…, "
                        f"expected {expected[:12]}…)"
                    )
            tensors = load_file(place / _TENSORS)
            state = decode(json.loads((place / _STATE).read_bytes()), tensors)
            model = load_file(place / _MODEL)
        except OSError as error:
            raise TrainingError(f"{error.filename}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, SafetensorError) as error:
            if isinstance(error, TrainingError):
                raise
            raise TrainingError(f"{place}: not a checkpoint ({error})") from None
        return Checkpoint(step, model, state, manifest["sha256"][_MODEL], place)

    def load_last(self) -> Checkpoint | None:
        """The last checkpoint that is whole; a warning names each that is not.

        Returns:
            None where there is no checkpoint.

        Raises:
            TrainingError: there are checkpoints, and all are damaged.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self.load(step)
            except TrainingError as error:
                warnings.warn(f"{error}; the one before it is tried", stacklevel=2)
        if steps:
            raise TrainingError(f"{self._folder}: all {len(steps)} checkpoints are damaged")
        return None

    def forget_after(self, step: int) -> None:
        """Remove the checkpoints of later steps: damaged ones, which will be made again."""
        for later in self.steps():
            if later > step:
                _remove(self.path(later))

    def _remove_old(self, keep: Collection[int]) -> None:
        steps = self.steps()
        for step in steps[:-_LAST]:
            if step not in keep and not (self._every and step % self._every == 0):
                _remove(self.path(step))

    def _remove_drafts(self) -> None:
        """What a process left that was killed while it wrote or removed."""
        for path in _drafts(self._folder):
            shutil.rmtree(path)


def _drafts(folder: Path) -> Iterator[Path]:
    return (path for path in list(folder.iterdir()) if path.name.startswith(_DRAFT))


def _remove(place: Path) -> None:
    """Remove a checkpoint whole: under its name there is never a part of it."""
    doomed = place.with_name(f"{_DRAFT}removed-{place.name}")
    place.rename(doomed)
    shutil.rmtree(doomed)


def _write(path: Path, content: bytes) -> str:
    """Write a file and force it to the disk; its SHA-256, in hex."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
