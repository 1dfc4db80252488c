from __future__ import annotations

import pickle
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import TrainingError
from facewise.training.data.index import read_recordio
from facewise.training.data.record_file import RecordFile, RecordRef, Records, read_record

MAGIC = struct.pack("<I", 0xCED7230A)


@pytest.fixture
def images() -> list[bytes]:
    # Lengths that need 0 to 3 bytes of filling; and magic numbers at a multiple of 4 (the header
    # has 24 bytes), twice in a row, at the end, and where it is none.
    return [
        b"12345678",
        b"1234567",
        b"123456",
        b"12345",
        MAGIC,
        b"abcd" + MAGIC + MAGIC + b"efg",
        b"ab" + MAGIC + b"cd",
        b"x" * 8 + MAGIC,
    ]


@pytest.fixture
def rec(write_records, images) -> Path:
    return write_records(
        [(label, image) for label, image in zip((3, 3, 0, 0, 0, 12, 12, 12), images, strict=True)]
    )


def edit(path: Path, offset: int, new: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(new)] = new
    path.write_bytes(content)


def test_pictures_and_people_of_an_insightface_set(rec, images) -> None:
    index = read_recordio(rec)
    assert index.names == ("00000000", "00000003", "00000012")
    assert index.labels.tolist() == [1, 1, 0, 0, 0, 2, 2, 2]
    assert isinstance(index.sources, Records)
    assert [read_record(ref).content for ref in index.sources] == images
    assert read_record(index.sources[7]).labels.tolist() == [12]
    for i in (5, 0, 7, 2):  # in any order
        assert read_record(index.sources[i]).content == images[i]


def test_threads_read_at_once(rec, images) -> None:
    sources = list(read_recordio(rec).sources) * 50
    with ThreadPoolExecutor(4) as pool:
        assert [r.content for r in pool.map(read_record, sources)] == images * 50


def test_a_set_without_identities_has_a_picture_for_each_key(write_records) -> None:
    rec = write_records([(5, b"five"), (4, b"four")], identities=False)
    index = read_recordio(rec)
    assert index.names == ("00000004", "00000005")
    assert index.labels.tolist() == [1, 0]


def test_of_several_labels_the_first_is_the_person(write_records) -> None:
    rec = write_records([((2, 0.5, 0.25), b"a"), ((1, 0.5, 0.25), b"b")])
    index = read_recordio(rec)
    assert index.labels.tolist() == [1, 0]
    assert read_record(index.sources[0]).labels.tolist() == [2, 0.5, 0.25]
    assert read_record(index.sources[0]).content == b"a"
    # A first picture with several labels is no header: something follows them.
    rec = write_records([((2, 0.5), b"a"), (1, b"b")], identities=False, name="plain")
    assert len(read_recordio(rec)) == 2


def test_many_labels_are_read_whole(write_records) -> None:
    labels = tuple(range(2000))
    rec = write_records([(labels, b"picture")], identities=False)
    ref = read_recordio(rec).sources[0]
    assert read_record(ref).labels.tolist() == list(labels)
    assert read_record(ref).content == b"picture"


def test_names_sort_as_numbers(write_records) -> None:
    rec = write_records([(label, b"x") for label in (100, 20, 3)])
    assert read_recordio(rec).labels.tolist() == [2, 1, 0]


def test_the_idx_may_lie_elsewhere_and_be_in_any_order(rec, tmp_path) -> None:
    moved = tmp_path / "other.txt"
    lines = rec.with_suffix(".idx").read_text().splitlines()
    moved.write_text("\r\n".join(reversed(lines)))
    expected = read_recordio(rec).sources.offsets.tolist()
    rec.with_suffix(".idx").unlink()
    assert read_recordio(rec, moved).sources.offsets.tolist() == expected
    with pytest.raises(TrainingError, match=r"train\.idx: cannot be read"):
        read_recordio(rec)


def test_a_file_cut_off_anywhere_is_an_error(rec) -> None:
    whole = rec.read_bytes()
    ends = RecordFile(rec)
    assert len(ends) == len(whole)
    for length in range(0, offset_of(rec, 8) + 20, 7):
        rec.write_bytes(whole[:length])
        with pytest.raises(TrainingError, match=r"train\.rec"):
            read_recordio(rec)


def offset_of(rec: Path, key: int) -> int:
    for line in rec.with_suffix(".idx").read_text().splitlines():
        if line.split("\t")[0] == str(key):
            return int(line.split("\t")[1])
    raise KeyError(key)


@pytest.mark.parametrize(
    ("key", "place", "new", "match"),
    [
        (3, 0, b"\0\0\0\0", "no record begins here: expected 0xced7230a, got 0x0"),
        (0, 0, b"\0", "byte 0: no record begins here"),
        (3, 4, struct.pack("<I", 3 << 29 | 4), "is the later part of a record"),
        (3, 4, struct.pack("<I", 5 << 29 | 4), "expected a flag from 0 to 3, got 5"),
        (3, 4, struct.pack("<I", 0x1FFFFFFF), r"states 536870911 bytes, and the file ends after"),
        (
            3,
            4,
            struct.pack("<I", 1 << 29 | 32),
            "a new record begins before the last one has ended",
        ),
        (3, 4, struct.pack("<I", 8), "has 8 bytes, expected a header of 24"),
        (3, 4, struct.pack("<I", 24), "record 3, byte .*holds no picture"),
        (3, 8, struct.pack("<I", 0xFFFFFFFF), "states 4294967295 labels"),
        (3, 12, struct.pack("<f", 0.5), "record 3, byte .*got 0.5"),
        (3, 12, struct.pack("<f", -1), "expected the number of a person as label, got -1"),
        (3, 12, struct.pack("<f", float("nan")), "got nan"),
        (3, 12, struct.pack("<f", float("inf")), "got inf"),
        (3, 12, struct.pack("<f", 2.0**24), "got 16777216"),
        (0, 32, struct.pack("<f", 50), "record 0: expected keys .* got 50 to 12"),
        (0, 32, struct.pack("<f", 1.5), "record 0: expected two keys"),
        (0, 32, struct.pack("<ff", 99, 100), "lists 11 of the 98 pictures that record 0"),
    ],
)
def test_damage_is_an_error_that_names_the_place(rec, key, place, new, match) -> None:
    edit(rec, offset_of(rec, key) + place, new)
    with pytest.raises(TrainingError, match=match):
        read_recordio(rec)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is empty"),
        ("0\t0\n1 40\n", "line 2: expected a key, a tab"),
        ("0\t0\n1\tx\n", "line 2: expected a key, a tab"),
        ("0\t0\n-1\t40\n", "line 2: expected numbers from 0"),
        ("0\t0\n0\t40\n", "line 2: repeats the key 0"),
        ("0\t0\n1\t0\n", "several keys for one record"),
        ("0\t0\n1\t40\n", "lists 1 of the 8 pictures"),
        ("1\t41\n", "no record begins here.*idx of another file"),
        ("1\t99999999\n", "byte 99999999: lies outside the file"),
    ],
)
def test_an_idx_of_another_form_or_file_is_an_error(rec, text, match) -> None:
    rec.with_suffix(".idx").write_text(text)
    with pytest.raises(TrainingError, match=match):
        read_recordio(rec)


def test_what_is_no_rec_file_is_an_error(tmp_path) -> None:
    (tmp_path / "a.idx").write_text("0\t0\n")
    with pytest.raises(TrainingError, match=r"a\.rec: cannot be read"):
        read_recordio(tmp_path / "a.rec")
    (tmp_path / "a.rec").write_bytes(b"")
    with pytest.raises(TrainingError, match=r"a\.rec: is empty"):
        read_recordio(tmp_path / "a.rec")
    (tmp_path / "a.rec").write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(TrainingError, match=r"no record begins here"):
        read_recordio(tmp_path / "a.rec")


def test_a_file_that_changes_is_opened_again(write_records) -> None:
    ref = RecordRef(write_records([(1, b"aaaa")], identities=False), 0)
    assert read_record(ref).content == b"aaaa"
    write_records([(1, b"bbbbbb")], identities=False)
    assert read_record(ref).content == b"bbbbbb"


def test_sources_of_millions_are_small() -> None:
    records = Records(Path("a.rec"), np.arange(0, 8_000_000, 8))
    assert len(records) == 1_000_000
    assert records[-1] == (Path("a.rec"), 7_999_992)
    assert records[2:4].offsets.tolist() == [16, 24]
    assert len(pickle.dumps(records)) < 8_001_000
