"""Read a video with FFmpeg: its packets, its frames, and what of them is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from facewise.runtime.threads import cores
from facewise.video.sources.clock import Clock
from facewise.video.sources.container import MAX_PIXELS, open_video
from facewise.video.sources.container_facts import is_live
from facewise.video.sources.reading import Reading
from facewise.video.sources.report import SourceReport

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream


class Decoder:
    """An open video, and its frames from where its container stands.

    Attributes:
        reading: how it is read.
        container: the container.
        stream: the stream in it that is decoded.
        live: it comes as it happens.
        reached: byte in the file behind the last packet, as far as FFmpeg says it.
        stopped: asked before each packet; true: no more.

    Raises:
        VideoError: it cannot be opened, or has no video in it.
    """

    def __init__(self, reading: Reading, report: SourceReport) -> None:
        self.container, self.stream = open_video(reading, report)
        self.reached = 0
        self.stopped: Callable[[], bool] = lambda: False
        self.reading = reading
        context = self.stream.codec_context
        context.options = {**context.options, "max_pixels": str(MAX_PIXELS)}
        context.thread_count = reading.threads or cores()
        # Frame threads give each frame later: no matter in a file, but latency of a camera.
        self.live = is_live(reading.address, self.container, self.stream)
        context.thread_type = "SLICE" if self.live else "AUTO"

    def frames(self, clock: Clock, report: SourceReport) -> Iterator[av.VideoFrame]:
        """The frames to the end or to a break, in the order of showing.

        Args:
            clock: is told of the times of packets.
            report: of what is damaged.
        """
        packets = self.container.demux(self.stream)
        while not self.stopped():
            packet = self._next(packets, report)
            if packet is None:
                yield from self._frames_of(None, clock, report)
                return
            if packet.size:
                clock.sent(packet.pts, packet.dts)
                self.reached = max(self.reached, (packet.pos or 0) + packet.size)
            yield from self._frames_of(packet, clock, report)

    def _next(
        self, packets: Iterator[av.Packet[VideoStream]], report: SourceReport
    ) -> av.Packet[VideoStream] | None:
        import av

        try:
            return next(packets, None)
        except av.error.ExitError:
            report.broken = f"no more came for {self.reading.timeout:g} s"
        except av.error.FFmpegError as error:
            report.broken = f"cannot be read further ({error.strerror or error})"
        return None

    def _frames_of(
        self, packet: av.Packet[VideoStream] | None, clock: Clock, report: SourceReport
    ) -> Iterator[av.VideoFrame]:
        import av

        context = self.stream.codec_context
        try:
            frames = context.decode(packet)
        except av.error.EOFError:  # was emptied before
            return
        except av.error.BlockingIOError:  # full of frames that an error kept back
            report.add(clock.last, "damage held up the decoder")
            frames = context.decode(None)
            context.flush_buffers()
        except av.error.FFmpegError as error:
            report.add(clock.last, error.strerror or str(error))
            return
        while frames:
            yield frames.pop(0)
