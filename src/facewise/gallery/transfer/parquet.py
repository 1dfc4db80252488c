"""Parquet, the complete form: a row for each face, everything that is known of it and its person.

Columns: those of `columns`, with `--chips` `chip`, and `vector`, a list of d float32. A person
without faces has a row without a `face_id`, whose vector is zero: a missing list of fixed size
cannot be read by most versions of Arrow (apache/arrow#35692). The metadata of the schema have the
version of this form and the facts of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facewise.errors import GalleryError
from facewise.gallery.digests import digest_in, name_in
from facewise.gallery.records import ModelFacts
from facewise.gallery.transfer.columns import COLUMNS, Cells, checked_columns, row_of
from facewise.gallery.transfer.extra import needed
from facewise.gallery.transfer.rows import BATCH, Given, Refusal, Row, Survey

if TYPE_CHECKING:
    from facewise.gallery.transfer.leaving import Outgoing

VERSION = "1"
"""Of the columns above."""

_GROUP = 8192  # rows of a row group …
_GROUP_BYTES = 1 << 23  # … or fewer: of vectors and chips
_BUFFER = 1 << 20  # bytes of a column that are read at a time
_MOST_LARGER = 20  # times larger than its file no real table of vectors is …
_SMALL = 1 << 26  # … but for one of so many bytes, which does no harm


def write(path: Path, leaving: Outgoing) -> None:
    """Write all people and faces, a row group at a time."""
    pa, parquet = _arrow()
    facts = leaving.facts
    schema = _schema(pa, facts, leaving.chips)
    options = {
        "compression": "zstd",
        "use_dictionary": ["name", "notes", "consent"],
        "write_page_checksum": True,
    }
    with parquet.ParquetWriter(str(path), schema, **options) as writer:
        group: list[Row] = []
        size = 0
        for row in leaving.rows():
            group.append(row)
            size += 4 * facts.embedding_size + len(row.chip or b"")
            if len(group) == _GROUP or size >= _GROUP_BYTES:
                writer.write_table(_table(pa, schema, group, facts.embedding_size))
                group, size = [], 0
        if group:
            writer.write_table(_table(pa, schema, group, facts.embedding_size))


def survey(given: Given) -> Survey:
    """Look at the schema, at the lengths of vectors where they may differ, and for damage.

    Raises:
        GalleryError: it is damaged, or no table of faces, or of vectors of another length.
    """
    pa, _ = _arrow()
    with _opened(given.path) as file:
        names = checked_columns(file.schema_arrow.names, given.path)
        kind = file.schema_arrow.field(names["vector"]).type
        if not pa.types.is_list(kind) and not _is_fixed(kind) and not pa.types.is_large_list(kind):
            raise GalleryError(
                f"{given.path}: column {names['vector']!r}: expected lists of numbers, got {kind}"
            )
        if not pa.types.is_floating(kind.value_type):
            raise GalleryError(
                f"{given.path}: column {names['vector']!r}: expected floating-point numbers, got "
                f"{kind.value_type}"
            )
        if not _is_fixed(kind):
            _check_lengths(file, names["vector"], given)
        elif kind.list_size != given.dimension:
            raise given.other_length(f"{given.path}: its vectors", kind.list_size)
        for _ in file.iter_batches(BATCH, columns=list(names.values())):
            pass  # so that what does not fit its checksum is found before anything is written
        return Survey(file.metadata.num_rows, _facts(file, given.path))


def read(given: Given) -> Iterator[Row | Refusal]:
    """The rows, a batch at a time.

    Raises:
        GalleryError: the file is damaged.
    """
    with _opened(given.path) as file:
        names = checked_columns(file.schema_arrow.names, given.path)
        wanted = list(names.values())
        number = 0
        for batch in file.iter_batches(BATCH, columns=wanted):
            columns = {ours: batch.column(theirs) for ours, theirs in names.items()}
            vectors = columns.pop("vector")
            cells = {name: column.to_pylist() for name, column in columns.items()}
            for i in range(batch.num_rows):
                number += 1
                row = Cells({name: column[i] for name, column in cells.items()})
                vector = _vector(vectors[i])
                yield row_of(f"row {number}", row, None if _is_faceless(row, vector) else vector)


def _is_faceless(row: Cells, vector: NDArray[np.float64]) -> bool:
    """Whether a row is of a person without faces; tables of others may have empty `face_id`s."""
    return "face_id" in row and row["face_id"] is None and not vector.any()


def _vector(cell: Any) -> NDArray[np.float64]:
    if not cell.is_valid:
        return np.zeros(0)
    # Through float64: half floats and numbers that are missing (NaN) too.
    return np.asarray(cell.values.to_numpy(zero_copy_only=False), np.float64)


def _schema(pa: Any, facts: ModelFacts, chips: bool) -> Any:
    types = {
        "id": pa.int64(),
        "text": pa.string(),
        "day": pa.date32(),
        "time": pa.timestamp("us", tz="UTC"),
        "number": pa.float64(),
    }
    fields = [pa.field(name, types[kind]) for name, kind in COLUMNS.items()]
    if chips:
        fields.append(pa.field("chip", pa.binary()))
    fields.append(pa.field("vector", pa.list_(pa.float32(), facts.embedding_size), nullable=False))
    return pa.schema(
        fields, metadata={"facewise.gallery": VERSION, "facewise.model": facts.to_json()}
    )


def _table(pa: Any, schema: Any, rows: Sequence[Row], dimension: int) -> Any:
    values: dict[str, Any] = {
        "source": [None if row.vector is None else name_in(row.source) for row in rows],
        "sha256": [digest_in(row.source) for row in rows],
        "chip": [row.chip for row in rows],
    }
    for i, side in enumerate(("x1", "y1", "x2", "y2")):
        values[side] = [None if row.box is None else row.box[i] for row in rows]
    zero = np.zeros(dimension, np.float32)
    vectors = np.stack(
        [zero if row.vector is None else row.vector for row in rows], dtype=np.float32
    )
    flat = pa.array(vectors.reshape(-1))
    arrays = []
    for field in schema:
        if field.name == "vector":
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, dimension))
        else:
            column = values.get(field.name) or [getattr(row, field.name) for row in rows]
            arrays.append(pa.array(column, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _facts(file: Any, path: Path) -> ModelFacts | None:
    metadata = file.schema_arrow.metadata or {}
    version = metadata.get(b"facewise.gallery")
    if version is None:
        return None
    if version != VERSION.encode():
        raise GalleryError(
            f"{path}: a gallery of format {version[:20]!r}; this facewise reads format {VERSION}"
        )
    try:
        return ModelFacts.from_json(metadata.get(b"facewise.model", b"").decode())
    except (GalleryError, UnicodeDecodeError) as error:
        raise GalleryError(f"{path}: damaged: {error}") from None


def _check_lengths(file: Any, column: str, given: Given) -> None:
    compute, number = needed("pyarrow.compute", "Parquet files"), 0
    for batch in file.iter_batches(BATCH, columns=[column]):
        for length in compute.list_value_length(batch.column(0)).to_pylist():
            number += 1
            if length is not None and length != given.dimension:
                raise given.other_length(f"{given.path}: row {number}", length)


def _is_fixed(kind: Any) -> bool:
    return hasattr(kind, "list_size")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    pa, parquet = _arrow()
    try:
        with parquet.ParquetFile(
            str(path), buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
        ) as file:
            groups = range(file.metadata.num_row_groups)
            size = sum(file.metadata.row_group(i).total_byte_size for i in groups)
            if size > max(_SMALL, _MOST_LARGER * path.stat().st_size):
                raise GalleryError(
                    f"{path}: unpacked it would have {size:,} bytes, more than {_MOST_LARGER} "
                    "times as many as packed: no real vectors"
                )
            yield file
    except (pa.ArrowException, OSError) as error:
        raise GalleryError(f"{path}: damaged, or no Parquet file ({error!s:.200})") from error


def _arrow() -> tuple[Any, Any]:
    purpose = "Parquet files"
    return needed("pyarrow", purpose), needed("pyarrow.parquet", purpose)
