"""What enrolling says of real pictures that need a look; and who is enrolled all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from facewise import Gallery
from facewise.gallery import EnrolOptions
from facewise.gallery.enrolment import Remark

BIDEN = (189, 74, 328, 266)  # the face of examples/people/biden/1.jpg


@pytest.fixture
def gallery(tmp_path: Path, examples: Path) -> Iterator[Gallery]:
    """Of the example people."""
    with Gallery.create(tmp_path / "people.db", cache=False) as made:
        assert made.enrol(examples / "people").remarks == ()
        yield made


@pytest.fixture
def biden(examples: Path) -> Image.Image:
    return Image.open(examples / "people/biden/1.jpg").convert("RGB")


@pytest.fixture
def enrolled(gallery: Gallery, tmp_path: Path) -> Callable[..., list[Remark]]:
    """What is said when a picture is enrolled; of Joe Biden, if nothing else is given."""

    def enrol(
        picture: Image.Image | Path, name: str = "biden", select: str | None = None
    ) -> list[Remark]:
        path = picture if isinstance(picture, Path) else tmp_path / "picture.png"
        if isinstance(picture, Image.Image):
            picture.save(path)
        before = gallery.store.counts().faces
        result = gallery.enrol(path, name, EnrolOptions(select=select))  # type: ignore[arg-type]
        assert gallery.store.counts().faces - before == result.faces
        assert result.faces == len({remark.enrolled for remark in result.remarks} - {False})
        return list(result.remarks)

    return enrol


def one(remarks: list[Remark], kind: str, *, enrolled: bool) -> str:
    """The text of the only remark, which is of a kind."""
    [remark] = remarks
    assert (remark.kind, remark.enrolled) == (kind, enrolled)
    return remark.text


def test_a_face_that_is_somebody_elses(
    enrolled: Callable[..., list[Remark]], examples: Path
) -> None:
    text = one(enrolled(examples / "photos/obama.jpg", "ann"), "someone else", enrolled=True)
    assert text.startswith("looks like 'obama', similarity 0.9")


def test_nobody_elses_face(gallery: Gallery, examples: Path) -> None:
    for photo, name in (("obama.jpg", "obama"), ("astronaut.jpg", "ann")):
        assert gallery.enrol(examples / "photos" / photo, name).remarks == ()


def test_a_small_face(enrolled: Callable[..., list[Remark]], biden: Image.Image) -> None:
    small = biden.resize((biden.width // 5, biden.height // 5), Image.Resampling.LANCZOS)
    text = one(enrolled(small), "quality", enrolled=True)
    assert text == "low quality: 25 pixels wide or high (below 40)"


def test_a_blurred_face(enrolled: Callable[..., list[Remark]], biden: Image.Image) -> None:
    blurred = biden.filter(ImageFilter.GaussianBlur(6))
    text = one(enrolled(blurred), "quality", enrolled=True)
    assert text.startswith("low quality: blurred (sharpness 0.00")


def test_a_face_half_of_which_is_hidden(
    enrolled: Callable[..., list[Remark]], biden: Image.Image
) -> None:
    hidden = np.array(biden)
    hidden[BIDEN[1] + int(0.44 * (BIDEN[3] - BIDEN[1])) :] = 128
    text = one(enrolled(Image.fromarray(hidden)), "quality", enrolled=True)
    assert text.startswith("low quality: score 0.8")
    assert text.endswith("(below 0.95)")


def test_a_picture_without_a_face(enrolled: Callable[..., list[Remark]], examples: Path) -> None:
    astronaut = Image.open(examples / "photos/astronaut.jpg").convert("RGB")
    background = astronaut.crop((0, 0, 120, 200))
    assert one(enrolled(background), "faces", enrolled=False) == "no face found"


def test_a_picture_with_several_faces(
    enrolled: Callable[..., list[Remark]], gallery: Gallery, examples: Path
) -> None:
    montage = examples / "photos/montage.jpg"
    text = one(enrolled(montage, "ann"), "faces", enrolled=False)
    assert text == "3 faces, expected one; crop the picture"
    remarks = enrolled(montage, "ann", "largest")
    assert [(r.kind, r.enrolled) for r in remarks] == [("faces", True), ("someone else", True)]
    assert remarks[0].text == "3 faces; one is used (largest)"
    assert remarks[1].text.startswith("looks like 'biden', similarity 0.9")
    assert len(gallery.show("ann").faces) == 1


def test_a_face_that_is_much_larger_than_another(
    enrolled: Callable[..., list[Remark]], biden: Image.Image, examples: Path
) -> None:
    astronaut = Image.open(examples / "photos/astronaut.jpg").convert("RGB")
    head = astronaut.crop((160, 30, 290, 200)).resize((52, 68), Image.Resampling.LANCZOS)
    biden.paste(head, (20, 800))  # 34 pixels wide, beside 138
    text = one(enrolled(biden), "faces", enrolled=True)
    assert text == "2 faces; the one much larger than all is used"


def test_a_file_that_is_no_picture(enrolled: Callable[..., list[Remark]], tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    text = one(enrolled(tmp_path / "broken.jpg"), "picture", enrolled=False)
    assert text == "not an image file that Pillow can read"
