"""The table of all faces of a video, a row for each face on each frame: as JSON and as Parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facewise.video.draft import Draft
from facewise.video.extra import needed
from facewise.video.results.presence import presences

if TYPE_CHECKING:
    from facewise.video.naming.sightings import Sighting
    from facewise.video.results.tracked_video import TrackedVideo

COLUMNS = (
    "frame", "time", "track", "name", "person", "label", "similarity", "confidence", "box",
    "landmarks", "score", "detected",
)  # fmt: skip
"""The columns, as docs/video.md explains them."""

_ROWS = 50_000  # of a row group of Parquet


def rows(video: TrackedVideo) -> Iterator[dict[str, Any]]:
    """All rows, by frame and track; each has every one of `COLUMNS`.

    `similarity` is None where there was nobody to compare with; `landmarks` where the detector
    gives none. Pixels are rounded to hundredths, other values to six decimals.
    """
    for seen in video.faces():
        yield from _rows_of(video, seen)


def json_text(video: TrackedVideo, about: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The JSON of a video, in pieces, so that it never is in memory as a whole.

    Args:
        video: what is told of.
        about: further keys, or other values of those that come before `people`.

    Yields:
        Text; all pieces together are one object: `video`, `width`, `height`, `rate`, `frames`,
        `first_time`, `last_time`, `audio`, `report`, `error`, `people`, `tracks`, `faces`.
    """
    head = {**_about(video), **(about or {})}
    people = [one.to_dict() for one in presences(video.tracks, named=video.named)]
    tracks = [track.to_dict() for track in video.tracks]
    yield json.dumps(head, indent=1)[:-2]
    yield from _listed("people", people)
    yield from _listed("tracks", tracks)
    yield from _listed("faces", rows(video))
    yield "\n}"


def write_json(video: TrackedVideo, path: str | PathLike[str]) -> None:
    """Write the JSON of a video (`json_text`), whole or not at all.

    Raises:
        VideoError: the place is a folder or a device.
        OSError: it cannot be written.
    """
    draft = Draft(Path(path))
    try:
        with draft.path.open("w", encoding="utf-8") as file:
            file.writelines(json_text(video))
            file.write("\n")
        draft.keep()
    finally:
        draft.drop()


def write_parquet(video: TrackedVideo, path: str | PathLike[str]) -> None:
    """Write all rows as Parquet, whole or not at all.

    The metadata `facewise` is JSON: what `json_text` has, but for `faces`.

    Raises:
        ExtraMissingError: pyarrow is not installed.
        VideoError: the place is a folder or a device.
        OSError: it cannot be written.
    """
    pa = needed("pyarrow", "writing Parquet")
    parquet = needed("pyarrow.parquet", "writing Parquet")
    about = {
        **_about(video),
        "people": [one.to_dict() for one in presences(video.tracks, named=video.named)],
        "tracks": [track.to_dict() for track in video.tracks],
    }
    schema = _schema(pa).with_metadata({"facewise": json.dumps(about)})
    draft = Draft(Path(path))
    try:
        with parquet.ParquetWriter(draft.path, schema, compression="zstd") as file:
            waiting: list[dict[str, Any]] = []
            for row in rows(video):
                waiting.append({**row, "landmarks": _flat(row["landmarks"])})
                if len(waiting) == _ROWS:
                    file.write_table(pa.Table.from_pylist(waiting, schema))
                    waiting.clear()
            if waiting:
                file.write_table(pa.Table.from_pylist(waiting, schema))
        draft.keep()
    finally:
        draft.drop()


def _about(video: TrackedVideo) -> dict[str, Any]:
    source, report = video.source, video.source.report
    first, last = video.times or (None, None)
    return {
        "video": source.name,
        "width": source.width,
        "height": source.height,
        "rate": source.rate,
        "frames": video.frames,
        "first_time": first,
        "last_time": last,
        "audio": None if source.audio is None else source.audio.codec,
        "report": str(report),
        "error": report.broken,
    }


def _rows_of(video: TrackedVideo, seen: Sighting) -> Iterator[dict[str, Any]]:
    faces, data = seen.faces, seen.faces.data
    for i, number in enumerate(data["track"].tolist()):
        track = video.track(number)
        landmarks = None
        if faces.landmarks is not None:
            landmarks = [[round(x, 2), round(y, 2)] for x, y in faces.landmarks[i].tolist()]
        similarity = None if track is None else track.similarity
        name = data["name"][i].item()
        yield {
            "frame": seen.index,
            "time": round(seen.time, 6),
            "track": number,
            "name": name,
            "person": data["person"][i].item(),
            "label": name if track is None else track.label,
            "similarity": None if similarity is None else round(similarity, 6),
            "confidence": round(data["confidence"][i].item(), 6),
            "box": [round(value, 2) for value in faces.boxes[i].tolist()],
            "landmarks": landmarks,
            "score": round(faces.scores[i].item(), 6),
            "detected": data["detected"][i].item(),
        }


def _listed(name: str, items: Any) -> Iterator[str]:
    """A key with a list, an item in each line."""
    yield f',\n "{name}": ['
    comma = ""
    for item in items:
        yield f"{comma}\n  {json.dumps(item)}"
        comma = ","
    yield "\n ]" if comma else "]"


def _flat(landmarks: list[list[float]] | None) -> list[float]:
    """NaN where there are none: many versions of Arrow cannot read such lists that are null."""
    return [math.nan] * 10 if landmarks is None else [v for point in landmarks for v in point]


def _schema(pa: Any) -> Any:
    """Box and landmarks are lists of fixed size, as in shards (`facewise.shards.schema`)."""
    types = {
        "frame": pa.int64(),
        "time": pa.float64(),
        "track": pa.int64(),
        "name": pa.string(),
        "person": pa.int64(),
        "label": pa.string(),
        "similarity": pa.float32(),
        "confidence": pa.float32(),
        "box": pa.list_(pa.float32(), 4),
        "landmarks": pa.list_(pa.float32(), 10),
        "score": pa.float32(),
        "detected": pa.bool_(),
    }
    return pa.schema(
        [pa.field(name, types[name], nullable=name == "similarity") for name in COLUMNS]
    )
