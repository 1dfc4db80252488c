"""How the frames of a stream are to be turned, from what each of them is tagged with."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from facewise.video.orientation import UPRIGHT, Orientation, from_display_matrix

if TYPE_CHECKING:
    import av
    from av.buffer import Buffer


class Turns:
    """Orientations of the frames of one stream.

    The tag is read from one frame of each angle. Reading it ties a frame into a cycle of references
    (PyAV 18), which keeps its pixels until Python collects garbage; so a tiny copy is read.
    """

    def __init__(self) -> None:
        self._known: dict[int, Orientation] = {}

    def of(self, frame: av.VideoFrame) -> Orientation:
        """How this frame is to be turned."""
        angle = frame.rotation
        if angle not in self._known:
            self._known[angle] = _tagged(frame)
        return self._known[angle]


def _tagged(frame: av.VideoFrame) -> Orientation:
    tiny = frame.reformat(width=16, height=16, format="gray", threads=1)
    matrix = tiny.side_data.get("DISPLAYMATRIX")
    return UPRIGHT if matrix is None else from_display_matrix(bytes(cast("Buffer", matrix)))
