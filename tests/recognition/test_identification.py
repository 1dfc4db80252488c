from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facewise.errors import FacewiseError, ModelMismatchError
from facewise.pipeline import Pipeline
from facewise.recognition import load_people, recognize, recognize_each
from facewise.zoo import Threshold

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
ORANGE = (255, 100, 0)  # cosine 0.931 to red
HALF = 0.5**0.5


@pytest.fixture
def people(cells: Any, tmp_path: Path) -> Path:
    cells(tmp_path / "people" / "ann" / "1.png", [RED])
    cells(tmp_path / "people" / "ben.png", [GREEN])
    return tmp_path / "people"


@pytest.fixture
def run(pipeline: Pipeline) -> Any:
    def call(photos: Any, people: Any, **options: Any) -> Any:
        options = {"model": pipeline.embedder, "detector": pipeline.detector, **options}
        return recognize(photos, people, **options)

    return call


def names(found: Any) -> list[list[str]]:
    return [image.faces.data["name"].tolist() for image in found.images]


def test_the_example_photos(examples: Path) -> None:
    found = recognize(examples / "photos", examples / "people")
    by_photo = {Path(image.image).name: image.faces for image in found.images}
    assert sorted(by_photo) == ["astronaut.jpg", "montage.jpg", "obama.jpg"]
    assert by_photo["obama.jpg"].data["name"].tolist() == ["obama"]
    assert by_photo["astronaut.jpg"].data["name"].tolist() == ["unknown"]
    montage = by_photo["montage.jpg"]
    left_to_right = montage.boxes[:, 0].argsort()
    assert montage.data["name"][left_to_right].tolist() == ["obama", "biden", "unknown"]
    assert found.far == 1e-3
    assert found.measured_on != "given"
    assert found.problems == ()


def test_the_best_person_at_or_above_the_threshold(cells: Any, people: Path, run: Any) -> None:
    photo = cells(people.parent / "photo.png", [RED, ORANGE, BLUE, YELLOW])
    found = run([photo], people)
    [faces] = [image.faces for image in found.images]
    assert faces.data["name"].tolist() == ["ann", "ann", "unknown", "unknown"]
    cosine = 255 / np.hypot(255, 100)
    np.testing.assert_allclose(faces.data["similarity"], [1, cosine, 0, HALF], atol=1e-6)
    assert faces.data["similarity"].dtype == np.float32
    assert (found.threshold, found.far, found.measured_on) == (0.8, 1e-3, "ten colours")
    assert names(run([photo], people, far=1e-5)) == [["ann", "ann", "unknown", "unknown"]]
    assert names(run([photo], people, threshold=0.95)) == [["ann"] + ["unknown"] * 3]
    assert names(run([photo], people, threshold=0.7))[0][3] in {"ann", "ben"}
    exact = float(faces.data["similarity"][1])
    assert names(run([photo], people, threshold=exact))[0][1] == "ann"
    assert names(run([photo], people, threshold=np.nextafter(exact, 1)))[0][1] == "unknown"


def test_photos_in_every_form(cells: Any, people: Path, run: Any, tmp_path: Path) -> None:
    path = cells(tmp_path / "photos" / "red.png", [RED])
    cells(tmp_path / "photos" / "deep" / "green.png", [GREEN])
    array = np.array(Image.open(path))
    for one in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), array):
        assert names(run(one, people)) == [["ann"]]
    assert names(run(Image.open(path), people)) == [["ann"]]
    assert names(run(np.stack([array, array]), people)) == [["ann"], ["ann"]]
    assert names(run((p for p in [path, array]), people)) == [["ann"], ["ann"]]
    assert names(run([], people)) == []
    found = run(tmp_path / "photos", people)
    assert [Path(image.image).name for image in found.images] == ["green.png", "red.png"]
    assert names(found) == [["ben"], ["ann"]]


def test_a_bad_photo_does_not_stop_the_rest(cells: Any, people: Path, run: Any) -> None:
    good = cells(people.parent / "good.png", [RED, RED])
    empty = cells(people.parent / "empty.png", [], columns=2)
    found = run([people.parent / "no.png", b"junk", good, empty], people)
    assert names(found) == [[], [], ["ann", "ann"], []]
    errors = [image.error for image in found.images]
    assert errors[0] == f"{people.parent / 'no.png'}: no such file"
    assert errors[1] == "4 bytes: not an image file that Pillow can read"
    assert errors[2:] == [None, None]


def test_plain_values(cells: Any, people: Path, run: Any) -> None:
    photo = cells(people.parent / "photo.png", [BLUE])
    content = run([photo, "no.png"], people).to_dict()
    assert json.loads(json.dumps(content)) == content
    assert content == {
        "model": "probe.colour",
        "threshold": 0.8,
        "far": 1e-3,
        "images": [
            {
                "image": str(photo),
                "faces": [
                    {
                        "box": [0, 0, 20, 20],
                        "score": pytest.approx(0.9),
                        "landmarks": None,
                        "name": "unknown",
                        "similarity": 0,
                    }
                ],
                "error": None,
            },
            {"image": "no.png", "faces": [], "error": "no.png: no such file"},
        ],
    }
    cells(people / "cleo" / "1.png", [RED, BLUE])
    problems = run([photo], people).to_dict()["people_problems"]
    assert problems[0] == {
        "path": str(people / "cleo" / "1.png"),
        "reason": "2 faces, expected one; crop the picture",
    }


def test_files_are_looked_at_once(
    cells: Any, people: Path, run: Any, pipeline: Pipeline, cache: Path
) -> None:
    photo = cells(people.parent / "photo.png", [RED, RED])
    first = run([photo], people)
    assert pipeline.detector.seen == 3  # type: ignore[attr-defined]
    second = run([photo], people)
    assert pipeline.detector.seen == 3  # type: ignore[attr-defined]
    assert first.to_dict() == second.to_dict()
    assert (cache / "results.sqlite").is_file()
    assert sorted(p.name for p in people.rglob("*")) == ["1.png", "ann", "ben.png"]
    cells(photo, [GREEN, BLUE])
    assert names(run([photo], people)) == [["ben", "unknown"]]
    assert pipeline.detector.seen == 4  # type: ignore[attr-defined]


def test_no_cache(cells: Any, people: Path, run: Any, pipeline: Pipeline, cache: Path) -> None:
    photo = cells(people.parent / "photo.png", [RED])
    for _ in range(2):
        run([photo], people, cache=False)
    assert pipeline.detector.seen == 6  # type: ignore[attr-defined]
    assert not list(cache.iterdir())


def test_people_loaded_before(
    cells: Any, people: Path, run: Any, pipeline: Pipeline, make_embedder: Any
) -> None:
    photo = cells(people.parent / "photo.png", [GREEN])
    known = load_people(people, pipeline)
    assert names(run([photo], known)) == [["ben"]]
    other = make_embedder(weight_hash="cd" * 32)
    with pytest.raises(ModelMismatchError, match="load them again with it"):
        run([photo], known, model=other)


def test_photos_are_taken_a_little_ahead(
    cells: Any, people: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEWISE_THREADS", "2")
    photo = cells(people.parent / "photo.png", [GREEN])
    known = load_people(people, pipeline)
    taken = []

    def photos() -> Iterator[Path]:
        for number in range(200):
            taken.append(number)
            yield photo

    each = recognize_each(photos(), known, pipeline, Threshold(0.8, None, "given"))
    for given in range(20):
        result = next(each)
        assert (result.image, result.faces.data["name"].tolist()) == (str(photo), ["ben"])
        assert given < len(taken) <= given + 100
    each.close()  # type: ignore[attr-defined]


def test_wrong_arguments(people: Path, run: Any) -> None:
    with pytest.raises(ValueError, match="give one of them, not both"):
        run([], people, threshold=0.5, far=0.1)
    with pytest.raises(FacewiseError, match="no such folder of people"):
        run([], people / "nowhere")
