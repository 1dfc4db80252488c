"""Pixels of a decoded frame: RGB, and its luma made small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

    from facewise.images import Picture


def rgb(frame: av.VideoFrame) -> Picture:
    """The frame as it is stored, uint8 RGB (h, w, 3), contiguous.

    Colour space and range are those the frame is marked with; an unmarked one is taken for BT.601
    of limited range, as FFmpeg and OpenCV do. Transparency is laid over white, as in photos.
    """
    if any(component.is_alpha for component in frame.format.components):
        return _over_white(_packed(frame, "rgba", 4))
    return _packed(frame, "rgb24", 3)


def luma(frame: av.VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    """The frame's luma as it is stored, averaged down to uint8 (height, width), contiguous."""
    if not _has_luma_plane(frame):
        small = frame.reformat(
            width=width, height=height, format="gray", interpolation="AREA", threads=1
        )
        return np.ascontiguousarray(_rows(small.planes[0], height, width))
    return shrunk(_rows(frame.planes[0], frame.height, frame.width), width, height)


def shrunk(gray: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A gray picture averaged down to uint8 (height, width), contiguous.

    It is halved as often as it can be, which takes OpenCV a third of the time of one average over
    larger fields, and then resized by what is left.
    """
    import cv2

    while gray.shape[0] >= 2 * height and gray.shape[1] >= 2 * width:
        if gray.shape[0] % 2 or gray.shape[1] % 2:
            break
        half = (gray.shape[1] // 2, gray.shape[0] // 2)
        gray = np.asarray(cv2.resize(gray, half, interpolation=cv2.INTER_AREA), np.uint8)
    if gray.shape != (height, width):
        gray = np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(gray)


def stored(
    image: Picture, width: int, height: int, pixel_format: str, *, modern: bool
) -> av.VideoFrame:
    """A frame for an encoder.

    Args:
        image: uint8 RGB (h, w, 3).
        width: of the frame; a picture that is one pixel wider loses its last column, any other
            one is resized.
        height: of the frame; likewise.
        pixel_format: FFmpeg's name; YUV is of limited range.
        modern: YUV is BT.709 rather than BT.601.
    """
    import av

    rows, columns = image.shape[:2]
    if rows - height in {0, 1} and columns - width in {0, 1}:
        image = image[:height, :width]
    else:
        import cv2

        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
    frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), "rgb24")
    return frame.reformat(
        format=pixel_format,
        dst_colorspace="ITU709" if modern else "ITU601",
        dst_color_range="MPEG",
        threads=1,
    )


def _has_luma_plane(frame: av.VideoFrame) -> bool:
    """Whether the first plane holds one byte of luma for each pixel."""
    name = frame.format.name
    return name in {"gray", "nv12", "nv21"} or (
        name.startswith(("yuv4", "yuvj4", "yuva4"))
        and frame.format.components[0].bits == 8
        and name.endswith("p")
    )


def _packed(frame: av.VideoFrame, name: str, channels: int) -> NDArray[np.uint8]:
    converted = frame.reformat(format=name, dst_color_range="JPEG", threads=1)
    rows = np.ascontiguousarray(_rows(converted.planes[0], frame.height, frame.width * channels))
    return rows.reshape(frame.height, frame.width, channels)


def _rows(plane: Any, height: int, width: int) -> NDArray[np.uint8]:
    """The bytes of a plane without the padding of its lines; not copied."""
    if plane.line_size < 0:  # stored from the bottom up
        stored = np.frombuffer(plane, np.uint8).reshape(height, -plane.line_size)[::-1]
    else:
        stored = np.frombuffer(plane, np.uint8, height * plane.line_size)
        stored = stored.reshape(height, plane.line_size)
    return stored[:, :width]


def _over_white(rgba: NDArray[np.uint8]) -> Picture:
    from facewise.images import load

    return load(rgba, name="a frame with transparency")
