from __future__ import annotations

import io
import json
import tarfile

import pytest

from facewise.shards import tar_parts
from facewise.shards.pictures import pictures_of
from facewise.shards.planning import plan
from facewise.shards.tar_members import Member, pictures_of_tar
from tar_making import add, tar_of


def members(content):
    return list(pictures_of_tar(io.BytesIO(content)))


def test_samples():
    content = tar_of(
        {
            "./a/001.json": json.dumps({"name": "Ann", "more": 1}).encode(),
            "./a/001.jpg": b"one",
            "./a/001.cls": b"7",
            "002.left.png": b"two",
            "002.right.png": b"three",
            "002.cls": b" Bob \n",
            "003.txt": b"a caption",
            "003.jpg": b"four",
            "004.json": b"{broken",
            "004.webp": b"five",
            "._005.jpg": b"of a Mac",
            "bob/006.jpg": b"six",
            "007.json": b'["no object"]',
        }
    )
    assert members(content) == [
        Member("a/001.jpg", "Ann", b"one"),
        Member("002.left.png", "Bob", b"two"),
        Member("002.right.png", "Bob", b"three"),
        Member("003.jpg", None, b"four"),
        Member("004.webp", None, b"five"),
        Member("bob/006.jpg", None, b"six"),
    ]


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_compressed(mode):
    content = tar_of({"1.jpg": b"one" * 1000, "2.jpg": b"two"}, mode)
    assert [member.key for member in members(content)] == ["1.jpg", "2.jpg"]
    *whole, problem = members(content[: len(content) // 2])
    assert problem.key == ""
    assert problem.problem.startswith("tar file: ")
    assert [member.problem for member in whole] == [None] * len(whole)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_file_that_ends_anywhere(form):
    """What stands before is read; an end that is none is a problem, wherever it is."""
    names = ["a.jpg", f"{'d' * 90}/{'n' * 60}.jpg", "c.jpg", "d.jpg"]
    files = {
        name: bytes([65 + i]) * size
        for i, (name, size) in enumerate(zip(names, (700, 10, 512, 5), strict=True))
    }
    content = tar_of(files, format=form)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        ends = [each.offset_data + each.size for each in tar]
        end = tar.offset + 512  # of the first of two blocks of zeros
    for length in range(0, end + 513, 16):
        found = members(content[:length])
        whole = sum(own <= length for own in ends)
        assert [each.content for each in found if not each.problem] == (
            list(files.values())[:whole]
        ), length
        problems = [each.problem for each in found if each.problem]
        assert len(problems) == (0 if length >= end else 1), length
        if problems:
            assert found[-1].problem is not None
            assert found[-1].key == ""


def test_damage_in_the_middle():
    content = bytearray(tar_of({"a.jpg": b"1", "b.jpg": b"2", "c.jpg": b"3"}))
    content[1024 + 20] ^= 0xFF  # in the header of the second
    first, problem = members(bytes(content))
    assert (first.key, problem.key) == ("a.jpg", "")
    assert problem.problem == "tar file: bad checksum (byte 1,024)"


@pytest.mark.parametrize("content", [b"", b"no tar file at all" * 100])
def test_no_tar_file(content):
    [problem] = members(content)
    assert problem.problem.startswith("tar file: ")


def test_links_and_odd_members():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        add(tar, "a.jpg", b"1")
        link = tarfile.TarInfo("b.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        inner = tarfile.TarInfo("folder.jpg")
        inner.type = tarfile.DIRTYPE
        tar.addfile(inner)
    found = members(content.getvalue())
    assert [(each.key, each.problem is None) for each in found] == [
        ("a.jpg", True),
        ("b.jpg", False),
    ]


def test_a_sample_without_end_does_not_fill_the_memory():
    """Names such as IMG.0001.jpg are one sample to WebDataset."""
    reading = io.BytesIO(tar_of({f"IMG.{i:04d}.jpg": b"x" * 600 for i in range(200)}))
    found = pictures_of_tar(reading)
    next(found)
    assert reading.tell() <= 2 * 10_240 + 17 * 2048
    assert [each.key for each in found] == [f"IMG.{i:04d}.jpg" for i in range(1, 200)]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_parts_of_a_tar_file(tmp_path, monkeypatch, form, size):
    """Whatever the cut, the parts have all pictures, once, in order, with their labels."""
    files = {}
    for i in range(7):
        folder = "f" * (120 if i % 3 == 0 else 3)
        files[f"{folder}/{i}.jpg"] = bytes([i]) * (300 * i + 1)
        files[f"{folder}/{i}.cls"] = b"person %d" % i
    path = tmp_path / "large.tar"
    path.write_bytes(tar_of(files, format=form))
    [whole] = plan([path], size)
    assert whole.span is None
    expected = list(pictures_of(whole))
    monkeypatch.setattr(tar_parts, "SPLIT_BYTES", 1)
    units = plan([path], size)
    assert len(units) == max(1, -(-7 // size))
    assert len({unit.digest for unit in units}) == len(units)
    found = [picture for unit in units for picture in pictures_of(unit)]
    assert [(p.key, p.label, p.content, p.problem) for p in found] == [
        (p.key, p.label, p.content, None) for p in expected
    ]
    # Cut off in its last picture: the parts before do not notice, and the last one says so.
    path.write_bytes(path.read_bytes()[: path.read_bytes().rindex(bytes([6])) - 100])
    found = [picture for unit in plan([path], size) for picture in pictures_of(unit)]
    assert [p.content for p in found[:-1]] == [p.content for p in expected[:-1]]
    assert (found[-1].key, found[-1].problem is None) == ("", False)


def test_a_compressed_tar_file_is_not_cut(tmp_path, monkeypatch):
    path = tmp_path / "large.tar.gz"
    path.write_bytes(tar_of({f"{i}.jpg": b"x" for i in range(9)}, "w:gz"))
    monkeypatch.setattr(tar_parts, "SPLIT_BYTES", 1)
    [unit] = plan([path], 2)
    assert unit.span is None
    assert len(list(pictures_of(unit))) == 9
