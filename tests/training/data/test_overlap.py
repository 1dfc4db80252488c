from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import facewise
from facewise.errors import TrainingError
from facewise.pipeline import Pipeline
from facewise.training.data.face_index import index_of
from facewise.training.data.index import read_folder, read_recordio
from facewise.training.data.overlap import (
    SameFace,
    SameName,
    index_vectors,
    normalised_name,
    overlap,
)


def index(*people: str):
    return index_of(tuple(Path(f"{i}.jpg") for i in range(len(people))), people)


def unit(vectors) -> np.ndarray:
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("George_W_Bush", "george w bush"),
        ("  george w.  BUSH ", "george w bush"),
        ("José-Martí", "jose marti"),
        ("Jose\u0301 Marti\u0301", "jose marti"),
        ("STRAẞE", "strasse"),
        ("O'Neill", "o neill"),
        ("n000123", "n000123"),
        ("山田 太郎", "山田 太郎"),
        ("___", "___"),
    ],
)
def test_names_without_accents_case_and_punctuation(name, normal) -> None:
    assert normalised_name(name) == normal


def test_people_of_the_same_name() -> None:
    found = overlap(index("Ann_A", "Bob", "ann a", "José"), index("ANN-A", "Jose", "Zoe"))
    assert found.by_name == (
        SameName("Ann_A", "ANN-A"),
        SameName("ann a", "ANN-A"),
        SameName("José", "Jose"),
    )
    assert (found.by_face, found.threshold, found.unseen) == ((), None, ())
    assert found.train_names == ("Ann_A", "José", "ann a")
    assert found.test_names == ("ANN-A", "Jose")


def test_people_of_the_same_face() -> None:
    train = index("ann", "ann", "bob", "cid", "dan")
    test = index("x", "y", "y", "z")
    left = unit([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [1, 0, 0]])
    left[4] = np.nan
    right = unit([[1, 1, 0], [0, 0, 1], [0, 1, 1], [-1, 0, 0]])
    right[3] = np.nan
    found = overlap(train, test, vectors=(left, right), threshold=0.7)
    # Means: ann (1,1,0)/√2, bob (0,0,1), cid (1,1,1)/√3; x (1,1,0)/√2, y ∝ (0, 1/√2, 1 + 1/√2).
    y = unit([[0, 0.5**0.5, 1 + 0.5**0.5]])[0]
    expected = [
        ("ann", "x", 1.0),
        ("bob", "y", float(y[2])),
        ("cid", "x", (2 / 3) ** 0.5),
        ("cid", "y", float(y.sum() / 3**0.5)),
    ]
    expected.sort(key=lambda each: -each[2])
    assert [(f.train, f.test) for f in found.by_face] == [each[:2] for each in expected]
    assert [f.similarity for f in found.by_face] == pytest.approx(
        [each[2] for each in expected], abs=1e-6
    )
    assert found.by_name == ()
    assert found.unseen == ("dan", "z")
    assert found.test_names == ("x", "y")
    assert found.threshold == 0.7


def test_blocks_give_what_one_product_gives(rng, monkeypatch) -> None:
    monkeypatch.setattr("facewise.training.data.overlap._TILE", 7)
    left, right = (unit(rng.normal(size=(count, 6))) for count in (50, 33))
    names = [f"p{i:02d}" for i in range(50)]
    train, test = index(*names), index(*(f"q{name}" for name in names[:33]))
    found = overlap(train, test, vectors=(left, right), threshold=0.8)
    similarity = left @ right.T
    expected = {
        (f"p{i:02d}", f"qp{j:02d}") for i, j in zip(*np.nonzero(similarity >= 0.8), strict=True)
    }
    assert {(f.train, f.test) for f in found.by_face} == expected
    assert 5 < len(expected) < 200
    values = [f.similarity for f in found.by_face]
    assert values == sorted(values, reverse=True)


def test_numbers_of_records_are_no_names(write_records) -> None:
    records = read_recordio(write_records([(1, b"x"), (2, b"y")]))
    found = overlap(
        records,
        index("00000001"),
        vectors=(unit([[1, 0], [0, 1]]), unit([[0, 1]])),
        threshold=0.9,
    )
    assert found.by_name == ()
    assert found.by_face == (SameFace("00000002", "00000001", 1.0),)
    assert overlap(index("00000001"), index("00000001")).by_name


def test_arguments_that_do_not_fit() -> None:
    one = index("ann")
    good = unit([[1, 0]])
    with pytest.raises(TrainingError, match="give both, or neither"):
        overlap(one, one, threshold=0.5)
    with pytest.raises(TrainingError, match="give both, or neither"):
        overlap(one, one, vectors=(good, good))
    with pytest.raises(TrainingError, match=r"expected \(1, d\) for the pictures of test, got"):
        overlap(one, one, vectors=(good, unit([[1, 0], [0, 1]])), threshold=0.5)
    with pytest.raises(TrainingError, match="lengths 2 and 3"):
        overlap(one, one, vectors=(good, unit([[1, 0, 0]])), threshold=0.5)
    for threshold in (1.5, float("nan")):
        with pytest.raises(TrainingError, match="threshold"):
            overlap(one, one, vectors=(good, good), threshold=threshold)


def test_photos_of_one_person_are_found_by_face(examples, tmp_path) -> None:
    train = read_folder(examples / "people")
    pictures = [source for source in train.sources if source.parent.name == train.names[0]]
    other = tmp_path / "test/another name"
    other.mkdir(parents=True)
    (other / "a.jpg").write_bytes(pictures[-1].read_bytes())
    test = read_folder(tmp_path / "test")
    embedder = facewise.load_embedder()
    pipeline = Pipeline(facewise.load_detector(), embedder)
    done: list[int] = []
    vectors = tuple(
        index_vectors(each, embedder, done.append, pipeline=pipeline).vectors
        for each in (train, test)
    )
    assert done[-1] == 1
    found = overlap(train, test, vectors=vectors, threshold=embedder.spec.threshold(1e-4).value)
    assert [(face.train, face.test) for face in found.by_face] == [(train.names[0], "another name")]
    assert found.by_name == ()


def test_chips_and_records_are_embedded_as_they_are(write_records, people, content, picture):
    embedder = facewise.load_embedder(backend="torch", precision="float32")
    chips = [content(picture(i, 150, 150)) for i in range(3)]
    folder = read_folder(people({f"ann/{i}.png": chip for i, chip in enumerate(chips)}))
    records = read_recordio(write_records([(0, chip) for chip in (*chips[:2], b"bad")]))
    one, other = (index_vectors(each, embedder, lambda _: None) for each in (folder, records))
    assert one.vectors.shape == (3, 128)
    assert np.abs(one.vectors[:2] - other.vectors[:2]).max() < 1e-5
    assert np.isnan(other.vectors[2]).all()
    assert list(other.failures) == [2]
