"""Make the example pictures again, and the face of `facewise doctor`, from two public packages.

    pip download --no-deps --no-binary :all: face_recognition==1.3.0
    pip install scikit-image
    python examples/make_examples.py face_recognition-1.3.0.tar.gz

`README.md` beside this file says who is in the pictures, where they come from, and their hashes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import tarfile
from pathlib import Path

import skimage.data
from PIL import Image

HERE = Path(__file__).parent
SELF_TEST_FACE = HERE.parent / "src/facewise/data/self_test_face.jpg"
SDIST_SHA256 = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
LONGER_SIDE = 1024  # pixels, at most
MONTAGE_HEIGHT = 340  # pixels


def main() -> None:
    """Write every picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sdist", type=Path, help="face_recognition-1.3.0.tar.gz")
    portraits = read_portraits(parser.parse_args().sdist)
    astronaut = Image.fromarray(skimage.data.astronaut())

    save(portraits["obama.jpg"], "people/obama/1.jpg")
    save(portraits["obama2.jpg"], "people/obama/2.jpg")
    save(portraits["biden.jpg"], "people/biden/1.jpg")
    save(portraits["obama3.jpg"], "photos/obama.jpg")
    save(astronaut, "photos/astronaut.jpg")
    # Rectangles (left, top, right, bottom) chosen by eye: head and shoulders.
    montage = side_by_side(
        portraits["obama3.jpg"].crop((434, 134, 1114, 814)),
        portraits["biden.jpg"].crop((236, 16, 836, 716)),
        astronaut.crop((24, 0, 424, 400)),
    )
    save(montage, "photos/montage.jpg")
    save(astronaut.crop((124, 17, 324, 217)), SELF_TEST_FACE)


def read_portraits(sdist: Path) -> dict[str, Image.Image]:
    """The test pictures of the package, by file name."""
    content = sdist.read_bytes()
    if hashlib.sha256(content).hexdigest() != SDIST_SHA256:
        raise SystemExit(f"{sdist}: not face_recognition-1.3.0.tar.gz of the Python package index")
    pictures = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if "/tests/test_images/" in member.name and member.name.endswith(".jpg"):
                file = archive.extractfile(member)
                assert file is not None  # noqa: S101 - every member of this name is a file
                pictures[Path(member.name).name] = Image.open(io.BytesIO(file.read()))
    return pictures


def side_by_side(*pictures: Image.Image) -> Image.Image:
    """One row of pictures, at the same height."""
    tiles = [
        picture.resize(
            (round(picture.width * MONTAGE_HEIGHT / picture.height), MONTAGE_HEIGHT),
            Image.Resampling.LANCZOS,
        )
        for picture in pictures
    ]
    row = Image.new("RGB", (sum(tile.width for tile in tiles), MONTAGE_HEIGHT))
    left = 0
    for tile in tiles:
        row.paste(tile, (left, 0))
        left += tile.width
    return row


def save(picture: Image.Image, path: str | Path) -> None:
    """Write a JPEG of modest size, without the metadata of its source."""
    picture = picture.convert("RGB")  # all are sRGB, so dropping the profile changes no colour
    picture.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.LANCZOS)
    picture.info.clear()
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target, quality=90, optimize=True)


if __name__ == "__main__":
    main()
