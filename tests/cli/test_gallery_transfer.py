from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewise import load_detector, load_embedder
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.pipeline import Pipeline


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A gallery that no model is needed for: [b]x[/b] with two faces, and Zoë with one."""
    path = tmp_path / "plain.db"
    with (
        open_store(path, create=ModelFacts({"model": "probe.none"}, 2)) as made,
        made.change() as change,
    ):
        person = change.add_person("[b]x[/b]", consent="door\n[red]")
        change.add_faces(person, [NewFace([1, 0], "1.png#sha256=" + "ab" * 32), NewFace([0, 1])])
        other = change.add_person("Zoë")
        change.add_faces(other, [NewFace([0.6, 0.8], quality=0.9)])
    return path


def people(store: Path) -> dict[str, int]:
    with open_store(store) as found:
        return {person.name: len(found.faces(person.id)) for person in found.people()}


@pytest.fixture(scope="module")
def embeddings(examples: Path) -> list[tuple[str, Path, Any]]:
    """Name, picture and vector of the example people, as an old program may have made them."""
    pipeline = Pipeline(load_detector("mtcnn"), load_embedder())
    pictures = sorted((examples / "people").glob("*/*.jpg"))
    found = []
    for path in pictures:
        photo = pipeline.run(path)
        found.append((path.parent.name, path, photo.embeddings[photo.faces.order()[0]]))
    return found


@pytest.mark.parametrize("layout", ["faces", "means"])
def test_from_facerec_in_two_commands(
    facewise: Any, tmp_path: Path, examples: Path, embeddings: Any, layout: str
) -> None:
    """Its gallery, in either layout of its h5 files, and then names on photos."""
    h5py = pytest.importorskip("h5py")
    old = tmp_path / "embeddings.h5"
    with h5py.File(old, "w") as file:
        for name in {name for name, _, _ in embeddings}:
            own = [(path, vector) for person, path, vector in embeddings if person == name]
            group = file.create_group(name)
            if layout == "means":
                mean = np.mean([vector.astype(np.float64) for _, vector in own], axis=0)
                group.create_dataset("embedding", data=mean)
            else:
                group.attrs["label"] = len(file)
                for path, vector in own:
                    image = group.create_group(path.name)
                    image.create_dataset("embedding", data=vector)
                    image.attrs["file_path"] = np.bytes_(str(path))
    store = tmp_path / "people.db"
    facewise("gallery", "create", store, "--model", "dlib_resnet29.dlib")
    refused = facewise("gallery", "import", store, old, status=1)
    assert "does not say which model made its vectors" in refused.stderr
    assert "--assume-model" in refused.stderr
    result = facewise("gallery", "import", store, old, "--assume-model")
    count = 2 if layout == "means" else 3
    assert result.stdout == f"faces added: {count}; new people: 2\n"
    again = facewise("gallery", "import", store, old, "--assume-model")
    assert again.stdout == f"faces added: 0; new people: 0; {count} there already\n"
    found = facewise("gallery", "identify", store, examples / "photos", "--json", "-")
    images = {
        Path(each["image"]).stem: each["faces"] for each in json.loads(found.stdout)["images"]
    }
    assert sorted(face["name"] for face in images["montage"]) == ["biden", "obama", "unknown"]
    assert [face["name"] for face in images["astronaut"]] == ["unknown"]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "npz", "h5", "protobuf"])
def test_out_and_in(facewise: Any, tmp_path: Path, plain: Path, suffix: str) -> None:
    file = tmp_path / f"all.{suffix}"
    result = facewise("gallery", "export", plain, file)
    assert result.stdout == f"{file}: people: 2; faces: 3\n"
    assert facewise("gallery", "export", plain, file, status=1).stderr.count("--force") == 1
    facewise("gallery", "export", plain, file, "--force", "--json", tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    assert (content["format"], content["people"], content["faces"]) == (suffix, 2, 3)
    with open_store(tmp_path / "new.db", create=ModelFacts({"model": "probe.none"}, 2)):
        pass
    back = facewise("gallery", "import", tmp_path / "new.db", file, "--assume-model", "--json", "-")
    content = json.loads(back.stdout)
    assert (content["people"], content["faces"], content["refused_count"]) == (2, 3, 0)
    assert people(tmp_path / "new.db") == people(plain) == {"[b]x[/b]": 2, "Zoë": 1}


def test_rows_that_are_not_taken(facewise: Any, tmp_path: Path, plain: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("name,v0,v1\nAnn,0,0\nBob,3,4\n\x1bEve,1,0\n")
    result = facewise("gallery", "import", plain, file, "--assume-model", status=1)
    assert result.stdout == "faces added: 1; new people: 1\n"
    lines = result.stderr.splitlines()
    assert lines[:2] == [
        "vectors that were not of unit length, and are now: 1",
        "not imported: 2",
    ]
    assert lines[2] == "  line 2 (Ann): vector: all zero, which is no face"
    assert lines[3].startswith("  line 4 (\\x1bEve): name '\\x1bEve': has a control character")


def test_a_pickle_is_refused_in_one_line(facewise: Any, tmp_path: Path, plain: Path) -> None:
    file = tmp_path / "dataset_faces.dat"
    file.write_bytes(pickle.dumps({"Ann": np.eye(1, 2)[0]}))
    result = facewise("gallery", "import", plain, file, "--assume-model", status=1)
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"error: {file}: a pickle")
    assert "python -c" in result.stderr


def test_consent_for_all(facewise: Any, tmp_path: Path, plain: Path) -> None:
    np.savez(tmp_path / "a.npz", vectors=[[0.0, 1.0]], names=["Ann"])
    facewise(
        *("gallery", "import", plain, tmp_path / "a.npz", "--assume-model"),
        *("--consent", "by form", "--retain-until", "2031-02-03"),
    )
    with open_store(plain) as store:
        [ann] = store.find_people("Ann")
    assert (ann.consent, str(ann.retain_until)) == ("by form", "2031-02-03")


def test_nothing_is_written_over_the_gallery(facewise: Any, tmp_path: Path, plain: Path) -> None:
    before = people(plain)
    for file in (plain, f"{plain}.index/x"):
        result = facewise("gallery", "export", plain, file, "--format", "csv", "--force", status=1)
        assert "part of the gallery" in result.stderr
    same = tmp_path / "a.csv"
    result = facewise("gallery", "export", plain, same, "--json", same, status=1)
    assert "two results" in result.stderr
    assert people(plain) == before


def test_migrate(facewise: Any, tmp_path: Path, plain: Path) -> None:
    target = f"sqlite:///{tmp_path}/new.db"
    result = facewise("gallery", "migrate", plain, target)
    assert result.stdout == f"{target}: people: 2; faces: 3; chips: 0; equal to sqlite:///{plain}\n"
    assert people(tmp_path / "new.db") == people(plain)
    again = facewise("gallery", "migrate", plain, target, "--json", "-")
    assert json.loads(again.stdout)["copied"] == 0
    other = tmp_path / "other.db"
    with open_store(other, create=ModelFacts({"model": "probe.none"}, 3)):
        pass
    assert "embedding_size" in facewise("gallery", "migrate", plain, other, status=1).stderr


def test_migrate_seals(facewise: Any, tmp_path: Path, plain: Path) -> None:
    pytest.importorskip("cryptography")
    key, sealed = tmp_path / "key", tmp_path / "sealed.db"
    key.write_bytes(bytes(range(32)))
    facewise("gallery", "migrate", plain, sealed, "--target-key-file", key)
    assert "key" in facewise("gallery", "list", sealed, status=1).stderr
    again = tmp_path / "again.db"
    facewise("gallery", "migrate", sealed, again, "--key-file", key)
    open_again = tmp_path / "open.db"
    facewise("gallery", "migrate", again, open_again, "--key-file", key, "--target-open")
    assert people(open_again) == people(plain)
    with open_store(again, key=bytes(range(32))) as store:
        assert store.counts().faces == 3
    result = facewise(
        *("gallery", "migrate", sealed, tmp_path / "x.db", "--key-file", key),
        *("--target-open", "--target-key-file", key),
        status=2,
    )
    assert "give one of them" in result.stderr


def test_an_export_is_a_file(facewise: Any, tmp_path: Path, plain: Path) -> None:
    result = facewise("gallery", "export", plain, "-", "--format", "csv", status=2)
    assert "cannot be written to standard output" in result.output
    assert not Path("-").exists()
