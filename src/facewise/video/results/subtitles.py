"""Who is to be seen, as subtitles: WebVTT and SubRip."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from facewise._files import replace_file
from facewise.recognition import UNKNOWN
from facewise.video.results.presence import presences

if TYPE_CHECKING:
    from facewise.video.results.tracked_video import TrackedVideo

Form = Literal["vtt", "srt"]

_SHORT = 0.3
"""Seconds: changes that follow each other sooner are one."""


class Cue(NamedTuple):
    """Some people, from one time to another.

    Attributes:
        start: seconds.
        end: seconds.
        labels: whom to name, those with names first.
    """

    start: float
    end: float
    labels: tuple[str, ...]


def cues(video: TrackedVideo, *, strangers: bool = True) -> list[Cue]:
    """A cue for each time in which the same people are to be seen; none while there is nobody.

    Somebody counts from the first frame to the end of the last one of a span (`Track.spans`), so
    also while hidden for less than a second. Changes within 0.3 seconds are one.

    Args:
        video: whose times the cues have.
        strangers: name those too who have no name.
    """
    duration = 1 / video.source.rate
    people = [one for one in presences(video.tracks, named=video.named) if strangers or one.known]
    spans = [
        (span.first_time, span.last_time + duration, place, one.label)
        for place, one in enumerate(people)
        for span in one.spans
    ]
    starts = _moments(time for start, end, *_ in spans for time in (start, end))
    found: list[Cue] = []
    coming = iter(sorted(spans))
    following = next(coming, None)
    here: list[tuple[float, float, int, str]] = []
    for start, end in pairwise(starts):
        while following is not None and following[0] < end:
            here.append(following)
            following = next(coming, None)
        here = [span for span in here if span[1] > start]
        seen = {span[2:] for span in here if _counts(span[0], span[1], start, end)}
        labels = tuple(label for _, label in sorted(seen))
        if not labels:
            continue
        if found and found[-1].labels == labels and found[-1].end == start:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Cue(start, end, labels))
    return found


def subtitles(
    video: TrackedVideo, form: Form = "vtt", *, strangers: bool = True, offset: float = 0.0
) -> str:
    """The text of a file of subtitles.

    Args:
        video: what was found.
        form: `vtt`: WebVTT; `srt`: SubRip.
        strangers: name those too who have no name.
        offset: seconds that are subtracted from all times: those at which a written part begins.

    Raises:
        ValueError: `form` is neither.
    """
    if form not in get_args(Form):
        raise ValueError(f"form: expected one of {', '.join(get_args(Form))}, got {form!r}")
    lines = ["WEBVTT", ""] if form == "vtt" else []
    write = _vtt_text if form == "vtt" else _srt_text
    for number, cue in enumerate(cues(video, strangers=strangers), 1):
        start, end = (_clock(time - offset, "." if form == "vtt" else ",") for time in cue[:2])
        lines += [str(number), f"{start} --> {end}", ", ".join(map(write, cue.labels)), ""]
    return "\n".join(lines)


def write_subtitles(
    video: TrackedVideo, path: str | PathLike[str], *, strangers: bool = True, offset: float = 0.0
) -> None:
    """Write subtitles, in the form that the suffix says: `.vtt` or `.srt`; see `subtitles`.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    path = Path(path)
    text = subtitles(video, subtitle_form(path), strangers=strangers, offset=offset)
    replace_file(path, text.encode())


def subtitle_form(path: Path) -> Form:
    """The form that a file's name says.

    Raises:
        ValueError: it ends in neither `.vtt` nor `.srt`.
    """
    suffix = path.suffix.lower()
    if suffix not in {".vtt", ".srt"}:
        raise ValueError(f"{path}: expected a name that ends in .vtt or .srt")
    return "vtt" if suffix == ".vtt" else "srt"


def _moments(times: Iterator[float]) -> list[float]:
    """The times at which something changes, without those that follow another one at once."""
    ordered = sorted(set(times))
    moments = ordered[:1]
    for time in ordered:
        if time - moments[-1] >= _SHORT:
            moments.append(time)
    if moments[-1:] != ordered[-1:]:  # the end stays what it is
        moments[max(len(moments) - 1, 1) :] = ordered[-1:]
    return moments


def _counts(begin: float, stop: float, start: float, end: float) -> bool:
    """Whether half of a span, or of the time from start to end, lies in the other."""
    return min(stop, end) - max(begin, start) >= min(stop - begin, end - start) / 2


def _clock(seconds: float, point: str) -> str:
    milliseconds = max(round(seconds * 1000), 0)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _vtt_text(label: str) -> str:
    text = _line(label).replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(">", "&gt;")


def _srt_text(label: str) -> str:
    """SubRip has no way to write signs that players take for tags; like ones stand for them."""
    return _line(label).translate(str.maketrans("<>{}", "()()"))


def _line(label: str) -> str:
    text = "".join(sign if sign.isprintable() else " " for sign in label)
    return " ".join(text.split()) or UNKNOWN
