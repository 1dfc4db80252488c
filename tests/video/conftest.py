"""Videos made for tests: every frame shows its number, so that it is known again after decoding."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

BITS = 12

_encoded: dict[str, bytes] = {}


class Clips:
    """Makes videos in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def picture(number: int, width: int = 192, height: int = 128) -> np.ndarray:
        """A frame: its number as light and dark fields along the top, and something that moves."""
        y, x = np.mgrid[0:height, 0:width]
        image = np.empty((height, width, 3), np.uint8)
        image[..., 0] = (x + 3 * number) % 256
        image[..., 1] = (2 * y) % 256
        image[..., 2] = 90
        field = width // BITS
        for bit in range(BITS):
            value = 235 if number >> bit & 1 else 20
            image[: height // 3, bit * field : (bit + 1) * field] = value
        return image

    @staticmethod
    def number(image: np.ndarray) -> int:
        """The number that a frame shows."""
        height, width = image.shape[:2]
        field = width // BITS
        row = image[height // 6].mean(axis=1)
        return sum(int(row[bit * field + field // 2] > 128) << bit for bit in range(BITS))

    def write(self, name, times, **settings) -> Path:
        """A video with a frame at each of the times, of the size and codec that are said.

        Encoded once in a run of tests, since encoding takes longer than what is tested.
        """
        path = self.folder / name
        key = repr((name, times, sorted(settings.items())))
        if key not in _encoded:
            self._encode(path, times, **settings)
            _encoded[key] = path.read_bytes()
        path.write_bytes(_encoded[key])
        return path

    def _encode(
        self,
        path,
        times,
        *,
        codec="libx264",
        pix_fmt="yuv420p",
        size=(192, 128),
        gop=12,
        options=None,
        time_base=Fraction(1, 90_000),
        rate=25,
        rotation=None,
        audio=None,
        aspect=None,
        container_options=None,
    ):
        """`rotation` is (degrees, hflip, vflip), `audio` (codec, seconds)."""
        import av

        output = av.open(str(path), "w", options=container_options or {})
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = time_base
        stream.codec_context.gop_size = gop
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation is not None:
            if int(av.__version__.split(".")[0]) < 18:
                pytest.skip("PyAV 17 cannot write the tag")
            degrees, hflip, vflip = rotation
            stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)
        sound = None if audio is None else self._sound(output, *audio)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(self.picture(number, *size), "rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(Fraction(time) / time_base), time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            for frame in sound[1]:
                output.mux(sound[0].encode(frame))
            output.mux(sound[0].encode(None))
        output.close()

    @staticmethod
    def _sound(output, codec, seconds):
        import av

        rate = 48_000
        stream = output.add_stream(codec, rate=rate, layout="mono")
        # A tone whose pitch rises, so that a shift in time is heard.
        t = np.arange(int(rate * seconds)) / rate
        wave = (0.3 * np.sin(2 * np.pi * (300 * t + 200 * t * t))).astype(np.float32)
        size = stream.codec_context.frame_size or 960
        frames = []
        for begin in range(0, len(wave), size):
            frame = av.AudioFrame.from_ndarray(wave[None, begin : begin + size], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
            frames.append(frame)
        return stream, frames


@pytest.fixture
def clips(tmp_path) -> Clips:
    pytest.importorskip("av")
    return Clips(tmp_path)
