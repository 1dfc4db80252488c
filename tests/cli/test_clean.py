"""`facewise clean`: by verdicts, by decisions from a browser, and back again."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from PIL import Image

CHROMIUM = os.environ.get("FACEWISE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache of results for all tests, so that pictures are looked at once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def clean(facewise, cache, monkeypatch):
    def run(*arguments, **options):
        monkeypatch.setenv("FACEWISE_CACHE", str(cache))
        return facewise("clean", *arguments, **options)

    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory, examples):
    """Folders of people: a Biden among Obamas, a picture twice, one without a face, one broken."""
    folder = tmp_path_factory.mktemp("made") / "people"
    (folder / "obama").mkdir(parents=True)
    (folder / "biden & son").mkdir()

    def put(source, target, width):
        image = Image.open(examples / source).convert("RGB")
        image.thumbnail((width, width))
        image.save(folder / target, quality=92)

    put("people/obama/1.jpg", "obama/1.jpg", 320)
    put("people/obama/2.jpg", "obama/2.jpg", 320)
    put("photos/obama.jpg", "obama/3.jpg", 320)
    put("people/biden/1.jpg", "obama/4.jpg", 320)
    put("people/biden/1.jpg", "biden & son/1.jpg", 320)
    put("people/biden/1.jpg", "biden & son/2.png", 250)
    Image.new("RGB", (90, 90), (70, 90, 110)).save(folder / "biden & son/blank.png")
    (folder / "biden & son/broken.jpg").write_bytes(b"no picture")
    put("people/biden/1.jpg", "loose.jpg", 60)
    return folder


@pytest.fixture
def people(made, tmp_path):
    return shutil.copytree(made, tmp_path / "people")


def tree(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and not path.name.startswith(".")
    )


BELONG = ["biden & son/1.jpg", "biden & son/2.png", "obama/1.jpg", "obama/2.jpg", "obama/3.jpg"]
DIRT = ["biden & son/blank.png", "obama/4.jpg"]


def test_pictures_go_where_they_belong_and_back(clean, people, tmp_path):
    before = {name: (people / name).read_bytes() for name in tree(people)}
    out, dirt = tmp_path / "clean", tmp_path / "dirt"
    places = ("--out", out, "--rejected", dirt)
    result = clean(people, *places, "--json", tmp_path / "r.json", status=1)
    assert tree(out) == BELONG
    assert tree(dirt) == DIRT
    assert "5 kept, 2 rejected" in result.output
    assert "broken.jpg: not an image" in result.output
    assert "loose.jpg: lies in no person's folder" in result.output
    found = json.loads((tmp_path / "r.json").read_text())
    told = {each["picture"]: each for each in found["pictures"]}
    assert told["obama/4.jpg"]["code"] in {"stranger", "other"}
    assert told["biden & son/blank.png"]["code"] == "no face"
    assert told["biden & son/broken.jpg"]["error"].startswith("not an image")
    assert told["obama/1.jpg"]["similarity"] > found["threshold"]
    assert told["obama/1.jpg"]["quality"] > 0
    assert found["duplicates"] == [["biden & son/1.jpg", "biden & son/2.png", "obama/4.jpg"]]
    again = clean(people, *places, status=1)
    assert "0 placed, 7 were there" in again.output
    gone = clean("--undo", out / ".facewise-clean.jsonl")
    assert gone.output.startswith("7 pictures")
    assert tree(out) == tree(dirt) == []
    assert {name: (people / name).read_bytes() for name in tree(people)} == before


def test_duplicates_go_and_links_stand_for_what_stays(clean, people, tmp_path):
    out = tmp_path / "clean"
    options = ("--drop-duplicates", "--how", "symlink")
    clean(people, "--out", out, *options, status=1)
    assert len([name for name in tree(out) if name.startswith("biden")]) == 1
    assert all((out / name).is_symlink() for name in tree(out))
    assert not (tmp_path / "dirt").exists()


def test_the_predecessors_way_with_its_words(clean, people):
    options = ("--method", "agglomerative", "--affinity", "cosine", "--linkage", "average")
    found = clean(people, *options, "--distance-threshold", "0.1", "--json", "-", status=1)
    content = json.loads(found.stdout)
    assert content["threshold"] is None
    bad = {each["picture"]: each["reason"] for each in content["pictures"] if not each["keep"]}
    assert bad["obama/4.jpg"] == "not in the folder's largest cluster"


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["none"], "none: no such folder", 1),
        ([], "name the folder of people", 2),
        (["people", "--out", "people/clean"], "lies in SRC", 1),
        (["people", "--out", "."], "SRC in it", 1),
        (["people", "--out", "a", "--rejected", "a/b"], "one lies in the other", 1),
        (["people", "--report", "people/page.html"], "lies in SRC", 1),
        (["people", "--apply", "x.json"], "say where to place", 2),
        (["people", "--apply", "x.json", "--out", "a"], "no such file of decisions", 1),
        (["--undo", "j", "--out", "a"], "goes without other arguments", 2),
        (["--undo", "j"], "no such journal", 1),
        (["people", "--method", "agglomerative", "--linkage", "ward"], "'euclidean' only", 2),
        (["people", "--threshold", "nan"], "expected a cosine in [-1, 1], got nan", 2),
        (["people", "--threshold", "5"], "expected a cosine in [-1, 1], got 5.0", 2),
        (["people", "--distance-threshold", "nan"], "expected at least 0, got nan", 2),
        (["people", "--out", "a", "--journal", "loose.jpg"], "not a journal of facewise", 1),
        (["people", "--out", "loose.jpg/a"], "loose.jpg is no folder", 1),
        (["people", "--report", "loose.jpg"], "is there, and is no page", 1),
    ],
)
def test_what_cannot_be_is_refused(clean, people, monkeypatch, arguments, said, status):
    monkeypatch.chdir(people.parent)
    shutil.copy("people/loose.jpg", ".")
    result = clean(*arguments, status=status)
    assert said in " ".join(result.output.replace("│", " ").split())
    assert tree(people.parent / "people") == tree(people)


@pytest.fixture
def browser():
    """Chromium, steered by Playwright; or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if not os.path.exists(CHROMIUM):  # noqa: PTH110
        pytest.skip(f"no browser: {CHROMIUM} is not there (FACEWISE_CHROMIUM)")
    with playwright.sync_playwright() as steer:
        opened = steer.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def test_a_click_in_a_browser_overrules(clean, people, tmp_path, browser):
    out, dirt, page = tmp_path / "clean", tmp_path / "dirt", tmp_path / "report" / "page.html"
    places = ("--out", out, "--rejected", dirt)
    clean(people, *places, "--report", page, status=1)
    tab = browser.new_page()
    wrong, asked = [], []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri())
    assert tab.locator("button.tile").count() == 7
    assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 20)")
    blank = tab.locator("button.tile", has_text="blank.png")
    assert "Rejected" in blank.inner_text()
    blank.click()  # kept, with the mouse
    first = tab.locator(".group[data-title='obama'] button.tile").first
    assert "4.jpg" in first.inner_text()
    first.focus()  # with the keyboard: the next one is rejected, and another for a moment
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    tab.keyboard.press("End")
    tab.keyboard.press("Space")
    tab.keyboard.press("Control+z")
    assert tab.locator("#count-overruled").inner_text() == "2"
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export decisions").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "page.decisions.json"
    assert wrong == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    result = clean(people, *places, "--apply", file)
    assert "5 kept, 2 rejected, 2 as you decided" in result.output
    assert tree(dirt) == ["obama/1.jpg", "obama/4.jpg"]
    assert tree(out) == sorted({*BELONG, "biden & son/blank.png"} - {"obama/1.jpg"})
    clean("--undo", out / ".facewise-clean.jsonl")
    assert tree(out) == tree(dirt) == []


def test_decisions_hold_for_the_pictures_they_were_made_on(clean, people, tmp_path):
    names = [["obama/1.jpg", "0" * 64], ["obama/gone.jpg", "0" * 64]]
    content = {
        "format": "facewise decisions",
        "version": 1,
        "kind": "clean",
        "names": {},
        "made": {"source": str(people.resolve()), "pictures": names},
        "choices": {"0": "keep", "1": "keep"},
        "overruled": [],
    }
    file = tmp_path / "d.json"
    out = tmp_path / "clean"

    def applied(status=1, **changes):
        file.write_text(json.dumps(content | changes))
        return clean(people, "--out", out, "--apply", file, status=status).output

    said = applied()
    assert "1.jpg: was changed since the page was made" in said
    assert "gone.jpg: No such file" in said
    assert tree(out) == []
    assert "not on" in applied(made={"source": "/elsewhere", "pictures": names})
    made = content["made"] | {"pictures": [["../../etc/passwd", "0" * 64]] * 2}
    assert "is of no picture" in applied(made=made)
    for name in ("obama/\0.jpg", "obama", "/etc/passwd"):
        made = content["made"] | {"pictures": [[name, "0" * 64]] * 2}
        assert "is of no picture" in applied(made=made)
    for number in ("-1", "00", "2", "\u0661", ""):
        choices = {"0": "keep", "1": "keep", number: "reject"}
        assert "is of no picture" in applied(choices=choices)
    assert "1 pictures have no choice, as 'obama/gone.jpg'" in applied(choices={"0": "keep"})
    made = content["made"] | {"pictures": [names[0], ["obama/gone.jpg"]]}
    assert "expected name and sha256 of picture 1" in applied(made=made)


def test_another_folder_of_people_needs_another_folder(clean, people, tmp_path):
    out = tmp_path / "clean"
    clean(people, "--out", out, status=1)
    before = tree(out)
    shutil.copytree(people, tmp_path / "others")
    said = clean(tmp_path / "others", "--out", out, status=1).output
    assert f"lists what was placed by another run (command clean, source {people}" in said
    assert tree(out) == before


def test_pictures_that_came_since_are_told(clean, people, tmp_path):
    page = tmp_path / "page.html"
    clean(people, "--report", page, status=1)
    about = page.read_text().split('id="about">')[1].split("</script>")[0]
    made = json.loads(about)["made"]
    decided = {str(i): "keep" for i, (_, sha256) in enumerate(made["pictures"]) if sha256}
    content = {"format": "facewise decisions", "version": 1, "kind": "clean", "names": {}}
    file = tmp_path / "d.json"
    file.write_text(json.dumps(content | {"made": made, "choices": decided, "overruled": []}))
    shutil.copy(people / "obama/1.jpg", people / "obama/new.jpg")
    said = clean(people, "--out", tmp_path / "clean", "--apply", file, status=1).output
    assert "new.jpg: is not on the page, so nothing is decided about it" in said
    assert "failed: 1" in said
    assert len(tree(tmp_path / "clean")) == len(decided)
