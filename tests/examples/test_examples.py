from __future__ import annotations

import hashlib
import re
from pathlib import Path

from PIL import Image


def test_the_readme_has_the_hash_of_every_picture(examples: Path) -> None:
    text = (examples / "README.md").read_text(encoding="utf-8")
    recorded = {name: digest for digest, name in re.findall(r"([0-9a-f]{64})  (\S+)", text)}
    pictures = {p.relative_to(examples).as_posix(): p for p in examples.rglob("*.jpg")}
    assert recorded == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in pictures.items()
    }


def test_the_pictures_are_small(examples: Path) -> None:
    for path in examples.rglob("*.jpg"):
        with Image.open(path) as image:
            assert max(image.size) <= 1024
            assert not image.getexif()
    with Image.open(examples / "photos/astronaut.jpg") as image:
        assert image.size == (512, 512)
