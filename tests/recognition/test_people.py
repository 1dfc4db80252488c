from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facewise
from facewise.errors import FacewiseError, ModelMismatchError
from facewise.pipeline import Pipeline
from facewise.recognition import People, load_people

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def reasons(people: People, folder: Path) -> dict[str, str]:
    return {p.path.relative_to(folder).as_posix(): p.reason for p in people.problems}


def test_a_template_is_the_unit_mean(cells: Any, pipeline: Pipeline, tmp_path: Path) -> None:
    cells(tmp_path / "ann" / "1.png", [RED])
    cells(tmp_path / "ann" / "2.png", [YELLOW])
    cells(tmp_path / "ann" / "3.png", [RED])
    people = load_people(tmp_path, pipeline)
    mean = np.array([2 + 0.5**0.5, 0.5**0.5, 0]) / 3
    assert people.names == ("ann",)
    assert people.templates.dtype == np.float32
    np.testing.assert_allclose(people.templates, [mean / np.linalg.norm(mean)], atol=1e-6)
    assert people.settings == pipeline.embedder.settings
    assert (people.settings["model"], people.settings["weights"]) == ("probe.colour", "ab" * 32)
    assert people.problems == ()


def test_folders_and_single_pictures_mix(cells: Any, pipeline: Pipeline, tmp_path: Path) -> None:
    cells(tmp_path / "zoé bär.png", [BLUE])
    cells(tmp_path / "ann" / "2019" / "summer" / "1.png", [RED])
    cells(tmp_path / "ben" / "1.png", [RED])
    cells(tmp_path / "ben.bmp", [GREEN])
    people = load_people(tmp_path, pipeline)
    assert people.names == ("ann", "ben", "zoé bär")
    np.testing.assert_allclose(
        people.templates, [[1, 0, 0], [0.5**0.5, 0.5**0.5, 0], [0, 0, 1]], atol=1e-6
    )


def test_what_is_ignored(cells: Any, pipeline: Pipeline, tmp_path: Path) -> None:
    cells(tmp_path / "ann" / "1.png", [RED])
    for name in (".DS_Store", "Thumbs.db", "notes.txt", "ann/.hidden.png", ".git/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no picture")
    people = load_people(tmp_path, pipeline)
    assert people.names == ("ann",)
    assert people.problems == ()


def test_bad_pictures_are_reported(cells: Any, pipeline: Pipeline, tmp_path: Path) -> None:
    cells(tmp_path / "ann" / "1.png", [RED])
    cells(tmp_path / "ann" / "2.png", [RED, GREEN, BLUE])
    cells(tmp_path / "ann" / "3.png", [], columns=1)
    (tmp_path / "ann" / "4.jpg").write_bytes(b"not a picture")
    (tmp_path / "ann" / "5.jpg").touch()
    cells(tmp_path / "ben.png", [RED, GREEN])
    (tmp_path / "cleo").mkdir()
    cells(tmp_path / "unknown" / "1.png", [BLUE])
    people = load_people(tmp_path, pipeline)
    assert people.names == ("ann",)
    np.testing.assert_allclose(people.templates, [[1, 0, 0]], atol=1e-6)
    assert reasons(people, tmp_path) == {
        "ann/2.png": "3 faces, expected one; crop the picture",
        "ann/3.png": "no face found",
        "ann/4.jpg": "not an image file that Pillow can read",
        "ann/5.jpg": "empty, expected the content of an image file",
        "ben.png": "no usable picture, 'ben' is left out",
        "cleo": "no usable picture, 'cleo' is left out",
        "unknown": "'unknown' is what strangers are called; rename it",
    }
    assert [str(p) for p in people.problems if p.path.name == "ben.png"] == [
        f"{tmp_path / 'ben.png'}: 2 faces, expected one; crop the picture",
        f"{tmp_path / 'ben.png'}: no usable picture, 'ben' is left out",
    ]


def test_links_in_circles(cells: Any, pipeline: Pipeline, tmp_path: Path) -> None:
    cells(tmp_path / "ann" / "1.png", [RED])
    cells(tmp_path / "ben" / "1.png", [GREEN])
    (tmp_path / "ann" / "all").symlink_to(tmp_path)
    (tmp_path / "ann" / "self").symlink_to(tmp_path / "ann")
    (tmp_path / "me too").symlink_to(tmp_path / "ben")
    people = load_people(tmp_path, pipeline)
    assert people.names == ("ann", "ben", "me too")
    np.testing.assert_allclose(people.templates, [[1, 0, 0], [0, 1, 0], [0, 1, 0]], atol=1e-6)


def test_folders_without_people(cells: Any, pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(FacewiseError, match="nowhere: no such folder of people"):
        load_people(tmp_path / "nowhere", pipeline)
    with pytest.raises(FacewiseError, match="no people; expected a folder of pictures"):
        load_people(tmp_path, pipeline)
    path = cells(tmp_path / "ann.png", [RED, GREEN])
    with pytest.raises(FacewiseError, match="not a folder of people"):
        load_people(path, pipeline)
    with pytest.raises(FacewiseError, match=r"no people(?s:.)*ann\.png: 2 faces"):
        load_people(tmp_path, pipeline)


def test_templates_of_another_model(
    cells: Any, pipeline: Pipeline, make_embedder: Any, tmp_path: Path
) -> None:
    cells(tmp_path / "ann.png", [RED])
    people = load_people(tmp_path, pipeline)
    people.require(make_embedder())
    with pytest.raises(ModelMismatchError, match=r"made with weights abab.* has weights cdcd"):
        people.require(make_embedder(weight_hash="cd" * 32))
    flipping = make_embedder()
    flipping.flip = not flipping.flip
    with pytest.raises(ModelMismatchError, match=r"made with flip \w+; this model has flip"):
        people.require(flipping)


@pytest.mark.parametrize(("width", "used"), [(60, True), (300, False)])
def test_someone_in_the_background_does_not_hide_the_subject(
    examples: Path, tmp_path: Path, width: int, used: bool
) -> None:
    """A second real face, small or nearly as large, beside the one that is meant."""
    subject = Image.open(examples / "people" / "obama" / "1.jpg").convert("RGB")
    other = Image.open(examples / "photos" / "astronaut.jpg").convert("RGB")
    other = other.crop((150, 30, 300, 210)).resize((width, width * 180 // 150))
    canvas = Image.new("RGB", (subject.width + 320, subject.height), "gray")
    canvas.paste(subject, (0, 0))
    canvas.paste(other, (subject.width + 10, 10))
    (tmp_path / "obama").mkdir()
    canvas.save(tmp_path / "obama" / "1.png")
    subject.save(tmp_path / "obama" / "2.png")
    real = Pipeline(facewise.load_detector(), facewise.load_embedder())
    alone = load_people(examples / "people", real)
    people = load_people(tmp_path, real)
    [problem] = people.problems
    assert ("much larger than all is used" in problem.reason) == used
    assert ("expected one; crop the picture" in problem.reason) == (not used)
    assert people.templates[0] @ alone.templates[alone.names.index("obama")] > 0.95
