"""What a server keeps after `erase` is said wherever something is called forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from facewise import Gallery
from facewise.cli import app
from facewise.gallery import ModelFacts, NewFace, open_store
from facewise.gallery.stores.milvus.blocks import LiteEngine
from facewise.gallery.stores.milvus.cluster import ClusterEngine
from facewise.gallery.stores.sqlite import SqliteStore
from postgres_server import gallery_url

FACTS = ModelFacts({"model": "probe.none"}, 2)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "cache"))


def made(url: Any) -> Gallery:
    gallery = Gallery(open_store(url, create=FACTS))
    with gallery.store.change() as change:
        change.add_faces(change.add_person("Ann"), [NewFace([1, 0])])
    return gallery


def test_a_file_is_erased_wholly(tmp_path: Path) -> None:
    with made(tmp_path / "people.db") as gallery:
        gone = gallery.forget("Ann")
        assert (gone.faces, gone.out_of_reach) == (1, "")
        assert gallery.audit(1)[0].detail == ""
        assert gallery.store.out_of_reach == LiteEngine.out_of_reach == ""


def test_a_server_says_what_it_keeps() -> None:
    with made(gallery_url()) as gallery:
        gone = gallery.forget("Ann")
        assert "the server's write-ahead log" in gone.out_of_reach
        assert gallery.audit(1)[0].detail == f"not from {gone.out_of_reach}"
        assert gone.to_dict()["out_of_reach"] == gallery.store.out_of_reach
    assert "old segments" in ClusterEngine.out_of_reach


@pytest.mark.parametrize("command", [("forget", "Ann", "--yes"), ("purge-expired",)])
def test_the_command_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    made(tmp_path / "people.db").close()
    monkeypatch.setattr(SqliteStore, "out_of_reach", "a log of the server's (docs/server.md)")
    name, *options = command
    result = CliRunner().invoke(app, ["gallery", name, str(tmp_path / "people.db"), *options])
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("not erased from: a log of the server's (docs/server.md)\n")
