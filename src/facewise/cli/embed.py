"""`facewise embed`: the vectors of faces, for use elsewhere."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.embed_shards import ShardOptions, embed_shards
from facewise.cli.option_sets import takes
from facewise.cli.options import Json

if TYPE_CHECKING:
    from facewise.cli.inputs import Input
    from facewise.embedding import Embedder
    from facewise.faces import EmbeddedFaces, Faces
    from facewise.recognition import PhotoResult


@takes(ShardOptions)
def embed(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO...",
            help="Pictures, folders, patterns such as 'photos/**/*.jpg', or - for one picture from "
            "standard input. To shards also tar files, lists (.txt), and URLs of these such as "
            "'s3://bucket/shards-{0000..0099}.tar'.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.npz|DIR",
            help="FILE.npz: numpy arrays with one row a face: images, boxes, scores, landmarks, "
            "embeddings; and model, weights. Any other name, or a URL: a folder of Parquet shards, "
            "for very many pictures; started again, the command goes on where it was.",
            show_default=False,
        ),
    ] = None,
    json_file: Json = None,
    *,
    options: ShardOptions,
) -> None:
    """Find the faces of photos and embed them: unit vectors whose dot product is the similarity.

    Exit status: 0, or 1 when a photo could not be read.
    """
    if out is not None and not out.endswith(".npz"):
        embed_shards(photos, out, json_file, options)
        return
    options.require_shards()
    if out is None and json_file is None:
        raise typer.BadParameter("say where to write: --out FILE.npz or DIR, --json FILE, or both")
    _embed_files(photos, None if out is None else Path(out), json_file, options)


def _embed_files(
    photos: list[str], out: Path | None, json_file: Path | None, options: ShardOptions
) -> None:
    from facewise._files import replace_file
    from facewise.cli.files import protect, write_text
    from facewise.cli.inputs import expand
    from facewise.cli.loading import the_detector, the_embedder
    from facewise.cli.photos import end, through, work_through
    from facewise.cli.tables import show
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache

    inputs = expand(photos)
    protect([item.source for item in inputs], [out, json_file])
    embedder = the_embedder(
        options.model, options.device, backend=options.backend, precision=options.precision
    )
    finder = the_detector(
        options.detector, options.device, mode=options.mode, backend=options.backend
    )

    def finish(_: Input, found: EmbeddedFaces) -> Faces:
        return found.faces.with_data(embedding=found.embeddings)

    with ResultCache() if options.cache else nullcontext() as store:
        pipeline = Pipeline(finder, embedder, store)
        results = work_through(inputs, lambda items: through(pipeline, items, finish), "embedding")
    if out is not None:
        replace_file(out, _npz(results, embedder))
    if json_file is not None:
        content = {
            "model": embedder.spec.id,
            "weights": embedder.weight_hash,
            "images": [result.to_dict() for result in results],
        }
        write_text(json_file, json.dumps(content))
    if str(json_file) != "-":
        show(results)
    end(results)


def _npz(results: Sequence[PhotoResult], embedder: Embedder) -> bytes:
    """The faces of all pictures as one file of arrays, none of which needs pickle."""
    import numpy as np

    from facewise.faces import Faces

    faces = Faces.concat(result.faces for result in results if len(result.faces))
    size = embedder.spec.embedding_size or 0
    arrays = {
        "images": np.array([r.image for r in results for _ in r.faces], dtype=np.str_),
        "boxes": faces.boxes,
        "scores": faces.scores,
        "embeddings": faces.data.get("embedding", np.empty((0, size), np.float32)),
        "model": np.array(embedder.spec.id),
        "weights": np.array(embedder.weight_hash),
    }
    if faces.landmarks is not None:
        arrays["landmarks"] = faces.landmarks
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()
