"""`align_folder`: the classic job, from a folder of photos to a folder of chips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.aligning.boxes_file import write_boxes
from facewise.aligning.cutter import Choice, Cutter
from facewise.aligning.lists import write_lists
from facewise.aligning.places import PhotoFile
from facewise.aligning.run import Report, Work, align_photos
from facewise.errors import AlignError
from facewise.recognition.folders import pictures_in

if TYPE_CHECKING:
    from facewise.alignment import CropPolicy
    from facewise.detection import Detector


def align_folder(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    detector: Detector,
    crop: CropPolicy,
    choice: Choice = "most_central",
    suffix: str = ".png",
    boxes: str | os.PathLike[str] | None = None,
    retry_failed: bool = False,
    report: Report | None = None,
) -> Work:
    """Cut the faces of all photos of a folder and those below it; chips lie as the photos do.

    Interrupted, it goes on where it stopped; see `align_photos`. `out/problems.csv` lists photos
    without a chip, `out/several.csv` those with several faces.

    Args:
        source: the folder of photos.
        out: the folder of chips, outside of it.
        detector: finds the faces.
        crop: how chips are placed. `MarginCrop(160, 32)` gives those of facenet-pytorch.
        choice: which face of a photo: "most_central" (area less twice the squared distance from
            the middle, as in facenet), "largest", "most_confident", "largest_over" (the largest
            with a score above 0.9), or "all", as `NAME_0.png`, `NAME_1.png` and so on.
        suffix: ".png" or ".webp", both without loss.
        boxes: a file for the list of boxes that facenet writes.
        retry_failed: look again at photos that failed before.
        report: called with the number of photos that are done, as they are.

    Raises:
        AlignError: there are no photos, one folder lies in the other, the folder of chips was
            begun with other settings or for other photos, or holds somebody else's tables.
        OSError: a folder cannot be listed or written.

    Example:
        >>> import facewise, tempfile
        >>> from facewise.aligning import align_folder
        >>> from facewise.alignment import MarginCrop
        >>> out = tempfile.TemporaryDirectory()
        >>> work = align_folder(
        ...     "examples/people", out.name, detector=facewise.load_detector(),
        ...     crop=MarginCrop(160, 32),
        ... )
        >>> work.cut, work.failures
        (3, ())
        >>> facewise.load_image(out.name + "/obama/2.png").shape
        (160, 160, 3)
        >>> out.cleanup()
    """
    root, target = Path(source), Path(out)
    _keep_apart(root, target)
    photos = list(_photos(root))
    if not photos:
        raise AlignError(f"{root}: no pictures there")
    work = align_photos(
        photos,
        Cutter(detector, crop, choice),
        target,
        suffix=suffix,
        origin=root,
        retry_failed=retry_failed,
        report=report,
    )
    write_lists(work)
    if boxes is not None:
        write_boxes(work, Path(boxes))
    return work


def _photos(root: Path) -> Iterator[tuple[PhotoFile, str]]:
    for path in pictures_in(root):
        yield PhotoFile(str(path)), path.relative_to(root).as_posix()


def _keep_apart(source: Path, out: Path) -> None:
    """Refuse a folder in the other: chips would be taken for photos, or take their places."""
    if not source.is_dir():
        raise AlignError(f"{source}: expected a folder of photos")
    photos, chips = (Path(os.path.realpath(path)) for path in (source, out))
    if chips.is_relative_to(photos):
        raise AlignError(f"{out}: lies among the photos; choose another folder")
    if photos.is_relative_to(chips):
        raise AlignError(f"{out}: the photos lie in it; choose another folder")
