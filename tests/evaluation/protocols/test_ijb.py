from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from facewise.errors import ProtocolError
from facewise.evaluation.protocols import ijb
from facewise.evaluation.protocols.ijb import read_ijb

FACES = "1.jpg 40 7\n2.jpg 40 7\n3.jpg 12 9\n4.jpg 300 2\n"
POINTS = (
    "\n".join(
        f"{i}.jpg {' '.join(f'{10 * i + k}.5' for k in range(10))} 0.{i}25" for i in (2, 1, 3, 4)
    )
    + "\n"
)
PAIRS = "40 12 1\n12 300 0\n300 40 1\n"


@pytest.fixture
def root(tmp_path: Path, write, touch) -> Path:
    for name, text in (
        ("face_tid_mid", FACES),
        ("name_5pts_score", POINTS),
        ("template_pair_label", PAIRS),
    ):
        write(text, f"IJBC/meta/ijbc_{name}.txt")
    touch("IJBC/loose_crop", [f"{i}.jpg" for i in range(1, 6)])
    return tmp_path / "IJBC"


def test_reads_templates_and_pairs(root: Path) -> None:
    protocol = read_ijb("ijbc", root)
    assert protocol.name == "ijbc"
    assert protocol.sha256 == hashlib.sha256((FACES + POINTS + PAIRS).encode()).hexdigest()
    assert protocol.names == ("1.jpg", "2.jpg", "3.jpg", "4.jpg")
    assert protocol.images == tuple(root / "loose_crop" / name for name in protocol.names)
    assert protocol.template_ids == (12, 40, 300)
    assert protocol.templates.tolist() == [1, 1, 0, 2]
    assert protocol.media.tolist() == [7, 7, 9, 2]
    assert protocol.pairs.tolist() == [[1, 0], [0, 2], [2, 1]]
    assert protocol.same.tolist() == [True, False, True]
    assert protocol.landmarks.shape == (4, 5, 2)
    assert protocol.landmarks[0].tolist() == [[10.5 + 2 * k, 11.5 + 2 * k] for k in range(5)]
    assert protocol.landmarks[1, 0].tolist() == [20.5, 21.5]
    np.testing.assert_array_equal(protocol.scores, np.float32([0.125, 0.225, 0.325, 0.425]))
    types = {"landmarks": "f4", "scores": "f4", "templates": "i8", "media": "i8", "pairs": "i8"}
    assert all(getattr(protocol, name).dtype == kind for name, kind in types.items())
    assert protocol.same.dtype == np.bool_


@pytest.mark.parametrize("name", ["face_tid_mid", "name_5pts_score", "template_pair_label"])
@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n \r\n",
        lambda text: "\ufeff" + text,
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace(" ", "  ").replace("\n", " \n"),
    ],
    ids=["windows", "no last newline", "trailing", "byte order mark", "tabs", "blanks"],
)
def test_reads_what_editors_make_of_it(name: str, edit, root: Path, write) -> None:
    plain = read_ijb("ijbc", root)
    text = {"face_tid_mid": FACES, "name_5pts_score": POINTS, "template_pair_label": PAIRS}[name]
    write(edit(text), f"IJBC/meta/ijbc_{name}.txt")
    edited = read_ijb("ijbc", root)
    assert edited.names == plain.names
    for array in ("landmarks", "scores", "templates", "media", "pairs", "same"):
        np.testing.assert_array_equal(getattr(edited, array), getattr(plain, array))


def test_an_image_may_belong_to_several_templates(root: Path, write) -> None:
    write(FACES + "1.jpg 12 8\n", "IJBC/meta/ijbc_face_tid_mid.txt")
    protocol = read_ijb("ijbc", root)
    assert protocol.names[4] == "1.jpg"
    assert protocol.templates.tolist() == [1, 1, 0, 2, 0]
    np.testing.assert_array_equal(protocol.landmarks[4], protocol.landmarks[0])


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
def test_blocks_change_nothing(block: int, write, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    ids = np.sort(rng.choice(99_999, 40, replace=False))
    rows = np.stack([rng.permutation(40)[:2] for _ in range(500)])
    same = rng.integers(0, 2, 500)
    ends = ["\n", "\r\n", " \n"]
    text = "".join(
        f"{ids[a]} {ids[b]}\t{label}{ends[i % 3]}"
        for i, ((a, b), label) in enumerate(zip(rows, same, strict=True))
    )
    monkeypatch.setattr(ijb, "_BLOCK", block)
    digest = hashlib.sha256()
    pairs, labels = ijb._read_pairs(write("\ufeff" + text + "\n\n"), ids, digest)
    np.testing.assert_array_equal(pairs, rows)
    np.testing.assert_array_equal(labels, same == 1)
    assert digest.hexdigest() == hashlib.sha256(("\ufeff" + text + "\n\n").encode()).hexdigest()


FORM = "expected `TEMPLATE TEMPLATE LABEL`"


@pytest.mark.parametrize("block", [1, 20, 1 << 20])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", rf"{FORM}, got ''"),
        ("12 40", rf"{FORM}, got '12 40'"),
        ("12 40 1 1", rf"{FORM}, got '12 40 1 1'"),
        ("12 -40 1", rf"{FORM}, got '12 -40 1'"),
        ("12 x 1", rf"{FORM}, got '12 x 1'"),
        ("12 4.0 1", rf"{FORM}, got '12 4\.0 1'"),
        ("12,40,1", rf"{FORM}, got '12,40,1'"),
        ("12 40 1234567890", rf"{FORM}, got '12 40 1234567890'"),
        ("12 40 " + "9" * 50, rf"{FORM}, got '12 40 999"),
        ("12 40 2", r"expected the label 1 or 0, got '12 40 2'"),
        ("12 41 1", r"names a template that no image belongs to, got '12 41 1'"),
        ("12 999999999 1", r"names a template that no image belongs to"),
        ("12 12 1", r"expected two templates, and this is one twice"),
    ],
)
def test_names_the_line_of_a_wrong_pair(
    line: str, message: str, block: int, root: Path, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ijb, "_BLOCK", block)
    text = PAIRS * 3 + line + "\r\n" + PAIRS
    write(text, "IJBC/meta/ijbc_template_pair_label.txt")
    with pytest.raises(ProtocolError, match=rf"template_pair_label\.txt, line 10: {message}"):
        read_ijb("ijbc", root)


def test_two_wrong_lines_that_make_up_for_each_other(root: Path, write) -> None:
    write(PAIRS + "12 40\n1 12 40 1\n", "IJBC/meta/ijbc_template_pair_label.txt")
    with pytest.raises(ProtocolError, match=rf"line 4: {FORM}, got '12 40'"):
        read_ijb("ijbc", root)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("template_pair_label", "", rf"label\.txt, line 1: {FORM}, got 'an empty file'"),
        ("template_pair_label", "\ufeff \n", rf"line 1: {FORM}, got 'an empty file'"),
        ("template_pair_label", "40 12 1\n", r"label\.txt: has no impostor pairs"),
        ("template_pair_label", "40 12 0\n", r"label\.txt: has no genuine pairs"),
        ("face_tid_mid", "", r"mid\.txt, line 1: expected `IMAGE TEMPLATE MEDIUM`, got 'an empty"),
        ("face_tid_mid", FACES + "5.jpg 1\n", r"mid\.txt, line 5: expected `IMAGE .* '5\.jpg 1'"),
        ("face_tid_mid", FACES + "5.jpg x 1\n", r"mid\.txt, line 5: expected `IMAGE TEMPLATE"),
        ("face_tid_mid", FACES + "5.jpg 1 -1\n", r"mid\.txt, line 5: expected `IMAGE TEMPLATE"),
        ("face_tid_mid", FACES + "5.jpg 1 1\n", r"mid\.txt, line 5: .*score\.txt has no landmarks"),
        ("name_5pts_score", "", r"mid\.txt, line 1: .*score\.txt has no landmarks of the image"),
        ("name_5pts_score", POINTS + "5.jpg 1\n", r"score\.txt, line 5: expected `IMAGE x1 y1"),
        ("name_5pts_score", POINTS + "\nx", r"score\.txt, line 5: expected `IMAGE x1 y1"),
        ("name_5pts_score", POINTS.replace("0.125", "x"), r"score\.txt, line 2: expected `IMAGE"),
        ("name_5pts_score", POINTS.replace("0.125", "-1"), r"line 2: expected a score from 0 on"),
        ("name_5pts_score", POINTS.replace("12.5", "nan"), r"line 2: expected finite numbers, got"),
        (
            "name_5pts_score",
            POINTS.replace("12.5", "1e99"),
            r"line 2: expected finite numbers, got",
        ),
        (
            "name_5pts_score",
            POINTS + POINTS,
            r"score\.txt, line 5: names the image of line 1 again",
        ),
    ],
)
def test_refuses_other_forms(name: str, text: str, message: str, root: Path, write) -> None:
    write(text, f"IJBC/meta/ijbc_{name}.txt")
    with pytest.raises(ProtocolError, match=message):
        read_ijb("ijbc", root)


def test_names_what_is_missing(root: Path) -> None:
    (root / "loose_crop/2.jpg").unlink()
    (root / "loose_crop/2.jpg").mkdir()
    with pytest.raises(ProtocolError, match=r"loose_crop: 1 of the 4 .*mid\.txt names .*: 2\.jpg$"):
        read_ijb("ijbc", root)
    (root / "loose_crop").rename(root / "crop")
    with pytest.raises(ProtocolError, match=r"loose_crop: no such folder of images"):
        read_ijb("ijbc", root)
    (root / "meta/ijbc_template_pair_label.txt").unlink()
    with pytest.raises(ProtocolError, match=r"pair_label\.txt: cannot be read \(No such file"):
        read_ijb("ijbc", root)
    with pytest.raises(ProtocolError, match=r"ijbb_face_tid_mid\.txt: cannot be read"):
        read_ijb("ijbb", root)


def test_images_outside_the_folder_are_missing(root: Path, write) -> None:
    (root / "secret.jpg").touch()
    write(FACES + "../secret.jpg 12 9\n", "IJBC/meta/ijbc_face_tid_mid.txt")
    write(
        POINTS + POINTS.splitlines()[0].replace("2.jpg", "../secret.jpg"),
        "IJBC/meta/ijbc_name_5pts_score.txt",
    )
    with pytest.raises(ProtocolError, match=r"1 of the 5 images .* missing: \.\./secret\.jpg"):
        read_ijb("ijbc", root)
