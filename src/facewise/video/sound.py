"""The audio of a source, carried into a video that is being written."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from facewise.video.encoding import takes
from facewise.video.sources.container import open_container
from facewise.video.sources.container_facts import beginning

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

    from facewise.video.sources import Source

_NEARLY = Fraction(1, 1000)
"""Seconds: containers round times."""

_BITS = {"opus": 128_000, "aac": 160_000, "mp3": 160_000}
"""Bits a second of audio that has to be encoded anew."""


class Sound:
    """Audio packets of a source for an output, in step with the video.

    Copied as they are where the output takes their codec; encoded anew where it does not.

    Args:
        source: where the audio is; its `start` and `stop` hold for the audio too. It is opened
            once more.
        output: open for writing; gets a stream.

    Raises:
        VideoError: the source cannot be opened again.
        ValueError: it has no audio or comes only once, or the output takes none.
    """

    def __init__(self, source: Source, output: OutputContainer) -> None:
        reading = source.reading
        if source.live or reading.loop or reading.address.kind == "stream":
            raise ValueError("the source comes only once")
        self.note: str | None = None
        self._output = output
        self._input = open_container(reading)
        try:
            self._stream = self._audio_stream()
            self._start = Fraction(reading.start or 0)
            self._stop = None if reading.stop is None else Fraction(reading.stop)
            self._origin = beginning(self._input)
            self._encoder = self._new_stream()
        except BaseException:
            self._input.close()
            raise
        self._packets = self._all()
        self._next: av.Packet[AudioStream] | None = None

    def until(self, time: float | None) -> None:
        """Write the audio up to this time of the output, in seconds; all of it for None."""
        import av

        try:
            while True:
                if self._next is None:
                    self._next = next(self._packets, None)
                packet = self._next
                if packet is None:
                    return
                when = packet.pts if packet.dts is None else packet.dts
                if time is not None and when is not None and when * packet.time_base > time:
                    return
                self._next = None
                self._output.mux(packet)
        except (av.error.FFmpegError, ValueError) as error:
            self.note = f"audio ends early ({getattr(error, 'strerror', error)})"
            self._packets = iter(())
            self._next = None

    def close(self) -> None:
        """Let go of the source."""
        self._input.close()

    def _audio_stream(self) -> AudioStream:
        import av

        best = self._input.streams.best("audio")
        if best is None:
            raise ValueError("the source has no audio")
        for stream in self._input.streams:
            if stream is not best:
                stream.discard = av.stream.Discard.all  # need not be read
        return cast("AudioStream", best)

    def _new_stream(self) -> AudioStream:
        """The output's stream; `self._resampler` is None where packets are copied."""
        import av

        codec = self._stream.codec_context
        if codec is not None and takes(self._output, codec.codec.canonical_name):
            self._resampler: Any = None
            return self._output.add_stream_from_template(self._stream)
        name = self._output.default_audio_codec
        if codec is None or name == "none":
            raise ValueError("the output takes no audio")
        rates = av.Codec(name, "w").audio_rates
        rate = 48_000 if rates and codec.sample_rate not in rates else codec.sample_rate
        encoder: AudioStream = self._output.add_stream(name, rate=rate)  # type: ignore[assignment]
        encoder.codec_context.layout = "stereo" if codec.channels > 1 else "mono"
        encoder.codec_context.bit_rate = _BITS.get(
            encoder.codec_context.codec.canonical_name, 160_000
        )
        encoder.codec_context.open()
        self._resampler = av.AudioResampler(
            encoder.codec_context.format,
            encoder.codec_context.layout,
            rate,
            encoder.codec_context.frame_size or None,
        )
        self.note = f"audio encoded anew: {codec.name} does not go into this kind of file"
        return encoder

    def _all(self) -> Iterator[av.Packet[AudioStream]]:
        packets = self._wanted()
        if self._resampler is None:
            last = None
            for packet in packets:
                if packet.dts is None or (last is not None and packet.dts <= last):
                    continue  # the end; or damage
                last = packet.dts
                shift = round((self._origin + self._start) / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts - shift
                packet.dts -= shift
                packet.stream = self._encoder
                yield packet
        else:
            yield from self._encoded(packets)

    def _wanted(self) -> Iterator[av.Packet[AudioStream]]:
        """The packets from start to stop."""
        base = self._stream.time_base or Fraction(1, self._stream.rate)
        if self._start:
            self._input.seek(int((self._origin + self._start) / base), stream=self._stream)
        for packet in self._input.demux(self._stream):
            if packet.pts is not None:
                time = packet.pts * base - self._origin
                if time < self._start - _NEARLY:
                    continue
                if self._stop is not None and time >= self._stop:
                    return
            yield packet

    def _encoded(
        self, packets: Iterator[av.Packet[AudioStream]]
    ) -> Iterator[av.Packet[AudioStream]]:
        import av

        base = self._stream.time_base or Fraction(1, self._stream.rate)
        for packet in packets:
            try:
                frames = self._stream.codec_context.decode(packet if packet.size else None)
            except av.error.FFmpegError:  # a damaged part: a moment of silence
                continue
            for frame in frames:
                if frame.pts is not None:
                    frame.pts -= round((self._origin + self._start) / base)
                for ready in self._resampler.resample(frame):
                    yield from self._encoder.encode(ready)
        for ready in self._resampler.resample(None):
            yield from self._encoder.encode(ready)
        yield from self._encoder.encode(None)
