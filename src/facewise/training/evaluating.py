"""Measure a network while it learns, by a protocol of `facewise.evaluation` and its figures.

The images become chips once, as serving cuts them; each evaluation then embeds the chips.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from facewise._files import replace_file
from facewise.embedding import Embedder
from facewise.errors import ChipError, ImageError, ProtocolError, TrainingError
from facewise.evaluation import metrics
from facewise.evaluation.protocols.bin_pack import read_bin_pack
from facewise.evaluation.protocols.lfw import read_lfw
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.pairs_csv import read_pairs_csv
from facewise.evaluation.scores import pair_similarity
from facewise.evaluation.thresholds import operating_points, operating_points_of_pairs
from facewise.evaluation.verification import Verification, verify
from facewise.images import load
from facewise.runtime.networks import Candidate
from facewise.runtime.workers import ordered_map
from facewise.training.data.cutting import FaceCutter
from facewise.zoo import Threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from facewise.detection import Detector
    from facewise.zoo import ModelSpec

GRID = tuple(10 ** (-i / 8) for i in range(32, -1, -1))
"""False-accept rates at which a curve is kept: eight a decade, from 1e-4 to 1."""

_FOLDS = 10
_HANDFUL = 8
"""Pictures that a detector gets together."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one evaluation gave.

    Attributes:
        protocol: its word in the configuration.
        name: of the protocol, such as `lfw`.
        figures: of `facewise.evaluation.verify`.
        curve: float64, true-accept rates at the false-accept rates of `GRID`; NaN where a rate is
            less than one impostor pair.
        vectors: float32 (m, d) of the images, NaN where there is no face.
    """

    protocol: str
    name: str
    figures: Verification
    curve: NDArray[np.float64]
    vectors: NDArray[np.float32]


class Examiner:
    """A protocol whose images are cut, ready to measure networks of one spec.

    Args:
        word: `lfw:PAIRS:IMAGES`, `lfw:PAIRS:IMAGES:THRESHOLD_PAIRS`, `csv:PAIRS:IMAGES`, `bin:FILE`
        spec: of the networks.
        folder: where the chips are kept.
        aligned: the images are chips.
        detector: finds the faces; None with chips.

    Raises:
        TrainingError: another form.
        ProtocolError: the protocol is not of its published form, or images are missing.
    """

    def __init__(
        self,
        word: str,
        spec: ModelSpec,
        folder: Path,
        *,
        aligned: bool,
        detector: Detector | None,
    ) -> None:
        self.word = word
        self._spec = spec
        self._protocol, chosen_on = _read(word)
        self._tune = None if chosen_on is None else (chosen_on, _Chips(folder, f"{word} (tune)"))
        self._chips = _Chips(folder, word)
        self._aligned = aligned
        self._detector = detector

    @property
    def count(self) -> int:
        """Images of the protocol, those for the threshold included."""
        return len(self._protocol.images) + (0 if self._tune is None else len(self._tune[0].images))

    def examine(
        self, network: nn.Module, device: torch.device, report: Callable[[int], None]
    ) -> Measured:
        """Measure a network, in evaluation mode, as serving would run it: float32, with its flip.

        A threshold is the best of the other folds; of the pairs for the threshold where there are
        some; and a protocol of one fold without them is cut into ten.

        Args:
            network: takes what the spec says, on the device.
            device: where it runs.
            report: called with the number of images that are done. What it raises comes out.

        Raises:
            ProtocolError: too few images show a face.
            ModelError: the network gives values that are not finite.
        """
        embedder = embedder_of(network, self._spec, device)
        fixed, done = None, 0
        if self._tune is not None:
            protocol, chips = self._tune
            vectors = self._vectors(protocol, chips, embedder, report)
            done = len(vectors)
            similarity = pair_similarity(vectors, protocol.pairs)
            cut = metrics.best_threshold(similarity, protocol.same)
            fixed = Threshold(float(np.clip(cut, -1, 1)), None, "the pairs for the threshold")
        vectors = self._vectors(self._protocol, self._chips, embedder, lambda n: report(done + n))
        similarity = pair_similarity(vectors, self._protocol.pairs)
        return Measured(
            protocol=self.word,
            name=self._protocol.name,
            figures=verify(similarity, self._protocol, fixed=fixed),
            curve=_curve(similarity, self._protocol.same),
            vectors=vectors,
        )

    def thresholds(self, vectors: NDArray[np.float32]) -> tuple[Threshold, ...]:
        """Thresholds by false-accept rate, from all pairs of different people of the protocol.

        Args:
            vectors: of `examine`.

        Returns:
            Those that the protocol measures, which may be none.
        """
        protocol, people = self._protocol, self._protocol.people
        found = "chips" if self._detector is None else "faces found"
        where = f"{protocol.name}, {len(vectors):,} images, {found}"
        try:
            if people is not None:
                points = operating_points(vectors, people)
                where = f"all pairs of different people of {where}"
            else:
                similarity = pair_similarity(vectors, protocol.pairs[~protocol.same])
                known = similarity[~np.isnan(similarity)]
                points = operating_points_of_pairs(known, len(vectors))
                where = f"the impostor pairs of {where}"
        except ProtocolError:
            return ()
        return tuple(Threshold(value, far, where) for far, value in points.thresholds.items())

    def people(self) -> tuple[str, ...]:
        """Whom each image shows, or its name where the protocol does not say."""
        return self._protocol.people or self._protocol.names

    def chips(self) -> NDArray[np.uint8]:
        """The chips, uint8 (m, S, S, 3), once something was measured; black without a face."""
        return self._chips.read()

    def _vectors(
        self,
        protocol: PairProtocol,
        chips: _Chips,
        embedder: Embedder,
        report: Callable[[int], None],
    ) -> NDArray[np.float32]:
        key = json.dumps(
            {
                "protocol": protocol.sha256,
                "names": hashlib.sha256("\0".join(protocol.names).encode()).hexdigest(),
                "crop": repr(self._spec.crop),
                "detector": None if self._detector is None else dict(self._detector.settings),
            },
            sort_keys=True,
        )
        if not chips.made_for(key):
            cut = self._read_chips(protocol) if self._aligned else self._cut_chips(protocol)
            chips.write(key, len(protocol.images), self._spec.input_size or 0, cut, report)
        pixels, shown = chips.read(), chips.shown()
        vectors = np.full((len(pixels), self._spec.embedding_size or 0), np.nan, np.float32)
        for start in range(0, len(shown), 64):
            part = shown[start : start + 64]
            vectors[part] = embedder.embed(pixels[part], flip=embedder.flip)
            report(int(part[-1]) + 1)
        return vectors

    def _read_chips(self, protocol: PairProtocol) -> Iterator[NDArray[np.uint8] | None]:
        side = self._spec.input_size
        for image, name in zip(protocol.images, protocol.names, strict=True):
            chip = load(image, name=name)
            if chip.shape[:2] != (side, side):
                raise ChipError(
                    f"{name}: {chip.shape[1]}×{chip.shape[0]} pixels, expected a chip of "
                    f"{side}×{side}; leave out evaluate_aligned for photos"
                )
            yield chip

    def _cut_chips(self, protocol: PairProtocol) -> Iterator[NDArray[np.uint8] | None]:
        """The most central face of each photo, or None: as `facewise evaluate` does."""
        assert self._detector is not None  # noqa: S101 - the caller gives one for photos
        cutter = FaceCutter(self._detector, self._spec)

        def cut(numbers: Sequence[int]) -> list[NDArray[np.uint8] | None]:
            found: dict[int, NDArray[np.uint8]] = {}
            for i in numbers:
                # One that cannot be read counts as a picture without a face.
                with suppress(ImageError):
                    found[i] = load(protocol.images[i], name=protocol.names[i])
            cut_out = cutter.cut(list(found.values())) if found else []
            chips = {i: own[0] for i, own in zip(found, cut_out, strict=True) if own}
            return [chips.get(i) for i in numbers]

        numbers = range(len(protocol.images))
        handfuls = (numbers[i : i + _HANDFUL] for i in range(0, len(numbers), _HANDFUL))
        with closing(ordered_map(cut, handfuls)) as results:
            for some in results:
                yield from some


def embedder_of(network: nn.Module, spec: ModelSpec, device: torch.device) -> Embedder:
    """A network that learns, as serving would run it: in float32.

    Args:
        network: in evaluation mode, on the device.
        spec: of it.
        device: where it runs.
    """
    return Embedder(
        spec,
        lambda x: network(x).float(),
        weight_hash="",
        device=device,
        candidate=Candidate("torch", "float32"),
        flip=spec.flip,
        batch_size=64,
    )


class _Chips:
    """Chips in a file, which the system reads as they are needed."""

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
        """Fill the file; it counts once it is whole."""
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
        """uint8 (m, S, S, 3)."""
        pixels: NDArray[np.uint8] = np.load(self._pixels, mmap_mode="r", allow_pickle=False)
        return pixels

    def shown(self) -> NDArray[np.intp]:
        """Numbers of the images that have a chip."""
        missing = json.loads(self._facts.read_bytes())["missing"]
        return np.setdiff1d(np.arange(len(self.read())), missing).astype(np.intp)


def _read(word: str) -> tuple[PairProtocol, PairProtocol | None]:
    form, *parts = word.split(":")
    paths = [Path(part).expanduser() for part in parts]
    if form == "bin" and len(paths) == 1:
        return read_bin_pack(paths[0], _FOLDS), None
    if form == "csv" and len(paths) == 2:
        return _in_folds(read_pairs_csv(paths[0], paths[1])), None
    if form == "lfw" and len(paths) == 2:
        return _in_folds(read_lfw(paths[0], paths[1])), None
    if form == "lfw" and len(paths) == 3:
        return read_lfw(paths[0], paths[1]), read_lfw(paths[2], paths[1])
    raise TrainingError(
        "evaluate: expected lfw:PAIRS:IMAGES, lfw:PAIRS:IMAGES:THRESHOLD_PAIRS, csv:PAIRS:IMAGES "
        f"or bin:FILE, got {word!r}"
    )


def _in_folds(protocol: PairProtocol) -> PairProtocol:
    """A protocol of one fold, its pairs of each kind dealt out to ten."""
    if protocol.fold_count > 1:
        return protocol
    genuine = int(np.count_nonzero(protocol.same))
    least = min(genuine, len(protocol.same) - genuine)
    if least < 2:
        raise ProtocolError(f"{protocol.name}: expected at least two pairs of each kind")
    folds = np.empty(len(protocol.same), np.intp)
    for kind in (protocol.same, ~protocol.same):
        folds[kind] = np.arange(np.count_nonzero(kind)) % min(_FOLDS, least)
    return replace(protocol, folds=folds)


def _curve(similarity: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    found = metrics.roc(similarity, same)
    places = np.searchsorted(found.far, np.asarray(GRID) * (1 + 1e-9), side="right") - 1
    rates: NDArray[np.float64] = found.tar[places].astype(np.float64)
    rates[np.asarray(GRID) * (1 + 1e-9) < 1 / np.count_nonzero(~same)] = np.nan
    return rates
