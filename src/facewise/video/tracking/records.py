"""`TrackedFrame`: a frame of a video with the faces in it, each with the number of its track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facewise.faces import Faces
    from facewise.images import Picture
    from facewise.video.frames import VideoFrame


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """One frame and its faces.

    Attributes:
        index: the frame's number, as `VideoFrame.index`.
        time: seconds since the beginning of the video.
        frame: the frame itself; its picture is made when it is asked for.
        faces: in pixels of the frame, by rising number of the track, with two columns:
            `data["track"]`, int64 from 1 on, the same for one face through the whole video and
            never given twice; `data["detected"]`, True where the detector saw the face on this
            frame, False where it was carried here from other frames. The score of a carried face
            says how surely it was carried.
    """

    index: int
    time: float
    frame: VideoFrame
    faces: Faces

    @property
    def image(self) -> Picture:
        """The frame's picture, uint8 RGB (h, w, 3)."""
        return self.frame.image
