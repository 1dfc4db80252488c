"""Runs in this process: what comes out, and what they refuse."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from facewise.errors import ImageError, ModelMismatchError, ShardsError
from facewise.gallery import ModelFacts
from facewise.pipeline import Pipeline
from facewise.shards import Counts, Models, Way, embed_to_shards, open_shards
from facewise.shards.models import Loaded
from facewise.shards.planning import plan
from shard_rows import shard_files, shard_rows
from tar_making import tar_of


@pytest.fixture(scope="module")
def models():
    return Models().load()


@pytest.fixture(scope="module")
def plain(models, folder, keys):
    """What the pipeline finds, by key."""
    pipeline = Pipeline(models.detector, models.embedder)
    return dict(zip(keys, pipeline.run_each([folder / key for key in keys]), strict=True))


def check_rows(rows, plain, name=lambda row: row["key"], exact=True):
    """Each picture once, with all that the pipeline finds in it."""
    by_key = {}
    for row in rows:
        by_key.setdefault(name(row), []).append(row)
    assert set(by_key) == set(plain)
    for key, own in by_key.items():
        found = plain[key]
        assert len({(row["source"], row["picture"]) for row in own}) == 1
        if isinstance(found, ImageError):
            [row] = own
            assert row["status"] == "error"
            assert row["error"]
            assert row["error"] in str(found)
            assert row["vector"] is row["box"] is row["width"] is row["face"] is None
        elif not len(found.faces):
            [row] = own
            assert (row["status"], row["error"], row["vector"]) == ("no_face", None, None)
            assert (row["width"], row["height"]) == found.image_size
        else:
            assert [row["face"] for row in own] == list(range(len(found.faces)))
            for i, row in enumerate(own):
                assert row["status"] == "face"
                assert (row["width"], row["height"]) == found.image_size
                close = np.testing.assert_array_equal if exact else almost
                close(np.frombuffer(row["box"], np.float32), found.faces.boxes[i])
                close(np.float32(row["score"]), found.faces.scores[i])
                close(
                    np.frombuffer(row["landmarks"], np.float32),
                    found.faces.landmarks[i].reshape(-1),
                )
                close(np.frombuffer(row["vector"], np.float32), found.embeddings[i])


def almost(mine, its):
    np.testing.assert_allclose(mine, its, atol=1e-3 if np.max(its) > 2 else 1e-5)


def test_a_folder(folder, keys, plain, tmp_path):
    run = embed_to_shards(folder, tmp_path / "out", shard_size=1000)
    rows = shard_rows(tmp_path / "out")
    check_rows(rows, plain)
    assert list(dict.fromkeys(row["key"] for row in rows)) == keys
    assert {row["source"] for row in rows} == {str(folder)}
    assert {row["label"] for row in rows} == {"biden", "obama", "photos", None}
    failed = [key for key, found in plain.items() if isinstance(found, ImageError)]
    assert failed == ["broken.jpg", "photos/cut off.jpg"]
    assert [failure.key for failure in run.failures] == failed
    assert str(run.failures[0]) == f"{folder}/broken.jpg: not an image file that Pillow can read"
    faces = sum(len(found.faces) for key, found in plain.items() if key not in failed)
    assert run.counts == Counts(len(keys), faces, run.counts.faceless, 2)
    assert run.counts.faceless >= 1
    assert (run.shards, run.written, run.kept, run.unwritten) == (1, 1, 0, ())
    assert json.loads(json.dumps(run.to_dict()))["failures"][0]["key"] == "broken.jpg"


@pytest.mark.parametrize("size", [1, 4])
def test_many_shards(folder, keys, plain, tmp_path, size):
    out = tmp_path / "out"
    run = embed_to_shards(folder, out, shard_size=size)
    assert run.written == run.shards == -(-len(keys) // size)
    check_rows(shard_rows(out), plain, exact=False)
    files = shard_files(out)
    assert [name.split("-")[0] for name in sorted(files)] == [f"{i:06d}" for i in range(run.shards)]
    again = embed_to_shards(folder, out, shard_size=size)
    assert (again.written, again.kept, again.counts) == (0, run.shards, run.counts)
    assert again.failures == run.failures
    # Another run over the same pictures makes the same bytes, wherever they lie.
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    sources = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    embed_to_shards(copy, out, shard_size=size)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == sources
    embed_to_shards(folder, tmp_path / "second", shard_size=size)
    assert shard_files(tmp_path / "second") == files


def test_tar_files(folder, keys, tars, plain, tmp_path):
    run = embed_to_shards([tars / "*.tar"], tmp_path / "out")
    names = {}
    for number in range(3):
        for i, key in enumerate(keys[number::3]):
            names[f"shard-{number:04d}.tar", i] = key
    rows = shard_rows(tmp_path / "out")
    check_rows(
        rows,
        plain,
        lambda row: names[row["source"].rsplit("/", 1)[1], int(row["key"].split(".")[0])],
        exact=False,
    )
    assert run.shards == 3
    for row in rows:
        number = int(row["key"].split(".")[0])
        assert row["label"] == ("class 7" if number % 2 else f"Näme {number}")


def test_a_truncated_tar_file_and_one_that_is_not_there(tars, tmp_path):
    folder = tmp_path / "tars"
    shutil.copytree(tars, folder)
    path = folder / "shard-0001.tar"
    path.write_bytes(path.read_bytes()[:-30_000])
    run = embed_to_shards([folder / "shard-{0000..0003}.tar"], tmp_path / "out")
    problems = {failure.source: failure for failure in run.failures if not failure.key}
    assert set(problems) == {str(path), str(folder / "shard-0003.tar")}
    assert problems[str(folder / "shard-0003.tar")].reason == "no such file"
    assert problems[str(path)].reason.startswith("tar file: ")
    read = [row for row in shard_rows(tmp_path / "out") if row["source"] == str(path)]
    assert len({row["picture"] for row in read}) == read[-1]["picture"] + 1 > 2
    assert read[-1]["key"] == ""
    # Now it is there; the shards that were made of it are done again, the others stay.
    shutil.copy(tars / "shard-0000.tar", folder / "shard-0003.tar")
    with pytest.raises(ShardsError, match="other pictures"):
        embed_to_shards([folder / "shard-{0000..0003}.tar"], tmp_path / "out")


def test_failed_pictures_can_be_tried_again(folder, keys, tmp_path):
    names = tmp_path / "list.txt"
    copies = [tmp_path / "photos" / key for key in keys]
    shutil.copytree(folder, tmp_path / "photos")
    (tmp_path / "photos" / "grass.png").unlink()
    names.write_text("\n".join(map(str, copies)))
    out = tmp_path / "out"
    first = embed_to_shards(names, out, shard_size=3)
    assert {failure.key for failure in first.failures} == {
        str(tmp_path / "photos" / name)
        for name in ("broken.jpg", "grass.png", "photos/cut off.jpg")
    }
    before = shard_files(out)
    shutil.copy(folder / "grass.png", tmp_path / "photos")
    assert embed_to_shards(names, out, shard_size=3).counts == first.counts
    again = embed_to_shards(names, out, shard_size=3, retry_failed=True)
    assert again.counts.failed == 2
    assert 1 <= again.written <= 3
    after = shard_files(out)
    assert before.keys() == after.keys()
    changed = [name for name in before if before[name] != after[name]]
    assert len(changed) == 1


def test_trying_again_loses_nothing(folder, keys, tmp_path):
    """Also when more pictures fail than before: the source may be away."""
    names, photos, out = tmp_path / "list.txt", tmp_path / "photos", tmp_path / "out"
    shutil.copytree(folder, photos)
    names.write_text("\n".join(str(photos / key) for key in keys))
    first = embed_to_shards(names, out, shard_size=3)
    assert first.counts.failed
    assert first.counts.faces
    before = shard_files(out)
    photos.rename(tmp_path / "away")
    again = embed_to_shards(names, out, shard_size=3, retry_failed=True)
    assert again.counts == first.counts
    assert shard_files(out) == before


def test_parts_of_several_machines(folder, keys, plain, tmp_path):
    out = tmp_path / "out"
    runs = [embed_to_shards(folder, out, shard_size=3, part=(i, 3)) for i in (2, 1)]
    with pytest.raises(ShardsError, match="shards are not there yet"):
        open_shards(out)
    assert len(open_shards(out, partial=True).missing) == len(plan([folder], 3)) // 3
    runs.append(embed_to_shards(folder, out, shard_size=3, part=(3, 3)))
    assert sum(run.written for run in runs) == len(plan([folder], 3))
    assert sum(run.counts.pictures for run in runs) == len(keys)
    check_rows(shard_rows(out), plain, exact=False)


def test_other_settings_are_refused_by_name(folder, tmp_path):
    out = tmp_path / "out"
    embed_to_shards(folder, out, shard_size=1000)
    files = {path: path.read_bytes() for path in out.iterdir()}
    for change, error, text in (
        ({"shard_size": 9}, ShardsError, "shard_size 1000; this run has shard_size 9"),
        ({"chips": True}, ShardsError, "chips False; this run has chips True"),
        ({"models": Models(aligned=True)}, ModelMismatchError, "aligned False"),
        ({"models": Models(mode="fast")}, ModelMismatchError, "detector mode exact.*mode fast"),
        (
            {"models": Models(precision="bfloat16", backend="torch")},
            ModelMismatchError,
            "embedder precision float32; this run has embedder precision torch bfloat16",
        ),
    ):
        with pytest.raises(error, match=text):
            embed_to_shards(folder, out, **{"shard_size": 1000, **change})
    assert {path: path.read_bytes() for path in out.iterdir()} == files


def test_other_pictures_are_refused(folder, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(folder, photos)
    embed_to_shards(photos, out, shard_size=5)
    count = len(plan([photos], 1))
    shutil.copy(photos / "grass.png", photos / "more.png")
    with pytest.raises(ShardsError, match=f"{count} pictures then, {count + 1} now"):
        embed_to_shards(photos, out, shard_size=5)
    (photos / "grass.png").unlink()
    with pytest.raises(ShardsError, match=r"as many, but not the same ones, .* first in '"):
        embed_to_shards(photos, out, shard_size=5)


def test_folders_that_are_none_for_shards(folder, tmp_path):
    with pytest.raises(ShardsError, match="is not empty, and holds no shards"):
        embed_to_shards(folder, folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(ShardsError, match="is a file"):
        embed_to_shards(folder, tmp_path / "file")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "_manifest.json").write_text("{")
    for call in (lambda p: embed_to_shards(folder, p), open_shards):
        with pytest.raises(ShardsError, match=r"_manifest.json is damaged"):
            call(tmp_path / "damaged")


def test_a_shard_that_is_damaged_is_made_again(folder, tmp_path):
    out = tmp_path / "out"
    embed_to_shards(folder, out, shard_size=6)
    before = shard_files(out)
    name = sorted(before)[1]
    (out / name).write_bytes(before[name][:-10])
    assert len(open_shards(out, partial=True).missing) == 1
    assert embed_to_shards(folder, out, shard_size=6).written == 1
    assert shard_files(out) == before


def test_what_killed_runs_leave_is_tidied_up(folder, tmp_path):
    out = tmp_path / "out"
    embed_to_shards(folder, out, shard_size=1000)
    [name] = shard_files(out)
    draft, foreign = out / f".{name}.0123abcd.part", out / ".000007-0.parquet.0123abcd.part"
    for path in (draft, foreign):
        path.write_bytes(b"half")
    embed_to_shards(folder, out, shard_size=1000)
    assert not draft.exists()
    assert foreign.exists()  # somebody may be at it


def test_chips(folder, plain, models, tmp_path):
    out = tmp_path / "out"
    embed_to_shards(folder, out, shard_size=1000, chips=True)
    batches = list(open_shards(out).batches(5, chips=True))
    assert max(map(len, batches)) <= 5
    for batch in batches:
        for key, face, chip, vector in zip(
            batch.keys, batch.faces, batch.chips, batch.vectors, strict=True
        ):
            with Image.open(io.BytesIO(chip)) as image:
                pixels = np.array(image)
            np.testing.assert_array_equal(vector, plain[key].embeddings[face])
            mine = models.embedder.embed(pixels[None], flip=models.embedder.flip)[0]
            np.testing.assert_allclose(mine, vector, atol=1e-5)
    assert next(open_shards(out).batches()).chips is None


def test_aligned(folder, models, tmp_path):
    """Chips in, the same vectors out; pictures that are no chips are failures."""
    photos, chips = tmp_path / "photos", tmp_path / "chips"
    embed_to_shards(folder, photos, shard_size=1000, chips=True)
    chips.mkdir()
    expected = {}
    for batch in open_shards(photos).batches(chips=True):
        for i, chip in enumerate(batch.chips):
            (chips / f"{i:03}.png").write_bytes(chip)
            expected[f"{i:03}.png"] = batch.vectors[i]
    shutil.copy(folder / "grass.png", chips / "grass.png")
    (chips / "broken.png").write_bytes(b"x")
    for keep in (False, True):
        out = tmp_path / f"out{keep}"
        run = embed_to_shards(chips, out, models=Models(aligned=True), shard_size=7, chips=keep)
        assert {failure.key for failure in run.failures} == {"grass.png", "broken.png"}
        reasons = {failure.key: failure.reason for failure in run.failures}
        assert reasons["grass.png"] == (
            "150×120 pixels, but dlib_resnet29.dlib takes chips of 150×150"
        )
        found = {}
        for batch in open_shards(out).batches(chips=keep):
            found |= dict(zip(batch.keys, batch.vectors, strict=True))
            assert np.isnan(batch.scores).all()
            assert (batch.boxes == [0, 0, 150, 150]).all()
            if keep:
                for key, chip in zip(batch.keys, batch.chips, strict=True):
                    with Image.open(io.BytesIO(chip)) as mine, Image.open(chips / key) as given:
                        assert mine.tobytes() == given.tobytes()
        assert found.keys() == expected.keys()
        for key, vector in expected.items():
            np.testing.assert_allclose(found[key], vector, atol=1e-5)


class Moody:
    """A detector that cannot stand one picture."""

    def __init__(self, detector, hated, times=None):
        self._detector, self._hated = detector, hated
        self.settings = detector.settings

    def detect(self, images):
        for image in images:
            if image.shape[:2] in self._hated:
                raise RuntimeError("not this one")
        return self._detector.detect(images)


def size_of(path):
    with Image.open(path) as image:
        return image.size[::-1]


def test_a_picture_that_the_models_fail_for(folder, keys, plain, models, tmp_path, monkeypatch):
    """It is a failure; those beside it are not to suffer."""
    hated = size_of(folder / "grass.png")
    moody = Loaded(models.embedder, Moody(models.detector, {hated}))
    monkeypatch.setattr(Models, "load", lambda self: moody)
    run = embed_to_shards(folder, tmp_path / "out", shard_size=1000)
    reasons = {failure.key: failure.reason for failure in run.failures}
    assert set(reasons) == {"broken.jpg", "photos/cut off.jpg", "grass.png"}
    assert reasons["grass.png"] == "RuntimeError: not this one"
    rows = [row for row in shard_rows(tmp_path / "out") if row["key"] != "grass.png"]
    del (rest := dict(plain))["grass.png"]
    check_rows(rows, rest, exact=False)


def test_models_that_fail_for_all(folder, keys, models, tmp_path, monkeypatch):
    """It is not the pictures' fault: no shard says that it is."""
    sizes = {size_of(folder / key) for key in keys if key not in ("broken.jpg",)}
    broken = Loaded(models.embedder, Moody(models.detector, sizes))
    monkeypatch.setattr(Models, "load", lambda self: broken)
    run = embed_to_shards(folder, tmp_path / "out", shard_size=1000)
    assert (run.written, len(run.unwritten)) == (0, 1)
    assert "RuntimeError: not this one" in run.unwritten[0]
    many = tmp_path / "many"
    many.mkdir()
    for i in range(30):
        shutil.copy(folder / "grass.png", many / f"{i:02}.png")
    with pytest.raises(ShardsError, match=r"3 shards in a row were not written: .*not this one"):
        embed_to_shards(many, tmp_path / "three", shard_size=10)


def test_stores(folder, keys, plain, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    for key in keys:
        system.pipe_file(f"/in/{key}", (folder / key).read_bytes())
    try:
        run = embed_to_shards("memory://in", "memory://out/vectors", shard_size=4)
        assert run.counts.failed == 2
        assert run.failures[0].reason == "not an image file that Pillow can read"
        assert [unit.digest for unit in plan(["memory://in"], 4)] == [
            shard.digest for shard in open_shards("memory://out/vectors").manifest.shards
        ]
        files = {name: system.cat_file(name) for name in system.ls("/out/vectors", detail=False)}
        again = embed_to_shards("memory://in", "memory://out/vectors", shard_size=4)
        assert (again.written, again.counts) == (0, run.counts)
        vectors = np.concatenate([b.vectors for b in open_shards("memory://out/vectors").batches()])
        expected = [f.embeddings for f in plain.values() if not isinstance(f, ImageError)]
        np.testing.assert_allclose(vectors, np.concatenate(expected), atol=1e-5)
        # An upload that was broken off is no shard.
        name = next(name for name in files if name.endswith(".parquet"))
        system.pipe_file(name, files[name][:100])
        assert embed_to_shards("memory://in", "memory://out/vectors", shard_size=4).written == 1
        assert {name: system.cat_file(name) for name in files} == files
        with pytest.raises(ShardsError, match="a memory of its own"):
            embed_to_shards("memory://in", "memory://out/vectors", way=Way(workers=2))
    finally:
        system.rm("/in", recursive=True)
        system.rm("/out", recursive=True)


def test_an_archive_and_a_list_of_urls(folder, keys, plain, tmp_path):
    pytest.importorskip("fsspec")
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", folder)
    embed_to_shards(f"zip://::{archive}", tmp_path / "zip", shard_size=1000)
    check_rows(shard_rows(tmp_path / "zip"), plain)
    names = tmp_path / "list.txt"
    places = [f"zip://{key}::{archive}" for key in keys] + [f"zip://gone.jpg::{archive}"]
    names.write_text("\n".join(places))
    run = embed_to_shards(names, tmp_path / "list", shard_size=1000)
    assert run.counts.pictures == len(keys) + 1
    reasons = {failure.key: failure.reason for failure in run.failures}
    assert "no" in reasons[places[-1]]
    rows = [row for row in shard_rows(tmp_path / "list") if row["key"] != places[-1]]
    check_rows(rows, plain, lambda row: row["key"].split("://")[1].split("::")[0], exact=False)


def test_a_remote_tar_file(keys, tars, plain, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    content = (tars / "shard-0000.tar").read_bytes()
    system.pipe_file("/t/a-0.tar", content)
    system.pipe_file("/t/a-1.tar", content[:-20_000])
    try:
        run = embed_to_shards("memory://t/a-{0..2}.tar", tmp_path / "out")
        reasons = {f.source: f.reason for f in run.failures if not f.key}
        assert set(reasons) == {"memory://t/a-1.tar", "memory://t/a-2.tar"}
        assert reasons["memory://t/a-2.tar"] == "no such file"
        rows = shard_rows(tmp_path / "out")
        counts = Counter(row["source"] for row in rows if row["status"] == "face")
        assert counts["memory://t/a-0.tar"] > counts["memory://t/a-1.tar"] > 0
    finally:
        system.rm("/t", recursive=True)


def test_names_that_are_no_text(tmp_path, folder):
    """A file's name may be bytes that no encoding knows."""
    photos = tmp_path / "photos"
    photos.mkdir()
    target = photos / "caf\udce9.jpg"
    try:
        shutil.copy(folder / "obama" / "1-200.jpg", target)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    run = embed_to_shards(photos, tmp_path / "out")
    assert (run.counts.faces, run.counts.failed) == (1, 0)
    [row] = shard_rows(tmp_path / "out")
    assert row["key"] == "caf\\udce9.jpg"


def test_reading_back(folder, plain, models, tmp_path):
    out = tmp_path / "out"
    embed_to_shards(folder, out, shard_size=4)
    shards = open_shards(out)
    facts = ModelFacts.from_json(shards.model)
    facts.require(ModelFacts.of(models.embedder))
    assert shards.dimension == facts.embedding_size == 128
    batches = list(shards.batches(3))
    assert sum(map(len, batches)) == shards.total.faces
    for batch in batches:
        assert batch.vectors.dtype == batch.boxes.dtype == batch.scores.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(batch.vectors, axis=1), 1, atol=1e-5)
        for i, key in enumerate(batch.keys):
            found, face = plain[key], batch.faces[i]
            np.testing.assert_allclose(batch.vectors[i], found.embeddings[face], atol=1e-5)
            np.testing.assert_allclose(batch.boxes[i], found.faces.boxes[face], atol=1e-3)
    assert {f.key for f in shards.failures()} == {"broken.jpg", "photos/cut off.jpg"}


def test_a_shard_says_what_made_it(folder, tmp_path):
    import pyarrow.parquet as pq

    embed_to_shards(folder / "obama", tmp_path / "out")
    [path] = (tmp_path / "out").glob("*.parquet")
    about = pq.read_metadata(path).metadata
    content = json.loads(about[b"facewise"])
    assert content["model"]["settings"]["model"] == "dlib_resnet29.dlib"
    assert content["settings"]["detector"]["mode"] == "exact"
    assert json.loads(about[b"facewise.counts"])["pictures"] == 4
    # Whoever reads a folder of Parquet reads it as it is.
    table = pq.read_table(tmp_path / "out")
    assert table.num_rows == 4
    assert str(table.schema.field("vector").type) == "fixed_size_list<element: float>[128]"


@pytest.mark.parametrize(
    "wrong",
    [{"shard_size": 0}, {"part": (0, 2)}, {"part": (3, 2)}, {"way": Way(workers=0)},
     {"way": Way(address="auto")}],
)  # fmt: skip
def test_values_out_of_range(folder, tmp_path, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}|workers|address"):
        embed_to_shards(folder, tmp_path / "out", **wrong)


def test_an_empty_tar_file_is_a_shard_of_no_rows(tmp_path):
    (tmp_path / "a.tar").write_bytes(tar_of({"readme.txt": b"no pictures"}))
    run = embed_to_shards(tmp_path / "a.tar", tmp_path / "out")
    assert (run.written, run.counts) == (1, Counts())
    assert embed_to_shards(tmp_path / "a.tar", tmp_path / "out").kept == 1
    assert list(open_shards(tmp_path / "out").batches()) == []
