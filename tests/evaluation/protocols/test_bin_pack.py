from __future__ import annotations

import hashlib
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facewise.errors import ProtocolError
from facewise.evaluation.protocols import bin_pack
from facewise.evaluation.protocols.bin_pack import read_bin_pack


def picture(number: int, form: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(file, form)
    return file.getvalue()


IMAGES = [picture(i) for i in range(8)]
SAME = [True, False, True, False]


@pytest.fixture
def pack(tmp_path: Path):
    def to_file(content: Any, protocol: int = 4) -> Path:
        file = tmp_path / "lfw.bin"
        if not isinstance(content, bytes):
            content = pickle.dumps(content, protocol)
        file.write_bytes(content)
        return file

    return to_file


def as_array(image: bytes) -> np.ndarray:
    return np.frombuffer(image, np.uint8).copy()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        tuple(IMAGES),
        [bytearray(image) for image in IMAGES],
        [as_array(image) for image in IMAGES],
        [as_array(image).reshape(-1, 1) for image in IMAGES],  # as older versions of OpenCV do
        [as_array(image)[None] for image in IMAGES],
    ],
    ids=["bytes", "tuple", "bytearrays", "arrays", "columns", "rows"],
)
def test_reads_what_python_3_writes(protocol: int, images: Any, pack) -> None:
    file = pack((images, SAME), protocol)
    found = read_bin_pack(file, folds=2)
    assert found.name == "lfw"
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.images == tuple(IMAGES)
    assert all(type(image) is bytes for image in found.images)
    assert found.names == tuple(f"{i:06d}" for i in range(8))
    assert found.people is None
    assert found.pairs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert found.same.tolist() == SAME
    assert found.folds.tolist() == [0, 0, 1, 1]
    assert found.remarks == ()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "labels",
    [
        tuple(SAME),
        [int(same) for same in SAME],
        [np.bool_(same) for same in SAME],
        np.array(SAME),
        [SAME[0], np.bool_(SAME[1]), 1, 0],
    ],
    ids=["tuple", "numbers", "numpy scalars", "array", "mixed"],
)
def test_reads_labels_of_any_kind(protocol: int, labels: Any, pack) -> None:
    assert read_bin_pack(pack((IMAGES, labels), protocol), folds=2).same.tolist() == SAME


def test_reads_png(pack) -> None:
    images = [picture(i, "PNG") for i in range(8)]
    assert read_bin_pack(pack((images, SAME)), folds=2).images == tuple(images)


def test_reads_older_and_newer_names_of_numpy(pack) -> None:
    content = pickle.dumps(([as_array(image) for image in IMAGES], np.array(SAME)), 2)
    new, old = b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"
    for name in (new, old):
        renamed = content.replace(new, name).replace(old, name)
        assert read_bin_pack(pack(renamed), folds=2).images == tuple(IMAGES)


def python_2(images: list[bytes], labels: tuple[bytes, ...] = (b"\x88", b"\x89") * 2) -> bytes:
    """What cPickle of Python 2 writes with its highest protocol: strings of bytes, memo from 1."""
    content, memo = b"\x80\x02]q\x01(", 1
    for image in images:
        memo += 1
        short = len(image) < 256
        content += b"U" + bytes([len(image)]) if short else b"T" + struct.pack("<i", len(image))
        content += image + b"q" + bytes([memo])
    memo += 1
    return content + b"e]q" + bytes([memo]) + b"(" + b"".join(labels) + b"e\x86q\xff."


def test_reads_what_python_2_writes(pack) -> None:
    short = [b"\xff\xd8\xff" + bytes([i, 200 + i]) for i in range(4)]
    images = IMAGES[:4] + short
    assert min(map(len, IMAGES)) >= 256
    content = python_2(images).replace(b"q\xff", b"q\x0b")
    assert pickle.loads(content, encoding="bytes") == (images, SAME)
    found = read_bin_pack(pack(content), folds=2)
    assert found.images == tuple(images)
    assert found.same.tolist() == SAME
    in_text = python_2(images, (b"I01\n", b"I00\n") * 2).replace(b"q\xff", b"q\x0b")
    assert read_bin_pack(pack(in_text), folds=2).same.tolist() == SAME


def python_2_array(image: bytes, kind: bytes = b"u1") -> bytes:
    """An array as Python 2 writes it: numpy's function, and strings where Python 3 has text."""
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        b"(K\x01K" + bytes([len(image)]) + b"\x85cnumpy\ndtype\n(U\x02" + kind + b"K\x00K\x01tR"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U"
        + bytes([len(image)]) + image + b"tb"
    )  # fmt: skip


def test_reads_arrays_that_python_2_writes(pack) -> None:
    images = [b"\xff\xd8\xff" + bytes([i]) for i in range(4)]
    content = b"\x80\x02](" + b"".join(map(python_2_array, images)) + b"e](\x88\x89e\x86."
    loaded, _ = pickle.loads(content, encoding="bytes")
    assert [array.tobytes() for array in loaded] == images
    assert read_bin_pack(pack(content), folds=1).images == tuple(images)


def test_an_image_counts_once(pack) -> None:
    images = [IMAGES[0], IMAGES[1], IMAGES[0], IMAGES[2], IMAGES[1], IMAGES[0]]
    found = read_bin_pack(pack((images, [True, False, True])), folds=1)
    assert found.images == (IMAGES[0], IMAGES[1], IMAGES[2])
    assert found.names == ("000000", "000001", "000003")
    assert found.pairs.tolist() == [[0, 1], [0, 2], [1, 0]]


def test_folds_are_consecutive_parts(pack) -> None:
    images = [picture(i % 12) for i in range(14)]
    file = pack((images, [True, False] * 3 + [True]))
    found = read_bin_pack(file, folds=3)
    assert found.folds.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert found.remarks == (
        "7 pairs cannot be cut into 3 equal folds: 1 of the folds have one pair more",
    )
    for folds in (0, 8):
        with pytest.raises(ProtocolError, match=rf"has 7 pairs, and {folds} folds were asked for"):
            read_bin_pack(file, folds)
    with pytest.raises(ProtocolError, match="has 7 pairs, and 10 folds were asked for"):
        read_bin_pack(file)


def test_remarks_tell_of_odd_pairs(pack) -> None:
    images = [*IMAGES[:6], IMAGES[0], IMAGES[0]]
    found = read_bin_pack(pack((images, [True, True, False, True])), folds=2)
    assert found.remarks == (
        "1 of 2 folds have pairs of one kind only",
        "1 of 4 pairs are of one image with itself",
    )


class Calls:
    """Pickled, it is a call that unpickling makes."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_calls_nothing(protocol: int, tmp_path: Path, pack) -> None:
    import os

    witness = tmp_path / "witness"
    hostile = Calls(os.system, f"touch {witness}")
    for content in (hostile, (hostile, SAME), ([*IMAGES[:-1], hostile], SAME)):
        with pytest.raises(
            ProtocolError, match=r"lfw\.bin: refused (posix|nt)\.system; not a pack"
        ):
            read_bin_pack(pack(content, protocol))
    for function, name in ((eval, "eval"), (exec, "exec"), (getattr, "getattr")):
        with pytest.raises(ProtocolError, match=rf"refused (__builtin__|builtins)\.{name}"):
            read_bin_pack(pack(Calls(function, f"open({str(witness)!r}, 'w')"), protocol))
    assert not witness.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cposix\nsystem\n(S'true'\ntR.", r"refused posix\.system"),
        (b"\x80\x04\x8c\x05numpy\x8c\x09core.load\x93.", r"refused numpy\.core\.load"),
        (b"cnumpy\nload\n.", r"refused numpy\.load"),
        (b"(S'true'\niposix\nsystem\n.", r"byte 9: refused INST"),
        (b"\x80\x02cnumpy\ndtype\n)\x81.", r"byte 16: refused NEWOBJ"),
        (b"\x80\x02\x82\x01.", r"byte 2: refused EXT1"),
        (b"\x80\x02}.", r"byte 2: refused EMPTY_DICT"),
        (b"\x80\x04\x8f.", r"byte 2: refused EMPTY_SET"),
        (pickle.dumps(np.zeros(4, [("a", "u1")])), r"byte \d+: refused EMPTY_DICT"),
        (b"Pabc\n.", r"byte 0: refused PERSID"),
        (b"\x80\x05\x97.", r"byte 2: refused NEXT_BUFFER"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", r"byte 3: refused LONG_BINPUT 2147483647"),
        (b"Np99999999\n.", r"byte 1: refused PUT 99999999"),
    ],
)
def test_refuses_what_no_pack_needs(content: bytes, message: str, pack) -> None:
    with pytest.raises(ProtocolError, match=message):
        read_bin_pack(pack(content))


def test_attributes_of_the_stand_ins_cannot_be_set(pack) -> None:
    # BUILD, which sets attributes, on a function and on a class: {"__doc__": "x"} or its like.
    for name in (b"c_codecs\nencode\n", b"cnumpy\ndtype\n"):
        for state in (b"N}U\x07__doc__U\x01xs\x86", b"U\x07__doc__U\x01x\x86", b"N(NN\x86\x86"):
            with pytest.raises(ProtocolError, match=r"refused EMPTY_DICT|or damaged"):
                read_bin_pack(pack(b"\x80\x02" + name + state + b"b."))
    assert bin_pack._bytes.__doc__.startswith("In place of")
    assert vars(bin_pack._bytes) == {}


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([b"x", None], object), "'O8'"),
        (np.zeros(4, np.float32), "'f4'"),
        (np.array([b"x"]), "'S1'"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_refuses_arrays_of_other_types(array: Any, kind: str, protocol: int, pack) -> None:
    for content in ((array, SAME), ([*IMAGES[:-1], array], SAME)):
        with pytest.raises(ProtocolError, match=rf"lfw\.bin: refused an array of type {kind}"):
            read_bin_pack(pack(content, protocol))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not a pack, or damaged \("),
        (b"\xff\xd8\xff\xe0", r"not a pack, or damaged \("),
        (pickle.dumps((IMAGES, SAME))[:-1], r"damaged \("),
        (pickle.dumps((IMAGES, SAME))[:500], r"damaged \("),
        (b"\x80\x02T\xff\xff\xff\x7fabc", r"damaged \("),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\x00\x00abc.", r"damaged \("),
        (b"\x80\x02R.", r"damaged \("),
        (b"\x80\x02h\x05.", r"damaged \("),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00rot\x86R.", r"damaged"),
        (b"\x80\x02c_codecs\nencode\nNN\x86R.", r"damaged \(ValueError: expected bytes, got None"),
        (b"\x80\x02c__builtin__\nbytes\nJ\xff\xff\xff\x7f\x85R.", r"expected bytes, got int"),
        ([1, 2, 3], r"expected images and labels, got list"),
        (None, r"expected images and labels, got NoneType"),
        ((IMAGES, None), r"expected a list of labels, got NoneType"),
        ((b"abc", SAME), r"expected a list of images, got bytes"),
        ((IMAGES, SAME[:-1]), r"expected two images for each label, got 8 and 3"),
        (([], []), r"expected two images for each label, got 0 and 0"),
        ((IMAGES, [True, False, True, 2]), r"label 3 is no bool but int"),
        ((IMAGES, [True, False, True, 0.0]), r"label 3 is no bool but float|refused BINFLOAT"),
        ((IMAGES, [True, False, True, "x"]), r"label 3 is no bool but str"),
        ((IMAGES, [True] * 4), r"has no impostor pairs"),
        ((IMAGES, [False] * 4), r"has no genuine pairs"),
        (([*IMAGES[:-1], "x"], SAME), r"image 7 is neither bytes nor an array of uint8, but str"),
        (([*IMAGES[:-1], b""], SAME), r"image 7 is neither a JPEG nor a PNG"),
        (([*IMAGES[:-1], b"GIF89a"], SAME), r"image 7 is neither a JPEG nor a PNG"),
        (([*IMAGES[:-1], np.array([True])], SAME), r"image 7 is neither .*, but an array of bool"),
        (([*IMAGES[:-1], np.zeros((4, 4), np.uint8)], SAME), r"expected an array of one dim"),
        ((np.zeros(4, np.uint8), SAME), r"expected a list of images, got an array of uint8"),
    ],
)
def test_refuses_what_is_no_pack(content: Any, message: str, pack) -> None:
    with pytest.raises(ProtocolError, match=rf"lfw\.bin: .*{message}"):
        read_bin_pack(pack(content))


def test_refuses_an_array_whose_bytes_do_not_fit(pack) -> None:
    image = b"\xff\xd8\xff\xe0"
    lie = python_2_array(image).replace(b"K\x01K\x04\x85", b"K\x01K\x09\x85")
    with pytest.raises(ProtocolError, match=r"expected an array of one dimension, got \(9,\)"):
        read_bin_pack(pack(b"\x80\x02](" + lie + b"e](\x88e\x86."))


def test_a_missing_pack(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"none\.bin: cannot be read \(No such file"):
        read_bin_pack(tmp_path / "none.bin")
