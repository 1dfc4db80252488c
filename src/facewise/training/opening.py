"""From a configuration to the pictures it names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from facewise.errors import TrainingError
from facewise.training.data.index import (
    FaceIndex,
    read_csv,
    read_folder,
    read_lfw_view1,
    read_recordio,
)


def read_index(data: str, form: str = "auto", images: Path | None = None) -> FaceIndex:
    """Index a data set of any form.

    Args:
        data: a folder of people, a CSV file, a people file of LFW's View 1, or a `.rec` file.
        form: "folder", "csv", "lfw-view1", "recordio"; or "auto": a folder is one, and a file goes
            by its name, `.csv`, `.rec` or `.txt`.
        images: folder of the pictures that a list names; LFW's needs it, of a CSV it is the folder
            of the file itself by default.

    Raises:
        TrainingError: nothing is there, or it is not of the form.
    """
    path = Path(data).expanduser()
    if form == "auto":
        forms = {".csv": "csv", ".rec": "recordio", ".txt": "lfw-view1"}
        form = "folder" if path.is_dir() else forms.get(path.suffix.lower(), "")
    if form == "folder":
        return read_folder(path)
    if form == "csv":
        return read_csv(path, images)
    if form == "recordio":
        return read_recordio(path)
    if form == "lfw-view1":
        if images is None:
            raise TrainingError(f"{path}: a list of LFW needs the folder of its images (images)")
        return read_lfw_view1(path, images)
    raise TrainingError(
        f"{path}: expected a folder of people, or a .csv, .rec or .txt file; "
        f"{'give its form' if path.exists() else 'there is nothing'}"
    )


def fingerprint(index: FaceIndex) -> str:
    """SHA-256 of who is in which picture, in hex; a folder may have moved."""
    digest = hashlib.sha256("\0".join(index.names).encode("utf-8", "surrogateescape"))
    digest.update(np.ascontiguousarray(index.labels, "<i8").tobytes())
    return digest.hexdigest()
