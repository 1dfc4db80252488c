"""Exact search gives what comparing everything in float32 gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facewise.gallery.records import VectorBlock
from facewise.gallery.search import exact, products
from facewise.gallery.search.coding import code, joined
from facewise.gallery.search.index_files import PlainFiles
from facewise.gallery.search.segment import Segment, merged

NUMBERS = ("float32", "bfloat16", "int8")


def gallery(vectors, numbers, parts=3):
    ids = np.arange(len(vectors)) * 3 + 5
    rows = np.array_split(np.arange(len(vectors)), parts)

    def vectors_of(wanted):
        places = (wanted - 5) // 3
        return VectorBlock(wanted, places // 4, vectors[places])

    return [Segment(ids[r], code(vectors[r], numbers)) for r in rows], vectors_of


def expected(vectors, probes, k):
    similarities = probes @ vectors.T
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return order * 3 + 5, np.take_along_axis(similarities, order, 1)


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize(("m", "k"), [(1, 1), (7, 10), (300, 3)])
def test_it_is_what_float32_says(numbers, m, k, people_vectors):
    vectors = people_vectors(900, 4, seed=m)
    probes = people_vectors(m, 1, seed=k + 1000)
    segments, vectors_of = gallery(vectors, numbers)
    found = exact.search(segments, probes, k, vectors_of)
    faces, similarities = expected(vectors, probes, k)
    np.testing.assert_array_equal(found.faces, faces)
    np.testing.assert_array_equal(found.people, (faces - 5) // 3 // 4)
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-6)
    assert found.similarities.dtype == np.float32


@pytest.mark.parametrize("numbers", NUMBERS)
def test_faces_too_alike_for_the_form_are_told_apart(numbers, people_vectors):
    # 2,000 vectors within what bfloat16 and int8 can resolve: only more candidates find the best.
    rng = np.random.default_rng(0)
    near = people_vectors(1, 1) + 5e-3 * rng.standard_normal((2000, 48))
    vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    segments, vectors_of = gallery(vectors, numbers)
    found = exact.search(segments, vectors[17:19], 5, vectors_of)
    np.testing.assert_array_equal(found.faces, expected(vectors, vectors[17:19], 5)[0])


@pytest.mark.parametrize("numbers", ["bfloat16", "int8"])
@pytest.mark.parametrize("native", [True, False])
def test_both_ways_to_multiply_agree(numbers, native, monkeypatch, people_vectors):
    monkeypatch.setattr(products, "_native_pays", lambda *_: native)
    vectors, probes = people_vectors(300, 4), people_vectors(20, 1, seed=9)
    segments, vectors_of = gallery(vectors, numbers)
    found = exact.search(segments, probes, 4, vectors_of)
    np.testing.assert_array_equal(found.faces, expected(vectors, probes, 4)[0])


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("dimension", [1, 3, 128, 513])
def test_any_dimension(numbers, dimension, people_vectors):
    vectors = people_vectors(40, 1, dimension)
    segments, vectors_of = gallery(vectors, numbers)
    found = exact.search(segments, vectors, 1, vectors_of)
    np.testing.assert_allclose(found.similarities, 1, atol=1e-5)


def test_a_small_gallery_fills_the_row(people_vectors):
    vectors = people_vectors(2, 1)
    segments, vectors_of = gallery(vectors, "bfloat16", parts=1)
    found = exact.search(segments, vectors, 4, vectors_of)
    assert found.faces.tolist() == [[5, 8, -1, -1], [8, 5, -1, -1]]
    assert np.isneginf(found.similarities[:, 2:]).all()
    assert not (found.similarities[:, 2:] >= -1).any()


def test_an_empty_gallery_and_no_probes(people_vectors):
    vectors = people_vectors(2, 1)
    segments, vectors_of = gallery(vectors, "bfloat16", parts=1)
    assert exact.search([], vectors, 2, vectors_of).faces.tolist() == [[-1, -1], [-1, -1]]
    assert exact.search(segments, vectors[:0], 2, vectors_of).faces.shape == (0, 2)


@pytest.mark.parametrize("numbers", NUMBERS)
def test_a_face_that_is_gone_is_not_found_and_hides_no_other(numbers, people_vectors):
    vectors = people_vectors(100, 4)
    segments, vectors_of = gallery(vectors, numbers)
    gone = exact.search(segments, vectors[:1], 60, vectors_of).faces[0]

    def rest(wanted):
        return vectors_of(wanted[~np.isin(wanted, gone)])

    found = exact.search(segments, vectors[:1], 5, rest)
    wanted = [i for i in expected(vectors, vectors[:1], 400)[0][0] if i not in gone][:5]
    assert found.faces[0].tolist() == wanted


def test_chunks_are_of_one_size_and_as_many_for_each_worker(monkeypatch, people_vectors):
    """Else one worker has a whole chunk more to do than the others, who wait."""
    monkeypatch.setattr(exact, "threads", lambda: 2)
    vectors = np.zeros((100_000, 2), np.float32)
    whole = Segment(np.arange(100_000), code(vectors, "bfloat16"))
    small = Segment(np.arange(100_000, 101_003), code(vectors[:1003], "bfloat16"))
    chunks = list(exact._chunks([whole, small], 32_768))
    assert [len(faces) for faces, _ in chunks] == [25_000] * 4 + [1003]
    assert np.concatenate([faces for faces, _ in chunks]).tolist() == list(range(101_003))
    assert [len(coded) for _, coded in chunks] == [len(faces) for faces, _ in chunks]


@pytest.mark.parametrize("numbers", ["bfloat16", "int8"])
def test_what_is_made_of_other_numbers_is_made_in_parts(numbers, monkeypatch, people_vectors):
    probes, faces = (
        code(people_vectors(3, 1, seed=9), numbers),
        code(people_vectors(90, 1), numbers),
    )
    whole = products._through_float32(probes, faces)
    monkeypatch.setattr(products, "_MADE", 7 * 4 * faces.values.shape[1])
    torch.testing.assert_close(products._through_float32(probes, faces), whole)


def test_candidates_of_groups_are_those_of_topk():
    rng = torch.Generator().manual_seed(0)
    for m, n, count in [(3, 800, 9), (1, 64, 7), (2, 50, 50), (4, 4096, 100)]:
        values = torch.randn(m, n, generator=rng)
        best, places = exact._top(values, count)
        assert torch.equal(best, values.topk(count, dim=1).values)
        assert torch.equal(values.gather(1, places), best)


@pytest.mark.parametrize("numbers", NUMBERS)
def test_the_error_of_a_form_is_a_bound(numbers, people_vectors):
    vectors = people_vectors(200, 1)
    coded = code(vectors, numbers)
    moved = np.linalg.norm(coded.decoded().numpy() - vectors, axis=1)
    assert moved.max() <= coded.error + 1e-9
    assert coded.error < {"float32": 1e-9, "bfloat16": 0.004, "int8": 0.03}[numbers]
    assert joined([coded, code(vectors[:3], numbers)]).error == coded.error


@pytest.mark.parametrize("numbers", NUMBERS)
def test_a_segment_in_a_file_is_the_segment(numbers, tmp_path, people_vectors):
    vectors = people_vectors(11, 3, 37)
    segment = Segment(np.arange(33) * 2 + 1, code(vectors, numbers))
    path = tmp_path / "a.segment"
    files = PlainFiles()
    files.write_segment(path, segment)
    read = files.read_segment(path, 33, 37, numbers, segment.coded.error)
    np.testing.assert_array_equal(read.faces, segment.faces)
    assert torch.equal(read.coded.decoded(), segment.coded.decoded())
    with pytest.raises(ValueError, match=r"a\.segment: \d+ bytes, expected"):
        files.read_segment(path, 32, 37, numbers, 0.0)


def test_merged_segments_are_in_order(people_vectors):
    vectors = people_vectors(6, 1)
    late = Segment(np.array([10, 20, 30]), code(vectors[:3], "int8"))
    early = Segment(np.array([5, 15, 25]), code(vectors[3:], "int8"))
    whole = merged([late, early])
    assert whole.faces.tolist() == [5, 10, 15, 20, 25, 30]
    assert torch.equal(whole.coded.decoded()[1], late.coded.decoded()[0])
    assert whole.without(np.array([10, 99])).faces.tolist() == [5, 15, 20, 25, 30]
