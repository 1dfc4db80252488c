from __future__ import annotations

import pytest

from facewise.errors import TrainingError
from facewise.training.data.index import read_folder, read_recordio, verified


def test_pictures_that_cannot_be_decoded_become_problems(people, content, picture) -> None:
    good = content(picture(1))
    root = people(
        {"ann/1.png": good, "ann/2.png": good[:200], "bob/1.png": b"no picture", "cid/1.png": good}
    )
    (root / "stray.png").write_bytes(good)
    done: list[int] = []
    index = verified(read_folder(root), done.append)
    assert done == [1, 2, 3, 4]
    assert index.names == ("ann", "cid")
    assert index.sources == (root / "ann/1.png", root / "cid/1.png")
    stray, second, third = index.problems
    assert stray.path == root / "stray.png"
    assert second.path == root / "ann/2.png"
    assert second.reason.startswith("truncated or damaged image")
    assert str(third) == f"{root}/bob/1.png: not an image file that Pillow can read"


def test_records_too(write_records, content, picture) -> None:
    rec = write_records([(0, content(picture(0))), (1, b"jpeg"), (1, content(picture(1)))])
    index = verified(read_recordio(rec))
    assert index.labels.tolist() == [0, 1]
    [problem] = index.problems
    assert problem.path == rec
    assert problem.reason == "not an image file that Pillow can read"


def test_nothing_left_is_an_error(people) -> None:
    with pytest.raises(TrainingError, match=r"none of the 1 pictures can be decoded, .*1\.png"):
        verified(read_folder(people({"ann/1.png": b"x"})))
