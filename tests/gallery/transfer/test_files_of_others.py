"""Files as other programs write them, row by row; what of them is refused, and how that is said."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timezone

import numpy as np
import pytest

from facewise.errors import GalleryError, ModelMismatchError
from facewise.gallery import ExportOptions, ModelFacts, NewFace, open_store
from facewise.gallery.transfer.exporting import export
from gallery_files import FACTS, PNG, D, contents, everybody, take, take_assumed, units, vectors_of


@pytest.fixture
def vectors(rng):
    return units(rng, 6)


def written(path, header, *rows, delimiter=",", encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def numbers(vector):
    return [repr(float(x)) for x in vector]


# --- facerec


def test_facerec_h5_of_faces(empty, tmp_path, vectors):
    """As `dataset_cleanup/export_dataset_embeddings.py` writes it."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "dataset.h5", "w") as file:
        for label, (person, images) in enumerate({"Ann": 2, "Bob B": 3}.items()):
            group = file.create_group(person)
            group.attrs["label"] = label
            for i in range(images):
                image = group.create_group(f"a{i}.jpg")
                image.create_dataset("embedding", data=vectors[label * 2 + i])
                image.attrs["file_path"] = np.bytes_(f"/data/{person}/a{i}.jpg")
    with pytest.raises(ModelMismatchError, match=r"probe\.colour, as in this gallery"):
        take(empty, tmp_path / "dataset.h5")
    found = take_assumed(empty, tmp_path / "dataset.h5")
    assert (found.people, found.faces, found.normalised) == (2, 5, 0)
    ann, bob = everybody(empty)
    assert [face.source for face in empty.faces(ann.id)] == ["/data/Ann/a0.jpg", "/data/Ann/a1.jpg"]
    np.testing.assert_array_equal(vectors_of(empty, bob), vectors[2:5])
    assert take_assumed(empty, tmp_path / "dataset.h5").skipped == 5


def test_facerec_h5_of_means(empty, tmp_path, vectors):
    """As `app/export_embeddings.py` writes it: float64 means of unit vectors."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "dataset.h5", "w") as file:
        for i, person in enumerate(["Ann", "Bob"]):
            mean = np.mean(vectors[3 * i : 3 * i + 3].astype(np.float64), axis=0)
            file.create_group(person).create_dataset("embedding", data=mean)
    found = take_assumed(empty, tmp_path / "dataset.h5")
    assert (found.people, found.faces, found.normalised) == (2, 2, 2)
    mean = vectors[:3].mean(axis=0, dtype=np.float64)
    expected = mean / np.linalg.norm(mean)
    np.testing.assert_allclose(vectors_of(empty, everybody(empty)[0])[0], expected, atol=1e-7)


def test_h5_of_others_of_its_kind(empty, tmp_path, vectors):
    """(n, d) of a person, half floats, `file_path` as a dataset or a text, or none."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("Ann/embedding", data=vectors[:2].astype(np.float16), compression=9)
        file.create_dataset("Bob/1.jpg/embedding", data=vectors[2:3])
        file["Bob/1.jpg"].create_dataset("file_path", data="é/1.jpg")
        file.create_dataset("Bob/2.jpg/embedding", data=vectors[3])
        file["Bob/2.jpg"].attrs["file_path"] = "x/2.jpg"
        file.create_dataset("Bob/3.jpg/embedding", data=vectors[4])
    found = take_assumed(empty, tmp_path / "a.h5")
    assert (found.people, found.faces, found.refused_count) == (2, 5, 0)
    ann, bob = everybody(empty)
    np.testing.assert_allclose(vectors_of(empty, ann), vectors[:2], atol=1e-3)
    assert [face.source for face in empty.faces(bob.id)] == ["é/1.jpg", "x/2.jpg", "3.jpg"]


def test_facerec_npy(empty, tmp_path, vectors):
    """As `app/export_embeddings_npy.py` writes it: two arrays, float64 and text."""
    np.save(tmp_path / "embeddings.npy", vectors.astype(np.float64))
    np.save(tmp_path / "label_strings.npy", np.array(["Ann", "Bob", "Ann", "Ann", "Bob", "Zoë"]))
    path = tmp_path / "embeddings.npy"
    with pytest.raises(GalleryError, match="--names"):
        take_assumed(empty, path)
    assert take_assumed(empty, path, names=tmp_path / "label_strings.npy").people == 3
    (tmp_path / "names.txt").write_text("Ann\nBob\nAnn\r\nAnn\nBob\nZoë\n", encoding="utf-8")
    assert take_assumed(empty, path, names=tmp_path / "names.txt").skipped == 6
    (tmp_path / "short.txt").write_text("Ann\nBob")
    with pytest.raises(GalleryError, match="2 names for 6 vectors"):
        take_assumed(empty, path, names=tmp_path / "short.txt")
    np.save(tmp_path / "short.npy", np.array(["Ann"]))
    with pytest.raises(GalleryError, match="1 texts for 6 vectors"):
        take_assumed(empty, path, names=tmp_path / "short.npy")
    np.savez(tmp_path / "a.npz", vectors=vectors, names=["A"] * 6)
    with pytest.raises(GalleryError, match=r"for \.npy files"):
        take_assumed(empty, tmp_path / "a.npz", names=tmp_path / "names.txt")


# --- tables


def test_npz_by_other_names(empty, tmp_path, vectors):
    np.savez_compressed(
        tmp_path / "a.npz", encodings=vectors.astype(">f8"), labels=np.array([b"Ann"] * 6)
    )
    assert take_assumed(empty, tmp_path / "a.npz").faces == 6
    np.testing.assert_array_equal(vectors_of(empty, everybody(empty)[0]), vectors)


def test_csv_of_a_person_with_a_spreadsheet(empty, tmp_path, vectors):
    header = ["Name", " Notes ", "retain_until", "source", *(f"e{i + 1}" for i in range(D))]
    rows = [["Ann", "a;b\nc", "2030-01-31", "a.jpg", *numbers(vectors[0])], []]
    path = written(tmp_path / "a.csv", header, *rows, delimiter=";", encoding="utf-8-sig")
    assert take_assumed(empty, path).faces == 1
    [ann] = everybody(empty)
    assert (ann.name, ann.notes, ann.retain_until) == ("Ann", "a;b\nc", date(2030, 1, 31))
    np.testing.assert_array_equal(vectors_of(empty, ann)[0], vectors[0])


def test_csv_of_pandas(empty, tmp_path, vectors):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(vectors)
    table["person"] = ["Ann"] * 6
    table.to_csv(tmp_path / "a.csv")
    assert take_assumed(empty, tmp_path / "a.csv").faces == 6
    np.testing.assert_array_equal(vectors_of(empty, everybody(empty)[0]), vectors)


def test_csv_with_a_column_of_json(empty, tmp_path, vectors):
    rows = [["Ann", json.dumps(vector.tolist())] for vector in vectors]
    path = written(tmp_path / "a.tsv", ["name", "embedding"], *rows, delimiter="\t")
    assert take_assumed(empty, path, format="csv").faces == 6
    np.testing.assert_array_equal(vectors_of(empty, everybody(empty)[0]), vectors)


def test_parquet_of_pandas(empty, tmp_path, vectors):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = pandas.DataFrame(
        {
            "person": ["Ann"] * 5 + [None],
            "embedding": [vector.astype(np.float64) for vector in vectors],
            "created": pandas.Timestamp("2024-05-06T07:08:09.123Z"),
            "retain_until": [date(2031, 2, 3)] * 6,
            "size": 3,
        }
    )
    table.to_parquet(tmp_path / "a.parquet")
    found = take_assumed(empty, tmp_path / "a.parquet")
    assert (found.faces, found.refused_count) == (5, 1)
    assert str(found.refused[0]) == "row 6: name: expected text, got None"
    [ann] = everybody(empty)
    assert ann.retain_until == date(2031, 2, 3)
    np.testing.assert_array_equal(vectors_of(empty, ann), vectors[:5])
    time = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)
    assert {face.created for face in empty.faces(ann.id)} == {time}


def test_a_table_whose_face_ids_are_empty_has_faces(empty, tmp_path, vectors):
    """Only a row without a vector is one of a person without faces."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    for kind in (pa.list_(pa.float32()), pa.list_(pa.float32(), D)):
        given = [
            *vectors[:2].tolist(),
            [0.0] * D,
            None if kind == pa.list_(pa.float32()) else [0] * D,
        ]
        table = {
            "name": ["Ann", "Bob", "Carl", "Dora"],
            "face_id": pa.array([None, 7, None, None], pa.int64()),
            "embedding": pa.array(given, kind),
        }
        parquet.write_table(pa.table(table), tmp_path / "a.parquet")
        found = take_assumed(empty, tmp_path / "a.parquet")
        assert (found.faces + found.skipped, found.refused) == (2, ())
    assert {person.name: len(empty.faces(person.id)) for person in everybody(empty)} == {
        "Ann": 1,
        "Bob": 1,
        "Carl": 0,
        "Dora": 0,
    }
    np.testing.assert_array_equal(vectors_of(empty, everybody(empty)[0]), vectors[:1])


# --- rows


def test_a_row_that_cannot_be_taken_does_not_stop_the_others(empty, tmp_path, vectors):
    header = ["name", *(f"v{i}" for i in range(D)), "quality", "created", "sha256", "x1", "y1"]
    good = [*numbers(vectors[0]), "", "", "", "", ""]

    def row(name, values=None, **cells):
        found = [name, *(good if values is None else [*numbers(values), *good[D:]])]
        for cell, value in cells.items():
            found[header.index(cell)] = value
        return found

    rows = [
        row("Ann"),
        row("Bad zero", np.zeros(D)),
        row("Bad nan", np.full(D, np.nan)),
        row("Bad inf", np.full(D, -np.inf)),
        row("Bad number", v3="abc"),
        row("Bad gap", v3=""),
        row(" "),
        row("unknown"),
        row("x\ty"),
        row("Bad quality", quality="1.5"),
        row("Bad quality", quality="good"),
        row("Bad time", created="2020-01-01"),
        row("Bad time", created="yesterday"),
        row("Bad digest", sha256="abc"),
        row("Bad box", x1="1"),
        row("Short")[:-1],
        row("n" * 501),
        row("Long", 1e30 * vectors[1]),
        row("Tiny", 1e-30 * vectors[2]),
        row("Huge", 1e200 * vectors[3].astype(np.float64)),
    ]
    found = take_assumed(empty, written(tmp_path / "a.csv", header, *rows))
    assert (found.people, found.faces, found.normalised) == (4, 4, 3)
    told = [str(refusal) for refusal in found.refused]
    assert found.refused_count == len(told) == len(rows) - 4
    for text, words in zip(
        told,
        [
            "line 3 (Bad zero): vector: all zero",
            "line 4 (Bad nan): vector: not finite",
            "line 5 (Bad inf): vector: not finite",
            "line 6 (Bad number): vector: expected 32 numbers (could not convert string",
            "line 7 (Bad gap): vector: expected 32 numbers",
            "line 8 ( ): name ' ': expected at least one character",
            "line 9 (unknown): name 'unknown': is what strangers are called",
            "line 10 (x\ty): name 'x\\ty': has a control character",
            "line 11 (Bad quality): quality: expected a number in [0, 1], got 1.5",
            "line 12 (Bad quality): quality: expected a number, got 'good'",
            "line 13 (Bad time): created: expected a time with a zone",
            "line 14 (Bad time): created: expected a time with a zone",
            "line 15 (Bad digest): sha256: expected 64 hexadecimal digits",
            "line 16 (Bad box): box: expected x1, y1, x2 and y2",
            "line 17: 37 cells, expected 38",
            "line 18 (nnn",
        ],
        strict=True,
    ):
        assert text.startswith(words)
    people = {person.name: person for person in everybody(empty)}
    for name, vector in (("Long", vectors[1]), ("Tiny", vectors[2]), ("Huge", vectors[3])):
        np.testing.assert_allclose(vectors_of(empty, people[name])[0], vector, atol=1e-6)


def test_only_the_first_refusals_are_kept(empty, tmp_path):
    np.savez(tmp_path / "a.npz", vectors=np.zeros((3000, D)), names=["Ann"] * 3000)
    found = take_assumed(empty, tmp_path / "a.npz")
    assert (len(found.refused), found.refused_count, found.faces) == (1000, 3000, 0)
    assert empty.counts() == (0, 0, 0)


def test_vectors_of_another_length(empty, tmp_path, rng, vectors):
    """Refused by name, before anything is written, wherever in the file they are."""
    h5py, pa = pytest.importorskip("h5py"), pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from facewise.gallery.transfer.facerec_protobuf import _messages

    long = units(rng, 1, D + 1)[0]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("Ann/1.jpg/embedding", data=vectors[0])
        file.create_dataset("Ann/2.jpg/embedding", data=long)
    message = _messages()[0]()
    message.faceobjects.add(name="Ann", embeddings=vectors[0].tolist())
    message.faceobjects.add(name="Bob", embeddings=long.tolist())
    (tmp_path / "a.pb").write_bytes(message.SerializeToString())
    rows = [["Ann", json.dumps(vectors[0].tolist())], ["Bob", json.dumps(long.tolist())]]
    written(tmp_path / "a.csv", ["name", "vector"], *rows)
    header = ["name", *(f"v{i}" for i in range(D + 1))]
    written(tmp_path / "b.csv", header, ["Ann", *numbers(long)])
    np.savez(tmp_path / "a.npz", vectors=long[None], names=["Ann"])
    np.save(tmp_path / "a.npy", long[None])
    table = {"name": ["Ann", "Bob"], "vector": [vectors[0].tolist(), long.tolist()]}
    parquet.write_table(pa.table(table), tmp_path / "a.parquet")
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(long), D + 1)
    parquet.write_table(pa.table({"name": ["Ann"], "vector": fixed}), tmp_path / "b.parquet")
    for name, place in {
        "a.h5": "'Ann/2.jpg': ",
        "a.pb": r"face 2 \(Bob\): ",
        "a.csv": r"line 3 \(Bob\): ",
        "b.csv": "its vectors: ",
        "a.npz": "array 'vectors': ",
        "a.npy": "a.npy: ",
        "a.parquet": "row 2: ",
        "b.parquet": "its vectors: ",
    }.items():
        words = rf"{place}33 numbers.* of this gallery have 32; nothing was imported"
        with pytest.raises(GalleryError, match=words) as caught:
            take_assumed(empty, tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
    assert empty.counts() == (0, 0, 0)
    assert empty.audit() == []


# --- into a gallery with people


def test_people_of_the_same_name_are_one(empty, tmp_path, vectors):
    with empty.change() as change:
        ann = change.add_person("Ann", notes="mine", retain_until=date(2030, 1, 1))
        change.add_faces(ann, [NewFace(vectors[0], "a.jpg"), NewFace(vectors[1])])
    with open_store(tmp_path / "other.db", create=FACTS) as other:
        with other.change() as change:
            person = change.add_person("ANN", "theirs", "their consent", date(2029, 1, 1))
            change.add_faces(
                person,
                [
                    NewFace(vectors[0], "a.jpg", chip=PNG),  # there already
                    NewFace(vectors[0], "b.jpg"),  # the same vector of another picture
                    NewFace(vectors[2], "a.jpg"),  # another face of the same picture
                    NewFace(vectors[2], "a.jpg"),  # twice in the file
                ],
            )
            change.add_person("Bob", retain_until=date(2028, 1, 1))
        export(other, tmp_path / "other.parquet", ExportOptions(chips=True))
    found = take(empty, tmp_path / "other.parquet")
    assert (found.people, found.faces, found.skipped) == (1, 2, 2)
    ann, bob = everybody(empty)
    assert (ann.name, ann.notes, ann.consent) == ("Ann", "mine", "their consent")
    assert (ann.retain_until, bob.retain_until) == (date(2029, 1, 1), date(2028, 1, 1))
    assert len(empty.faces(ann.id)) == 4
    before = empty.version()
    assert take(empty, tmp_path / "other.parquet").skipped == 4
    assert empty.version() == before


def test_consent_and_retention_for_all(empty, tmp_path, vectors):
    rows = [["Ann", "hers", *numbers(vectors[0])], ["Bob", "", *numbers(vectors[1])]]
    header = ["name", "consent", *(f"v{i}" for i in range(D))]
    path = written(tmp_path / "a.csv", header, *rows)
    take_assumed(empty, path, consent="by form", retain_until=date(2027, 1, 1))
    ann, bob = everybody(empty)
    assert (ann.consent, bob.consent) == ("hers", "by form")
    assert ann.retain_until == bob.retain_until == date(2027, 1, 1)


def test_vectors_of_another_model(store, tmp_path):
    """Also with `assume_model`: the file says that they are not."""
    facts = ModelFacts({**FACTS.settings, "weights": "cd" * 32}, D)
    for name in ("a.parquet", "a.npz", "a.h5"):
        export(store, tmp_path / name, ExportOptions())
        with open_store(tmp_path / f"{name}.db", create=facts) as other:
            for assume in (False, True):
                with pytest.raises(ModelMismatchError, match=f"{name}.*weights cdcd.*abab"):
                    take(other, tmp_path / name, assume_model=assume)
            assert other.counts() == (0, 0, 0)


def test_an_interrupted_import_is_started_again(store, empty, tmp_path):
    export(store, tmp_path / "a.parquet", ExportOptions(chips=True))
    for after in (1, 2, 1):
        calls = []

        def stop(done, calls=calls, after=after):
            calls.append(done)
            if len(calls) == after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            take(empty, tmp_path / "a.parquet", done=stop)
        assert empty.counts().faces < store.counts().faces
    found = take(empty, tmp_path / "a.parquet")
    assert found.skipped > 0
    assert found.skipped + found.faces == store.counts().faces
    assert contents(empty) == contents(store)


def test_two_imports_at_once(store, empty, tmp_path):
    """What another process adds between two transactions is not added again."""
    export(store, tmp_path / "a.parquet", ExportOptions())
    others = []

    def between(done):
        if not others:
            others.append(take(empty, tmp_path / "a.parquet"))

    found = take(empty, tmp_path / "a.parquet", done=between)
    assert found.faces + others[0].faces == store.counts().faces == empty.counts().faces
    assert contents(empty, "source", "vector") == contents(store, "source", "vector")


def test_faces_that_went_meanwhile_come_again(empty, tmp_path, vectors):
    """Between two transactions of one import: what was known of a person is looked at again."""
    names = ["Ann"] * 256 + ["Bob"]
    many = np.repeat(vectors, 43, axis=0)[:257]
    sources = np.array([f"{i}.jpg" for i in range(256)] + ["x"])
    np.savez(tmp_path / "a.npz", vectors=many, names=names, sources=sources)
    np.savez(
        tmp_path / "b.npz",
        vectors=np.concatenate([many, many[:1]]),
        names=[*names, "Ann"],
        sources=np.append(sources, "0.jpg"),
    )

    def between(done):
        if done == 256:
            with empty.change() as change:
                [ann] = change.find_people("Ann")
                change.remove_faces([change.faces(ann.id)[0].id])

    found = take_assumed(empty, tmp_path / "b.npz", done=between)
    assert (found.faces, found.skipped) == (258, 0)
    assert empty.counts().faces == 257


def test_the_index_follows(tmp_path, rng):
    from facewise.gallery import Gallery

    vectors = units(rng, 20)
    np.savez(tmp_path / "a.npz", vectors=vectors, names=[f"p{i}" for i in range(20)])
    from facewise.gallery import ImportOptions

    with Gallery(open_store(tmp_path / "a.db", create=FACTS)) as gallery:
        gallery.import_faces(tmp_path / "a.npz", ImportOptions(assume_model=True))
        [[first]] = gallery.candidates(vectors[7:8], 1)
        assert first.name == "p7"
        assert gallery.check() == []
        assert gallery.export(tmp_path / "b.npz").faces == 20
