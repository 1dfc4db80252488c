"""`python -m bench.export_rows ROWS [FORMAT…]`: time and memory of a file of so many embeddings.

Shards of random vectors (128 numbers, 50 pictures a person) are written as `facewise embed` writes
them, and put together as `facewise export` does, each format in a process of its own. With --chips
pictures are embedded, too: ROWS chips of 16×16 pixels by a network that does nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image

from facewise.alignment import MarginCrop
from facewise.embedding import Embedder
from facewise.export.exporting import SHARD_SIZE, _leaving, export_folder
from facewise.faces import EmbeddedFaces, Faces
from facewise.gallery.transfer.formats import FORMATS
from facewise.runtime.networks import Candidate
from facewise.shards import Models, open_shards
from facewise.shards.manifest import Manifest
from facewise.shards.models import Loaded
from facewise.shards.output import output_at
from facewise.shards.pictures import Picture
from facewise.shards.schema import FORMAT, MANIFEST, VERSION
from facewise.shards.units import Unit, files_digest
from facewise.shards.writing import ShardWriter
from facewise.zoo import ModelSpec, Weights

LENGTH, EACH, SIDE = 128, 50, 16


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[0] == "--child":
        print(json.dumps(assembled(*arguments[1:])))
        return
    if arguments[0] == "--child-chips":
        print(json.dumps(embedded(*arguments[1:])))
        return
    chips = "--chips" in arguments
    rows, *formats = (word for word in arguments if word != "--chips")
    with tempfile.TemporaryDirectory() as scratch:
        if chips:
            make_chips(Path(scratch) / "chips", int(rows))
            say("chips to npz", rows, ["--child-chips", scratch])
            return
        make_shards(Path(scratch) / "shards", int(rows))
        for form in formats or ("npz", "parquet", "h5"):
            say(form, rows, ["--child", scratch, form])


def say(what: str, rows: str, arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.export_rows", *arguments],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    before, after, seconds, size = json.loads(ended.stdout)
    print(
        f"{what}, {int(rows):,} rows: {seconds:.0f} s of processor time, peak memory {after:.0f} MB"
        f" ({before:.0f} before it began), file {size / 1e6:,.0f} MB",
        flush=True,
    )


def peak() -> float:
    """Of this process alone, in MB; what `getrusage` tells includes whoever started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def assembled(scratch: str, form: str) -> tuple[float, float, float, int]:
    """Peak memory before and after in MB, seconds, bytes of the file."""
    shards = open_shards(f"{scratch}/shards")
    before, began = peak(), time.process_time()
    faces, _ = _leaving(shards, "most_central", lambda _: None)
    path = Path(scratch) / f"file.{form}"
    FORMATS[form].code.write(path, faces)
    return before, peak(), time.process_time() - began, path.stat().st_size


def embedded(scratch: str) -> tuple[float, float, float, int]:
    loaded = Loaded(idle_embedder(), None)
    out = Path(scratch) / "file.npz"
    torch.set_num_threads(1)
    before, began = peak(), time.process_time()
    with mock.patch.object(Models, "load", return_value=loaded):
        export_folder(f"{scratch}/chips", out, models=Models(aligned=True))
    return before, peak(), time.process_time() - began, out.stat().st_size


def make_chips(folder: Path, rows: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, SIDE, SIDE, 3), np.uint8)
    for number in range(rows):
        path = folder / f"person{number // EACH:06d}" / f"{number % EACH}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[number % 64]).save(path)


def make_shards(folder: Path, rows: int) -> None:
    model = idle_embedder()
    facts = Loaded(model, None).facts()
    settings = {**Loaded(model, None).settings(), "chips": False, "shard_size": SHARD_SIZE}
    keys = [f"person{n // EACH:06d}/picture{n % EACH:04d}.jpg" for n in range(rows)]
    units = [
        Unit("people", files_digest([(key, 1, None) for key in part]), tuple(part))
        for part in (keys[i : i + SHARD_SIZE] for i in range(0, rows, SHARD_SIZE))
    ]
    running = {"backend": "torch", "precision": "float32"}
    manifest = Manifest.of(settings, facts, running, units)
    output_at(folder).claim(MANIFEST, manifest.to_json())
    about = {"format": FORMAT, "version": VERSION, "model": facts, "settings": settings}
    rng, face = np.random.default_rng(0), Faces([[10, 20, 110, 150]], [0.99])
    for shard, unit in zip(manifest.shards, units, strict=True):
        vectors = rng.standard_normal((len(unit.keys), 1, LENGTH), np.float32)
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        with ShardWriter(
            folder / shard.name, LENGTH, chips=False, scored=True, about=about
        ) as writer:
            for key, vector in zip(unit.keys, vectors, strict=True):
                found = EmbeddedFaces(face, vector, (250, 250))
                writer.add(Picture("people", key, key.split("/")[0], b""), found)
            writer.finish()


def idle_embedder() -> Embedder:
    spec = ModelSpec(
        id="idle.bench", task="embed", architecture="idle", weights=Weights("idle", "none", "none"),
        input_size=SIDE, embedding_size=LENGTH, crop=MarginCrop(SIDE, 0),
    )  # fmt: skip
    return Embedder(
        spec, lambda pixels: pixels.flatten(1)[:, :LENGTH], weight_hash="0" * 64,
        device=torch.device("cpu"), candidate=Candidate("torch", "float32"), flip=False,
        batch_size=64,
    )  # fmt: skip


if __name__ == "__main__":
    main()
