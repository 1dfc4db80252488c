from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from facewise._files import replace_file
from facewise.zoo import (
    ModelSpec,
    cache_dir,
    cached_path,
    get_spec,
    list_specs,
    locate,
    models_dir,
    state,
)

MakeSpec = Callable[..., ModelSpec]


def test_cache_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    assert models_dir() == tmp_path / "here" / "models"
    monkeypatch.setenv("FACEWISE_CACHE", "~/faces")
    assert cache_dir() == Path.home() / "faces"
    monkeypatch.delenv("FACEWISE_CACHE")
    assert cache_dir() == Path(platformdirs.user_cache_dir("facewise", appauthor=False))


def test_asking_where_makes_no_folder(cache: Path) -> None:
    cached_path(get_spec("arcface_r50"))
    locate(get_spec("arcface_r50"))
    assert not cache.exists()


def test_absent(make_spec: MakeSpec) -> None:
    assert locate(make_spec()) is None
    assert state(make_spec()) == "absent"


def test_order_of_places(
    cache: Path, tmp_path: Path, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec()
    folders = [tmp_path / "one", tmp_path / "two"]
    monkeypatch.setenv("FACEWISE_WEIGHTS", os.pathsep.join(["", *map(str, folders)]))
    for folder in folders:
        folder.mkdir()
    (folders[1] / "probe.bin").touch()
    assert locate(spec) == folders[1] / "probe.bin"
    (folders[0] / "probe.bin").touch()
    assert locate(spec) == folders[0] / "probe.bin"
    assert state(spec) == "folder"
    models_dir().mkdir(parents=True)
    cached_path(spec).touch()
    assert locate(spec) == cache / "models" / "probe.bin"
    assert state(spec) == "cached"


def test_bundled_files_are_in_the_package(cache: Path) -> None:
    bundled = [spec for spec in list_specs() if spec.weights.bundled]
    assert {spec.id for spec in bundled} == {"mtcnn", "dlib_resnet29.dlib"}
    for spec in bundled:
        path = locate(spec)
        assert path is not None
        assert path.parent.name == "weights"
        assert state(spec) == "bundled"


def test_a_failed_write_leaves_the_old_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "note"
    replace_file(path, b"old")
    assert path.read_text() == "old"

    def fail(self: Path, target: Path) -> None:
        raise PermissionError(13, "in use", str(target))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PermissionError):
        replace_file(path, b"new")
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == ["note"]
