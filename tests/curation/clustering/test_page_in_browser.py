"""The overview in a real browser: names and clicks, exported, applied."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import facewise
from facewise.curation.clustering import Album, collect, limits_for, sort
from facewise.curation.clustering.overview import apply_decisions, write_overview
from facewise.gallery.model_facts import ModelFacts
from facewise.pipeline import Pipeline
from invented_album import clusters

CHROMIUM = os.environ.get("FACEWISE_CHROMIUM") or shutil.which("chromium")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)


@pytest.fixture
def browser():
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium (FACEWISE_CHROMIUM names it)")
    with sync.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=_FLAGS.split())
        yield opened
        opened.close()


def test_rename_merge_and_exclude_by_click(browser, examples, tmp_path):
    pipeline = Pipeline(facewise.load_detector(), facewise.load_embedder())
    with Album.create(tmp_path / "people.album", ModelFacts.of(pipeline.embedder)) as album:
        collect(album, sorted(examples.rglob("*.jpg")), pipeline)
        sort(album, limits_for(pipeline.embedder.spec, album.count()))
        before = clusters(album)
        page = write_overview(album, tmp_path / "page.html")
        by_size = sorted(before, key=lambda i: -len(before[i]))
        largest, second, third = by_size

        tab = browser.new_page(viewport={"width": 1100, "height": 1000})
        problems = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else 0)
        tab.goto(page.as_uri())
        names = "input.name[data-group='c{}']"
        tab.fill(names.format(largest), "Barack")
        tab.fill(names.format(second), "Somebody")
        tab.fill(names.format(third), "somebody")
        out, none = before[largest][0], before[largest][1]
        tab.click(f"button.tile[data-id='f{out}']")
        for _ in range(2):
            tab.click(f"button.tile[data-id='f{none}']")
        if os.environ.get("FACEWISE_SCREENSHOTS"):
            tab.screenshot(path=Path(os.environ["FACEWISE_SCREENSHOTS"]) / "cluster.png")
        with tab.expect_download() as download:
            tab.click("#export")
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert problems == []
        assert file.name == "page.decisions.json"

        apply_decisions(album, file)
        after = clusters(album)
        assert album.cluster("Barack").id == largest
        assert after[largest] == before[largest][2:]
        stays = album.cluster("Somebody").id
        assert after[stays] == sorted(before[second] + before[third])
        assert [face.id for face in album.faces() if face.left_out] == [none]
        assert [out] in after.values()
