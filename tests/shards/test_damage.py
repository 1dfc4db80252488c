"""Shards that cannot be read are not taken for missing, and damaged ones not for whole."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from facewise.errors import ShardsError
from facewise.shards import embed_to_shards, open_shards
from facewise.shards.local_output import LocalOutput
from facewise.shards.output import output_at
from facewise.shards.reading import counts_of, existing


class _Broken(io.BytesIO):
    """Of a network that is gone after a file was opened."""

    def read(self, *_):
        raise TimeoutError(errno.ETIMEDOUT, "the store does not answer")


@pytest.fixture
def shards(folder, tmp_path):
    embed_to_shards(folder, tmp_path / "out", shard_size=100)
    return tmp_path / "out"


def _only(shards: Path) -> Path:
    [path] = shards.glob("*.parquet")
    return path


@pytest.mark.parametrize("where", ["opening", "reading"])
def test_a_shard_that_cannot_be_read_is_not_missing(folder, shards, monkeypatch, where):
    name = _only(shards).name

    def fail(self, name):
        if where == "opening":
            raise PermissionError(errno.EACCES, "may not be read")
        return _Broken(bytes(100))

    before = _only(shards).read_bytes()
    monkeypatch.setattr(LocalOutput, "open", fail)
    with pytest.raises(ShardsError, match=rf"{name}: cannot be read \(.*(may not|does not)"):
        counts_of(output_at(shards), name)
    with pytest.raises(ShardsError, match="cannot be read"):
        open_shards(shards, partial=True)
    with pytest.raises(ShardsError, match="cannot be read"):
        embed_to_shards(folder, shards, shard_size=100)
    assert _only(shards).read_bytes() == before


def test_a_shard_that_is_not_there_or_has_no_end_is_missing(shards):
    path = _only(shards)
    output, manifest = output_at(shards), open_shards(shards).manifest
    path.write_bytes(path.read_bytes()[:-20])
    assert counts_of(output, path.name) is None
    path.unlink()
    assert counts_of(output, path.name) is None
    assert existing(output, manifest) == {}


def test_a_network_that_is_gone_later_is_no_damage(shards, monkeypatch):
    opened = open_shards(shards)
    monkeypatch.setattr(LocalOutput, "open", lambda *_: _Broken(bytes(100)))
    with pytest.raises(ShardsError, match=r"cannot be read \(TimeoutError"):
        list(opened.batches())


def test_a_wrong_byte_of_a_vector_is_found(shards):
    path = _only(shards)
    group = parquet.read_metadata(path).row_group(0)
    [vectors] = [
        column
        for column in map(group.column, range(group.num_columns))
        if column.path_in_schema.startswith("vector.")
    ]
    whole = bytearray(path.read_bytes())
    whole[vectors.data_page_offset + vectors.total_compressed_size // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ShardsError, match=rf"{path.name}: damaged .*CRC"):
        list(open_shards(shards).batches())
