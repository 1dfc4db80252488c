"""The index of a sealed gallery: as right and as whole as a plain one, and nothing to be read."""

from __future__ import annotations

import numpy as np
import pytest

from facewise.gallery.search import GalleryIndex, sealed_files
from facewise.gallery.search.coding import code
from facewise.gallery.search.hnsw import Graph
from facewise.gallery.search.keeping import FolderKeeper
from facewise.gallery.search.sealed_files import SealedFiles
from facewise.gallery.search.segment import Segment

pytest.importorskip("cryptography", reason="cryptography is not installed")
from facewise.gallery.sealing.cipher import Cipher

D = 48
CIPHER = Cipher(bytes(range(32)), "store")
OTHER = Cipher(bytes(range(1, 33)), "store")
FORMS = ["float32", "bfloat16", "int8"]


@pytest.fixture
def place(tmp_path):
    return tmp_path / "people.db.index"


def opened(store, place, cipher=CIPHER, **options):
    return GalleryIndex.open(store, place, dimension=D, cipher=cipher, **options)


def pieces(vector):
    """The bytes that some file of a plain index has for a vector, with all its forms."""
    return [bytes(code(vector[None], form).values.untyped_storage()) for form in FORMS]


def found_in(place, sought):
    content = b"".join(path.read_bytes() for path in place.iterdir())
    return any(piece[:16] in content for piece in sought)


@pytest.mark.parametrize("numbers", FORMS)
def test_it_answers_and_nothing_can_be_read(store, place, numbers, best_of, people_vectors):
    plain = place.with_name("plain.index")
    probes = people_vectors(30, 1, seed=5)
    indexes = [opened(store, plain, None, numbers=numbers), opened(store, place, numbers=numbers)]
    for index in [*indexes, opened(store, place, numbers=numbers)]:
        faces, people, similarities = best_of(store, probes, 3)
        found = index.search(probes, 3)
        np.testing.assert_array_equal(found.faces, faces)
        np.testing.assert_array_equal(found.people, people)
        np.testing.assert_allclose(found.similarities, similarities, atol=1e-6)
    assert store.reads == 2  # the third opening read the files
    for face in (1, 77, 200):
        assert found_in(plain, pieces(store.kept[face][1]))
        assert not found_in(place, pieces(store.kept[face][1]))
    ids = np.arange(1, 201).astype("<i8").tobytes()
    assert ids in b"".join(path.read_bytes() for path in plain.iterdir())
    assert ids[:40] not in b"".join(path.read_bytes() for path in place.iterdir())


def test_the_graph_is_sealed_too(store, new_store, fill, place, best_of, people_vectors):
    pytest.importorskip("usearch.index", reason="usearch is not installed", exc_type=ImportError)
    store = fill(new_store(), 500)
    options = {"recall": 0.95, "exact_up_to": 500}
    plain = place.with_name("plain.index")
    for folder, cipher in ((plain, None), (place, CIPHER)):
        assert opened(store, folder, cipher, **options).prepare()
    kept = code(store.kept[9][1][None], "bfloat16").decoded().numpy()
    sought = [bytes(code(kept, "int8").values.untyped_storage())]
    [graph] = place.glob("*.hnsw")
    assert found_in(plain, sought)
    assert not found_in(place, sought)
    assert b"usearch" not in graph.read_bytes()  # its magic

    again = opened(store, place, **options)
    assert store.reads == 2
    probes = people_vectors(500, 5, seed=0)[::7]
    for turn in range(2):
        assert again.facts().kind == "hnsw"
        right = best_of(store, probes, 1)[0]
        assert (again.search(probes).faces == right).mean() >= 0.95
        store.remove(list(range(3 + turn, 300, 7)))  # changes it: read into memory, written anew
        assert again.refresh() == "updated"
    assert again.check() == []


@pytest.mark.parametrize("cipher", [None, OTHER], ids=["no key", "another key"])
def test_an_index_that_does_not_open_is_made_anew(store, place, cipher, people_vectors):
    # Which happens when a gallery's file is replaced by a copy that was made before.
    for first, second in ((CIPHER, cipher), (cipher, CIPHER)):
        opened(store, place, first).close()
        reads = store.reads
        again = opened(store, place, second)
        assert store.reads == reads + 1
        assert again.search(store.kept[9][1]).faces.tolist() == [[9]]


@pytest.mark.parametrize("moment", ["before the list", "after the list"])
def test_a_killed_writer_leaves_nothing_behind(store, place, moment, monkeypatch):
    index = opened(store, place)
    [old] = place.glob("*.segment")
    sealed = old.read_bytes()
    store.remove([9])

    def killed(self, state):
        if moment == "after the list":
            self.folder.replace(state.manifest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderKeeper, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            index.refresh()
    assert len(list(place.glob("*.segment"))) == 2
    again = opened(store, place)
    assert again.check() == []
    assert again.search(store.kept[10][1]).faces.tolist() == [[10]]
    [new] = place.glob("*.segment")
    assert new != old
    assert sealed[:100] not in new.read_bytes()


def test_a_damaged_file_is_found(store, place):
    opened(store, place)
    [path] = place.glob("*.segment")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert opened(store, place).check() == []
    assert store.reads == 3  # made anew, and checked


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 127, 128, 129, 1000])
def test_pieces(tmp_path, monkeypatch, rng, size):
    monkeypatch.setattr(sealed_files, "_PIECE", 64)
    files, path, content = SealedFiles(CIPHER), tmp_path / "a.segment", rng.bytes(size)
    files._write(path, content)
    assert bytes(files._read(path)) == content
    sealed = path.read_bytes()
    step = 64 + sealed_files.GROWTH
    parts = [sealed[i : i + step] for i in range(0, len(sealed), step)]
    assert len(parts) == max(-(-size // 64), 1)

    def refused(data, where=path, by=files):
        where.write_bytes(data)
        with pytest.raises(ValueError, match=rf"{where.name}: "):
            by._read(where)

    refused(sealed, tmp_path / "b.segment")  # of another file
    refused(sealed, by=SealedFiles(OTHER))
    refused(sealed, by=SealedFiles(Cipher(bytes(range(32)), "another gallery")))
    refused(sealed[:-1])
    refused(sealed + b"\0")
    refused(b"")
    refused(b"".join(parts[:-1]))
    if len(parts) > 2:
        refused(b"".join([parts[1], parts[0], *parts[2:]]))
        refused(b"".join([parts[0], *parts[2:]]))
    flipped = bytearray(sealed)
    flipped[int(rng.integers(len(flipped)))] ^= 1 << int(rng.integers(8))
    refused(bytes(flipped))


@pytest.mark.parametrize("numbers", FORMS)
def test_a_segment_in_a_file_is_the_segment(numbers, tmp_path, people_vectors):
    segment = Segment(np.arange(33) * 2 + 1, code(people_vectors(11, 3, 37), numbers))
    files, path = SealedFiles(CIPHER), tmp_path / "a.segment"
    files.write_segment(path, segment)
    read = files.read_segment(path, 33, 37, numbers, segment.coded.error)
    np.testing.assert_array_equal(read.faces, segment.faces)
    np.testing.assert_array_equal(read.coded.decoded().numpy(), segment.coded.decoded().numpy())
    with pytest.raises(ValueError, match=r"a\.segment: \d+ bytes, expected"):
        files.read_segment(path, 32, 37, numbers, 0.0)


def test_what_is_no_graph_is_none():
    pytest.importorskip("usearch.index", reason="usearch is not installed", exc_type=ImportError)
    with pytest.raises((ValueError, RuntimeError)):
        Graph.load(bytearray(b"something else " * 50), 0, view=True)
