"""Verification packs of insightface (`lfw.bin`, `agedb_30.bin`): images and labels in one pickle.

A pack is a pickle of `(images, labels)`: 2n encoded JPEG or PNG images, as bytes or as arrays of
uint8, of which two in a row are a pair, and n labels, True for one person.

A pickle can name any function of the machine and have it called. Here it cannot: operations that
no pack needs are refused before anything is read, and names lead to a few stand-ins of this file
and to nothing else. Nothing of numpy takes part.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facewise.errors import ProtocolError
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.reading import consecutive, read_content, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

# fmt: off
_OPERATIONS = frozenset({
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE",
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1",
    "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "LIST", "APPEND", "APPENDS",
    "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
})
# fmt: on
"""Of pickle's operations those that packs are made of, in any protocol.

Dictionaries and sets are not among them: their keys are hashed, which a nested tuple can make take
for ever, and a dictionary is what could change the attributes of a stand-in.
"""

_MOST_SIDES, _LONGEST = 4, 1 << 40  # of a shape: products of more take long
_MOST_COPIES = 8
"""Times the size of the file, that texts may be copied: each image is one text, and is so once."""

_ENCODED = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""How the content of a JPEG and of a PNG begins."""


def read_bin_pack(pack: Path, folds: int = 10) -> PairProtocol:
    """Read a pack. Its pairs are cut into folds in their order, as insightface does.

    An image that the pack holds several times counts once, and is called by its first place.

    Args:
        pack: the `.bin` file, written by Python 2 or 3.
        folds: how many. Where the pairs cannot be cut into equal ones the first have one pair
            more, and a remark says so.

    Raises:
        ProtocolError: the file cannot be read, is damaged or no such pack, names anything that is
            not part of one, or has too few pairs for the folds.
    """
    content = read_content(pack)
    images, same = _checked(pack, _unpickled(pack, content))
    if not 1 <= folds <= len(same):
        raise ProtocolError(f"{pack}: has {len(same)} pairs, and {folds} folds were asked for")
    number: dict[bytes, int] = {}
    names: list[str] = []
    for place, image in enumerate(images):
        if number.setdefault(image, len(number)) == len(names):
            names.append(f"{place:06d}")
    pairs = np.array([number[image] for image in images], np.intp).reshape(-1, 2)
    of_fold = consecutive(len(same), folds)
    return PairProtocol(
        name=pack.stem,
        sha256=sha256_of([content]),
        images=tuple(number),
        names=tuple(names),
        people=None,
        pairs=pairs,
        same=same,
        folds=of_fold,
        remarks=_remarks(pairs, same, of_fold, folds),
    )


def _remarks(
    pairs: NDArray[np.intp], same: NDArray[np.bool_], of_fold: NDArray[np.intp], folds: int
) -> tuple[str, ...]:
    remarks = []
    if len(same) % folds:
        remarks.append(
            f"{len(same)} pairs cannot be cut into {folds} equal folds: {len(same) % folds} of "
            "the folds have one pair more"
        )
    of_one_kind = sum(len(np.unique(same[of_fold == fold])) == 1 for fold in range(folds))
    if of_one_kind:
        remarks.append(f"{of_one_kind} of {folds} folds have pairs of one kind only")
    twice = int(np.count_nonzero(pairs[:, 0] == pairs[:, 1]))
    if twice:
        remarks.append(f"{twice} of {len(same)} pairs are of one image with itself")
    return tuple(remarks)


def _unpickled(pack: Path, content: bytes) -> object:
    try:
        _check_operations(content)
        return _Unpickler(content).load()
    except _RefusedError as refused:
        raise ProtocolError(f"{pack}: {refused}; not a pack, and not safe to read") from None
    except Exception as error:  # of any kind, on a damaged file
        reason = f"{type(error).__name__}: {error}"
        raise ProtocolError(f"{pack}: not a pack, or damaged ({reason:.200})") from None


def _check_operations(content: bytes) -> None:
    """Refuse what no pack needs, before it is done."""
    for done, (operation, argument, place) in enumerate(pickletools.genops(content)):
        if operation.name not in _OPERATIONS:
            raise _RefusedError(f"byte {place}: refused {operation.name}")
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > done:
            # Memory is taken for all numbers up to it.
            raise _RefusedError(f"byte {place}: refused {operation.name} {argument}")


class _RefusedError(Exception):
    """Something in a pickle that has no place in a pack."""


class _Type:
    """In place of `numpy.dtype`: uint8 or bool, and no other."""

    def __init__(self, code: object, *_: object) -> None:
        if isinstance(code, bytes):
            code = code.decode("latin-1")
        if not isinstance(code, str) or code not in ("u1", "|u1", "b1", "|b1"):
            shown = f"{code!r:.20}" if isinstance(code, str) else type(code).__name__
            raise _RefusedError(f"refused an array of type {shown} (expected 'u1')")
        self.is_bool = code.endswith("b1")

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment, which one byte has not."""


class _Array:
    """In place of `numpy.ndarray`: one byte for each item, in one dimension."""

    def __init__(self, *_: object) -> None:
        self.is_bool = False
        self.content = b""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise ValueError("not the state of an array")
        _, shape, kind, _, content = state
        self.fill(shape, kind, content)

    def fill(self, shape: object, kind: object, content: object) -> None:
        """Take shape, type and bytes."""
        if not isinstance(kind, _Type) or not isinstance(content, bytes | bytearray):
            raise ValueError("not the state of an array")
        if not isinstance(shape, tuple) or not 1 <= len(shape) <= _MOST_SIDES:
            raise ValueError("not the shape of an array")
        if not all(type(side) is int and 0 <= side < _LONGEST for side in shape):
            raise ValueError("not the shape of an array")
        if math.prod(shape) != len(content) or len(content) not in shape:
            raise ValueError(f"expected an array of one dimension, got {shape!s:.40}")
        self.is_bool, self.content = kind.is_bool, bytes(content)


def _from_buffer(content: object, kind: object, shape: object, *_: object) -> _Array:
    """In place of what numpy restores arrays with from protocol 5 on."""
    array = _Array()
    array.fill(shape, kind, content)
    return array


def _scalar(kind: object, content: object) -> bool:
    """In place of what numpy restores a scalar with: a bool."""
    if not (isinstance(kind, _Type) and kind.is_bool and content in (b"\0", b"\1")):
        raise ValueError("expected a scalar of type bool")
    return content == b"\1"


def _bytes(content: object = b"", encoding: object = "latin-1") -> bytes:
    """In place of `bytes`, `bytearray` and `_codecs.encode`."""
    if isinstance(content, str) and encoding in ("latin1", "latin-1", b"latin1", b"latin-1"):
        return content.encode("latin-1")
    if not isinstance(content, bytes | bytearray):
        raise ValueError(f"expected bytes, got {type(content).__name__}")
    return bytes(content)


_STAND_INS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("_codecs", "encode"): _bytes,
    **{
        (room, name): _bytes
        for room in ("builtins", "__builtin__")
        for name in ("bytes", "bytearray")
    },
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    **{
        (f"numpy.{core}.{room}", name): stand_in
        for core in ("core", "_core")
        for room, name, stand_in in (
            ("multiarray", "_reconstruct", _Array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}


class _Unpickler(pickle.Unpickler):
    """Knows the stand-ins, and no other name.

    Args:
        content: of the pack.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="bytes")
        self._left = _MOST_COPIES * len(content)

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            raise _RefusedError(f"refused {f'{module}.{name}':.80}")
        return self._copied if stand_in is _bytes else stand_in

    def _copied(self, *arguments: object) -> bytes:
        """`_bytes`, which makes a copy each time it is called with the same text."""
        content = _bytes(*arguments)
        self._left -= len(content)
        if self._left < 0:
            raise _RefusedError("refused copies of more than the file could need")
        return content


def _checked(pack: Path, found: object) -> tuple[list[bytes], NDArray[np.bool_]]:
    """Images and labels of what a pack holds."""
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise ProtocolError(f"{pack}: expected images and labels, got {_kind(found)}")
    images, labels = found
    if isinstance(labels, _Array) and labels.is_bool:
        labels = [label == 1 for label in labels.content]
    for what, values in (("images", images), ("labels", labels)):
        if not isinstance(values, tuple | list):
            raise ProtocolError(f"{pack}: expected a list of {what}, got {_kind(values)}")
    if not labels or len(images) != 2 * len(labels):
        raise ProtocolError(
            f"{pack}: expected two images for each label, got {len(images)} and {len(labels)}"
        )
    for place, label in enumerate(labels):
        if not isinstance(label, int) or label not in (0, 1):
            raise ProtocolError(f"{pack}: label {place} is no bool but {_kind(label)}")
    same = np.array(labels, np.bool_)
    if len(np.unique(same)) < 2:
        raise ProtocolError(f"{pack}: has no {'impostor' if same[0] else 'genuine'} pairs")
    return [_image(pack, place, image) for place, image in enumerate(images)], same


def _image(pack: Path, place: int, image: object) -> bytes:
    if isinstance(image, _Array) and not image.is_bool:
        image = image.content
    if not isinstance(image, bytes | bytearray):
        raise ProtocolError(
            f"{pack}: image {place} is neither bytes nor an array of uint8, but {_kind(image)}"
        )
    if not image.startswith(_ENCODED):
        raise ProtocolError(f"{pack}: image {place} is neither a JPEG nor a PNG")
    return bytes(image)


def _kind(value: object) -> str:
    if isinstance(value, _Array):
        return f"an array of {'bool' if value.is_bool else 'uint8'}"
    return type(value).__name__
