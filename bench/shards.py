"""`python -m bench.shards IMAGES`: shards beside the plain loop, on the same photos.

Blocks are interleaved, so that whatever else the machine does meets both. Also says by how much the
vectors differ.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np

from facewise.pipeline import Pipeline
from facewise.recognition.folders import pictures_in
from facewise.shards import Models, embed_to_shards, open_shards

PHOTOS, BLOCK = 300, 50


def main() -> None:
    """Measure and print."""
    every = list(pictures_in(Path(sys.argv[1])))
    paths = every[:: max(len(every) // PHOTOS, 1)][:PHOTOS]
    loaded = Models().load()
    pipeline = Pipeline(loaded.detector, loaded.embedder)
    list(pipeline.run_each(paths[:20]))
    seconds = {"loop": 0.0, "shards": 0.0}
    largest, faces = 0.0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(Models, "load", return_value=loaded),
    ):
        for start in range(0, len(paths), BLOCK):
            block, out = paths[start : start + BLOCK], f"{folder}/{start}"
            began = time.perf_counter()
            found = {str(path): pipeline.run(path).embeddings for path in block}
            between = time.perf_counter()
            embed_to_shards(block, out)
            seconds["loop"] += between - began
            seconds["shards"] += time.perf_counter() - between
            for batch in open_shards(out).batches():
                for key, face, vector in zip(batch.keys, batch.faces, batch.vectors, strict=True):
                    largest = max(largest, float(np.abs(found[key][face] - vector).max()))
                    faces += 1
            faces -= sum(map(len, found.values()))
            assert faces == 0, "not the same faces"
    rates = {name: len(paths) / each for name, each in seconds.items()}
    print(f"{len(paths)} photos, {loaded.embedder.candidate}")
    print(f"for path in paths: pipeline.run(path)  {rates['loop']:6.1f} photos/s")
    print(f"embed_to_shards                        {rates['shards']:6.1f} photos/s")
    print(f"{rates['shards'] / rates['loop']:.2f} times; largest difference {largest:.1e}")


if __name__ == "__main__":
    main()
