"""A longer video of a short one."""

from __future__ import annotations

from pathlib import Path


def looped(video: Path, times: int, target: Path) -> None:
    """Write a video that shows another one so many times; nothing is encoded anew.

    Its sound is left out.

    Raises:
        ValueError: the video has no frames, or no times.
    """
    import av

    draft = target.with_suffix(f".part{target.suffix}")
    with av.open(str(draft), "w") as sink:
        stream, begin = None, 0
        for _ in range(times):
            with av.open(str(video)) as source:
                own = source.streams.video[0]
                stream = stream or sink.add_stream_from_template(own)
                end = 0
                for packet in source.demux(own):
                    if packet.dts is None or packet.pts is None:  # the end
                        continue
                    end = max(end, packet.pts + (packet.duration or 0))
                    packet.pts += begin
                    packet.dts += begin
                    packet.stream = stream
                    sink.mux(packet)
                begin += end
    if not begin:
        raise ValueError(f"{video}: expected a video with frames, to be shown {times} times")
    draft.replace(target)
