from __future__ import annotations

import shutil

import pytest

from facewise.errors import ExtraMissingError, ShardsError
from facewise.shards.locations import file_name, is_tar, joined, plain
from facewise.shards.patterns import expand_braces
from facewise.shards.planning import plan


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a.tar", ["a.tar"]),
        ("s-{0000..0002}.tar", ["s-0000.tar", "s-0001.tar", "s-0002.tar"]),
        ("s-{8..11}", ["s-8", "s-9", "s-10", "s-11"]),
        ("{3..1}", ["3", "2", "1"]),
        ("{a,b}/{1..2}.tar", ["a/1.tar", "a/2.tar", "b/1.tar", "b/2.tar"]),
        ("odd{name}.jpg", ["odd{name}.jpg"]),
        ("{odd}-{1..2}", ["{odd}-1", "{odd}-2"]),
        ("a{,b}", ["a", "ab"]),
    ],
)
def test_braces(text, meant):
    assert expand_braces(text) == meant


@pytest.mark.parametrize("text", ["{0..99999999}", "{0..999}{0..999}{0..9}"])
def test_braces_that_mean_too_much(text):
    with pytest.raises(ShardsError, match="more than 1,000,000 files"):
        expand_braces(text)


@pytest.mark.parametrize("size", [1, 2, 5, 17, 1000])
def test_units_are_slices_of_the_sorted_pictures(folder, size):
    expected = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in {".jpg", ".png"} and not path.name.startswith(".")
    )
    units = plan([folder], size)
    assert [key for unit in units for key in unit.keys] == expected
    assert [len(unit.keys) for unit in units[:-1]] == [size] * (len(units) - 1)
    assert plan([f"{folder}/"], size) == plan([folder], size)
    assert len({unit.digest for unit in units}) == len(units)


def test_what_changes_a_unit(folder, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    before = plan([folder], 4)
    assert [unit.digest for unit in plan([copy], 4)] == [unit.digest for unit in before]
    with (copy / "grass.png").open("ab") as file:
        file.write(b" ")
    after = plan([copy], 4)
    changed = [
        i
        for i, pair in enumerate(zip(before, after, strict=True))
        if pair[0].digest != pair[1].digest
    ]
    assert [("grass.png" in unit.keys) for unit in before] == [
        i in changed for i in range(len(before))
    ]


def test_a_pattern_and_single_pictures(folder):
    [unit] = plan([f"{folder}/**/*-200.jpg", folder / "grass.png", folder / "grass.png"], 100)
    assert unit.source == ""
    assert list(unit.keys) == sorted(
        [*map(str, folder.rglob("*-200.jpg")), str(folder / "grass.png")]
    )


def test_a_name_with_signs_of_a_pattern(folder, tmp_path):
    odd = tmp_path / "a[1]{2,3}.jpg"
    shutil.copy(folder / "grass.png", odd)
    [unit] = plan([odd], 100)
    assert unit.keys == (str(odd),)


def test_tar_files(tars):
    units = plan([tars / "shard-{0000..0001}.tar", tars / "*.tar", tars / "gone.tar"], 10)
    assert [file_name(unit.source) for unit in units] == [
        "shard-0000.tar", "shard-0001.tar", "shard-0002.tar", "gone.tar"
    ]  # fmt: skip
    assert all(unit.tar and not unit.keys for unit in units)


def test_a_list(folder, tmp_path):
    path = tmp_path / "list.txt"
    first, second = str(folder / "grass.png"), str(folder / "broken.jpg")
    path.write_text(f"{first}\tnobody\n\n{second}\n{first}\nfile://{second}\n", encoding="utf-8")
    [unit] = plan([path], 100)
    assert dict(zip(unit.keys, unit.labels, strict=True)) == {first: "nobody", second: None}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "no such folder; expected a folder, a picture, a tar file"),
        ("", "the name of a source is empty"),
        ("*.jpg", "nothing matches"),
        ("empty", "no pictures there; name tar files by a pattern"),
        ("blank.txt", "names no pictures"),
    ],
)
def test_nothing_there(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(ShardsError, match=message):
        plan([name], 10)


def test_a_store(folder, keys):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    for key in keys:
        system.pipe_file(f"/bucket/pictures/{key}", (folder / key).read_bytes())
    system.pipe_file("/bucket/pictures/.hidden/x.jpg", b"x")
    system.pipe_file("/bucket/list.txt", f"memory://bucket/pictures/{keys[0]}\n".encode())
    try:
        units = plan(["memory://bucket/pictures"], 4)
        assert [unit.digest for unit in units] == [unit.digest for unit in plan([folder], 4)]
        [unit] = plan(["memory://bucket/pictures/*.png"], 4)
        assert [file_name(key) for key in unit.keys] == ["grass.png"]
        [unit] = plan(["memory://bucket/list.txt"], 4)
        assert unit.keys == (f"memory://bucket/pictures/{keys[0]}",)
        with pytest.raises(ShardsError, match="no pictures there"):
            plan(["memory://bucket/nothing"], 4)
    finally:
        system.rm("/bucket", recursive=True)


def test_a_protocol_that_is_not_there(tmp_path):
    pytest.importorskip("fsspec")
    path = tmp_path / "list.txt"
    path.write_text("nosuch://bucket/a.jpg\n")
    for source in ("nosuch://bucket", path):
        with pytest.raises((ShardsError, ExtraMissingError), match="nosuch://bucket"):
            plan([source], 4)


@pytest.mark.parametrize(
    ("source", "key", "place"),
    [
        ("", "s3://b/x.jpg", "s3://b/x.jpg"),
        ("s3://b/p/", "q/x.jpg", "s3://b/p/q/x.jpg"),
        ("s3://b", "x.jpg", "s3://b/x.jpg"),
        ("zip://::photos.zip", "q/x.jpg", "zip://q/x.jpg::photos.zip"),
        ("zip://in::s3://b/p.zip", "x.jpg", "zip://in/x.jpg::s3://b/p.zip"),
    ],
)
def test_joining(source, key, place):
    assert joined(source, key) == place


def test_names_of_places(tmp_path):
    assert plain("file:///a%20b/c.jpg") == "/a b/c.jpg"
    assert is_tar("https://host/a.tar?token=x.y")
    assert is_tar("A.TAR.GZ")
    assert not is_tar("s3://b/tar")
    assert file_name("https://host/p/a.tar?x=/b") == "a.tar"
