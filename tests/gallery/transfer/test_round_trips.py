"""What is exported comes back; twice the same file changes nothing; others can read it."""

from __future__ import annotations

import csv
import json
from collections import Counter

import numpy as np
import pytest

from facewise.errors import GalleryError, ModelMismatchError
from facewise.gallery import ExportOptions, ModelFacts, NewFace, open_store
from facewise.gallery.transfer import facerec_h5
from facewise.gallery.transfer.exporting import export
from facewise.gallery.transfer.formulas import as_given, as_text
from gallery_files import FACTS, NAMES, D, contents, everybody, take, units, vectors_of

FACES = sum(range(1, 10)) + 700


def save(store, path, **options):
    return export(store, path, ExportOptions(**options))


def test_parquet_keeps_everything(store, empty, tmp_path):
    path = tmp_path / "all.parquet"
    done = []
    result = save(store, path, chips=True, done=done.append)
    assert (result.people, result.faces, result.chips) == store.counts()
    assert result.bytes == path.stat().st_size
    assert done == sorted(done)
    assert done[-1] == FACES
    found = take(empty, path)
    assert (found.people, found.faces, found.refused_count) == (11, FACES, 0)
    assert (found.skipped, found.normalised) == (0, 0)
    assert contents(empty) == contents(store)
    assert empty.check() == []
    before = empty.version()
    again = take(empty, path)
    assert (again.people, again.faces, again.skipped) == (0, 0, FACES)
    assert empty.version() == before
    assert take(store, path).skipped == FACES  # also in the gallery that it came from


def test_parquet_without_chips(store, empty, tmp_path):
    save(store, tmp_path / "all.parquet")
    take(empty, tmp_path / "all.parquet")
    parts = ("source", "vector", "box", "quality", "created")
    assert contents(empty, *parts) == contents(store, *parts)
    assert empty.counts().chips == 0


def test_parquet_is_a_table_that_others_read(store, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "all.parquet"
    save(store, path)
    table = parquet.read_table(path)
    assert str(table.schema.field("vector").type) == f"fixed_size_list<element: float>[{D}]"
    assert table.schema.metadata[b"facewise.gallery"] == b"1"
    assert ModelFacts.from_json(table.schema.metadata[b"facewise.model"].decode()) == FACTS
    assert table.num_rows == FACES + 1
    faces = table.filter(table["face_id"].is_valid())
    vectors = np.stack(faces["vector"].to_numpy())  # as docs/gallery-files.md says
    block = store.vectors_of(faces["face_id"].to_pylist())
    order = np.argsort(faces["face_id"].to_numpy())
    np.testing.assert_array_equal(vectors[order], block.vectors)
    assert Counter(faces["name"].to_pylist())["Many"] == 700


def test_csv_keeps_all_but_chips(store, empty, tmp_path):
    path = tmp_path / "all.csv"
    assert save(store, path).people == 11
    with pytest.raises(ModelMismatchError, match="--assume-model"):
        take(empty, path)
    assert empty.counts() == (0, 0, 0)
    found = take(empty, path, assume_model=True)
    assert (found.people, found.faces, found.refused) == (11, FACES, ())
    parts = ("source", "vector", "box", "quality", "created")
    assert contents(empty, *parts) == contents(store, *parts)
    assert take(empty, path, assume_model=True).skipped == FACES


def test_csv_is_a_table_that_pandas_reads(store, tmp_path):
    pandas = pytest.importorskip("pandas")
    save(store, tmp_path / "all.csv")
    table = pandas.read_csv(tmp_path / "all.csv")
    faces = table[table.face_id.notna()]
    assert len(faces) == FACES
    [many] = store.find_people("Many")
    numbers = faces[faces.name == "Many"].filter(regex=r"^v\d+$")
    assert numbers.shape == (700, D)
    np.testing.assert_array_equal(numbers.to_numpy(np.float32), vectors_of(store, many))


def test_no_cell_of_csv_is_a_formula(store, tmp_path):
    save(store, tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    risky = {cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n")}
    for cell in risky:
        float(cell)  # only numbers: of vectors and boxes


def test_every_text_comes_back_from_csv(rng):
    signs = list("'=+-@\t\r\n|%\uff1d aé")
    for _ in range(3000):
        text = "".join(rng.choice(signs, rng.integers(0, 5)))
        assert as_given(as_text(text)) == text
        assert as_text(text)[:1] not in set("=+-@\t\r\n|%\uff1d")


def test_every_float32_comes_back_from_nine_digits(rng):
    bits = rng.integers(0, 1 << 32, 200_000, dtype=np.uint64).astype(np.uint32)
    numbers = bits.view(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    texts = (",".join(["%.9g"] * len(numbers)) % tuple(numbers.tolist())).split(",")
    back = np.array([float(text) for text in texts]).astype(np.float32)
    np.testing.assert_array_equal(back, numbers)


def test_npz_keeps_names_sources_and_vectors(store, empty, tmp_path):
    path = tmp_path / "all.npz"
    assert save(store, path).people == 10  # nobody without a face
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["model", "names", "sources", "vectors"]
        assert arrays["vectors"].dtype == np.float32
        assert arrays["vectors"].shape == (FACES, D)
        assert set(arrays["names"]) == {*NAMES, "Many"}
        assert ModelFacts.from_json(str(arrays["model"])) == FACTS
        assert len(arrays["sources"]) == FACES
    assert take(empty, path).faces == FACES
    expected = {name: faces for name, (_, faces) in contents(store, "source", "vector").items()}
    found = {name: faces for name, (_, faces) in contents(empty, "source", "vector").items()}
    del expected["Nobody yet"]
    assert found == expected
    assert take(empty, path).skipped == FACES
    assert take(store, path).skipped == FACES


def test_h5_of_faces(store, empty, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "all.h5"
    assert save(store, path).people == 10
    with h5py.File(path) as file:  # as facerec's cluster_clean_dataset.py reads it
        assert len(file) == 10
        for person in file:
            assert isinstance(file[person].attrs["label"], np.integer)
            for image in file[person]:
                assert file[person][image]["embedding"][:].shape == (D,)
                assert file[person][image]["embedding"].dtype == np.float32
                place = file[person][image].attrs["file_path"]
                assert (place.decode("UTF-8") if isinstance(place, bytes) else place) is not None
    assert take(empty, path).faces == FACES
    expected = {name: faces for name, (_, faces) in contents(store, "source", "vector").items()}
    found = {name: faces for name, (_, faces) in contents(empty, "source", "vector").items()}
    del expected["Nobody yet"]
    assert found == expected
    assert take(store, path).skipped == FACES


def test_h5_of_means(store, empty, tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "means.h5"
    result = save(store, path, means=True)
    assert (result.people, result.faces) == (10, FACES)
    with h5py.File(path) as file:  # as facerec's face_recognition_on_image.py reads it
        for person in everybody(store):
            if person.name in set(file):
                mean = file[person.name]["embedding"][:]
                assert mean.dtype == np.float64
                expected = vectors_of(store, person).mean(axis=0, dtype=np.float64)
                np.testing.assert_allclose(mean, expected, atol=1e-15)
        assert len(file) == 10
    found = take(empty, path)
    assert (found.people, found.faces) == (10, 10)
    assert found.normalised == 9  # of people with one face the mean is of unit length
    for person in everybody(empty):
        [original] = store.find_people(person.name)
        mean = vectors_of(store, original).mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(
            vectors_of(empty, person)[0], mean / np.linalg.norm(mean), atol=1e-6
        )


@pytest.mark.parametrize("means", [False, True])
def test_protobuf(store, empty, tmp_path, means):
    pytest.importorskip("google.protobuf")
    from facewise.gallery.transfer.facerec_protobuf import _messages

    path = tmp_path / "all.protobuf"
    save(store, path, means=means)
    whole = _messages()[0].FromString(path.read_bytes())  # one message, for any protobuf reader
    assert len(whole.faceobjects) == (10 if means else FACES)
    assert {face.name for face in whole.faceobjects} == {*NAMES, "Many"}
    found = take(empty, path, assume_model=True)
    assert (found.people, found.faces) == (10, 10 if means else FACES)
    if not means:
        expected = {name: faces for name, (_, faces) in contents(store, "vector").items()}
        del expected["Nobody yet"]
        assert {name: faces for name, (_, faces) in contents(empty, "vector").items()} == expected


def test_protobuf_is_as_facerec_writes_it(tmp_path, empty):
    """The bytes of the wire format, by hand: field 1 of length n, in it fields 1 and 2."""
    vector = np.eye(1, D)[0]
    numbers = vector.astype("<f8").tobytes()
    face = b"\x0a\x03Ann" + b"\x12" + bytes([0x80, 0x02]) + numbers  # 256 bytes: two of a varint
    path = tmp_path / "one.protobuf"
    path.write_bytes(b"\x0a" + bytes([(len(face) & 127) | 128, len(face) >> 7]) + face)
    assert take(empty, path, assume_model=True).faces == 1
    [ann] = everybody(empty)
    np.testing.assert_array_equal(vectors_of(empty, ann)[0], vector.astype(np.float32))
    save(empty, tmp_path / "back.protobuf")
    assert (tmp_path / "back.protobuf").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.npz", "a.h5", "a.protobuf"])
def test_an_empty_gallery(empty, tmp_path, name):
    result = save(empty, tmp_path / name)
    assert (result.people, result.faces) == (0, 0)
    with open_store(tmp_path / "other.db", create=FACTS) as other:
        found = take(other, tmp_path / name, assume_model=True)
        assert (found.faces, found.refused_count) == (0, 0)


def test_what_a_format_cannot_hold(store, tmp_path):
    with pytest.raises(GalleryError, match="csv has no chips; take parquet"):
        save(store, tmp_path / "a.csv", chips=True)
    with pytest.raises(GalleryError, match="parquet has no means; take h5 or protobuf"):
        save(store, tmp_path / "a.parquet", means=True)
    for name, form in (("a.npy", None), ("a.xyz", None), ("a", "npy"), ("a.h5", "pickle")):
        with pytest.raises(GalleryError, match="parquet, csv, npz"):
            save(store, tmp_path / name, format=form)
    assert not list(tmp_path.glob("a*"))


def test_export_and_import_are_noted(store, empty, tmp_path):
    save(store, tmp_path / "a.bin", format="csv")
    entry = store.audit(1)[0]
    assert (entry.action, entry.person_id, entry.count, entry.detail) == (
        ("export", None, FACES, "csv")
    )
    take(empty, tmp_path / "a.bin", format="csv", assume_model=True)
    entries = empty.audit(1000)
    assert {entry.action for entry in entries} == {"import"}
    assert sum(entry.count for entry in entries) == FACES
    assert sum(entry.detail == "new person" for entry in entries) == 11


def test_an_export_is_of_one_state(store, tmp_path, monkeypatch):
    """Others who change the store meanwhile: it is done again, and then they have to wait."""
    from facewise.gallery.transfer.leaving import Leaving

    rows, tries = Leaving.rows, []

    def disturbed(self):
        tries.append(1)
        for i, row in enumerate(rows(self)):
            if i == 5 and len(tries) < 3:
                with open_store(tmp_path / "people.db") as other, other.change() as change:
                    [many] = other.find_people("Many")
                    change.move_faces([other.faces(many.id)[-1].id], 1)
            yield row

    monkeypatch.setattr(Leaving, "rows", disturbed)
    result = save(store, tmp_path / "a.parquet")
    assert len(tries) == 3
    with open_store(tmp_path / "b.db", create=FACTS) as other:
        take(other, tmp_path / "a.parquet")
        parts = ("source", "vector")
        assert contents(other, *parts) == contents(store, *parts)
    assert result.faces == FACES


def test_existing_files_stay(store, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("mine")
    with pytest.raises(GalleryError, match="exists already"):
        save(store, path)
    assert path.read_text() == "mine"
    path.chmod(0o640)
    save(store, path, force=True)
    assert path.read_text(encoding="utf-8-sig").startswith("person_id,name")
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(GalleryError, match="no file"):
        save(store, tmp_path, format="csv", force=True)
    for own in store.files():
        with pytest.raises(GalleryError, match="part of the gallery"):
            save(store, own, format="csv", force=True)
    assert store.check() == []


def test_a_file_appears_whole_and_for_its_owner(store, tmp_path, monkeypatch):
    folder = tmp_path / "new" / "folder"
    save(store, folder / "a.csv")
    assert (folder / "a.csv").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["a.csv"]

    from facewise.gallery.transfer.leaving import Leaving

    def broken(self):
        yield from ()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Leaving, "rows", broken)
    for name in ("b.csv", "b.parquet", "b.npz", "b.h5", "b.protobuf"):
        with pytest.raises(OSError, match="No space left"):
            save(store, folder / name)
    assert [path.name for path in folder.iterdir()] == ["a.csv"]


def test_what_a_killed_export_left_is_removed(store, tmp_path):
    dead, living = 2**22 + 1, 1
    for process in (dead, living):
        (tmp_path / f".a.csv.{process}.0123abcd.part").write_text("faces")
    (tmp_path / ".b.csv.4194305.0123abcd.part").write_text("of another file")
    save(store, tmp_path / "a.csv")
    left = sorted(path.name for path in tmp_path.glob(".*.part"))
    assert left == [".a.csv.1.0123abcd.part", ".b.csv.4194305.0123abcd.part"]


def test_a_source_that_is_too_long_for_an_attribute(empty, tmp_path, rng):
    h5py = pytest.importorskip("h5py")
    source = "é" * 50_000
    with empty.change() as change:
        person = change.add_person("Ann")
        change.add_faces(person, [NewFace(np.eye(1, D)[0], source)])
    save(empty, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        [image] = file["Ann"].values()
        assert "file_path" in image
    assert take(empty, tmp_path / "a.h5").skipped == 1
    save(empty, tmp_path / "a.npz")
    assert take(empty, tmp_path / "a.npz").skipped == 1


def test_results_as_plain_values(store, empty, tmp_path):
    result = save(store, tmp_path / "a.npz").to_dict()
    assert json.loads(json.dumps(result)) == {
        "path": str(tmp_path / "a.npz"),
        "format": "npz",
        "people": 10,
        "faces": FACES,
        "chips": 0,
        "bytes": (tmp_path / "a.npz").stat().st_size,
    }
    found = take(empty, tmp_path / "a.npz").to_dict()
    assert json.loads(json.dumps(found))["faces"] == FACES


def test_every_name_and_source_has_its_own_place_in_h5(empty, tmp_path, rng, monkeypatch):
    pytest.importorskip("h5py")
    names = ["a/b", "a%2Fb", "a%252Fb", ".", "%.", "%25.", "..", "embedding", "%embedding", "%"]
    sources = ["a.jpg", "x/a.jpg", "a.jpg (3)", "a.jpg (3) (3)", "", "face 5", "%2F", "a%2F.jpg"]
    with empty.change() as change:
        for name in names:
            person = change.add_person(name)
            change.add_faces(
                person, [NewFace(v, s) for v, s in zip(units(rng, 8), sources, strict=True)]
            )
    save(empty, tmp_path / "a.h5")
    with open_store(tmp_path / "b.db", create=FACTS) as other:
        assert take(other, tmp_path / "a.h5").faces == 8 * len(names)
        expected, found = (
            {name: faces for name, (_, faces) in contents(each, "source", "vector").items()}
            for each in (empty, other)
        )
        assert found == expected
    monkeypatch.setattr(facerec_h5, "_key", lambda _: "the same")
    with pytest.raises(GalleryError, match=r"/c\.h5: cannot be written as HDF5 \(.*exists"):
        save(empty, tmp_path / "c.h5")
    assert not (tmp_path / "c.h5").exists()
