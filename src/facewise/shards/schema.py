"""The form of a folder of shards: names, columns, and what stands beside the rows.

A folder holds `_manifest.json` and one Parquet file for each unit of work, named
`NUMBER-HASH.parquet`. A row is a face; a picture without a face, or one that cannot be read, has
one row too, so each picture is there exactly once. Whoever reads vectors takes the rows whose
`status` is `face`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from facewise.shards.extra import needed

FORMAT = "facewise shards"
VERSION = 1

MANIFEST = "_manifest.json"
"""Names that begin with an underscore are passed over by whatever reads folders of Parquet."""

SUFFIX = ".parquet"

SOURCE = "source"
"""string: the folder or the tar file that the picture came from; empty where the key says all."""

KEY = "key"
"""string: the picture's path in its source, or its whole path or URL; empty in the one row with
the error of a tar file that cannot be read to its end."""

LABEL = "label"
"""string or null: whom or what the picture shows, as far as its place tells: the sample's `cls`, or
the `name`, `person` or `label` of its `json`; else the name of the folder that holds the picture.
`facewise gallery import` takes it for the name of the person."""

PICTURE = "picture"
"""int32: the number of the picture in its unit, from 0; rows of one picture have the same."""

STATUS = "status"
"""string: `face`, `no_face` or `error`."""

ERROR = "error"
"""string or null: why the picture has no result."""

WIDTH, HEIGHT = "width", "height"
"""int32 or null: size of the upright picture in pixels."""

FACE = "face"
"""int32 or null: the number of the face in its picture, from 0, the most confident first."""

BOX = "box"
"""fixed_size_list<float32>[4]: x1, y1, x2, y2 in pixels; may reach beyond the picture. NaN where
there is no face, as in the two columns below: lists of fixed size that are null cannot be read by
many versions of Arrow (apache/arrow#35692)."""

SCORE = "score"
"""float32 or null: the detector's confidence in [0, 1]; null of chips (`--aligned`)."""

LANDMARKS = "landmarks"
"""fixed_size_list<float32>[10]: x, y of left eye, right eye (as seen in the picture), nose, left
and right corner of the mouth, in pixels; NaN of chips, and of a detector that gives none."""

VECTOR = "vector"
"""fixed_size_list<float32>[d]: of unit length; NaN where there is no face."""

CHIP = "chip"
"""binary or null: the face as the embedder saw it, a PNG file; only with `--chips`."""

IS_FACE, NO_FACE, FAILED = "face", "no_face", "error"
"""The words of `status`."""

ABOUT = "facewise"
"""Key of the file's metadata: JSON with `format`, `version`, `model` (the facts of the model, in
the form of `gallery.ModelFacts.to_json`), `settings` of the run, `software` and `unit`."""

COUNTS = "facewise.counts"
"""Key of the file's metadata: JSON of `Counts`."""


class Counts(NamedTuple):
    """How much a shard, or some of them, hold.

    Attributes:
        pictures: all of them, with those that failed.
        faces: rows with a vector.
        faceless: pictures without a face.
        failed: pictures, and tar files, with an error.
    """

    pictures: int = 0
    faces: int = 0
    faceless: int = 0
    failed: int = 0

    def plus(self, other: Counts) -> Counts:
        """The sum."""
        return Counts(*(mine + its for mine, its in zip(self, other, strict=True)))


def table_schema(dimension: int, *, chips: bool, about: Mapping[str, Any]) -> Any:
    """The `pyarrow.Schema` of a shard.

    Args:
        dimension: d of the vectors.
        chips: whether there is a column of chips.
        about: what stands under the key `ABOUT`.
    """
    pa = needed("pyarrow", "shards")

    def numbers(count: int) -> Any:
        return pa.list_(pa.float32(), count)

    fields = [
        pa.field(SOURCE, pa.string(), nullable=False),
        pa.field(KEY, pa.string(), nullable=False),
        pa.field(LABEL, pa.string()),
        pa.field(PICTURE, pa.int32(), nullable=False),
        pa.field(STATUS, pa.string(), nullable=False),
        pa.field(ERROR, pa.string()),
        pa.field(WIDTH, pa.int32()),
        pa.field(HEIGHT, pa.int32()),
        pa.field(FACE, pa.int32()),
        pa.field(BOX, numbers(4), nullable=False),
        pa.field(SCORE, pa.float32()),
        pa.field(LANDMARKS, numbers(10), nullable=False),
        pa.field(VECTOR, numbers(dimension), nullable=False),
    ]
    if chips:
        fields.append(pa.field(CHIP, pa.binary()))
    return pa.schema(fields, metadata={ABOUT: json.dumps(about, sort_keys=True)})
