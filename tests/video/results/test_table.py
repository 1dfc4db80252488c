"""The table of all faces, as JSON and Parquet."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facewise.errors import VideoError
from facewise.video.results import COLUMNS, rows, write_json, write_parquet
from facewise.video.results.table import json_text
from tracked_parts import a_track, faces_of


@pytest.fixture
def video(tracked_video, rng):
    frames = []
    for i in range(8):
        seen = {} if i == 3 else {1: (5 + i, 5, 25 + i, 30), 2: (50.123456, 5, 70, 25)}
        points = rng.uniform(0, 60, (len(seen), 5, 2))
        frames.append(faces_of(seen, points, detected=i % 2 == 0))
    tracks = [
        a_track(1, [(0, 7)], name='o"bama\n', similarity=0.9712345678, confidence=0.9),
        a_track(2, [(0, 7)], person=4),
    ]
    return tracked_video(frames, tracks)


def test_a_row_for_each_face_with_every_column(video):
    found = list(rows(video))
    assert len(found) == 14
    assert all(tuple(row) == COLUMNS for row in found)
    first, second = found[:2]
    assert first["name"] == first["label"] == 'o"bama\n'
    assert first["similarity"] == pytest.approx(0.971235)
    assert first["box"] == [5, 5, 25, 30]
    assert (second["name"], second["label"], second["person"]) == ("unknown", "person 4", 4)
    assert second["similarity"] is None
    assert second["box"] == [50.12, 5, 70, 25]
    assert [row["detected"] for row in found[:4]] == [True, True, False, False]
    assert found[6]["frame"] == 4
    assert found[6]["time"] == 0.16


def test_json_is_the_whole_and_written_whole(video, tmp_path):
    target = tmp_path / "new" / "tracks.json"
    write_json(video, target)
    content = json.loads(target.read_text())
    assert content["faces"] == list(rows(video))
    assert content["tracks"] == [track.to_dict() for track in video.tracks]
    assert [one["label"] for one in content["people"]] == ['o"bama\n', "person 4"]
    assert content["people"][0]["spans"] == [[0, 7, 0.0, 0.28]]
    assert (content["width"], content["height"], content["frames"]) == (96, 64, 8)
    assert content["error"] is None
    assert [path.name for path in target.parent.iterdir()] == ["tracks.json"]


def test_json_comes_in_pieces(video):
    pieces = list(json_text(video, {"video": "another name"}))
    assert json.loads("".join(pieces))["video"] == "another name"
    assert max(map(len, pieces)) < 1000


def test_parquet_has_the_same_rows(video, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from facewise.video.results import table

    monkeypatch.setattr(table, "_ROWS", 5)  # some row groups
    target = tmp_path / "tracks.parquet"
    write_parquet(video, target)
    file = parquet.ParquetFile(target)
    assert file.num_row_groups == 3
    assert tuple(file.schema_arrow.names) == COLUMNS
    found = file.read().to_pylist()
    for row, expected in zip(found, rows(video), strict=True):
        points = np.array(expected.pop("landmarks")).ravel()
        np.testing.assert_allclose(row.pop("landmarks"), points, rtol=1e-6)
        np.testing.assert_allclose(row.pop("box"), expected.pop("box"), rtol=1e-6)
        alike, expected_alike = row.pop("similarity"), expected.pop("similarity")
        assert alike == pytest.approx(expected_alike)
        assert row.pop("confidence") == pytest.approx(expected.pop("confidence"))
        assert row.pop("score") == pytest.approx(expected.pop("score"))
        assert row == expected
    about = json.loads(file.schema_arrow.metadata[b"facewise"])
    assert [track["id"] for track in about["tracks"]] == [1, 2]


def test_nobody_at_all_and_no_landmarks(tracked_video, tmp_path):
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    video = tracked_video([{}, {}], [])
    write_json(video, tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["faces"] == content["tracks"] == content["people"] == []
    write_parquet(video, tmp_path / "a.parquet")
    assert parquet.read_table(tmp_path / "a.parquet").num_rows == 0
    video = tracked_video([{1: (1, 2, 3, 4)}], [a_track(1, [(0, 0)])])
    assert next(rows(video))["landmarks"] is None
    write_parquet(video, tmp_path / "b.parquet")
    [row] = parquet.read_table(tmp_path / "b.parquet").to_pylist()
    assert np.isnan(row["landmarks"]).all()


@pytest.mark.parametrize("write", [write_json, write_parquet])
def test_a_failure_leaves_the_old_file_and_no_other(video, tmp_path, write, monkeypatch):
    target = tmp_path / "tracks"
    target.write_text("old")

    def fail(video):
        yield next(real(video))
        raise KeyboardInterrupt

    from facewise.video.results import table

    real = table.rows
    monkeypatch.setattr(table, "rows", fail)
    with pytest.raises(KeyboardInterrupt):
        write(video, target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(VideoError, match="folder"):
        write(video, tmp_path)
