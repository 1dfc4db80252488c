"""The tensors of a checkpoint of TensorFlow's second form (`NAME.index`, `NAME.data-…`).

As tensorflow/core/protobuf/tensor_bundle.proto has it: the index is a table from a tensor's name to
a BundleEntryProto; the entry of the empty name is the header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from facewise.convert.tensorflow.checksums import masked_crc32c
from facewise.convert.tensorflow.table import entries
from facewise.convert.tensorflow.tensors import Tensor, shape_of
from facewise.convert.wire import Field, WireError, fields
from facewise.errors import ModelError

_ENDINGS = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_MOST_INDEX = 1 << 28  # bytes; the index of Inception-ResNet-v1 with its optimiser has 100,000


def checkpoint_prefix(path: Path) -> Path | None:
    """What the names of a checkpoint's files begin with.

    Args:
        path: that itself, one of the files, or a folder with one checkpoint in it; of several, the
            one of the last step.

    Returns:
        None when it is none of these.
    """
    if path.is_dir():
        found = [Path(_ENDINGS.sub("", str(file))) for file in path.glob("*.index")]
        return max(found, key=_step, default=None)
    prefix = Path(_ENDINGS.sub("", str(path)))
    return prefix if _index(prefix).is_file() else None


def read_checkpoint(prefix: Path) -> Mapping[str, Tensor]:
    """What a checkpoint holds, by name; values are read, and their checksums compared, later.

    Raises:
        ModelError: the index is missing or damaged.
    """
    path = _index(prefix)
    try:
        size = path.stat().st_size
        if size > _MOST_INDEX:
            raise ModelError(f"{path}: expected a small index file, found {size:,} bytes")
        table = dict(entries(memoryview(path.read_bytes())))
        header = table.pop(b"", None)
        if header is None:
            raise WireError("it has no header")
        shards = _shards(header)
        return {
            key.decode("utf-8", "replace"): _entry(memoryview(value), prefix, shards)
            for key, value in table.items()
        }
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except WireError as error:
        raise ModelError(f"{path}: not the index of a checkpoint, or damaged: {error}") from None


def _index(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.index")


def _step(prefix: Path) -> tuple[int, str]:
    number = re.search(r"-(\d+)$", prefix.name)
    return (int(number[1]) if number else -1, prefix.name)


def _shards(header: memoryview) -> int:
    """The number of data files, from a BundleHeaderProto."""
    values = {field.number: field.whole for field in fields(header)}
    if values.get(2, 0) != 0:
        raise WireError("its numbers are big-endian, which is not read")
    return values.get(1, 0)


def _entry(data: memoryview, prefix: Path, shards: int) -> Tensor:
    """A BundleEntryProto."""
    found: dict[int, Field] = {}
    parts = False
    for field in fields(data):
        parts |= field.number == 7
        found[field.number] = field
    wholes = {number: field.signed() for number, field in found.items()}
    shape = shape_of(found[2]) if 2 in found else ()
    shard, offset, size = (wholes.get(number, 0) for number in (3, 4, 5))
    if min(shard, offset, size) < 0:
        raise WireError(f"a tensor of shard {shard}, place {offset} and size {size}")
    checksum = int(found[6].numbers("<u4")[0]) if 6 in found else None
    file = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}")

    def read() -> memoryview:
        if parts:
            raise WireError("it is stored in slices, which are not read")
        content = _part(file, offset, size)
        if checksum is not None and masked_crc32c(content) != checksum:
            raise WireError(f"its checksum in {file.name} is another: the file is damaged")
        return content

    return Tensor(wholes.get(1, 0), shape, size, read)


def _part(file: Path, offset: int, size: int) -> memoryview:
    try:
        length = file.stat().st_size
        if offset + size > length:
            raise WireError(
                f"it needs bytes {offset:,} to {offset + size:,} of {file.name}, which has "
                f"{length:,}: cut short?"
            )
        with file.open("rb") as opened:
            opened.seek(offset)
            return memoryview(opened.read(size))
    except OSError as error:
        raise WireError(f"{file.name} cannot be read ({error.strerror})") from None
