"""Export a model: write each network, load what was written, compare, and only then keep it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facewise._files import runs
from facewise.errors import ExtraMissingError, FacewiseError, ModelError
from facewise.model_export.formats import FORMATS as FORMATS
from facewise.model_export.formats import Format, Wanted, the_format
from facewise.model_export.metadata import metadata
from facewise.model_export.parity import Measured, failure, measured
from facewise.model_export.parts import Part, Pixels, parts_of

if TYPE_CHECKING:
    from facewise.images import ImageSource
    from facewise.zoo import ModelSpec

PRECISIONS = ("float32", "float16", "int8")

_DRAFT = ".export-"  # and the number of the process


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written and proved.

    Attributes:
        name: of the network.
        path: the file; OpenVINO's weights lie beside it, in `.bin`.
        size: bytes of all that was written for it.
        parity: with the network in float32, on pictures that facewise brings.
        loss: likewise, on the user's pictures that were not used for calibration; None when there
            were none.
    """

    name: str
    path: Path
    size: int
    parity: Measured
    loss: Measured | None


def export_model(
    model: str | ModelSpec,
    format: str,  # noqa: A002 - the word of the command line
    out: str | PathLike[str],
    *,
    weights: str | PathLike[str] | None = None,
    precision: str = "float32",
    preprocess: bool = False,
    calibration: Sequence[ImageSource] = (),
) -> list[Exported]:
    """Write a model's networks for another runtime.

    The batch may have any size, and PNet's pictures too (within `executorch_file.LIMITS` for
    ExecuTorch). Vectors have length 1. Mirror images, which some specs add, are the caller's.

    Args:
        model: `mtcnn`, or an embedder as `facewise.load_embedder` takes it.
        format: one of `FORMATS`.
        out: folder for the files; made if it is not there.
        weights: a weight file of your own, instead of the zoo's.
        precision: "float32", "float16" or "int8".
        preprocess: the files take uint8 RGB pixels (n, h, w, 3), instead of normalised float32
            pictures (n, 3, h, w).
        calibration: for int8: pictures of a few hundred people. Given for another precision, they
            are only for measuring the loss.

    Returns:
        What was written: of MTCNN three files.

    Raises:
        ModelError: no such model or format; the format cannot hold it; a file is there already;
            or what was written is too far from the network, and was removed again.
        FacewiseError: int8 without calibration, or with too few faces in its pictures.
        ExtraMissingError: what writes or runs the format is not installed.
    """
    written = the_format(format)
    if precision not in PRECISIONS:
        raise ModelError(f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision not in written.PRECISIONS:
        raise ModelError(f"{format} in {precision}: only {', '.join(written.PRECISIONS)}")
    if precision == "int8" and not calibration:
        raise FacewiseError("int8 needs calibration: pictures of a few hundred people")
    parts = parts_of(model, weights)
    folder = Path(out)
    for part in parts:
        for suffix in (written.SUFFIX, *written.BESIDE):
            if (folder / f"{part.name}{suffix}").exists():
                raise ModelError(f"{folder}: holds {part.name}{suffix} already")
    inputs = _inputs(parts, calibration)
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    draft = Path(tempfile.mkdtemp(prefix=f"{_DRAFT}{os.getpid()}-", dir=folder))
    try:
        results = []
        for part in parts:
            used, aside = inputs.get(part.name, ((), ()))
            wanted = Wanted(
                precision=precision,
                preprocess=preprocess,
                metadata=metadata(part, precision, preprocess),
                calibration=used,
            )
            results.append(_exported(part, written, wanted, draft, aside))
        for file in sorted(draft.iterdir(), key=lambda file: file.suffix == written.SUFFIX):
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [Exported(r.name, folder / r.path.name, r.size, r.parity, r.loss) for r in results]


def _clear(folder: Path) -> None:
    """Remove what killed processes have left half-written."""
    for draft in folder.glob(f"{_DRAFT}*"):
        process = draft.name.removeprefix(_DRAFT).partition("-")[0]
        if process.isdecimal() and not runs(int(process)):
            shutil.rmtree(draft, ignore_errors=True)


def _exported(
    part: Part, written: Format, wanted: Wanted, folder: Path, aside: Sequence[Pixels]
) -> Exported:
    """Write one network and prove what was written."""
    path = folder / f"{part.name}{written.SUFFIX}"
    written.write(part, wanted, path)
    try:
        run = written.opened(path)
        found = measured(part, run, part.proofs, preprocess=wanted.preprocess)
        loss = measured(part, run, aside, preprocess=wanted.preprocess) if aside else None
        kept = written.metadata(path)
    except (FacewiseError, ExtraMissingError):
        raise
    except Exception as error:  # runtimes' errors have no common base
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"{part.name}: its file does not run, and was not kept: {reason}"
        ) from error
    problem = failure(part, wanted.precision, found)
    if problem is None and kept != wanted.metadata:
        problem = "lost its metadata"
    if problem is not None:
        raise ModelError(f"{part.name}: its file {problem}; it was not kept")
    own = (file for file in folder.iterdir() if file.name.startswith(f"{part.name}."))
    size = sum(file.stat().st_size for file in own)
    return Exported(part.name, path, size, found, loss)


def _inputs(
    parts: Sequence[Part], pictures: Sequence[ImageSource]
) -> dict[str, tuple[tuple[Pixels, ...], tuple[Pixels, ...]]]:
    if not pictures:
        return {}
    from facewise import zoo
    from facewise.model_export.calibration import real_inputs

    return real_inputs(parts, pictures, zoo.weights_path(zoo.get_spec("mtcnn")))
