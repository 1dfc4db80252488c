"""The index of a store: kept in files, current, whole, and without what was forgotten."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from filelock import FileLock

from facewise.errors import GalleryError
from facewise.gallery.search import GalleryIndex, segment, updating
from facewise.gallery.search.coding import code
from facewise.gallery.search.keeping import FolderKeeper
from facewise.gallery.search.manifest import IndexFolder

D = 48


@pytest.fixture(params=["files", "memory"])
def folder(request, tmp_path):
    return tmp_path / "people.db.index" if request.param == "files" else None


@pytest.fixture
def place(tmp_path):
    return tmp_path / "people.db.index"


def opened(store, folder, **options):
    return GalleryIndex.open(store, folder, dimension=D, **options)


def assert_right(index, store, best_of, probes, k=3):
    found = index.search(probes, k)
    faces, people, similarities = best_of(store, probes, k)
    np.testing.assert_array_equal(found.faces, faces)
    np.testing.assert_array_equal(found.people, people)
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-6)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("numbers", ["float32", "bfloat16", "int8"])
def test_it_answers_what_comparing_everything_answers(
    store, folder, numbers, best_of, people_vectors
):
    index = opened(store, folder, numbers=numbers)
    assert_right(index, store, best_of, people_vectors(30, 1, seed=5))
    facts = index.facts()
    assert (facts.kind, facts.faces, facts.recall_at_1) == ("exact", 200, 1.0)
    assert facts.vector_bytes == 200 * D * {"float32": 4, "bfloat16": 2, "int8": 1}[numbers]


def test_it_follows_the_store(store, folder, best_of, people_vectors):
    index = opened(store, folder)
    rng = np.random.default_rng(0)
    for turn in range(12):
        store.add(900 + turn, people_vectors(1, int(rng.integers(1, 30)), seed=turn))
        store.remove(rng.choice(sorted(store.kept), 7, replace=False).tolist())
        store.move(rng.choice(sorted(store.kept), 5, replace=False).tolist(), 777)
        if turn % 3:
            assert index.refresh() == "updated"
            assert index.facts().faces == len(store.kept)
            assert_right(index, store, best_of, people_vectors(9, 1, seed=99 + turn))
    index.refresh()
    assert index.refresh() == "current"
    assert index.check() == []
    assert store.reads <= 2  # made once (and checked): the rest came from the changes


def test_who_was_moved_is_found_as_the_other_person_at_once(store, folder):
    index = opened(store, folder)
    [face] = index.search(store.kept[9][1]).faces[0]
    store.move([face], 4711)
    assert index.search(store.kept[9][1]).people.tolist() == [[4711]]


def test_who_was_removed_is_not_found_even_before_the_index_knows(store, folder):
    index = opened(store, folder)
    vector = store.kept[9][1]
    store.remove([9])
    assert 9 not in index.search(vector, 200).faces


def test_the_best_face_of_each_person(store, folder, best_of, people_vectors):
    store.add(5, people_vectors(1, 60, seed=8))  # a person with many faces
    index = opened(store, folder)
    probes = people_vectors(1, 70, seed=8)[-5:]
    found = index.search(probes, 6, people=True)
    faces, people, _ = best_of(store, probes, 260)
    for row in range(5):
        _, first = np.unique(people[row], return_index=True)
        first = np.sort(first)[:6]
        assert found.people[row].tolist() == people[row][first].tolist()
        assert found.faces[row].tolist() == faces[row][first].tolist()
    assert (index.search(probes, 99, people=True).people >= 0).sum() == 5 * 50


def test_an_empty_store(new_store, folder, people_vectors):
    empty = new_store()
    index = opened(empty, folder)
    assert index.search(people_vectors(2, 1), 2).faces.tolist() == [[-1, -1]] * 2
    assert index.search(people_vectors(2, 1), 2, people=True).faces.tolist() == [[-1, -1]] * 2
    ids = empty.add(1, people_vectors(1, 1))
    index.refresh()
    assert index.search(people_vectors(1, 1)).faces.tolist() == [ids]
    empty.remove(ids)
    index.refresh()
    assert index.search(people_vectors(1, 1)).faces.tolist() == [[-1]]
    assert index.check() == []


def test_a_second_opening_reads_the_files_only(store, place, best_of, people_vectors):
    opened(store, place).close()
    before, reads = content(place), store.reads
    index = opened(store, place)
    assert store.reads == reads
    assert content(place) == before
    assert_right(index, store, best_of, people_vectors(3, 1, seed=5))


@pytest.mark.parametrize("numbers", ["float32", "bfloat16", "int8"])
def test_nothing_of_a_forgotten_face_is_left_in_the_files(store, place, numbers):
    index = opened(store, place, numbers=numbers)
    vector = store.kept[9][1]
    needles = [code(vector[None], form).values for form in ("float32", "bfloat16", "int8")]
    needles = [bytes(values.untyped_storage()) for values in needles]
    kept = needles[["float32", "bfloat16", "int8"].index(numbers)]
    assert any(kept in data for data in content(place).values())
    store.remove([9])
    index.refresh()
    assert not any(needle in data for data in content(place).values() for needle in needles)


@pytest.mark.parametrize("moment", ["before the list", "after the list"])
def test_a_killed_writer_leaves_nothing_behind(store, place, moment, monkeypatch):
    index = opened(store, place)
    kept = bytes(code(store.kept[9][1][None], "bfloat16").values.untyped_storage())
    store.remove([9])

    def killed(self, state):
        if moment == "after the list":
            self.folder.replace(state.manifest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderKeeper, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            index.refresh()
    assert any(kept in data for data in content(place).values())  # what it would be about
    assert opened(store, place).check() == []
    assert not any(kept in data for data in content(place).values())


def damage_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


DAMAGE = {
    "a bit": damage_bit,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("what", ["manifest.json", "*.segment"])
def test_a_damaged_index_is_made_anew(store, place, kind, what, best_of, people_vectors):
    index = opened(store, place)
    [path] = place.glob(what)
    DAMAGE[kind](path)
    if what != "manifest.json":
        assert path.name in index.check()[0]
    again = opened(store, place)
    assert store.reads == 2
    assert again.check() == []
    assert_right(again, store, best_of, people_vectors(3, 1, seed=5))


def test_other_layouts_and_files_outside_are_not_read(store, place):
    opened(store, place)
    path = place / "manifest.json"
    whole = json.loads(path.read_bytes())
    whole["index"]["segments"][0]["file"] = "../elsewhere.segment"
    path.write_text(json.dumps(whole))
    opened(store, place)
    assert store.reads == 2
    assert "elsewhere" not in path.read_text()


def test_another_store_form_or_log_means_a_new_index(store, place, new_store, fill):
    opened(store, place)
    opened(store, place, numbers="int8")
    assert store.reads == 2
    other = fill(new_store("other"), 50, seed=3)
    assert other.version() == store.version()
    index = opened(other, place)
    assert index.search(other.kept[7][1]).faces.tolist() == [[7]]
    other.add(1, [other.kept[7][1]])
    other.log.clear()  # it does not know any more what happened
    assert index.refresh() == "rebuilt"
    assert index.facts().faces == 201


def test_a_reader_finds_the_old_index_or_the_new_one(store, place, people_vectors):
    # One writes as fast as it can; the others open again and again, and ask.
    opened(store, place)
    vectors = people_vectors(1, 40, seed=8)
    probe, failures, done = store.kept[9][1], [], threading.Event()

    def read():
        try:
            while not done.is_set():
                assert opened(store, place).search(probe).faces.tolist() == [[9]]
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    writer = opened(store, place)
    for vector in vectors:
        store.remove(store.add(1, [vector]))
        writer.refresh()
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert opened(store, place).check() == []


def test_segments_stay_few_and_small(new_store, place, people_vectors, monkeypatch):
    monkeypatch.setattr(segment, "ROWS", 64)
    monkeypatch.setattr(updating, "ROWS", 64)
    monkeypatch.setattr(updating, "_SMALL", 4)
    store = new_store()
    index = opened(store, place)
    for vector in people_vectors(150, 1):
        store.add(1, [vector])
        index.refresh()
        sizes = [entry.faces for entry in index._state.manifest.segments]
        assert sum(sizes) == len(store.kept)
        assert max(sizes) <= 64
        assert len(sizes) <= 2 + 6
    assert len(list(place.glob("*.segment"))) == len(sizes)


def test_wrong_arguments(store, place, people_vectors):
    with pytest.raises(ValueError, match="recall: expected more than 0"):
        opened(store, place, recall=0)
    index = opened(store, None)
    with pytest.raises(ValueError, match=r"expected shape \(m, 48\), got \(2, 7\)"):
        index.search(np.zeros((2, 7)))
    with pytest.raises(ValueError, match="k: expected at least 1"):
        index.search(people_vectors(1, 1), 0)
    with pytest.raises(ValueError, match="finite"):
        index.search(np.full(48, np.nan))
    index.close()
    with pytest.raises(ValueError, match="closed"):
        index.search(people_vectors(1, 1))


def test_many_new_faces_are_written_as_they_come(store, place, monkeypatch, people_vectors):
    """Not all of them in memory at once."""
    monkeypatch.setattr(updating, "ROWS", 100)
    monkeypatch.setattr("facewise.gallery.search.source._AT_ONCE", 50)
    read, written = [], []
    index = opened(store, place)
    store.add(77, people_vectors(100, 10, seed=5))
    vectors_of, keep = store.vectors_of, FolderKeeper.keep_segment
    monkeypatch.setattr(
        store, "vectors_of", lambda ids: (read.append(len(ids)), vectors_of(ids))[1]
    )
    monkeypatch.setattr(
        FolderKeeper,
        "keep_segment",
        lambda self, *given, **named: (
            written.append((sum(read), len(given[0]))),
            keep(self, *given, **named),
        )[1],
    )
    assert index.refresh() == "updated"
    assert len(written) >= 10
    assert all(seen - 100 * number <= 250 for number, (seen, _) in enumerate(written, 1))
    assert max(faces for _, faces in written) == 100


def test_who_waits_too_long_for_the_index_is_told(store, place):
    index = opened(store, place)
    folder = IndexFolder(place)
    refused = pytest.raises(GalleryError, match=r"people\.db\.index: .*by another process")
    with FileLock(place / "lock"), refused, folder.lock(wait=0.05):
        pass
    with folder.lock(wait=0.05):
        pass
    assert index.refresh() == "current"
