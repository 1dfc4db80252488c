"""From pictures to names over shards: `embed … --out DIR`, `gallery import`, `gallery identify`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("pyarrow", reason="shards need pyarrow: pip install 'facewise[shards]'")

from facewise import Gallery
from facewise.cli import app
from facewise.errors import GalleryError, ModelMismatchError
from facewise.gallery import ImportOptions, ModelFacts, open_store


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Of folders of people, in which not everything can be used."""
    home = tmp_path_factory.mktemp("shards")
    people = home / "people"
    shutil.copytree(examples / "people", people)
    shutil.copy(examples / "photos" / "montage.jpg", people / "biden" / "three.jpg")
    shutil.copy(examples / "photos" / "astronaut.jpg", people / "nobody.jpg")
    Image.new("RGB", (150, 120), (90, 120, 40)).save(people / "obama" / "grass.png")
    (people / "obama" / "broken.jpg").write_bytes(b"no picture")
    command = ["embed", people, "--out", home / "vectors", "--chips", "--shard-size", 3]
    result = CliRunner().invoke(app, list(map(str, command)))
    assert result.exit_code == 1, result.output  # one is broken
    return home / "vectors"


def test_from_pictures_to_names(
    facewise: Callable[..., Any], shards: Path, examples: Path, tmp_path: Path
) -> None:
    store = tmp_path / "people.db"
    facewise("gallery", "create", store)
    result = facewise("gallery", "import", store, shards, status=1)
    assert result.stdout == "faces added: 3; new people: 2\n"
    assert result.stderr.splitlines()[-4:] == [
        "pictures without a face: 1; that could not be read: 1",
        "not imported: 2",
        "  biden/three.jpg (biden): 3 faces, expected one; crop the picture",
        "  nobody.jpg: has no label, and so no name",
    ]
    found = facewise("gallery", "identify", store, examples / "photos", "--json", "-").stdout
    assert {
        Path(image["image"]).stem: sorted(face["name"] for face in image["faces"])
        for image in json.loads(found)["images"]
    } == {
        "astronaut": ["unknown"],
        "montage": ["biden", "obama", "unknown"],
        "obama": ["obama"],
    }
    content = json.loads(
        facewise("gallery", "import", store, f"file://{shards}", "--json", "-", status=1).stdout
    )
    assert {key: content[key] for key in ("format", "faces", "skipped", "faceless", "failed")} == {
        "format": "shards",
        "faces": 0,
        "skipped": 3,
        "faceless": 1,
        "failed": 1,
    }


def test_faces_are_as_if_they_were_enrolled(shards: Path, examples: Path, tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "a.db") as mine, Gallery.create(tmp_path / "b.db") as theirs:
        mine.import_faces(shards, ImportOptions(consent="signed"))
        theirs.enrol(examples / "people")
        for name in ("biden", "obama"):
            details = mine.show(name)
            assert details.person.consent == "signed"
            faces, others = details.faces, theirs.show(name).faces
            assert [face.source for face in faces] == [
                *(f"{name}/{i}.jpg" for i in range(1, len(others) + 1))
            ]
            for face, other in zip(faces, others, strict=True):
                np.testing.assert_allclose(face.box, other.box, atol=1e-3)
                assert face.quality == pytest.approx(other.quality, abs=1e-5)
                chip = mine.store.chip(face.id)
                assert chip is not None
                assert chip.startswith(b"\x89PNG")
            np.testing.assert_allclose(
                mine.store.vectors_of([face.id for face in faces]).vectors,
                theirs.store.vectors_of([face.id for face in others]).vectors,
                atol=1e-5,
            )


def test_select_says_which_of_several_faces(
    facewise: Callable[..., Any], shards: Path, examples: Path, tmp_path: Path
) -> None:
    """As `enrol --select`, also for the policy that asks where the middle of the picture is."""
    for policy in ("largest", "most_central", "most_confident"):
        mine, theirs = tmp_path / f"{policy}.db", tmp_path / f"{policy}-enrolled.db"
        for store in (mine, theirs):
            facewise("gallery", "create", store)
        result = facewise("gallery", "import", mine, shards, "--select", policy, status=1)
        assert result.stdout == "faces added: 4; new people: 2\n"
        assert "not imported: 1\n" in result.stderr  # which has no label
        montage = examples / "photos" / "montage.jpg"
        facewise("gallery", "enrol", theirs, montage, "--name", "biden", "--select", policy)
        with Gallery.open(mine) as gallery, Gallery.open(theirs) as other:
            [enrolled] = other.show("biden").faces
            [face] = [f for f in gallery.show("biden").faces if f.source == "biden/three.jpg"]
            np.testing.assert_allclose(face.box, enrolled.box, atol=1e-3)


def test_select_is_for_shards(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("name,v0\n")
    with (
        Gallery.create(tmp_path / "people.db") as gallery,
        pytest.raises(GalleryError, match=r"faces\.csv: --select .* is for shards"),
    ):
        gallery.import_faces(tmp_path / "faces.csv", ImportOptions(select="largest"))


def test_what_is_no_whole_run_of_the_same_model_is_refused(shards: Path, tmp_path: Path) -> None:
    other = ModelFacts({"model": "another.one"}, 128)
    with Gallery(open_store(tmp_path / "other.db", create=other)) as gallery:
        for options in (ImportOptions(), ImportOptions(assume_model=True)):
            with pytest.raises(ModelMismatchError, match=r"another\.one.*dlib_resnet29\.dlib"):
                gallery.import_faces(shards, options)
        with pytest.raises(GalleryError, match="expected a file of the format csv"):
            gallery.import_faces(shards, ImportOptions(format="csv"))
        with pytest.raises(GalleryError, match="a folder without shards"):
            gallery.import_faces(tmp_path, ImportOptions())
        copy = tmp_path / "vectors"
        shutil.copytree(shards, copy)
        first, *_ = sorted(copy.glob("0*.parquet"))
        os.truncate(first, 1000)
        with pytest.raises(GalleryError, match="1 of 3 shards are not there yet"):
            gallery.import_faces(copy, ImportOptions())
        assert gallery.store.counts() == (0, 0, 0)
