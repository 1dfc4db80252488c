"""From a folder of people to a file of embeddings, and back."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from facewise.alignment import crop
from facewise.errors import ExportError, ModelMismatchError, ShardsError
from facewise.export import export_folder, open_export
from facewise.gallery.model_facts import ModelFacts
from facewise.images import load
from facewise.shards import Models
from tiny_models import LENGTH, SIDE, TinyDetector, photo, tiny_embedder, tiny_loaded, tree

FORMATS = ["npz", "parquet", "h5"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Which models `Models.load` gives."""
    options = {"flip": True}
    monkeypatch.setattr(Models, "load", lambda self: tiny_loaded(aligned=self.aligned, **options))
    return options


@pytest.fixture
def people(tmp_path):
    root = tmp_path / "people"
    for seed, name in enumerate(
        [
            "Änn/1.png",
            "Änn/2.png",
            "Änn/sub/1.png",
            "Änn-Zoe/1.png",
            "bob/a/b/c.png",
            "embedding/1.png",
        ]
    ):
        photo(root / name, seed)
    photo(root / "top.png", 30)
    photo(root / "Änn.png", 31)
    photo(root / "bob/group.png", 32, faces=3)
    photo(root / "cid/none.png", 33, faces=0)
    (root / "cid/bad.png").write_bytes(b"bad")
    return root


def vectors_of(root, keys, model=None):
    """By the plain way: detect, choose, cut, embed."""
    model = model or tiny_embedder(flip=True)
    found = {}
    for key in keys:
        image = load(root / key)
        [faces] = TinyDetector().detect([image])
        face = faces.select("most_central", image_size=image.shape[1::-1])
        found[key] = model.embed(crop(image, face, model.spec.crop), flip=model.flip)[0]
    return found


GOOD = ["bob/a/b/c.png", "bob/group.png", "embedding/1.png", "top.png", "Änn-Zoe/1.png",
        "Änn.png", "Änn/1.png", "Änn/2.png", "Änn/sub/1.png"]  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_for_each_picture(people, tmp_path, form, monkeypatch):
    monkeypatch.setattr(TinyDetector, "together", 1)  # its boxes depend on that
    out = tmp_path / f"faces.{form}"
    done = export_folder(people, out)
    assert (done.pictures, done.faces, done.people, done.several) == (11, 9, 4, 1)
    assert [(Path(p.path).name, p.reason, p.faceless) for p in done.problems] == [
        ("bad.png", "not an image file that Pillow can read", False),
        ("none.png", "no face found", True),
    ]
    assert done.failed == 1
    assert done.list.read_text().splitlines()[0] == "path,reason"
    assert len(done.list.read_text().splitlines()) == 3
    export = open_export(out)
    assert len(export) == 9
    assert sorted(export.sources) == GOOD
    rows = dict(zip(export.sources, zip(export.names, export.vectors, strict=True), strict=True))
    assert {key: name for key, (name, _) in rows.items()} == {
        key: key.split("/")[0] if "/" in key else "" for key in GOOD
    }
    for key, vector in vectors_of(people, GOOD).items():
        np.testing.assert_allclose(rows[key][1], vector, atol=1e-6)
    assert export.vectors.dtype == np.float32
    assert export.model.settings["weights"] == tiny_embedder().weight_hash
    assert (export.model.model, export.dimension) == ("tiny.one", LENGTH)
    about = export.about
    assert (about["rows"], about["pictures"], about["without_face"], about["failed"]) == (
        "images", 11, 1, 1,
    )  # fmt: skip
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {
        "people", out.name, f"{out.name}.problems.csv",
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_for_each_person(people, tmp_path, form):
    faces, means = tmp_path / "faces.npz", tmp_path / f"means.{form}"
    export_folder(people, faces, means=means)
    names, expected = open_export(faces).means()
    assert names == ["bob", "embedding", "Änn", "Änn-Zoe"]
    export = open_export(means)
    assert export.about["rows"] == "people"
    assert sorted(export.names) == names
    found = export.vectors[np.argsort(export.names)]
    if form == "h5":  # facerec's means are not of unit length
        assert np.linalg.norm(found[2]) < 0.999
        found = found / np.linalg.norm(found, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    every = open_export(faces)
    own = every.vectors[[name == "Änn" for name in every.names]]
    assert len(own) == 3
    mean = own.mean(axis=0)
    np.testing.assert_allclose(expected[2], mean / np.linalg.norm(mean), atol=1e-6)


def test_read_by_other_packages_alone(people, tmp_path):
    for form in FORMATS:
        export_folder(people, tmp_path / f"f.{form}", means=tmp_path / f"m.{form}",
                      shards=tmp_path / "vectors")  # fmt: skip
    arrays = np.load(tmp_path / "f.npz", allow_pickle=False)
    assert arrays["vectors"].shape == (9, LENGTH)
    by_key = dict(zip(arrays["sources"].tolist(), arrays["vectors"], strict=True))
    assert json.loads(str(arrays["model"]))["settings"]["model"] == "tiny.one"
    table = pd.read_parquet(tmp_path / "f.parquet")
    assert table["source"].tolist() == arrays["sources"].tolist()
    assert np.array_equal(np.stack(table["vector"]), arrays["vectors"])
    assert table["quality"].notna().all()
    assert table["x1"].notna().all()
    with h5py.File(tmp_path / "f.h5") as file:
        assert sorted(file) == ["%", "%embedding", "bob", "Änn", "Änn-Zoe"]
        assert sorted(file["Änn"]) == ["1.png", next(k for k in file["Änn"] if "(" in k), "2.png"]
        for person in file.values():
            for image in person.values():
                key = image.attrs["file_path"].decode()
                assert np.array_equal(image["embedding"][()], by_key[key])
        labels = [file[name].attrs["label"] for name in ("bob", "Änn")]
        assert len(set(labels)) == 2
    with h5py.File(tmp_path / "m.h5") as file:
        assert sorted(file) == ["%embedding", "bob", "Änn", "Änn-Zoe"]
        assert file["Änn"]["embedding"].shape == (LENGTH,)
        assert file["Änn"]["embedding"].dtype == np.float64


def test_files_of_facerec(tmp_path, rng):
    vectors = rng.standard_normal((3, 5)).astype(np.float32)
    with h5py.File(tmp_path / "faces.h5", "w") as file:
        for number, (person, image) in enumerate(
            (("ann", "1.jpg"), ("ann", "2.jpg"), ("bob", "1"))
        ):
            group = file.require_group(person).create_group(image)
            group.create_dataset("embedding", data=vectors[number])
            group.attrs["file_path"] = np.bytes_(f"data/{person}/{image}")
    with h5py.File(tmp_path / "people.hdf5", "w") as file:
        file.create_group("ann").create_dataset("embedding", data=vectors[0].astype(np.float64))
    export = open_export(tmp_path / "faces.h5")
    assert export.names == ["ann", "ann", "bob"]
    assert export.sources == ["data/ann/1.jpg", "data/ann/2.jpg", "data/bob/1"]
    assert np.array_equal(export.vectors, vectors)
    assert export.about == {}
    with pytest.raises(ExportError, match="does not say which model"):
        export.require(tiny_embedder())
    assert np.array_equal(open_export(tmp_path / "people.hdf5").vectors, vectors[:1])


def test_other_models_do_not_mix(people, tmp_path):
    export_folder(people, tmp_path / "a.npz")
    export_folder(people, tmp_path / "b.h5")
    export = open_export(tmp_path / "a.npz", model=tiny_embedder(flip=True))
    export.require(open_export(tmp_path / "b.h5"))
    for other in (tiny_embedder(flip=False), tiny_embedder(flip=True, tag="two")):
        with pytest.raises(ModelMismatchError, match=r"a\.npz: made with .*; export the pictures"):
            open_export(tmp_path / "a.npz", model=other)
        with pytest.raises(ModelMismatchError):
            export.require(ModelFacts.of(other))


@pytest.mark.parametrize("form", FORMATS)
def test_a_gallery_takes_it(people, tmp_path, form):
    from facewise.gallery import Gallery

    export_folder(people, tmp_path / f"f.{form}")
    with Gallery.create(tmp_path / "people.db", tiny_embedder(flip=True)) as gallery:
        done = gallery.import_faces(tmp_path / f"f.{form}")
        assert done.faces >= 7
        assert set(gallery.people().names) >= {"Änn", "Änn-Zoe", "bob", "embedding"}


def test_chips(tmp_path, people):
    root = tmp_path / "chips"
    for seed in range(4):
        photo(root / f"p{seed % 2}/{seed}.png", seed, width=SIDE, height=SIDE)
    photo(root / "p0/large.png", 9)
    out = tmp_path / "f.npz"
    done = export_folder(root, out, models=Models(aligned=True))
    assert (done.faces, done.failed) == (4, 1)
    assert "60×40 pixels, but tiny.one takes chips of 16×16" in done.problems[0].reason
    model = tiny_embedder(flip=True)
    chips = np.stack([load(root / key) for key in open_export(out).sources])
    np.testing.assert_allclose(open_export(out).vectors, model.embed(chips, flip=True), atol=1e-6)
    assert open_export(out).about["aligned"] is True


def test_which_face_counts(people, tmp_path):
    def rows(selection):
        out = tmp_path / f"{selection}.parquet"
        done = export_folder(people, out, selection=selection, shards=tmp_path / "vectors")
        table = pd.read_parquet(out)
        return done, table[table.source == "bob/group.png"]

    assert [len(rows(name)[1]) for name in ("largest", "most_confident", "all")] == [1, 1, 3]
    assert rows("most_central")[0].faces == 9
    largest, confident = (pd.read_parquet(tmp_path / f"{n}.parquet") for n in
                          ("largest", "most_confident"))  # fmt: skip
    at = largest.source == "bob/group.png"
    assert largest[at].quality.item() < confident[at].quality.item()
    done, found = rows("plain")
    assert not len(found)
    assert [p.reason for p in done.problems if p.path.endswith("group.png")] == [
        "3 faces, expected one; crop the picture"
    ]
    with pytest.raises(ExportError, match="of several people"):
        export_folder(people, tmp_path / "x.npz", means=tmp_path / "y.npz", selection="all")


def test_an_interrupted_run_goes_on(people, tmp_path, monkeypatch):
    out = tmp_path / "f.h5"
    export_folder(people, tmp_path / "whole.h5", shard_size=2)
    real, calls = TinyDetector.detect, []

    def interrupted(self, images):
        calls.append(len(images))
        if sum(calls) > 6:
            raise KeyboardInterrupt
        return real(self, images)

    monkeypatch.setattr(TinyDetector, "detect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_folder(people, out, shard_size=2)
    work = tmp_path / "f.h5.parts"
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    assert not out.exists()
    kept = {p.name: p.stat().st_mtime_ns for p in work.glob("*.parquet")}
    assert kept
    monkeypatch.setattr(TinyDetector, "detect", real)
    with pytest.raises(ShardsError, match=r"f\.h5\.parts is of an interrupted export; remove it"):
        export_folder(people, out, shard_size=3)
    export_folder(people, out, shard_size=2)
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not work.exists()


def test_what_is_there_is_not_replaced(people, tmp_path):
    out = tmp_path / "f.npz"
    out.write_bytes(b"mine")
    with pytest.raises(ExportError, match="is there already; choose another name, or --force"):
        export_folder(people, out)
    assert out.read_bytes() == b"mine"
    export_folder(people, out, force=True)
    assert len(open_export(out)) == 9
    (tmp_path / "dir.npz").mkdir()
    with pytest.raises(ExportError, match="is no file"):
        export_folder(people, tmp_path / "dir.npz", force=True)


@pytest.mark.parametrize("name", ["f.csv", "f", "f.pb", "f.npy"])
def test_other_suffixes(people, tmp_path, name):
    with pytest.raises(ExportError, match=r"expected a file called \.h5, \.parquet or \.npz"):
        export_folder(people, tmp_path / name)


def test_nothing_to_export(tmp_path):
    root = tmp_path / "people"
    root.mkdir()
    with pytest.raises(ExportError, match="people: no pictures there"):
        export_folder(root, tmp_path / "f.npz")
    photo(root / "a/1.png", 1, faces=0)
    with pytest.raises(ExportError, match="none of 1 pictures has a face that counts"):
        export_folder(root, tmp_path / "f.npz")
    with pytest.raises(ExportError, match="expected a folder"):
        export_folder(tmp_path / "nowhere", tmp_path / "f.npz")
    with pytest.raises(ExportError, match="name a file to write"):
        export_folder(root)
    assert not (tmp_path / "f.npz").exists()
    photo(root / "a/2.png", 2)  # and now there is something
    assert export_folder(root, tmp_path / "f.npz").faces == 1


def test_what_lies_beside_the_file_is_not_replaced(people, tmp_path):
    listed, work = tmp_path / "f.npz.problems.csv", tmp_path / "f.npz.parts"
    listed.write_text("mine")
    with pytest.raises(ExportError, match=r"problems\.csv: is there already"):
        export_folder(people, tmp_path / "f.npz")
    assert listed.read_text() == "mine"
    listed.unlink()
    work.mkdir()
    (work / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"parts: is there, and is of no export"):
        export_folder(people, tmp_path / "f.npz")
    assert tree(work) == {"notes.txt": b"mine"}
    (work / "notes.txt").unlink()
    assert export_folder(people, tmp_path / "f.npz").faces
    assert export_folder(people, tmp_path / "f.npz", force=True).faces


def test_files_in_the_folder_of_pictures(people):
    export_folder(people, people / "faces.npz", means=people / "bob/means.npz")
    assert len(open_export(people / "faces.npz")) == 9
    export_folder(people, people / "faces.npz", force=True)
    assert len(open_export(people / "faces.npz")) == 9


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files(people, tmp_path, form):
    out = tmp_path / f"f.{form}"
    export_folder(people, out)
    content = out.read_bytes()
    for size in (0, 3, 100, len(content) // 2, len(content) - 30):
        out.write_bytes(content[:size])
        with pytest.raises(ExportError, match=f"f.{form}"):
            open_export(out).vectors  # noqa: B018
    with pytest.raises(ExportError, match="there is no such file"):
        open_export(tmp_path / "nowhere.npz")


def test_odd_names(tmp_path):
    root = tmp_path / "people"
    names = ["a%b/1.png", "a%25b/1.png", "%/1.png", "a b\tc/x y.png", "n/" + "x" * 200 + ".png"]
    for seed, name in enumerate(names):
        photo(root / name, seed)
    photo(root / os.fsdecode(b"no\xffutf8/1.png"), 9)
    seen = []
    for form in FORMATS:
        export_folder(root, tmp_path / f"f.{form}")
        export = open_export(tmp_path / f"f.{form}")
        seen.append(sorted(zip(export.names, export.sources, strict=True)))
    assert seen[0] == seen[1] == seen[2]
    assert {source for _, source in seen[0]} == {*names, r"no\udcffutf8/1.png"}


def test_batches(people, tmp_path):
    export_folder(people, tmp_path / "f.npz")
    export = open_export(tmp_path / "f.npz")
    sizes = [len(batch) for batch in export.batches(4)]
    assert sizes == [4, 4, 1]
    assert np.array_equal(np.concatenate([b.vectors for b in export.batches(2)]), export.vectors)
    with pytest.raises(ValueError, match="size: expected at least 1"):
        next(export.batches(0))


def test_same_bytes_again(people, tmp_path):
    for form in FORMATS:
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            export_folder(people, folder / f"f.{form}", means=folder / f"m.{form}")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_h5_files_of_something_else(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("pixels", data=np.zeros(3))
        file.create_group("a/b/c")
    with pytest.raises(ExportError, match=r"other\.h5: no embeddings in it"):
        open_export(tmp_path / "other.h5")
