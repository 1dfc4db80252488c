"""What a file of embeddings says of itself, and how long its vectors are: before it is read."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from facewise.errors import GalleryError
from facewise.export.facts import ExportFacts
from facewise.gallery.transfer.arrays import DAMAGE, ArrayFile
from facewise.gallery.transfer.extra import needed
from facewise.gallery.transfer.facerec_h5_parts import DAMAGE as H5_DAMAGE
from facewise.gallery.transfer.facerec_h5_parts import text_or_none

_VECTORS = ("vectors", "embeddings", "encodings")
_COLUMNS = ("vector", "embedding", "encoding")
_LONGEST = 1 << 16  # characters of the facts


def facts_of(path: Path, form: str) -> ExportFacts | None:
    """The facts of the model; None where the file has none.

    Args:
        path: of the file.
        form: "npz", "parquet" or "h5".

    Raises:
        GalleryError: it is damaged.
    """
    text = {"npz": _npz_facts, "parquet": _parquet_facts, "h5": _h5_facts}[form](path)
    return None if text is None else ExportFacts.from_json(text)


def dimension_of(path: Path, form: str) -> int:
    """How many numbers the first vector of a file has; 0 where there is none.

    Raises:
        GalleryError: it is damaged.
    """
    return {"npz": _npz_dimension, "parquet": _parquet_dimension, "h5": _h5_dimension}[form](path)


def _npz_facts(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if "model.npy" not in archive.namelist():
                return None
            with archive.open("model.npy") as stream:
                array = ArrayFile(stream, f"{path}: array 'model'")
                if array.shape != () or not 0 < array.dtype.itemsize <= 4 * _LONGEST:
                    raise GalleryError(f"{path}: array 'model': expected one text")
                return str(array.single())
    except DAMAGE as error:
        raise GalleryError(f"{path}: damaged, or no archive ({error!s:.200})") from None


def _npz_dimension(path: Path) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            name = next((name for name in _VECTORS if f"{name}.npy" in names), "vectors")
            with archive.open(f"{name}.npy") as stream:
                shape = ArrayFile(stream, f"{path}: array {name!r}").shape
    except KeyError:
        raise GalleryError(f"{path}: no array 'vectors'") from None
    except DAMAGE as error:
        raise GalleryError(f"{path}: damaged, or no archive ({error!s:.200})") from None
    return shape[1] if len(shape) == 2 else 0


def _parquet_facts(path: Path) -> str | None:
    metadata = _parquet(path).schema_arrow.metadata or {}
    text: bytes | None = metadata.get(b"facewise.model")
    return None if text is None else text.decode("utf-8", "replace")


def _parquet_dimension(path: Path) -> int:
    file = _parquet(path)
    for name in _COLUMNS:
        if name in file.schema_arrow.names:
            size = getattr(file.schema_arrow.field(name).type, "list_size", None)
            if size is not None:
                return int(size)
            for batch in file.iter_batches(1, columns=[name]):
                value = batch.column(0)[0]
                return len(value) if value.is_valid else 0
    return 0


def _parquet(path: Path) -> Any:
    parquet = needed("pyarrow.parquet", "Parquet files")
    try:
        return parquet.ParquetFile(str(path))
    except (OSError, ValueError) as error:  # Arrow's errors are of these kinds
        raise GalleryError(f"{path}: damaged, or no Parquet file ({error!s:.200})") from None


def _h5_facts(path: Path) -> str | None:
    h5py = needed("h5py", "HDF5 files")
    try:
        with h5py.File(path, "r") as file:
            return text_or_none(file.attrs, "facewise.model", str(path))
    except H5_DAMAGE as error:
        raise GalleryError(f"{path}: damaged, or no HDF5 file ({error!s:.200})") from None


def _h5_dimension(path: Path) -> int:
    """Of person/embedding or person/image/embedding, the first that there is."""
    h5py = needed("h5py", "HDF5 files")
    try:
        with h5py.File(path, "r") as file:
            for person in file:
                inner: Any = file.get(person)
                for _ in range(2):
                    if not isinstance(inner, h5py.Group) or not len(inner):
                        break
                    found = inner.get("embedding")
                    if isinstance(found, h5py.Dataset) and found.shape:
                        return int(found.shape[-1])
                    inner = inner.get(next(iter(inner)))
    except H5_DAMAGE as error:
        raise GalleryError(f"{path}: damaged, or no HDF5 file ({error!s:.200})") from None
    return 0
