from __future__ import annotations

import json
import os
import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from facewise import Gallery
from facewise.cli.gallery import app as gallery_app
from facewise.gallery import ModelFacts, NewFace, open_store


@pytest.fixture
def store(facewise: Any, examples: Path, tmp_path: Path) -> Path:
    """A gallery of the example people, with chips."""
    path = tmp_path / "home" / "people.db"
    path.parent.mkdir()
    assert "a new gallery for dlib_resnet29.dlib" in facewise("gallery", "create", path).stdout
    result = facewise("gallery", "enrol", path, examples / "people", "--chips")
    assert (result.stdout, result.stderr) == ("faces added: 3; new people: 2\n", "")
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A gallery that no model is needed for: [b]x[/b] with two faces, and Zoë with one."""
    path = tmp_path / "plain.db"
    with (
        open_store(path, create=ModelFacts({"model": "probe.none"}, 2)) as made,
        made.change() as change,
    ):
        person = change.add_person("[b]x[/b]", consent="door\n[red]")
        change.add_faces(person, [NewFace([1, 0], "1.png#sha256=" + "ab" * 32), NewFace([0, 1])])
        yesterday = date.today() - timedelta(days=1)
        other = change.add_person("Zoë", retain_until=yesterday)
        change.add_faces(other, [NewFace([0.6, 0.8], quality=0.9)])
    return path


def test_from_pictures_to_names_and_back(facewise: Any, store: Path, examples: Path) -> None:
    again = facewise("gallery", "enrol", store, examples / "people", "--json", "-")
    assert json.loads(again.stdout)["skipped"] == 3
    result = facewise("gallery", "identify", store, examples / "photos", "--json", "-")
    content = json.loads(result.stdout)
    assert content["model"] == "dlib_resnet29.dlib"
    assert (content["comparisons"], content["fpir"]) == (3, pytest.approx(0.01))
    found = {Path(image["image"]).stem: image["faces"] for image in content["images"]}
    assert sorted(face["name"] for face in found["montage"]) == ["biden", "obama", "unknown"]
    assert [face["name"] for face in found["astronaut"]] == ["unknown"]
    assert found["obama"][0]["candidates"][0]["name"] == "obama"
    photo = examples / "photos/obama.jpg"
    words = facewise("gallery", "identify", store, photo, "--fpir", "0.001").stdout
    assert "obama" in words
    assert "FPIR 0.001 with 3 comparisons of a face" in words
    assert (
        "far and fpir"
        in facewise(
            "gallery", "identify", store, photo, "--fpir", "0.1", "--far", "0.1", status=2
        ).stderr
    )
    near = json.loads(
        facewise("gallery", "search", store, photo, "--top", "2", "--json", "-").stdout
    )
    assert [c["name"] for c in near["images"][0]["faces"][0]["candidates"]] == ["obama"] * 2
    named = facewise("recognize", photo, "--people", store, "--json", "-")
    assert json.loads(named.stdout)["images"][0]["faces"][0]["name"] == "obama"
    gone = facewise("gallery", "forget", store, "OBAMA", "--yes")
    assert gone.stdout.startswith("people forgotten: 1; faces: 2; chips: 2; cached results: ")
    files = [path for path in store.parent.rglob("*") if path.is_file()]
    assert not any(b"obama" in path.read_bytes() for path in files)
    assert facewise("gallery", "check", store).stdout == "all is well\n"


def test_what_was_not_enrolled_is_listed(
    facewise: Any, store: Path, examples: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"broken")
    montage = examples / "photos/montage.jpg"
    arguments = ["gallery", "enrol", store, broken, montage, examples / "photos/obama.jpg"]
    result = facewise(*arguments, "--name", "[red]B", status=1)
    assert result.stdout == "faces added: 1; new people: 1\n"
    assert "looks like 'obama', similarity 0.9" in result.stderr
    assert result.stderr.endswith(
        "not enrolled: 2\n"
        f"  {broken}: not an image file that Pillow can read\n"
        f"  {montage}: 3 faces, expected one; crop the picture\n"
    )
    content = json.loads(facewise("gallery", "show", store, "[red]b", "--json", "-").stdout)
    assert [face["source"] for face in content["faces"]] == [str(examples / "photos/obama.jpg")]
    # A picture from standard input, with another rule for several faces.
    piped = montage.read_bytes()
    facewise("gallery", "enrol", store, "-", "--name", "Ann", "--select", "largest", input=piped)
    assert "needs --name" in facewise("gallery", "enrol", store, "-", input=piped, status=2).stderr


def test_another_model_is_refused(facewise: Any, plain: Path, examples: Path) -> None:
    photo = examples / "photos/obama.jpg"
    wrong = facewise(
        "gallery", "identify", plain, photo, "--model", "dlib_resnet29.dlib", status=1
    ).stderr
    assert "made with model probe.none" in wrong
    assert "this model has model dlib_resnet29.dlib" in wrong
    unknown = facewise("gallery", "identify", plain, photo, status=1).stderr
    assert "made with probe.none, which cannot be loaded" in unknown


def test_people_are_shown_as_they_are_called(facewise: Any, plain: Path, tmp_path: Path) -> None:
    shown = facewise("gallery", "list", plain).stdout
    assert "#1      [b]x[/b]  2" in shown
    assert "door\\n[red]" in shown
    first = json.loads(facewise("gallery", "list", plain, "--limit", "1", "--json", "-").stdout)
    assert [person["name"] for person in first["people"]] == ["[b]x[/b]"]
    rest = facewise("gallery", "list", plain, "--after", first["next"], "--json", "-").stdout
    assert [person["name"] for person in json.loads(rest)["people"]] == ["Zoë"]
    assert json.loads(rest)["next"] is None
    details = facewise("gallery", "show", plain, "#1").stdout
    assert details.startswith("[b]x[/b] (#1), since ")
    assert "1.png\n" in details
    assert "sha256" not in details
    missing = facewise("gallery", "show", plain, "nobody", status=1).stderr
    assert missing.startswith("error: no person 'nobody' in this gallery")


def test_chips_are_written(facewise: Any, store: Path, tmp_path: Path) -> None:
    facewise("gallery", "show", store, "obama", "--chips", tmp_path / "chips")
    written = sorted((tmp_path / "chips").iterdir())
    assert [path.name for path in written] == ["2.png", "3.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    if os.name == "posix":
        modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "chips", *written)]
        assert modes == [0o700, 0o600, 0o600]
    with Gallery.open(store) as gallery:
        [last] = gallery.audit(1)
    assert (last.action, last.count, last.detail) == ("export", 2, "chips")


def test_no_chips_is_said(facewise: Any, plain: Path, tmp_path: Path) -> None:
    result = facewise("gallery", "show", plain, "#1", "--chips", tmp_path / "chips")
    assert result.stderr == "chips written: 0 of 2 faces\n"


def test_people_are_changed(facewise: Any, plain: Path) -> None:
    assert facewise("gallery", "rename", plain, "zoë", "Zoe").stdout == "renamed: Zoe (#2)\n"
    facewise("gallery", "edit", plain, "Zoe", "--retain-until", "2099-12-31", "--notes", "n")
    content = json.loads(facewise("gallery", "show", plain, "Zoe", "--json", "-").stdout)
    assert (content["retain_until"], content["notes"]) == ("2099-12-31", "n")
    facewise("gallery", "edit", plain, "Zoe", "--retain-always")
    content = json.loads(facewise("gallery", "show", plain, "Zoe", "--json", "-").stdout)
    assert content["retain_until"] is None
    assert "nothing to change" in facewise("gallery", "edit", plain, "Zoe", status=2).stderr
    split = facewise("gallery", "split", plain, "Ann", "--face", "1")
    assert split.stdout == "faces moved to Ann (#3): 1\n"
    merged = facewise("gallery", "merge", plain, "Ann", "Zoe")
    assert merged.stdout == "faces moved to Zoe (#2): 1\n"
    content = json.loads(facewise("gallery", "list", plain, "--json", "-").stdout)
    assert [(p["name"], p["faces"]) for p in content["people"]] == [("[b]x[/b]", 1), ("Zoe", 2)]


def test_forgetting_asks(facewise: Any, plain: Path) -> None:
    asked = facewise("gallery", "forget", plain, "Zoë", input=b"n\n", status=1)
    assert "forget Zoë (#2) with 1 faces?" in asked.stderr
    facewise("gallery", "forget", plain, "Zoë", status=1)  # nobody answers
    assert "Zoë" in facewise("gallery", "list", plain).stdout
    facewise("gallery", "forget", plain, "Zoë", input=b"y\n")
    facewise("gallery", "forget", plain, "--face", "2", "--yes")
    content = json.loads(facewise("gallery", "list", plain, "--json", "-").stdout)
    assert [(p["name"], p["faces"]) for p in content["people"]] == [("[b]x[/b]", 1)]
    assert "whom?" in facewise("gallery", "forget", plain, status=2).stderr


def test_who_is_expired_is_purged(facewise: Any, plain: Path) -> None:
    shown = facewise("gallery", "purge-expired", plain, "--dry-run").stdout
    assert "Zoë" in shown
    assert "[b]x[/b]" not in shown
    gone = json.loads(facewise("gallery", "purge-expired", plain, "--json", "-").stdout)
    assert (gone["people"], gone["faces"]) == ([2], 1)
    assert "Zoë" not in facewise("gallery", "list", plain).stdout


def test_upkeep(facewise: Any, plain: Path) -> None:
    content = json.loads(facewise("gallery", "stats", plain, "--json", "-").stdout)
    assert (content["people"], content["faces"], content["embedding_size"]) == (2, 3, 2)
    assert "recall@1 1.0000" in facewise("gallery", "stats", plain).stdout
    assert facewise("gallery", "rebuild-index", plain).stdout == "index made anew: 3 faces\n"
    checked = facewise("gallery", "check", plain, "--json", "-").stdout
    assert json.loads(checked) == {"problems": [], "notes": []}


def test_a_new_name_is_no_damage(facewise: Any, plain: Path) -> None:
    facewise("gallery", "rename", plain, "zoë", "Zoe")
    checked = facewise("gallery", "check", plain).stdout
    assert checked.startswith("all is well\nnote: names or texts that were changed are not erased")
    facewise("gallery", "forget", plain, "--face", "2", "--yes")
    assert facewise("gallery", "check", plain).stdout == "all is well\n"


def test_nothing_is_overwritten(facewise: Any, plain: Path, tmp_path: Path) -> None:
    before = plain.read_bytes()
    for url in (plain, f"sqlite:///{plain}"):
        result = facewise("gallery", "list", url, "--json", plain, status=1)
        assert "would overwrite" in result.stderr
    assert "error: " in facewise("gallery", "create", plain, status=1).stderr
    assert plain.read_bytes() == before
    missing = facewise("gallery", "list", tmp_path / "none.db", status=1).stderr
    assert "no such gallery" in missing
    shutil.copy(Path(__file__), tmp_path / "text.db")
    assert (
        str(tmp_path / "text.db")
        in facewise("gallery", "list", tmp_path / "text.db", status=1).stderr
    )


def test_every_command_is_in_the_documentation() -> None:
    docs = Path(__file__).parents[2] / "docs/command-line.md"
    rows = re.findall(r"^\| `([a-z-]+) STORE", docs.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [command.name for command in gallery_app.registered_commands]
