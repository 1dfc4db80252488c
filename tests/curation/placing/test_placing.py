"""Copies and links come where they are wanted, over nothing, and go again."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from facewise.curation.placing import Placement, place, read_journal, safe_name, undo
from facewise.curation.placing import placing as module
from facewise.errors import CurationError


@pytest.fixture
def source(tmp_path):
    for name in ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg"):
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    return tmp_path / "src"


def plan(source, target, names=("ann/1.jpg", "ann/2.jpg", "bob/1.jpg")):
    return [Placement(source / name, target / name) for name in names]


def tree(folder):
    """Every path below a folder with its content; None of folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("how", ["copy", "symlink", "hardlink"])
def test_a_plan_is_carried_out_and_undone_without_a_trace(source, tmp_path, how):
    before = tree(source)
    journal, out = tmp_path / "out" / ".journal", tmp_path / "out"
    counts = []
    done = place(plan(source, out), journal, how=how, made={"run": 7}, report=counts.append)
    assert (done.made, done.kept, done.removed, done.problems) == (3, 0, 0, [])
    assert counts == [3]
    assert {k: v for k, v in tree(out).items() if k != ".journal"} == before
    links = {path.is_symlink() for path in out.rglob("*.jpg")}
    assert links == {how == "symlink"}
    assert (out / "ann/1.jpg").samefile(source / "ann/1.jpg") == (how != "copy")
    assert read_journal(journal)[0]["made"] == {"run": 7}
    again = place(plan(source, out), journal, how=how)
    assert (again.made, again.kept, again.problems) == (0, 3, [])
    gone = undo(journal)
    assert (gone.removed, gone.left) == (3, [])
    assert tree(source) == before
    # The folder of the journal itself was made by who made the journal.
    assert tree(out) == {}


def test_other_decisions_move_what_was_placed(source, tmp_path):
    journal, clean, dirt = tmp_path / "j", tmp_path / "clean", tmp_path / "dirt"
    first = [*plan(source, clean, ["ann/1.jpg", "ann/2.jpg"]), *plan(source, dirt, ["bob/1.jpg"])]
    place(first, journal)
    second = [*plan(source, clean, ["ann/1.jpg"]), *plan(source, dirt, ["ann/2.jpg"])]
    done = place(second, journal)
    assert (done.made, done.kept, done.removed, done.problems) == (1, 1, 2, [])
    assert sorted(tree(clean)) == ["ann", "ann/1.jpg"]
    assert sorted(tree(dirt)) == ["ann", "ann/2.jpg"]
    undo(journal)
    assert not clean.exists()
    assert not dirt.exists()


def test_links_become_copies_when_they_are_asked_for(source, tmp_path):
    journal, out = tmp_path / "j", tmp_path / "out"
    place(plan(source, out), journal, how="symlink")
    done = place(plan(source, out), journal, how="copy")
    assert (done.made, done.removed, done.problems) == (3, 3, [])
    assert not any(path.is_symlink() for path in out.rglob("*.jpg"))


def test_a_file_that_is_there_is_never_overwritten_nor_removed(source, tmp_path):
    journal, out = tmp_path / "j", tmp_path / "out"
    (out / "ann").mkdir(parents=True)
    (out / "ann/1.jpg").write_text("mine")
    done = place(plan(source, out), journal)
    assert done.made == 2
    assert done.problems == [f"{out}/ann/1.jpg: there is another file, which was left"]
    done = place(plan(source, out), journal)  # and again
    assert (done.made, done.kept, done.removed) == (0, 2, 0)
    left = undo(journal)
    assert (left.removed, left.left) == (2, [])
    assert (out / "ann/1.jpg").read_text() == "mine"


@pytest.mark.parametrize("how", ["copy", "symlink", "hardlink"])
@pytest.mark.parametrize("outward", [True, False])
def test_links_between_the_folders_cost_no_original(source, tmp_path, how, outward):
    journal, out = tmp_path / "j", tmp_path / "out"
    before = {path: path.read_bytes() for path in sorted(source.rglob("*.jpg"))}
    out.mkdir()
    if outward:  # where pictures would be placed lies among the originals
        (out / "ann").symlink_to(source / "ann")
    else:  # and the other way round
        (source / "ann").rename(out / "ann")
        (source / "ann").symlink_to(out / "ann")
    for _ in range(2):
        done = place(plan(source, out), journal, how=how)
        assert (done.made + done.kept, len(done.problems)) == (1, 2)
        assert "lies among the originals" in done.problems[0]
    assert undo(journal).removed == 1
    assert {path: path.read_bytes() for path in before} == before


def test_a_link_to_a_picture_is_placed_as_the_picture(source, tmp_path):
    out = tmp_path / "out"
    (source / "bob/1.jpg").rename(source / "bob/real.jpg")
    (source / "bob/1.jpg").symlink_to("real.jpg")
    done = place(plan(source, out, ["bob/1.jpg"]), tmp_path / "j", how="hardlink")
    assert (done.made, done.problems) == (1, [])
    assert not (out / "bob/1.jpg").is_symlink()
    assert (out / "bob/1.jpg").samefile(source / "bob/real.jpg")
    assert undo(tmp_path / "j").removed == 1


@pytest.mark.parametrize("name", ["\u7530" * 80 + ".jpg", "x" * 251 + ".jpg"])
def test_the_longest_names_there_can_be(tmp_path, name):
    (tmp_path / "people/ann").mkdir(parents=True)
    (tmp_path / "people/ann" / name).write_bytes(b"picture")
    done = place(plan(tmp_path / "people", tmp_path / "out", [f"ann/{name}"]), tmp_path / "j")
    assert (done.made, done.problems) == (1, [])


def test_the_journal_of_a_folder_that_was_moved_is_not_forgotten(source, tmp_path):
    out = tmp_path / "out"
    place(plan(source, out), out / "j")
    out.rename(tmp_path / "moved")
    with pytest.raises(CurationError, match=r"was moved from .* move the folder back"):
        undo(tmp_path / "moved/j")
    (tmp_path / "moved").rename(out)
    (out / "ann/1.jpg").unlink()
    done = undo(out / "j")
    assert (done.removed, done.missing, done.left) == (2, 1, [])
    assert tree(out) == {}


def test_an_empty_journal_is_begun_anew(source, tmp_path):
    (tmp_path / "j").touch()
    assert place(plan(source, tmp_path / "out"), tmp_path / "j").made == 3
    assert undo(tmp_path / "j").removed == 3


def test_undo_leaves_what_was_changed_and_the_last_copy(source, tmp_path):
    journal, out = tmp_path / "j", tmp_path / "out"
    place(plan(source, out), journal)
    (out / "ann/2.jpg").write_text("retouched")
    (source / "bob/1.jpg").unlink()
    done = undo(journal)
    assert done.removed == 1
    assert len(done.left) == 2
    assert (out / "ann/2.jpg").read_text() == "retouched"
    assert (out / "bob/1.jpg").exists()
    assert journal.exists()  # so it can be undone once the reason is gone
    (source / "bob/1.jpg").write_bytes((out / "bob/1.jpg").read_bytes())
    assert undo(journal).removed == 1


def test_a_hard_link_whose_original_is_gone_is_left(source, tmp_path):
    journal, out = tmp_path / "j", tmp_path / "out"
    place(plan(source, out, ["ann/1.jpg"]), journal, how="hardlink")
    (source / "ann/1.jpg").unlink()
    assert len(undo(journal).left) == 1
    assert (out / "ann/1.jpg").exists()


def test_a_source_that_is_missing_is_a_problem_of_its_own(source, tmp_path):
    (source / "ann/1.jpg").unlink()
    done = place(plan(source, tmp_path / "out"), tmp_path / "j")
    assert done.made == 2
    assert done.problems == [f"{source}/ann/1.jpg: No such file or directory"]


@pytest.mark.parametrize(("at", "goes_on"), [(0, True), (1, True), (2, True), (1, False)])
def test_a_run_that_was_killed_goes_on_or_is_undone(source, tmp_path, monkeypatch, at, goes_on):
    journal, out = tmp_path / "j", tmp_path / "out"
    real, calls = shutil.copyfile, []

    def killed(one, other):
        calls.append(one)
        if len(calls) > at:
            Path(other).write_bytes(b"half")
            raise KeyboardInterrupt
        return real(one, other)

    monkeypatch.setattr(module.shutil, "copyfile", killed)
    # As a kill leaves it: the draft is not cleaned up.
    monkeypatch.setattr(module.Path, "unlink", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        place(plan(source, out), journal)
    monkeypatch.undo()
    assert list(out.rglob("*.part"))
    with journal.open("a") as file:  # and the line it was writing
        file.write('{"kind": "copy", "tar')
    if goes_on:
        done = place(plan(source, out), journal)
        assert (done.made, done.kept, done.problems) == (3 - at, at, [])
        assert tree(out) == tree(source)
    undo(journal)
    assert not out.exists()


def test_no_space_is_a_problem_that_leaves_no_part(source, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.shutil, "copyfile", full)
    done = place(plan(source, tmp_path / "out"), tmp_path / "j")
    assert done.made == 0
    assert len(done.problems) == 3
    assert "No space" in done.problems[0]
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_one_target_for_two_pictures_is_refused(source, tmp_path):
    twice = [Placement(source / "ann/1.jpg", tmp_path / "x")] * 2
    with pytest.raises(CurationError, match="same target"):
        place(twice, tmp_path / "j")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such journal"),
        ("", "not a journal"),
        ('{"format": "other"}\n', "not a journal of facewise"),
        ('{"format": "facewise journal", "version": 99}\n', "a journal of version 99, not 1"),
        ('{"format": "facewise journal", "version": 1}\n{"kind": 1}\n', "line 2 is damaged"),
    ],
)
def test_what_is_no_journal_is_refused(tmp_path, content, said):
    path = tmp_path / "j"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CurationError, match=said):
        undo(path)


def test_a_name_that_is_not_utf_8_is_placed(tmp_path):
    source = tmp_path / os.fsdecode(b"src/\xff.jpg")
    source.parent.mkdir()
    try:
        source.write_bytes(b"x")
    except OSError:
        pytest.skip("the file system refuses such names")
    target = tmp_path / "out" / source.name
    assert place([Placement(source, target)], tmp_path / "j").made == 1
    assert json.loads((tmp_path / "j").read_text().splitlines()[-1])["target"] == str(target)
    assert undo(tmp_path / "j").removed == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann", "Ann"),
        ("../../etc", "etc"),
        ("a/b\\c", "a_b_c"),
        ("  ", "unnamed"),
        ("..", "unnamed"),
        (".hidden", "hidden"),
        ("nul.txt", "nul.txt_"),
        ("end. . ", "end"),
        ("a\u202eb\nc", "abc"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\u738b" * 99, "\u738b" * 40),
    ],
)
def test_names_of_people_become_names_of_folders(text, name):
    assert safe_name(text) == name


def test_names_that_differ_only_in_case_get_numbers():
    taken = set()
    for _ in range(3):
        taken.add(safe_name("ANN", taken).casefold())
    assert taken == {"ann", "ann (2)", "ann (3)"}
    long = safe_name("a" * 200, {"a" * 120})
    assert long.endswith("a (2)")
    assert len(long) == 120


def test_a_picture_that_was_edited_is_placed_anew(source, tmp_path):
    journal, out = tmp_path / "j", tmp_path / "out"
    place(plan(source, out), journal)
    (source / "ann/1.jpg").write_bytes(b"brighter")
    (out / "ann/2.jpg").write_text("mine")
    (source / "ann/2.jpg").write_bytes(b"brighter too")
    done = place(plan(source, out), journal)
    assert (done.made, done.kept, done.removed) == (1, 1, 1)
    assert done.problems == [f"{out}/ann/2.jpg: there is another file, which was left"]
    assert (out / "ann/1.jpg").read_bytes() == b"brighter"
    assert (out / "ann/2.jpg").read_text() == "mine"


@pytest.mark.parametrize("how", ["copy", "hardlink"])
def test_the_last_copy_stays_where_the_original_has_become_a_link_to_it(source, tmp_path, how):
    journal, out = tmp_path / "j", tmp_path / "out"
    place(plan(source, out, ["ann/1.jpg"]), journal, how=how)
    content = (source / "ann/1.jpg").read_bytes()
    (source / "ann/1.jpg").unlink()
    (source / "ann/1.jpg").symlink_to(out / "ann/1.jpg")  # as tools do that look for duplicates
    [left] = undo(journal).left
    assert "is a link to it by now" in left
    assert (source / "ann/1.jpg").read_bytes() == content


def test_another_run_does_not_take_away_what_this_one_placed(source, tmp_path):
    journal, out = tmp_path / "j", tmp_path / "out"
    place(plan(source, out), journal, made={"source": "a"})
    before = tree(out)
    with pytest.raises(CurationError, match=r"placed by another run \(source a\)"):
        place(plan(source, out, ["ann/1.jpg"]), journal, made={"source": "b"})
    assert tree(out) == before
    (out / "ann/1.jpg").unlink()
    place([], journal, made={"source": "a"})
    place(plan(source, out), journal, made={"source": "b"})  # nothing of the first one is left


@pytest.mark.parametrize("change", [{"target": 3}, {"kind": "burn"}, {"sha256": None}])
def test_a_line_that_cannot_be_is_damage(source, tmp_path, change):
    place(plan(source, tmp_path / "out"), tmp_path / "j")
    lines = (tmp_path / "j").read_text().splitlines()
    lines[-1] = json.dumps(json.loads(lines[-1]) | change)
    (tmp_path / "j").write_text("\n".join(lines) + "\n")
    with pytest.raises(CurationError, match=f"line {len(lines)} is damaged"):
        undo(tmp_path / "j")


def test_two_at_once_do_not_take_each_others_files_for_strangers(source, tmp_path):
    journal, out = tmp_path / "out/j", tmp_path / "out"
    refused = []

    def other(_):
        for way in (lambda: place(plan(source, out), journal), lambda: undo(journal)):
            with pytest.raises(CurationError, match="another process is placing or undoing there"):
                way()
            refused.append(way)

    done = place(plan(source, out), journal, report=other)
    assert (done.made, done.problems, len(refused)) == (3, [], 2)
    assert undo(journal).removed == 3
