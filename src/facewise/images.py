"""Load any input as one kind of picture: contiguous uint8 RGB, shape (H, W, 3), upright."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from PIL import Image as PILImage
from PIL import UnidentifiedImageError

from facewise.errors import ImageError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Picture: TypeAlias = NDArray[np.uint8]
    ImageSource: TypeAlias = (
        str
        | PathLike[str]
        | bytes
        | bytearray
        | memoryview
        | IO[bytes]
        | PILImage.Image
        | NDArray[Any]
        | torch.Tensor
    )

MAX_PIXELS = 2 * 89_478_485
"""Pictures with more pixels are refused; Pillow takes the same number for a decompression bomb."""

MAX_BYTES = 1 << 30
"""Files with more bytes are refused."""

_EXIF_ORIENTATION = 0x0112
_T = PILImage.Transpose
_UPRIGHT = {
    2: _T.FLIP_LEFT_RIGHT,
    3: _T.ROTATE_180,
    4: _T.FLIP_TOP_BOTTOM,
    5: _T.TRANSPOSE,
    6: _T.ROTATE_270,
    7: _T.TRANSVERSE,
    8: _T.ROTATE_90,
}
"""What to do for each EXIF orientation (EXIF 2.3, tag 0x0112)."""


@overload
def load(source: ImageSource, *, name: str | None = None) -> Picture: ...  # type: ignore[overload-overlap]
@overload
def load(source: Sequence[ImageSource], *, name: str | None = None) -> list[Picture]: ...
def load(source: Any, *, name: str | None = None) -> Picture | list[Picture]:
    """Read a picture, or a list of them, into the one form the rest of facewise works on.

    EXIF orientation is applied; grey, palette, CMYK and 16-bit pictures are converted;
    transparency is laid over white. Of an animation the first frame is taken.

    Args:
        source: a path, the bytes of an image file, a binary file object, a PIL image, a uint8
            array or tensor of shape (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 channels in
            RGB(A) order and values 0 to 255, or a list or tuple of any of these. A shape that
            fits both layouts is read as (H, W, C). A uint8 array or tensor with four dimensions
            is a batch of pictures.
        name: what error messages call the input; by default its path, or its kind and size.

    Returns:
        A contiguous uint8 array of shape (H, W, 3); for a list or a batch, a list of those. An
        array or tensor that is in this form already is not copied.

    Raises:
        ImageError: the input is missing, empty, truncated, not an image, too large, or not uint8;
            the message names the input.

    Example:
        >>> import facewise
        >>> facewise.load_image("examples/photos/astronaut.jpg").shape
        (512, 512, 3)
    """
    if _is_batch(source):
        return [_load_one(item, name) for item in source]
    return _load_one(source, name)


def each(images: Any) -> Iterator[Picture]:
    """Load one picture after another from a list, tuple, iterator, batch or single input.

    Raises:
        ImageError: as `load`, when the input in question is reached.
    """
    return (_load_one(source) for source in sources(images))


def sources(images: Any) -> Iterable[Any]:
    """The inputs in a list, tuple, iterator or batch; a single input is a list of one."""
    # An open file iterates too, over lines.
    if _is_batch(images) or (isinstance(images, Iterator) and not hasattr(images, "read")):
        several: Iterable[Any] = images
        return several
    return [images]


def _is_batch(source: Any) -> bool:
    return isinstance(source, (list, tuple)) or getattr(source, "ndim", None) == 4


def describe(source: object) -> str:
    """A short name of an input, for messages: its path, or its kind and size."""
    if isinstance(source, (str, PathLike)):
        return fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"{len(source)} bytes"
    if isinstance(source, PILImage.Image):
        return getattr(source, "filename", "") or f"PIL image {source.mode} {source.size}"
    if hasattr(source, "shape") and hasattr(source, "dtype"):
        return f"{type(source).__name__} {source.dtype} {tuple(source.shape)}"
    if hasattr(source, "read"):
        return str(getattr(source, "name", "file object"))
    return f"{type(source).__name__} object"


def _load_one(source: Any, name: str | None = None) -> Picture:
    name = name or describe(source)
    if isinstance(source, (str, PathLike)):
        return _from_path(Path(source), name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(source), name)
    if isinstance(source, PILImage.Image):
        return _from_pil(source, name)
    if hasattr(source, "read"):
        try:
            content = source.read()
        except (OSError, ValueError) as error:  # ValueError: a closed file
            raise ImageError(f"{name}: cannot be read ({error})") from error
        if not isinstance(content, bytes):
            raise ImageError(f"{name}: expected a file opened in binary mode ('rb')")
        return _from_bytes(content, name)
    if hasattr(source, "detach") and hasattr(source, "cpu"):
        try:
            source = source.detach().cpu().numpy()
        except (TypeError, RuntimeError, NotImplementedError) as error:
            raise ImageError(f"{name}: expected a dense uint8 tensor ({error})") from error
    if isinstance(source, np.ndarray):
        source = np.asarray(source)  # np.matrix has other rules
        return _from_array(source, name)
    raise ImageError(
        f"{name}: expected a path, bytes, file object, PIL image, uint8 array or tensor"
    )


def _from_path(path: Path, name: str) -> Picture:
    return _from_bytes(read_file(path, name), name)


def read_file(path: Path, name: str | None = None) -> bytes:
    """The bytes of an image file.

    Args:
        path: the file; a pipe is read to its end.
        name: what error messages call it.

    Raises:
        ImageError: it is missing, a folder, a device, or larger than `MAX_BYTES`.
    """
    name = name or str(path)
    try:
        if path.is_char_device() or path.is_block_device():
            raise ImageError(f"{name}: is a device, expected an image file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{name}: is a folder, expected an image file") from None
    except ImageError:
        raise
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: cannot be read ({error})") from error
    if len(content) > MAX_BYTES:
        raise ImageError(f"{name}: more than {MAX_BYTES >> 20} MB, too large for an image file")
    return content


def _from_bytes(content: bytes, name: str) -> Picture:
    if not content:
        raise ImageError(f"{name}: empty, expected the content of an image file")
    try:
        image = PILImage.open(io.BytesIO(content))
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not an image file that Pillow can read") from None
    except PILImage.DecompressionBombError as error:
        raise ImageError(f"{name}: too many pixels ({error})") from None
    except Exception as error:  # Pillow's plugins raise many kinds on hostile headers
        raise ImageError(f"{name}: damaged image file ({error})") from error
    with image:
        return _from_pil(image, name)


def _from_pil(image: PILImage.Image, name: str) -> Picture:
    width, height = image.size
    if not width or not height:
        raise ImageError(f"{name}: has no pixels ({width}×{height})")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width}×{height} pixels, at most {MAX_PIXELS} are read "
            "(a decompression bomb?); shrink it first"
        )
    try:
        image.load()
        rgb = _as_rgb(image, name)
    except ImageError:
        raise
    except Exception as error:  # a truncated or hostile body: OSError, SyntaxError, struct.error, …
        raise ImageError(f"{name}: truncated or damaged image ({error})") from error
    turn = _UPRIGHT.get(_orientation(image))
    return np.array(rgb if turn is None else rgb.transpose(turn), np.uint8, order="C")


def _orientation(image: PILImage.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF in a good picture: show it as it is stored
        return 1


def _as_rgb(image: PILImage.Image, name: str) -> PILImage.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise ImageError(f"{name}: float pixels; expected 8- or 16-bit integers")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return PILImage.fromarray(_eight_bits(np.asarray(image), name)).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = PILImage.new("RGBA", image.size, "white")
        return PILImage.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """16-bit grey values, 0 to 65535, to 0 to 255 (65535 / 255 = 257)."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ImageError(f"{name}: integer pixels from {low} to {high}; expected 16 bits at most")
    return np.rint(values / 257).astype(np.uint8)


def _from_array(array: NDArray[Any], name: str) -> Picture:
    if array.dtype != np.uint8:
        raise ImageError(
            f"{name}: expected uint8 values from 0 to 255; convert it first "
            "(a float image in 0–1: (x * 255).round().astype('uint8'))"
        )
    if array.ndim == 3 and array.shape[2] not in {1, 3, 4} and array.shape[0] in {1, 3, 4}:
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in {1, 3, 4}:
        raise ImageError(
            f"{name}: expected shape (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 channels"
        )
    height, width, channels = array.shape
    if not height or not width:
        raise ImageError(f"{name}: has no pixels")
    if height * width > MAX_PIXELS:
        raise ImageError(f"{name}: more than {MAX_PIXELS} pixels; shrink it first")
    if channels == 1:
        array = np.repeat(array, 3, axis=2)
    elif channels == 4:
        array = np.asarray(_as_rgb(PILImage.fromarray(np.ascontiguousarray(array)), name))
    return np.ascontiguousarray(array)
