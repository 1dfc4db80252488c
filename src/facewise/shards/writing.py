"""One shard: rows to a Parquet file, some at a time."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.shards import schema
from facewise.shards.extra import needed
from facewise.shards.schema import FAILED, IS_FACE, NO_FACE, Counts

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from facewise.faces import EmbeddedFaces
    from facewise.shards.pictures import Picture

_GROUP_ROWS, _GROUP_BYTES = 4096, 1 << 25
"""Of a row group, which is what is held in memory at once."""


class ShardWriter:
    """Writes the rows of a unit's pictures, in their order.

    The bytes of the file depend on the rows and the packages' versions alone: no times, no names
    of machines.

    Args:
        path: the file; it is of use to readers once `finish` was called.
        dimension: d of the vectors.
        chips: whether there is a column of chips.
        scored: whether a detector has given the faces their scores.
        about: see `schema.ABOUT`.
    """

    def __init__(
        self, path: Path, dimension: int, *, chips: bool, scored: bool, about: Mapping[str, Any]
    ) -> None:
        parquet = needed("pyarrow.parquet", "shards")
        self._schema = schema.table_schema(dimension, chips=chips, about=about)
        words = [schema.SOURCE, schema.LABEL, schema.STATUS, schema.ERROR]
        self._writer = parquet.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            use_dictionary=words,
            write_statistics=[*words, schema.KEY, schema.PICTURE, schema.SCORE],
            write_page_checksum=True,
        )
        self._scored = scored
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self.counts = Counts()

    def add(
        self, picture: Picture, found: EmbeddedFaces | str, chips: Sequence[bytes] = ()
    ) -> None:
        """Add the rows of a picture.

        Args:
            picture: what was looked at.
            found: its faces; or why there is no result.
            chips: PNG files of the faces, if the shard holds them.
        """
        row: dict[str, Any] = {
            schema.SOURCE: storable(picture.source),
            schema.KEY: storable(picture.key),
            schema.LABEL: None if picture.label is None else storable(picture.label),
            schema.PICTURE: self.counts.pictures,
        }
        if isinstance(found, str):
            rows = [row | {schema.STATUS: FAILED, schema.ERROR: storable(found)}]
            more = Counts(pictures=1, failed=1)
        else:
            rows = _rows(row, found, chips, scored=self._scored)
            count = len(found.faces)
            more = Counts(pictures=1, faces=count, faceless=int(count == 0))
        self.counts = self.counts.plus(more)
        self._rows += rows
        self._bytes += 400 * len(rows) + sum(map(len, chips))
        if len(self._rows) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write what is left, and the counts; after that the file is a shard."""
        self._flush()
        self._writer.add_key_value_metadata({schema.COUNTS: json.dumps(self.counts._asdict())})
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def _flush(self) -> None:
        pa = needed("pyarrow", "shards")
        rows, self._rows, self._bytes = self._rows, [], 0
        if not rows:
            return
        columns = [_column(rows, field, pa) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))


def _rows(
    row: Mapping[str, Any], found: EmbeddedFaces, chips: Sequence[bytes], *, scored: bool
) -> list[dict[str, Any]]:
    width, height = found.image_size
    seen = {**row, schema.WIDTH: width, schema.HEIGHT: height}
    faces = found.faces
    if not len(faces):
        return [{**seen, schema.STATUS: NO_FACE}]
    rows = []
    for i in range(len(faces)):
        new = {
            **seen,
            schema.STATUS: IS_FACE,
            schema.FACE: i,
            schema.BOX: faces.boxes[i],
            schema.VECTOR: found.embeddings[i],
        }
        if faces.landmarks is not None:
            new[schema.LANDMARKS] = faces.landmarks[i].reshape(10)
        if scored:
            new[schema.SCORE] = float(faces.scores[i])
        if chips:
            new[schema.CHIP] = chips[i]
        rows.append(new)
    return rows


def _column(rows: Sequence[Mapping[str, Any]], field: Any, pa: Any) -> Any:
    values = [row.get(field.name) for row in rows]
    if not pa.types.is_fixed_size_list(field.type):
        return pa.array(values, field.type)
    # As one array: many times faster than lists of numbers, and float32 stays what it is.
    missing = np.full(field.type.list_size, np.nan, np.float32)
    flat = np.concatenate([missing if value is None else value for value in values])
    return pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), type=field.type)


def png(chip: NDArray[np.uint8]) -> bytes:
    """A chip as the content of a PNG file."""
    from PIL import Image as PILImage

    content = io.BytesIO()
    PILImage.fromarray(chip).save(content, "PNG", compress_level=1)
    return content.getvalue()


def storable(text: str) -> str:
    """A text that UTF-8 can write: what of a file's name cannot be decoded becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode()
