from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import TrainingError
from facewise.training.data.face_index import index_of
from facewise.training.data.index import read_csv, read_folder, read_recordio, write_csv

ROWS = "bob/1.png,bob\nann/1.png,ann\nann/2.png,ann\n"


@pytest.fixture
def table(people) -> Callable[..., Path]:
    """A CSV file beside the pictures it may name."""
    root = people(["ann/1.png", "ann/2.png", "bob/1.png"])

    def write(text: str | bytes) -> Path:
        file = root / "index.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        f"path,person\n{ROWS}",
        "\ufeffPath, Person \n" + ROWS,
        f"path,person\n{ROWS}".replace("\n", "\r\n"),
        f"\ufeff{ROWS}".replace("\n", "\r"),
        f"path;person\n{ROWS}".replace(",", ";"),
        f"file\tname\n{ROWS}".replace(",", "\t"),
        f"{ROWS}\n \n",
        ROWS.replace("\n", "\n\n"),
        ROWS.replace("ann/1.png", '"ann/1.png"').replace("bob/1.png", "./bob/../bob/1.png"),
        ROWS.replace("/", "\\"),
        "age,person,path\n" + "".join(f"3,{r.split(',')[1]},{r.split(',')[0]}\n" for r in
                                      ROWS.split()),
    ],
)  # fmt: skip
def test_reads_paths_and_people(table, text) -> None:
    file = table(text)
    index = read_csv(file)
    root = file.parent
    assert index.names == ("ann", "bob")
    assert index.sources == (root / "bob/1.png", root / "ann/1.png", root / "ann/2.png")
    assert index.labels.tolist() == [1, 0, 0]
    assert index.problems == ()


def test_paths_begin_in_the_root_that_is_given(table, tmp_path) -> None:
    root = table(ROWS).parent
    file = tmp_path / "elsewhere.csv"
    file.write_text(f"{ROWS}{root}/ann/../ann/1.png,ann\n")
    index = read_csv(file, root)
    assert index.sources == (root / "bob/1.png", root / "ann/1.png", root / "ann/2.png")
    [problem] = index.problems
    assert problem.reason == "line 4 repeats line 2, and counts once"


def test_missing_empty_and_repeated_pictures_are_reported(table) -> None:
    file = table(f"path,person\n{ROWS}ann/9.png,ann\nann/./1.png,ann\nann,ann\nbob/2.png,bob\n")
    (file.parent / "bob/2.png").touch()
    index = read_csv(file)
    assert len(index) == 3
    assert [(p.path.relative_to(file.parent).as_posix(), p.reason) for p in index.problems] == [
        ("ann/9.png", "no such file (index.csv, line 5)"),
        ("index.csv", "line 6 repeats line 3, and counts once"),
        ("ann", "is a folder that cannot be listed, or no picture (index.csv, line 7)"),
        ("bob/2.png", "is empty (index.csv, line 8)"),
    ]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (f"{ROWS}ann/1.png,bob\n", r"line 4: ann/1\.png shows bob, but ann in line 2"),
        (f"{ROWS}../x.png,bob\n", r"line 4: expected the path of an image inside"),
        (f"{ROWS}ann/../../x.png,bob\n", r"line 4: expected the path"),
        (f"{ROWS}/tmp/../x.png,bob\n", r"line 4: expected a path without `\.\.`"),
        (f"{ROWS},bob\n", r"line 4: expected the path"),
        (f"{ROWS}ann/3.png,\n", r"line 4: expected the name of a person \(''\)"),
        (f"{ROWS}ann/3.png,NaN\n", r"line 4: expected the name of a person \('NaN'\)"),
        (f"{ROWS}ann/3.png,nan\n", r"line 4: .*'nan'"),
        (f"{ROWS}ann/3.png,a\x07b\n", r"line 4: expected the name"),
        (f"{ROWS}ann/3.png\n", "line 4: expected 2 columns, as in line 1"),
        (f"{ROWS}ann/3.png,ann,1\n", "line 4: expected 2 columns"),
        ("a,b,c\n", "line 1: expected the columns path and person"),
        ("path,file,person\na,b,c\n", "line 1: expected one column of paths"),
        ('ann/1.png,"ann\n', r"line 1: not a CSV file"),
        ("", "line 1: expected the columns"),
        ("path,person\n", "lists no picture"),
        ("x/1.png,x\n", r"none of the 1 pictures .* can be read, .*no such file"),
        ("a\0b.png,x\n", r"none of the 1 pictures"),
        (b"\xff\xfe", "not a text file in UTF-8"),
    ],
)
def test_hostile_lists_are_errors_that_name_the_line(table, text, match) -> None:
    with pytest.raises(TrainingError, match=match):
        read_csv(table(text))


def test_nothing_leads_out_of_a_root_that_is_given(table, tmp_path) -> None:
    file = table(f"{tmp_path}/x.png,x\n")
    with pytest.raises(TrainingError, match="expected a path inside"):
        read_csv(file, file.parent)
    with pytest.raises(TrainingError, match="no such folder of pictures"):
        read_csv(file, tmp_path / "gone")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_csv(tmp_path / "gone.csv")


def test_nan_is_a_name_when_it_is_written_as_one(table) -> None:
    assert read_csv(table("ann/1.png,Nan\n")).names == ("Nan",)


@pytest.mark.parametrize("place", ["people/index.csv", "index.csv", "lists/index.csv"])
def test_what_is_written_is_read_again(people, tmp_path, place) -> None:
    root = people(['ann, "the first"/a,b.png', "zoë/1.png", "zoë/x#3.png", "zoë/a.rec#3"])
    (root / "zoë/a.rec#3").rename(root / "zoë/a.rec#3.png")
    index = read_folder(root)
    file = tmp_path / place
    write_csv(index, file)
    again = read_csv(file)
    assert again.names == index.names == ('ann, "the first"', "zoë")
    assert again.sources == index.sources
    assert again.labels.tolist() == index.labels.tolist()
    assert file.read_text(encoding="utf-8").startswith("path,person\n")
    relative = place != "lists/index.csv"
    assert (str(tmp_path) not in file.read_text(encoding="utf-8")) == relative
    write_csv(again, file)
    assert [path.name for path in file.parent.iterdir() if ".part" in path.name] == []


def test_a_folder_that_moves_takes_its_index_along(people, tmp_path) -> None:
    root = people(["ann/1.png"])
    write_csv(read_folder(root), root / "index.csv")
    root.rename(tmp_path / "moved")
    assert read_csv(tmp_path / "moved/index.csv").sources == (tmp_path / "moved/ann/1.png",)


def test_records_are_written_with_their_places(write_records, content, picture, tmp_path) -> None:
    rec = write_records([(0, content(picture(0))), (1, content(picture(1)))])
    index = read_recordio(rec)
    file = tmp_path / "index.csv"
    write_csv(index, file)
    offsets = index.sources.offsets.tolist()
    assert file.read_text().splitlines()[1:] == [
        f"train.rec#{offsets[0]},00000000",
        f"train.rec#{offsets[1]},00000001",
    ]
    again = read_csv(file)
    assert again.sources == tuple(index.sources)
    assert again.names == index.names
    file.write_text(f"train.rec#{offsets[0]},a\ntrain.rec#{offsets[0] + 4},b\n")
    [problem] = read_csv(file).problems
    assert "no record begins here" in problem.reason


@pytest.mark.parametrize(
    ("path", "person"),
    [("1.png", " ann"), ("1.png", "nan"), ("1.png", "a\nb"), ("1.png", ""), ("a\nb.png", "ann"),
     (" 1.png", "ann"), ("1\udcff.png", "ann"), ("a\\b.png", "ann")],
)  # fmt: skip
def test_what_could_not_be_read_again_is_not_written(tmp_path, path, person) -> None:
    index = index_of((tmp_path / path,), [person])
    with pytest.raises(TrainingError, match="that a CSV file can have"):
        write_csv(index, tmp_path / "index.csv")
    assert not (tmp_path / "index.csv").exists()


def test_a_failed_write_keeps_the_older_file(people, tmp_path, monkeypatch) -> None:
    file = tmp_path / "index.csv"
    file.write_text("older")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    index = index_of((tmp_path / "1.png",), np.array(["ann"]).tolist())
    with pytest.raises(OSError, match="No space left"):
        write_csv(index, file)
    assert file.read_text() == "older"
