"""`VideoFrame`: one frame of a video, whose pixels are made when somebody asks for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from facewise.video.orientation import UPRIGHT, Orientation

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

    from facewise.images import Picture


class VideoFrame:
    """One frame, upright, with its place and time in the video.

    It may be used in several threads.

    Attributes:
        index: frames that the source gave before this one.
        time: seconds since the beginning of the video at which it is shown; every frame's is later
            than that of the one before.
        width: pixels, upright.
        height: pixels, upright.

    Args:
        index: see above.
        time: see above.
        stored: a decoded frame, or a picture: uint8 RGB (h, w, 3).
        orientation: how `stored` is to be turned.

    Example:
        >>> import numpy as np
        >>> from facewise.video import VideoFrame
        >>> frame = VideoFrame(0, 0.0, np.zeros((1080, 1920, 3), np.uint8))
        >>> frame.width, frame.height, frame.image.shape, frame.gray(270).shape
        (1920, 1080, (1080, 1920, 3), (270, 480))
    """

    __slots__ = (
        "_gray", "_image", "_lock", "_orientation", "_stored", "height", "index", "time", "width",
    )  # fmt: skip

    def __init__(
        self,
        index: int,
        time: float,
        stored: av.VideoFrame | Picture,
        orientation: Orientation = UPRIGHT,
    ) -> None:
        self.index = index
        self.time = time
        self._stored = stored
        self._orientation = orientation
        self._image: Picture | None = None
        self._gray: NDArray[np.uint8] | None = None
        self._lock = threading.Lock()
        if isinstance(stored, np.ndarray):
            height, width = stored.shape[:2]
        else:
            width, height = stored.width, stored.height
        self.width, self.height = orientation.size(width, height)

    @property
    def image(self) -> Picture:
        """The frame as uint8 RGB (height, width, 3), contiguous; the same array every time."""
        with self._lock:
            if self._image is None:
                self._image = self._orientation.upright(self._rgb())
            return self._image

    def gray(self, height: int) -> NDArray[np.uint8]:
        """The frame's brightness, made small, from the decoder's own luma: no RGB is made.

        Args:
            height: rows of the result, at least 1; a frame that has fewer is not enlarged.

        Returns:
            uint8 (rows, columns), rows and columns in the proportion of the frame, to the nearest
            pixel: a point (x, y) of the frame lies at (x * columns / width, y * rows / height).
            Values are luma as it is stored, so 16 to 235 in most videos. Not to be changed: the
            last one that was asked for is kept.

        Raises:
            ValueError: a height below 1.
        """
        if height < 1:
            raise ValueError(f"height: expected at least 1, got {height}")
        height = min(height, self.height)
        with self._lock:
            if self._gray is None or self._gray.shape[0] != height:
                self._gray = self._orientation.upright(self._luma(height))
            return self._gray

    def __repr__(self) -> str:
        return f"<VideoFrame {self.index} at {self.time:.3f} s, {self.width}×{self.height}>"

    def _rgb(self) -> Picture:
        if isinstance(self._stored, np.ndarray):
            return self._stored
        from facewise.video.pixels import rgb

        return rgb(self._stored)

    def _luma(self, height: int) -> NDArray[np.uint8]:
        columns = max(1, round(self.width * height / self.height))
        width, height = self._orientation.size(columns, height)
        from facewise.video.pixels import luma, shrunk

        if isinstance(self._stored, np.ndarray):
            import cv2

            gray = np.asarray(cv2.cvtColor(self._stored, cv2.COLOR_RGB2GRAY), np.uint8)
            return shrunk(gray, width, height)
        return luma(self._stored, width, height)
