"""The readers of checkpoints and graphs, on whole files and on damaged ones."""

from __future__ import annotations

import numpy as np
import pytest

import tensorflow_files as files
from facewise.convert.tensorflow.checkpoint import read_checkpoint
from facewise.convert.tensorflow.checksums import crc32c
from facewise.convert.tensorflow.graph import read_graph
from facewise.convert.tensorflow.snappy import unpacked
from facewise.convert.wire import WireError, fields
from facewise.errors import ModelError


def values(held, arrays):
    return {name: held[name].values(arrays[name].shape) for name in arrays}


@pytest.mark.parametrize("length", [0, 1, 255, 65_535, 65_536, 70_000, 1 << 20, (1 << 20) + 70_001])
def test_checksums_are_those_of_the_plain_loop(rng, length):
    data = rng.bytes(length)
    assert crc32c(data) == files.crc32c(data)


@pytest.mark.parametrize("packed", [False, True])
def test_a_checkpoint_gives_what_was_written(tmp_path, packed):
    arrays = files.small()
    files.checkpoint(tmp_path / "m", arrays, packed)
    found = values(read_checkpoint(tmp_path / "m"), arrays)
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())


def test_many_tensors_lie_in_many_blocks(tmp_path, rng):
    arrays = {f"layer_{i:03d}/w": rng.standard_normal(3).astype(np.float32) for i in range(300)}
    files.checkpoint(tmp_path / "m", arrays)
    held = read_checkpoint(tmp_path / "m")
    assert held.keys() == arrays.keys()
    found = values(held, arrays)
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())


def test_a_graph_gives_what_was_written(tmp_path):
    arrays = files.small()
    (tmp_path / "x.pb").write_bytes(files.frozen(arrays))
    found = values(read_graph(tmp_path / "x.pb"), arrays)
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())


@pytest.mark.parametrize("kind", ["float64", "float16"])
def test_other_floats_become_float32(tmp_path, kind):
    array = np.array([[0.5, -2.0]], kind)
    (tmp_path / "x.pb").write_bytes(files.frozen({"a": array}))
    (found,) = values(read_graph(tmp_path / "x.pb"), {"a": array}).values()
    assert found.dtype == np.float32
    assert found.tolist() == [[0.5, -2.0]]


def test_numbers_one_by_one_and_one_for_all(tmp_path):
    start = files.whole(1, 1) + files.message(2, files.shape((2, 3)))
    singly = start + b"".join(
        files.fixed32(5, int(np.float32(v).view(np.uint32))) for v in (1, 2, 3, 4, 5, 6)
    )
    alike = start + files.fixed32(5, int(np.float32(7).view(np.uint32)))
    graph = files.constant("singly", singly) + files.constant("alike", alike)
    (tmp_path / "x.pb").write_bytes(graph)
    held = read_graph(tmp_path / "x.pb")
    assert held["singly"].values((2, 3)).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert held["alike"].values((2, 3)).tolist() == [[7, 7, 7]] * 2


def test_snappy_copies():
    # "ab", 6 bytes from 2 before (one-byte offset), then 5 bytes from 4 before (two bytes).
    packed = bytes([13, 1 << 2]) + b"ab" + bytes([1 | 2 << 2, 2, 2 | 4 << 2, 4, 0])
    assert unpacked(memoryview(packed)) == b"abababababaab"[:8] + b"ababa"
    long = bytes([70, 60 << 2, 69]) + b"x" * 70
    assert unpacked(memoryview(long)) == b"x" * 70


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (b"\xff\xff\xff\xff\x0f\x00a", "cannot hold 4,294,967,295"),
        (bytes([4, 1, 9]), "where there are none"),
        (bytes([9, 1 << 2]) + b"ab", "hold 2 bytes, not 9"),
        (bytes([9, 63 << 2, 255, 255, 255, 255]), "end too early"),
        (bytes([4, 0, 65, 2]), "end in a copy"),
    ],
)
def test_damaged_snappy(packed, text):
    with pytest.raises(WireError, match=text):
        unpacked(memoryview(packed))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x0a\xff\xff\xff\xff\x7fabc", "field 1 has 34,359,738,367 bytes, but only 3 are left"),
        (b"\x08" + b"\xff" * 11, "does not end, or has more than 64 bits"),
        (b"\x08\x80", "does not end"),
        (b"\x0b", "unknown kind of field 3"),
        (b"\x00\x00", "no field has the number 0"),
        (b"\x0d\x01", "field 1 has 4 bytes, but only 1"),
    ],
)
def test_messages_that_are_none(data, text):
    with pytest.raises(WireError, match=text):
        list(fields(memoryview(data)))


def one(tmp_path, **changes):
    """A checkpoint of one array whose entry is changed."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    shards, endianness = changes.pop("shards", 1), changes.pop("endianness", 0)
    offset = changes.pop("offset", 0)
    pairs = [(b"", files.header(shards, endianness)), (b"a", files.entry(array, offset, **changes))]
    (tmp_path / "m.index").write_bytes(files.table(pairs))
    (tmp_path / "m.data-00000-of-00001").write_bytes(array.tobytes())
    return read_checkpoint(tmp_path / "m")["a"].values((2, 3))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"offset": 4}, "it needs bytes 4 to 28 of m.data-00000-of-00001, which has 24: cut short"),
        ({"offset": 1 << 60}, "which has 24"),
        ({"offset": -1}, "place -1"),
        ({"size": 1 << 50}, "expected 24 bytes for shape"),
        ({"size": 20}, "expected 24 bytes for shape .2, 3., found 20"),
        ({"sizes": (2, 4)}, r"expected shape \(2, 3\), found \(2, 4\)"),
        ({"sizes": (1 << 40, 1 << 20)}, "expected shape"),
        ({"sizes": (-1, 3)}, "the shape"),
        ({"checksum": 7}, "its checksum in m.data-00000-of-00001 is another"),
        ({"shard": 3}, "m.data-00003-of-00001 cannot be read"),
        ({"shards": 2}, "m.data-00000-of-00002 cannot be read"),
        ({"endianness": 1}, "big-endian"),
    ],
)
def test_entries_that_lie(tmp_path, changes, text):
    assert one(tmp_path).sum() == 15
    with pytest.raises((WireError, ModelError), match=text):
        one(tmp_path, **changes)


def test_sliced_tensors_are_refused(tmp_path):
    array = np.zeros((2, 3), np.float32)
    sliced = files.entry(array, 0) + files.message(7, b"")
    (tmp_path / "m.index").write_bytes(files.table([(b"", files.header()), (b"a", sliced)]))
    with pytest.raises(WireError, match="stored in slices"):
        read_checkpoint(tmp_path / "m")["a"].values((2, 3))


@pytest.mark.parametrize("packed", [False, True])
def test_any_byte_of_an_index_may_be_wrong(tmp_path, packed):
    """It is an error that names the file, or what was written is read all the same."""
    arrays = files.small()
    files.checkpoint(tmp_path / "m", arrays, packed)
    whole = (tmp_path / "m.index").read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x41
        (tmp_path / "m.index").write_bytes(damaged)
        problem = None
        try:
            found = values(read_checkpoint(tmp_path / "m"), arrays)
        except ModelError as error:
            problem = str(error)
        if problem is not None:
            assert "m.index: not the index of a checkpoint, or damaged" in problem
            continue
        assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    for size in range(0, len(whole), 7):
        (tmp_path / "m.index").write_bytes(whole[:size])
        with pytest.raises(ModelError, match="no table of LevelDB"):
            read_checkpoint(tmp_path / "m")


def test_any_byte_of_a_graph_may_be_wrong(tmp_path, rng):
    arrays = files.small()
    whole = files.frozen(arrays)
    for place in [*range(120), *rng.integers(0, len(whole), 300)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        (tmp_path / "x.pb").write_bytes(damaged)
        try:
            held = read_graph(tmp_path / "x.pb")
            for name in arrays.keys() & held.keys():
                held[name].values(arrays[name].shape)
        except (ModelError, WireError):
            pass
    named = []
    for size in range(1, len(whole), 11):
        (tmp_path / "x.pb").write_bytes(whole[:size])
        try:
            read_graph(tmp_path / "x.pb")  # a part may be a graph too
        except ModelError as error:
            named.append("x.pb" in str(error))
    assert all(named)
    assert len(named) > 50


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "a graph without constants"),
        (b'node {\n  name: "input"\n}\n', "not a GraphDef, or damaged"),
        (files.whole(1, 1) + files.message(2, b""), "a SavedModel; expected a frozen graph"),
        (files.node("x", "VariableV2"), "a graph without constants"),
        (
            files.constant("x", files.whole(1, 1) + files.message(2, files.whole(3, 1))),
            "an unknown shape",
        ),
    ],
)
def test_files_that_are_no_frozen_graph(tmp_path, content, text):
    (tmp_path / "x.pb").write_bytes(content)
    with pytest.raises(ModelError, match=text):
        read_graph(tmp_path / "x.pb")
