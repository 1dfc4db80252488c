"""Pictures with what was found drawn on them, in an output folder."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facewise._files import replace_file
from facewise.cli.inputs import Input
from facewise.errors import FacewiseError, ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facewise.faces import Faces

_JPEG = {".jpg", ".jpeg", ".jpe", ".jfif"}
_KNOWN, _STRANGER = (0, 200, 120), (240, 150, 40)
_EXIF_SOFTWARE = 0x0131  # EXIF 2.3
_MARK = "facewise"


def plan(inputs: Sequence[Input], folder: Path) -> dict[str, Path]:
    """Where the picture of each input goes, by the input's name; no two to the same place.

    Below the folder, files keep the path they had below the folder they were found in. JPEG stays
    JPEG, everything else becomes PNG. The second of two files that would meet gets a `-2`.

    Raises:
        FacewiseError: an input lies in the folder itself, or a file that is none of ours stands
            where a picture would go.
    """
    targets: dict[str, Path] = {}
    taken: set[str] = set()
    home = os.path.realpath(folder)
    for item in inputs:
        if isinstance(item.source, Path) and os.path.realpath(item.source.parent) == home:
            raise FacewiseError(f"--out {folder}: {item.name} lies in it; choose another folder")
        suffix = item.relative.suffix
        kept = item.relative.with_suffix(suffix if suffix.lower() in _JPEG else ".png")
        name, number = kept, 1
        while str(name).casefold() in taken:  # some file systems do not tell a.jpg from A.JPG
            number += 1
            name = kept.with_stem(f"{kept.stem}-{number}")
        taken.add(str(name).casefold())
        target = targets[item.name] = folder / name
        # os.path: a name that is too long is not there; `Path.exists` may raise instead.
        if os.path.exists(target) and not _is_ours(target):  # noqa: PTH110
            raise FacewiseError(f"{target}: exists, and was not drawn by facewise; move it first")
    return targets


def draw(image: NDArray[np.uint8], faces: Faces, target: Path) -> None:
    """Draw faces, with their names where they have any, on a copy of their picture.

    Raises:
        ImageError: the target cannot be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from facewise.recognition import UNKNOWN

    labels = colors = None
    if "name" in faces.data:
        names = faces.data["name"].tolist()
        rows = zip(names, faces.data["similarity"].tolist(), strict=True)
        labels = [f"{name} {similarity:.2f}" for name, similarity in rows]
        colors = [_STRANGER if name == UNKNOWN else _KNOWN for name in names]
    picture = Image.fromarray(faces.draw(image, labels, colors=colors))
    content = io.BytesIO()
    if target.suffix == ".png":
        mark = PngInfo()
        mark.add_text("Software", _MARK)
        picture.save(content, "PNG", pnginfo=mark)
    else:
        exif = picture.getexif()
        exif[_EXIF_SOFTWARE] = _MARK
        picture.save(content, "JPEG", quality=92, exif=exif)
    try:
        replace_file(target, content.getvalue())
    except OSError as error:  # of this picture only: the others go on
        raise ImageError(f"{target}: cannot be written ({error.strerror})") from error


def _is_ours(path: Path) -> bool:
    """Whether a file is a picture that `draw` made, which may be made again."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return _MARK in (picture.info.get("Software"), picture.getexif().get(_EXIF_SOFTWARE))
    except Exception:  # not a picture at all, or a damaged one
        return False
