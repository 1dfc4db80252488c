"""Write checkpoints and frozen graphs as TensorFlow does, from arrays; by own code.

After tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/framework/*.proto and
LevelDB's doc/table_format.md.
"""

from __future__ import annotations

import struct

import numpy as np

TYPES = {"float32": 1, "float64": 2, "int64": 9, "float16": 19}
_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = (_byte >> 1) ^ (0x82F63B78 if _byte & 1 else 0)
    _TABLE.append(_byte)


def crc32c(data):
    """The plain loop."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked(crc):
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def whole(number, value):
    """A field with a whole number; none when it is 0, as proto3 leaves it out."""
    return varint(number << 3) + varint(value) if value else b""


def message(number, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def fixed32(number, value):
    return varint(number << 3 | 5) + struct.pack("<I", value)


def shape(sizes):
    return b"".join(message(2, whole(1, size)) for size in sizes)


def snappy(data):
    """As literals of up to 60 bytes, and one copy where the data begin with a repetition."""
    out = bytearray(varint(len(data)))
    for i in range(0, len(data), 60):
        part = data[i : i + 60]
        out += bytes([(len(part) - 1) << 2]) + part
    return bytes(out)


def block(pairs, packed=False, restart=3):
    """Entries that share beginnings, and what stands behind them."""
    out, restarts, before = bytearray(), [], b""
    for i, (key, value) in enumerate(pairs):
        shared = 0
        if i % restart == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value))
        out += key[shared:] + value
        before = key
    out += b"".join(struct.pack("<I", place) for place in [*restarts, len(restarts)])
    content = snappy(bytes(out)) if packed else bytes(out)
    content += bytes([1 if packed else 0])
    return content + struct.pack("<I", masked(crc32c(content))), len(content) - 1


def table(pairs, packed=False, each=40):
    """A whole table, `each` entries in a block."""
    pairs = sorted(pairs)
    out, index = bytearray(), []
    for i in range(0, len(pairs), each):
        part = pairs[i : i + each]
        content, size = block(part, packed)
        index.append((part[-1][0], varint(len(out)) + varint(size)))
        out += content
    handles = b""
    for entries in ([], index):
        content, size = block(entries)
        handles += varint(len(out)) + varint(size)
        out += content
    return bytes(out) + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def entry(values, offset, checksum=None, shard=0, sizes=None, size=None):
    """A BundleEntryProto."""
    raw = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    checksum = masked(crc32c(raw)) if checksum is None else checksum
    return (
        whole(1, TYPES[values.dtype.name])
        + message(2, shape(values.shape if sizes is None else sizes))
        + whole(3, shard)
        + whole(4, offset)
        + whole(5, len(raw) if size is None else size)
        + fixed32(6, checksum)
    )


def header(shards=1, endianness=0):
    return whole(1, shards) + whole(2, endianness) + message(3, whole(1, 1))


def checkpoint(prefix, arrays, packed=False, checksum=crc32c):
    """`PREFIX.index` and `PREFIX.data-00000-of-00001`."""
    data, pairs = bytearray(), [(b"", header())]
    for name, values in sorted(arrays.items()):
        raw = values.tobytes()
        pairs.append((name.encode(), entry(values, len(data), masked(checksum(raw)))))
        data += raw
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(pairs, packed))
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)


def tensor(values, singly=False):
    """A TensorProto, its numbers as bytes or one by one."""
    start = whole(1, TYPES[values.dtype.name]) + message(2, shape(values.shape))
    if singly:
        numbers = values.astype("<f4").tobytes()
        return start + message(5, numbers)
    return start + message(4, values.tobytes())


def node(name, operation, attributes=b""):
    return message(1, message(1, name) + message(2, operation) + attributes)


def constant(name, content):
    """A node `Const` with a TensorProto."""
    kind = message(5, message(1, "dtype") + message(2, whole(6, 1)))
    value = message(5, message(1, "value") + message(2, message(8, content)))
    return node(name, "Const", kind + value)


def frozen(arrays):
    """A GraphDef with a constant and an `Identity` for each array."""
    out = [node("input", "Placeholder")]
    for name, values in arrays.items():
        out += [constant(name, tensor(values)), node(f"{name}/read", "Identity")]
    return b"".join(out) + message(4, whole(1, 134))


def small(seed=0):
    """A few arrays, some kilobytes in all."""
    random = np.random.default_rng(seed)
    names = ("a/weights", "a/biases", "b/weights", "b/BatchNorm/beta")
    shapes = ((3, 3, 2, 4), (4,), (8, 6), (6,))
    return {
        name: random.standard_normal(size, np.float32)
        for name, size in zip(names, shapes, strict=True)
    }


def quick(data):
    """A stand-in for large data: the checksum is that of facewise, whose test compares it."""
    from facewise.convert.tensorflow.checksums import crc32c as fast

    return fast(data)
