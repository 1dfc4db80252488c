from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facewise
from byte_search import forms
from cell_probe import CELL, CellDetector, colour_embedder, save_cells
from facewise import Gallery
from facewise.embedding import Embedder
from facewise.errors import FacewiseError, GalleryError, ModelError, ModelMismatchError
from facewise.gallery import EnrolOptions, ModelFacts, NewFace, enrolling, open_store
from facewise.gallery.thresholds import far_for, fpir_of, search_threshold

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)
ROSE = (255, 60, 60)  # 0.94 from red


def cells(path: Path, *colours: tuple[int, int, int]) -> Path:
    """A picture with one cell of each colour."""
    return save_cells(path, colours)


def embedder(weight_hash: str = "ab" * 32) -> Embedder:
    return colour_embedder(weight_hash, fars=(1e-2, 1e-4))


def detector() -> CellDetector:
    return CellDetector(0.99)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FACEWISE_CACHE", str(folder))
    return folder


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Of colours, in people.db."""
    url = tmp_path / "home" / "people.db"
    url.parent.mkdir()
    with Gallery.create(url, embedder(), detector=detector()) as made:
        yield made


def again(gallery: Gallery) -> Gallery:
    """The same gallery, opened a second time."""
    return Gallery.open(gallery.store.url, embedder(), detector=detector())


def names(gallery: Gallery) -> dict[str, int]:
    return {row.person.name: row.faces for row in gallery.list()}


def test_the_example_people(tmp_path: Path, examples: Path, cache: Path) -> None:
    url = tmp_path / "people.db"
    with Gallery.create(url) as gallery:
        first = gallery.enrol(examples / "people", options=EnrolOptions(chips=True))
        assert (sorted(first.people.values()), first.faces) == (["biden", "obama"], 3)
        assert first.remarks == ()
    with Gallery.open(url) as gallery:  # with the model it was made with
        assert gallery.embedder.spec.id == "dlib_resnet29.dlib"
        second = gallery.enrol(examples / "people")
        assert (second.people, second.faces, second.skipped) == ({}, 0, 3)
        found = gallery.identify(examples / "photos")
        assert (found.threshold.comparisons, round(found.threshold.fpir or 0, 9)) == (3, 0.01)
        in_order = {
            Path(photo.image).stem: photo.faces.data["name"][photo.faces.boxes[:, 0].argsort()]
            for photo in found.images
        }
        assert {key: value.tolist() for key, value in in_order.items()} == {
            "astronaut": ["unknown"],
            "montage": ["obama", "biden", "unknown"],
            "obama": ["obama"],
        }
        details = gallery.show("OBAMA")
        vectors = gallery.store.vectors_of([face.id for face in details.faces]).vectors
        chip = gallery.store.chip(details.faces[0].id)
        assert chip is not None
        assert chip[:8] == b"\x89PNG\r\n\x1a\n"
        every = [forms(vector) for vector in vectors]
        needles = [text for some in every for text in some.values()]
        texts = [b"obama", chip[:200], details.faces[0].source.encode()]
        for some in every:  # the graph, which a small gallery has not, has int8
            assert _holds(tmp_path, some["float32"])
            assert _holds(tmp_path, some["bfloat16"])
        assert all(_holds(tmp_path, text) for text in texts)
        assert _holds(cache, every[0]["float32"])
        needles += texts
        gone = gallery.forget("obama")
        # Both pictures, and the two photos that show him: their results had a face like his.
        assert (gone.faces, gone.chips, gone.cached_results) == (2, 2, 4)
        assert not any(_holds(folder, n) for n in needles for folder in (tmp_path, cache))
        assert [
            photo.faces.data["name"].tolist()
            for photo in gallery.identify(examples / "photos/obama.jpg").images
        ] == [["unknown"]]
        assert gallery.check() == []
    assert not any(_holds(tmp_path, needle) for needle in needles)


def _holds(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_another_model_is_refused_by_name(gallery: Gallery) -> None:
    with pytest.raises(ModelMismatchError, match=r"weights abab.*weights cdcd"):
        Gallery.open(gallery.store.url, embedder("cd" * 32))
    with pytest.raises(ModelMismatchError, match=r"model probe.colour.*model dlib_resnet29.dlib"):
        Gallery.open(gallery.store.url, facewise.load_embedder())
    with Gallery.open(gallery.store.url) as unknown, pytest.raises(ModelError, match="--model"):
        _ = unknown.embedder


def test_a_batch_goes_on_past_what_cannot_be_used(gallery: Gallery, tmp_path: Path) -> None:
    people = tmp_path / "people"
    cells(people / "ann" / "1.png", RED)
    (people / "ann" / "2.png").write_bytes(b"broken")
    cells(people / "ann" / "3.png", BLACK)
    cells(people / "ann" / "4.png", RED, GREEN)
    cells(people / "unknown.png", RED)
    cells(people / "zoe.png", BLUE)
    result = gallery.enrol(people)
    assert names(gallery) == {"ann": 1, "zoe": 1}
    assert [(Path(r.picture).name, r.kind) for r in result.failed] == [
        ("unknown.png", "name"),
        ("2.png", "picture"),
        ("3.png", "faces"),
        ("4.png", "faces"),
    ]
    assert {(Path(r.picture).name, r.kind) for r in result.warnings} == {
        ("1.png", "quality"),
        ("zoe.png", "quality"),
    }
    assert "20 pixels wide" in result.warnings[0].text
    chosen = gallery.enrol(people / "ann", "ann", EnrolOptions(select="largest"))
    assert (chosen.faces, chosen.skipped) == (1, 1)  # 4.png now counts, 1.png is there


def test_an_interrupted_run_goes_on(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolling, "TOGETHER", 2)
    for i in range(7):
        cells(tmp_path / "people" / f"p{i % 3}" / f"{i}.png", (255, 20 * i, 0))

    def stop(done: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gallery.enrol(tmp_path / "people", options=EnrolOptions(done=stop))
    before = gallery.store.counts().faces
    assert before == 4  # two transactions
    rest = gallery.enrol(tmp_path / "people")
    assert (rest.faces, rest.skipped) == (7 - before, before)
    shutil.copy(tmp_path / "people/p0/0.png", tmp_path / "copy.png")
    assert gallery.enrol(tmp_path / "copy.png", "P0").skipped == 1  # known by its content
    assert names(gallery) == {"p0": 3, "p1": 2, "p2": 2}


def test_two_at_once_enrol_each_picture_once(gallery: Gallery, tmp_path: Path) -> None:
    picture = cells(tmp_path / "1.png", RED)

    def other(done: int) -> None:
        with again(gallery) as second:
            second.enrol(picture, "ann")

    # The other one is faster: it enrols between our look and our transaction.
    result = gallery.enrol(
        [picture, cells(tmp_path / "2.png", ROSE)], "Ann", EnrolOptions(done=other)
    )
    assert (result.faces, result.skipped) == (1, 1)
    assert names(gallery) == {"ann": 2}


def test_somebody_elses_face(gallery: Gallery, tmp_path: Path) -> None:
    gallery.enrol(cells(tmp_path / "1.png", RED), "ann")
    result = gallery.enrol(cells(tmp_path / "2.png", ROSE), "ann")
    assert not [r for r in result.remarks if r.kind == "someone else"]  # herself
    cells(tmp_path / "more" / "ben.png", (255, 30, 0))
    cells(tmp_path / "more" / "cleo.png", BLUE)
    cells(tmp_path / "more" / "dora.png", (0, 30, 255))
    result = gallery.enrol(tmp_path / "more")
    assert result.faces == 3  # a warning, no more
    looks = {r.person: r.text for r in result.warnings if r.kind == "someone else"}
    assert list(looks) == ["ben", "dora"]
    assert "looks like 'ann', similarity 0.993" in looks["ben"]
    assert "looks like 'cleo', similarity 0.993" in looks["dora"]  # of the same run


def test_pictures_without_a_name(gallery: Gallery) -> None:
    with pytest.raises(FacewiseError, match="whose picture"):
        gallery.enrol(np.zeros((CELL, CELL, 3), np.uint8))
    with pytest.raises(FacewiseError, match="no such folder"):
        gallery.enrol("no/such/folder")
    lit = np.full((CELL, CELL, 3), 255, np.uint8)
    assert gallery.enrol([lit, lit.copy()], "ann").skipped == 1  # the same pixels


def test_copies_of_a_picture_share_its_fate(gallery: Gallery, tmp_path: Path) -> None:
    """A copy of a picture that failed is not "enrolled already"; of one that did not, it is."""
    people = tmp_path / "people"
    for name, colours in (("1", [BLACK]), ("2", [RED]), ("3", [RED, GREEN])):
        cells(people / "ann" / f"{name}.png", *colours)
        shutil.copy(people / "ann" / f"{name}.png", people / "ann" / f"{name} (copy).png")
    result = gallery.enrol(people)
    assert (result.faces, result.skipped, len(result.warnings)) == (1, 1, 1)
    assert sorted(Path(r.picture).name for r in result.failed) == [
        *("1 (copy).png", "1.png", "3 (copy).png", "3.png")
    ]
    again = gallery.enrol(people)
    assert (again.faces, again.skipped, len(again.failed)) == (0, 2, 4)


def test_consent_and_retention_of_who_is_there_already(gallery: Gallery, tmp_path: Path) -> None:
    picture = cells(tmp_path / "1.png", RED)
    gallery.enrol(picture, "ann", EnrolOptions(consent="door"))
    gallery.enrol(picture, "ann", EnrolOptions(retain_until=date(2030, 1, 31)))
    person = gallery.show("ann").person
    assert (person.consent, person.retain_until) == ("door", date(2030, 1, 31))


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE people; --", "../../etc", "[red]x[/red]", "%", "#1st"]
)
def test_any_name_is_only_a_name(gallery: Gallery, tmp_path: Path, name: str) -> None:
    gallery.enrol(cells(tmp_path / "1.png", RED), "ann")
    gallery.enrol(cells(tmp_path / "2.png", BLUE), name)
    assert gallery.show(name).person.id == 2
    assert gallery.rename("ann", f"{name} too").id == 1
    assert gallery.forget(name).faces == 1
    assert names(gallery) == {f"{name} too": 1}
    assert gallery.check() == []


# Identification


@pytest.mark.parametrize("n", [1, 2, 100, 10_000, 10_000_000])
@pytest.mark.parametrize("fpir", [1e-4, 0.01, 0.5])
def test_fpir_and_far(n: int, fpir: float) -> None:
    far = far_for(fpir, n)
    assert math.isclose(fpir_of(far, n), fpir, rel_tol=1e-9)
    assert fpir / n <= far <= fpir * (1 + 1e-9)  # never above the wish, nor below Bonferroni's
    assert math.isclose(1 - (1 - far) ** n, fpir, rel_tol=1e-4)  # which rounds


def test_the_threshold_rises_with_the_gallery() -> None:
    spec = embedder().spec
    small, large = (search_threshold(spec, n) for n in (2, 90))
    assert small.value < large.value
    assert (small.fpir, large.note) == (pytest.approx(0.01), "")
    huge = search_threshold(spec, 10_000)
    assert (huge.far, huge.value) == (1e-4, 0.9)
    assert huge.fpir == pytest.approx(1 - (1 - 1e-4) ** 10_000)
    assert "FPIR 0.01 with 10,000 comparisons needs FAR 1e-06 of each" in huge.note
    loose = search_threshold(spec, 1, fpir=0.5)
    assert (loose.far, loose.value) == (1e-2, 0.8)
    assert "highest FAR" in loose.note
    assert search_threshold(spec, 10_000, far=1e-3).far == 1e-3  # taken as it is
    assert search_threshold(spec, 5, threshold=0.5).fpir is None
    with pytest.raises(ValueError, match="give one of them"):
        search_threshold(spec, 5, far=1e-3, fpir=0.1)
    with pytest.raises(ValueError, match="fpir: expected a rate"):
        search_threshold(spec, 5, fpir=1.0)


def test_identify(gallery: Gallery, tmp_path: Path) -> None:
    photo = cells(tmp_path / "photo.png", BLUE, ROSE, GREEN)
    with pytest.raises(GalleryError, match="nobody is enrolled"):
        gallery.identify(photo)
    gallery.enrol(cells(tmp_path / "1.png", RED), "ann")
    gallery.enrol(cells(tmp_path / "2.png", BLUE), "ben")
    (tmp_path / "broken.png").write_bytes(b"broken")
    found = gallery.identify([photo, tmp_path / "broken.png", cells(tmp_path / "no.png", BLACK)])
    first, broken, nobody = found.images
    assert first.faces.data["name"].tolist() == ["ben", "ann", "unknown"]
    assert [some[0].name for some in first.candidates][:2] == ["ben", "ann"]
    assert [len(some) for some in first.candidates] == [2, 2, 2]
    assert "not an image file" in (broken.error or "")
    assert (len(nobody.faces), nobody.error) == (0, None)
    content = found.to_dict()
    assert [face["person_id"] for face in content["images"][0]["faces"]] == [2, 1, None]
    assert content["far"] == pytest.approx(far_for(0.01, 2))
    with pytest.raises(ValueError, match="template: expected one of"):
        gallery.identify(photo, template="median")  # type: ignore[arg-type]
    strict = gallery.identify(photo, gallery.threshold(threshold=0.999))
    assert strict.images[0].faces.data["name"].tolist() == ["ben", "unknown", "unknown"]


def test_search(gallery: Gallery, tmp_path: Path) -> None:
    gallery.enrol([cells(tmp_path / "1.png", RED), cells(tmp_path / "2.png", ROSE)], "ann")
    gallery.enrol(cells(tmp_path / "3.png", BLUE), "ben")
    probe = cells(tmp_path / "probe.png", (255, 10, 10))
    [photo] = gallery.search(probe)
    assert [(c.name, Path(c.source).name) for c in photo.candidates[0]] == [
        ("ann", "1.png"),
        ("ann", "2.png"),
        ("ben", "3.png"),
    ]
    [photo] = gallery.search(probe, 2, people=True)
    assert [c.name for c in photo.candidates[0]] == ["ann", "ben"]
    assert "name" not in photo.to_dict()["faces"][0]


def test_templates_are_what_they_say(tmp_path: Path, rng: np.random.Generator) -> None:
    facts = ModelFacts({"model": "probe.random"}, 16)
    vectors = rng.standard_normal((60, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    owners = rng.integers(0, 12, 60)
    qualities = rng.uniform(0, 1, 60)
    probes = vectors[:5] + rng.normal(0, 0.2, (5, 16)).astype(np.float32)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    with Gallery(open_store(tmp_path / "p.db", create=facts)) as gallery:
        with gallery.store.change() as change:
            for owner in range(12):
                person = change.add_person(f"p{owner}")
                own = np.flatnonzero(owners == owner)
                change.add_faces(
                    person, [NewFace(vectors[i], quality=float(qualities[i])) for i in own]
                )
        for template, weights in (("mean", np.ones(60)), ("quality", np.maximum(qualities, 1e-3))):
            means = np.stack(
                [(vectors * (weights * (owners == o))[:, None]).sum(axis=0) for o in range(12)]
            )
            means /= np.linalg.norm(means, axis=1, keepdims=True)
            _same(gallery, probes, template, probes @ means.T)
        best = np.stack([(probes @ vectors[owners == o].T).max(axis=1) for o in range(12)], axis=1)
        _same(gallery, probes, "best", best)


def _same(gallery: Gallery, probes: Any, template: Any, expected: Any) -> None:
    found = gallery.candidates(probes, 3, template=template)
    for row, some in enumerate(found):
        order = np.argsort(-expected[row])[:3]
        assert [c.name for c in some] == [f"p{o}" for o in order], template
        np.testing.assert_allclose([c.similarity for c in some], expected[row, order], atol=1e-5)


def test_people_for_recognize(gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="nobody is enrolled"):
        gallery.people()
    gallery.enrol([cells(tmp_path / "1.png", RED), cells(tmp_path / "2.png", GREEN)], "ann")
    gallery.enrol(cells(tmp_path / "3.png", BLUE), "ben")
    people = gallery.people()
    people.require(gallery.embedder)
    assert people.names == ("ann", "ben")
    np.testing.assert_allclose(people.templates, [[0.5**0.5, 0.5**0.5, 0], [0, 0, 1]], atol=1e-6)


# Changes


def test_merge_and_split(gallery: Gallery, tmp_path: Path) -> None:
    photo = cells(tmp_path / "photo.png", RED)
    gallery.enrol(
        cells(tmp_path / "1.png", RED),
        "ann",
        EnrolOptions(consent="door", retain_until=date(2030, 1, 1)),
    )
    gallery.enrol(
        cells(tmp_path / "2.png", BLUE), "ben", EnrolOptions(retain_until=date(2031, 1, 1))
    )
    kept, moved = gallery.merge("ann", "ben")
    assert (kept.name, moved) == ("ben", 1)
    assert (kept.consent, kept.retain_until) == ("door", date(2030, 1, 1))
    assert names(gallery) == {"ben": 2}
    best = gallery.identify(photo, template="best")
    assert best.images[0].faces.data["name"].tolist() == ["ben"]  # the index knows it too
    with pytest.raises(GalleryError, match="same person"):
        gallery.merge("ben", "#2")
    red = gallery.show("ben").faces[0].id
    new = gallery.split([red], "ann again")
    assert (new.consent, new.retain_until) == ("door", date(2030, 1, 1))
    assert names(gallery) == {"ben": 1, "ann again": 1}
    assert gallery.identify(photo).images[0].faces.data["name"].tolist() == ["ann again"]
    with pytest.raises(GalleryError, match="all faces of 'ben'"):
        gallery.split([face.id for face in gallery.show("ben").faces], "cleo")
    with pytest.raises(GalleryError, match="of one person"):
        gallery.split([1, 2], "cleo")
    with pytest.raises(GalleryError, match="no face 77"):
        gallery.split([77], "cleo")


def test_the_audit_log_has_no_names(gallery: Gallery, tmp_path: Path) -> None:
    picture = cells(tmp_path / "1.png", RED)
    gallery.enrol([picture, cells(tmp_path / "2.png", ROSE)], "Rumpelstilzchen")
    gallery.identify(picture)
    gallery.search(picture)
    gallery.candidates(np.eye(3, dtype=np.float32)[:2])
    gallery.split([gallery.show(1).faces[0].id], "Dornröschen")
    gallery.rename("Dornröschen", "Aschenputtel")
    gallery.merge("Aschenputtel", "Rumpelstilzchen")
    gallery.people()
    gallery.forget("Rumpelstilzchen")
    entries = gallery.audit()
    assert [entry.action for entry in reversed(entries)] == [
        *("enrol", "identify", "search", "search", "split", "rename", "merge", "recognize"),
        *("forget", "erase"),
    ]
    assert [entry.count for entry in entries if entry.action in ("enrol", "forget")] == [2, 2]
    assert [entry.count for entry in entries if entry.action == "search"] == [2, 1]
    text = repr(entries)
    assert not any(name in text for name in ("Rumpel", "Dorn", "Aschen", "png"))


def test_forget_single_faces(gallery: Gallery, tmp_path: Path) -> None:
    gallery.enrol([cells(tmp_path / "1.png", RED), cells(tmp_path / "2.png", (90, 33, 201))], "ann")
    violet = gallery.show("ann").faces[1].id
    vector = gallery.store.vectors_of([violet]).vectors[0].tobytes()
    assert _holds(tmp_path / "home", vector)
    with pytest.raises(GalleryError, match="no face 99"):
        gallery.forget(faces=[violet, 99])
    assert names(gallery) == {"ann": 2}  # nothing was removed
    assert gallery.forget(faces=[violet]).faces == 1
    assert names(gallery) == {"ann": 1}
    assert not _holds(tmp_path / "home", vector)
    with pytest.raises(GalleryError, match="no person 'ben'"):
        gallery.forget("ben")


def test_forgetting_is_completed(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.enrol(cells(tmp_path / "1.png", (90, 33, 201)), "ann")
    gallery.enrol(cells(tmp_path / "2.png", RED), "ben")
    vector = gallery.store.vectors_of([1]).vectors[0].tobytes()
    with monkeypatch.context() as patch:
        patch.setattr(type(gallery.store), "erase", _killed)
        with pytest.raises(KeyboardInterrupt):
            gallery.forget("ann")
    assert names(gallery) == {"ben": 1}
    assert any("not erased yet" in problem for problem in gallery.check())
    with pytest.raises(GalleryError, match="no person 'ann'"):
        gallery.forget("ann")
    assert gallery.check() == []
    assert not _holds(tmp_path / "home", vector)


def _killed(_: Any) -> None:
    raise KeyboardInterrupt


def test_without_thresholds_all_cached_results_go(gallery: Gallery, tmp_path: Path) -> None:
    gallery.enrol(cells(tmp_path / "1.png", RED), "ann")  # by a model that the zoo has not
    gallery.enrol(cells(tmp_path / "2.png", BLUE), "ben")
    assert gallery.forget("ann").cached_results == 2
    assert gallery.forget("ben").cached_results == 0


def test_who_is_forgotten_elsewhere_is_gone_here(gallery: Gallery, tmp_path: Path) -> None:
    picture = cells(tmp_path / "1.png", RED)
    gallery.enrol(picture, "ann")
    gallery.enrol(cells(tmp_path / "2.png", BLUE), "ben")
    assert gallery.identify(picture).images[0].faces.data["name"].tolist() == ["ann"]
    with again(gallery) as other:
        other.forget("ann")
    found = gallery.identify(picture).images[0]
    assert found.faces.data["name"].tolist() == ["unknown"]
    assert [c.name for c in found.candidates[0]] == ["ben"]


def test_purge_expired(gallery: Gallery, tmp_path: Path) -> None:
    days = {"ann": date(2026, 3, 1), "ben": date(2026, 3, 2), "cleo": None}
    for i, (name, last) in enumerate(days.items()):
        picture = cells(tmp_path / f"{i}.png", (255, 50 * i, 0))
        gallery.enrol(picture, name, EnrolOptions(retain_until=last))
    assert gallery.purge_expired(date(2026, 3, 1)).people == ()  # the last day is a day to keep
    assert [person.name for person in gallery.expired(date(2026, 3, 2))] == ["ann"]
    assert gallery.purge_expired(date(2026, 3, 2)).faces == 1
    assert names(gallery) == {"ben": 1, "cleo": 1}
    assert [entry.action for entry in gallery.audit(2)] == ["erase", "purge-expired"]


def test_stats_and_index(gallery: Gallery, tmp_path: Path) -> None:
    gallery.enrol(cells(tmp_path / "1.png", RED), "ann")
    found = gallery.stats().to_dict()
    assert (found["people"], found["faces"], found["chips"]) == (1, 1, 0)
    assert found["index"]["faces"] == 1
    folder = tmp_path / "home" / "people.db.index"
    for path in folder.iterdir():
        path.write_bytes(b"damaged")
    with again(gallery) as other:  # a damaged index is made anew
        picture = tmp_path / "1.png"
        assert other.identify(picture).images[0].faces.data["name"].tolist() == ["ann"]
        other.rebuild_index()
        assert other.check() == []
