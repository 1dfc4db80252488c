"""The chips of a protocol's images, in a file that stays from one evaluation to the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facewise._files import replace_file

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ChipFile:
    """Chips in a file, which the system reads as they are needed.

    Args:
        folder: where it is.
        name: what it is for, any text.
    """

    def __init__(self, folder: Path, name: str) -> None:
        stem = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._pixels, self._facts = folder / f"{stem}.npy", folder / f"{stem}.json"

    def made_for(self, key: str) -> bool:
        """Whether the file holds what the key describes."""
        try:
            known: bool = json.loads(self._facts.read_bytes())["key"] == key
        except (OSError, ValueError, KeyError):
            return False
        return known and self._pixels.is_file()

    def write(
        self,
        key: str,
        count: int,
        side: int,
        chips: Iterator[NDArray[np.uint8] | None],
        report: Callable[[int], None],
    ) -> None:
        """Fill the file; it counts once it is whole.

        Args:
            key: describes what it holds.
            count: how many images there are.
            side: of the chips, in pixels.
            chips: uint8 (side, side, 3) of each image, or None where it has none.
            report: called with the number of images that are done. What it raises comes out.
        """
        self._facts.unlink(missing_ok=True)
        self._pixels.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.lib.format.open_memmap(
            self._pixels, mode="w+", dtype=np.uint8, shape=(count, side, side, 3)
        )
        missing = []
        for number, chip in enumerate(chips):
            if chip is None:
                missing.append(number)
            else:
                pixels[number] = chip
            report(number + 1)
        pixels.flush()
        replace_file(self._facts, json.dumps({"key": key, "missing": missing}).encode())

    def read(self) -> NDArray[np.uint8]:
        """uint8 (m, S, S, 3), black where an image has no chip."""
        pixels: NDArray[np.uint8] = np.load(self._pixels, mmap_mode="r", allow_pickle=False)
        return pixels

    def shown(self) -> NDArray[np.intp]:
        """Numbers of the images that have a chip."""
        missing = json.loads(self._facts.read_bytes())["missing"]
        return np.setdiff1d(np.arange(len(self.read())), missing).astype(np.intp)
