from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from facewise import Gallery


@pytest.fixture
def photos(tmp_path: Path, examples: Path) -> Path:
    folder = tmp_path / "photos"
    shutil.copytree(examples / "photos", folder)
    for name in ("biden", "obama"):
        for path in (examples / "people" / name).iterdir():
            shutil.copy(path, folder / f"{name}-{path.name}")
    return folder


def tree(folder: Path) -> set[str]:
    found = (p for p in folder.rglob("*") if p.is_file() or p.is_symlink())
    return {str(p.relative_to(folder)) for p in found if not p.name.startswith(".")}


def test_from_photos_to_named_folders_and_a_gallery(
    facewise: Any, photos: Path, tmp_path: Path
) -> None:
    before = {p.name: p.read_bytes() for p in photos.iterdir()}
    album, out, store = tmp_path / "p.album", tmp_path / "people", tmp_path / "people.db"
    result = facewise(
        "cluster", photos, "--album", album, "--out", out, "--gallery", store, "--json", "-"
    )
    content = json.loads(result.stdout)
    people = {
        p["id"]: sorted(Path(f["files"][0]).name for f in p["faces"]) for p in content["people"]
    }
    assert sorted(people.values()) == [
        ["astronaut.jpg", "montage.jpg"],
        ["biden-1.jpg", "montage.jpg"],
        ["montage.jpg", "obama-1.jpg", "obama-2.jpg", "obama.jpg"],
    ]
    assert (content["strangers"], content["problems"]) == (0, [])
    assert content["limits"]["large"] < content["limits"]["pair"]
    assert tree(out) == {f"person {i}/{name}" for i, names in people.items() for name in names}
    obama = next(i for i, names in people.items() if len(names) == 4)

    facewise("cluster", "name", obama, "Barack Obama", "--album", album)
    again = facewise("cluster", photos, "--album", album, "--out", out, "--gallery", store)
    assert f"#{obama}  4 faces  Barack Obama\n" in again.stdout
    assert "0 new faces" in again.stdout
    assert (out / "Barack Obama/obama-2.jpg").read_bytes() == before["obama-2.jpg"]
    assert not (out / f"person {obama}").exists()
    with Gallery.open(store) as gallery:
        found = {each.person.name: each.faces for each in gallery.list()}
    assert found == {("Barack Obama" if i == obama else f"person {i}"): len(n)
                     for i, n in people.items()}  # fmt: skip
    assert {p.name: p.read_bytes() for p in photos.iterdir()} == before
    facewise("cluster", "undo", out)
    assert not out.exists() or tree(out) == set()

    facewise("cluster", "name", obama, "Barack", "--album", album)
    faces = [face["id"] for p in content["people"] if p["id"] == obama for face in p["faces"]]
    facewise("cluster", "--album", album, "--gallery", store)
    with Gallery.open(store) as gallery:  # it is the same person, under the new name
        assert {each.person.name: each.faces for each in gallery.list()}["Barack"] == 4
        assert len(list(gallery.list())) == 3
    assert "names or texts that were changed" in facewise("gallery", "check", store).output

    facewise("cluster", "split", "Barack", faces[0], "--name", "Twin", "--album", album)
    facewise("cluster", "leave-out", faces[1], "--album", album)
    facewise("cluster", "--album", album, "--gallery", store, "--min-faces", 1)
    with Gallery.open(store) as gallery:
        found = {each.person.name: each.faces for each in gallery.list()}
        assert (found["Barack"], found["Twin"], len(found)) == (2, 1, 4)
        assert gallery.check() == []
    facewise("cluster", "merge", "Barack", "Twin", "--name", "Barack", "--album", album)
    facewise("cluster", "--album", album, "--gallery", store)
    with Gallery.open(store) as gallery:
        found = {each.person.name: each.faces for each in gallery.list()}
        assert (found["Barack"], len(found)) == (3, 3)
    facewise("gallery", "enrol", store, "--name", "Potus", photos / "biden-1.jpg")
    facewise("cluster", "name", obama, "Potus", "--album", album)
    said = facewise("cluster", "--album", album, "--gallery", store, status=1).stderr
    assert "has 'Barack', made for cluster" in said
    assert "facewise gallery merge" in said


def test_no_album_is_made_by_mistake(facewise: Any, photos: Path, tmp_path: Path) -> None:
    said = facewise("cluster", tmp_path / "typo", "--album", tmp_path / "a.album", status=1).stderr
    assert f"{tmp_path}/typo: no such file" in said
    said = facewise("cluster", photos, "--album", photos / "1.jpg", status=2).stderr
    assert "has the name of a picture" in " ".join(said.split())
    (tmp_path / "p.html").write_text("notes")
    said = facewise("cluster", photos, "--page", tmp_path / "p.html", status=1).stderr
    assert "p.html: is there, and is no page" in said
    assert not list(tmp_path.rglob("*.album"))


def test_new_photos_join_and_failures_are_listed(
    facewise: Any, photos: Path, tmp_path: Path
) -> None:
    album = tmp_path / "p.album"
    (photos / "broken.jpg").write_bytes(b"broken")
    some = [photos / "obama-1.jpg", photos / "obama-2.jpg"]
    facewise("cluster", *some, "--album", album)
    result = facewise("cluster", photos, "--album", album, "--as", "symlink", "--out",
                      tmp_path / "out", status=1)  # fmt: skip
    assert "#1  4 faces  person 1\n" in result.stdout
    broken = f"{photos / 'broken.jpg'}: not an image file that Pillow can read"
    assert result.stderr.endswith(f"problems: 1\n  {broken}\n")
    link = tmp_path / "out/person 1/obama.jpg"
    assert link.is_symlink()
    assert link.resolve() == (photos / "obama.jpg").resolve()


def test_the_people_of_an_album_by_commands(facewise: Any, photos: Path, tmp_path: Path) -> None:
    album = ["--album", tmp_path / "p.album"]
    facewise("cluster", photos, *album)
    people = json.loads(facewise("cluster", "list", *album, "--json", "-").stdout)["people"]
    largest = max(people, key=lambda p: len(p["faces"]))
    others = [p["id"] for p in people if p is not largest]
    shown = facewise("cluster", "show", f"#{largest['id']}", *album).stdout
    assert all(f"face {face['id']} " in shown for face in largest["faces"])
    out = facewise("cluster", "split", largest["id"], largest["faces"][0]["id"], *album,
                   "--name", "Ann").stdout  # fmt: skip
    assert ": 1 faces" in out
    facewise("cluster", photos, *album)
    assert "1 faces  Ann" in facewise("cluster", "list", *album).stdout  # the split stays
    facewise("cluster", "merge", largest["id"], "ann", *album)
    assert "4 faces  Ann" in facewise("cluster", "list", *album).stdout
    facewise("cluster", "apart", *others, *album)
    facewise("cluster", "leave-out", people[-1]["faces"][0]["id"], *album)
    result = facewise("cluster", "name", "nobody", "x", *album, status=1)
    assert result.stderr.startswith("error: ")
    assert "nobody is called 'nobody'" in result.stderr


def test_what_cannot_be(facewise: Any, photos: Path, tmp_path: Path) -> None:
    album = tmp_path / "p.album"
    result = facewise("cluster", "list", "--album", album, status=1)
    assert "no such album" in result.stderr
    result = facewise("cluster", photos, "--album", photos / "obama.jpg", status=1)
    assert "would overwrite" in result.stderr
    result = facewise("cluster", photos, "--album", album, "--out", tmp_path, status=1)
    assert "the photos lie in it" in result.stderr
    result = facewise("cluster", photos, "--album", album, "--page", photos / "p.html", status=1)
    assert "lies among the images" in result.stderr
    assert not album.exists()
    facewise("cluster", photos, "--album", album, "--threshold", "0.9", "--far", "0.1", status=2)
    assert "Sort photos" in facewise("cluster", "--help").stdout
