"""`ChipDataset`: the pictures of an index as chips, which networks learn from."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from facewise.detection import load_detector
from facewise.errors import ChipError, ImageError, TrainingError
from facewise.images import load
from facewise.training.data.cutting import ChipFolder, FaceCutter
from facewise.training.data.draws import generator_of
from facewise.training.data.sources import read_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from facewise.detection import Detector
    from facewise.training.data.augment import Augmentation
    from facewise.training.data.face_index import FaceIndex
    from facewise.zoo import ModelSpec


_OTHERS = 100
"""Pictures of other people that are tried in place of one."""


class ChipDataset(Dataset[tuple[torch.Tensor, int]]):
    """Item i is `(chip, label)`: uint8 RGB (S, S, 3), S being the spec's input size, and an int.

    Chips become a network's input by `facewise.embedding.embedder.normalised` and by nothing else.

    A picture that cannot be read, shows no face, or is a chip of another size is replaced by the
    next one of the same person, or of the next person where this one has no other; a warning names
    it. Hours of training do not end for it, and the label stays true. `verified` and `align_all`
    find such pictures beforehand.

    Args:
        index: the pictures.
        spec: of the model that learns; it says how large chips are and how they are cut.
        aligned: the pictures are chips already; else their most central face is found and cut. By
            default they are chips if no detector is given.
        detector: finds the faces; by default that of `load_detector()`, where it is needed.
        resize: chips of another size are resized; without it they cannot be used, since they were
            cut for another model.
        cache_dir: a folder that keeps the chips that were cut, by the content of the photos: the
            second epoch reads them.
        augment: changes chips at random, seeded by `seed` and the `Draw` that samplers give; with
            another sampler's plain numbers, by PyTorch's own generator.
        seed: of the augmentation.
        others: a picture of another person may take the place of one whose person has no other;
            without it that is an error, as where batches are drawn to show certain people.

    Raises:
        TrainingError: the spec has no input size or crop, or arguments contradict each other.
    """

    def __init__(
        self,
        index: FaceIndex,
        spec: ModelSpec,
        *,
        aligned: bool | None = None,
        detector: Detector | None = None,
        resize: bool = False,
        cache_dir: Path | None = None,
        augment: Augmentation | None = None,
        seed: int = 0,
        others: bool = True,
    ) -> None:
        if aligned is None:
            aligned = detector is None
        if aligned and (detector is not None or cache_dir is not None):
            raise TrainingError(
                "aligned: chips need no detector and no cache_dir; give aligned=False for photos"
            )
        if not aligned and resize:
            raise TrainingError("resize: only of chips; photos are cut to the size of the spec")
        if spec.input_size is None:
            raise TrainingError(f"{spec.id}: its spec has no input_size, so no chips fit it")
        self.index = index
        self.size = spec.input_size
        self.augment = augment
        self.seed = seed
        self._others = others
        self._resize = resize
        self._spec_id = spec.id
        self._cutter = None if aligned else FaceCutter(detector or load_detector(), spec)
        self._kept = None
        if self._cutter is not None and cache_dir is not None:
            self._kept = ChipFolder(cache_dir, self._cutter.settings)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, int]:
        """The chip and the label of a picture.

        Raises:
            IndexError: there is no such picture.
            TrainingError: neither this picture nor many others can be used.
        """
        if not -len(self) <= item < len(self):
            raise IndexError(f"picture {item} of {len(self)}")
        found, number = self._usable(int(item) % len(self))
        chip = torch.from_numpy(found)
        if self.augment is not None:
            chip = self.augment(chip, generator_of(item, self.seed))
        return chip, int(self.index.labels[number])

    def chip(self, number: int) -> NDArray[np.uint8]:
        """The chip of a picture, uint8 (S, S, 3), as it is, without augmentation.

        Raises:
            ImageError: it cannot be read, or shows no face.
            ChipError: it is a chip of another size.
            TrainingError: its record cannot be read.
        """
        source = self.index.sources[number]
        content, name = read_source(source), str(source)
        if self._cutter is None:
            return self._fitting(load(content, name=name), name)
        for chip in self._cut(self._cutter, content, name):
            return chip
        raise ImageError(f"{name}: no face found")

    def _cut(self, cutter: FaceCutter, content: bytes, name: str) -> list[NDArray[np.uint8]]:
        """A list of the chip of a photo, cut or kept; empty where no face is found."""
        if self._kept is None:
            return cutter.cut([load(content, name=name)])[0]
        key = self._kept.key(content)
        found = self._kept.get(key)
        if found is None:
            found = cutter.cut([load(content, name=name)])[0]
            self._kept.put(key, found)
        return found

    def _usable(self, number: int) -> tuple[NDArray[np.uint8], int]:
        """The chip of a picture or of the next that can be used, and its number."""
        try:
            return self.chip(number), number
        except (ImageError, ChipError) as error:
            reason = str(error)
        tried = 1
        for other in self._instead(number):
            tried += 1
            try:
                chip = self.chip(other)
            except (ImageError, ChipError):
                continue
            warnings.warn(
                f"{reason}; {self.index.sources[other]} takes its place",
                RuntimeWarning,
                stacklevel=3,
            )
            return chip, other
        who = "" if self._others else f"{self.index.names[self.index.labels[number]]}: "
        raise TrainingError(f"{who}none of {tried} pictures can be used, for example {reason}")

    def _instead(self, number: int) -> Iterator[int]:
        """Pictures that may take the place of one: all of its person, then some of the next."""
        labels = self.index.labels
        own = np.flatnonzero(labels == labels[number])
        yield from np.roll(own, -np.searchsorted(own, number, side="right"))[:-1].tolist()
        if not self._others:
            return
        others = np.flatnonzero(labels != labels[number])
        after = np.searchsorted(others, number)
        yield from np.roll(others, -after)[:_OTHERS].tolist()

    def _fitting(self, chip: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
        height, width = chip.shape[:2]
        if (height, width) == (self.size, self.size):
            return chip
        if height != width or not self._resize:
            raise ChipError(
                f"{name}: {width}×{height} pixels, but {self._spec_id} takes chips of "
                f"{self.size}×{self.size}; cut photos for it (aligned=False, or `facewise align`)"
                + ("" if height != width else ", or resize these (resize=True)")
            )
        how = cv2.INTER_AREA if width > self.size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(chip, (self.size, self.size), interpolation=how), np.uint8)
