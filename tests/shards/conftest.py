"""Real pictures in all forms that runs take, and models that are loaded once."""

from __future__ import annotations

import json
import tarfile
from functools import lru_cache
from pathlib import Path

import pytest
from PIL import Image

from tar_making import add

pytest.importorskip("pyarrow", reason="shards need pyarrow: pip install 'facewise[shards]'")

from facewise.shards import Models
from facewise.shards.planning import plan


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch):
    """`Models.load` for all tests of a session."""
    monkeypatch.setattr(Models, "load", _load)


_plain_load = Models.load


@lru_cache(maxsize=8)
def _load(models):
    return _plain_load(models)


@pytest.fixture(scope="session")
def folder(tmp_path_factory, examples):
    """Pictures of two people and of others in several sizes; one has no face, two are broken."""
    place = tmp_path_factory.mktemp("pictures") / "photos"
    for path in sorted([*examples.glob("people/*/*.jpg"), *examples.glob("photos/*.jpg")]):
        with Image.open(path) as image:
            for side in (200, 260):
                small = image.copy()
                small.thumbnail((side * 2 if path.stem == "montage" else side, side * 2))
                target = place / path.parent.name / f"{path.stem}-{side}.jpg"
                target.parent.mkdir(parents=True, exist_ok=True)
                small.save(target, quality=92)
    Image.new("RGB", (150, 120), (90, 120, 40)).save(place / "grass.png")
    (place / "broken.jpg").write_bytes(b"no picture")
    whole = (place / "obama" / "1-260.jpg").read_bytes()
    (place / "photos" / "cut off.jpg").write_bytes(whole[: len(whole) // 2])
    (place / ".hidden.jpg").write_bytes(whole)
    (place / "notes.txt").write_text("not a picture")
    return place


@pytest.fixture(scope="session")
def keys(folder):
    """The keys of the folder's pictures, in order."""
    [unit] = plan([folder], 1000)
    return list(unit.keys)


@pytest.fixture(scope="session")
def tars(folder, keys, tmp_path_factory):
    """The same pictures as samples of three tar files, with a label for each."""
    place = tmp_path_factory.mktemp("tars")
    for number in range(3):
        with tarfile.open(place / f"shard-{number:04d}.tar", "w") as tar:
            for i, key in enumerate(keys[number::3]):
                content = (folder / key).read_bytes()
                add(tar, f"./{i:03d}{Path(key).suffix}", content)
                if i % 2:
                    add(tar, f"./{i:03d}.cls", b"class 7\n")
                else:
                    add(tar, f"./{i:03d}.json", json.dumps({"name": f"Näme {i}"}).encode())
    return place
