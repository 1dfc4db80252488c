from __future__ import annotations

import subprocess
import sys

import pytest

from facewise.cli.evaluate import app
from facewise.errors import TrainingError
from facewise.training.protocol_words import FORMS, parsed, split_paths


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("pairs.txt:lfw", ("pairs.txt", "lfw")),
        ("/data/pairs.txt:/data/lfw", ("/data/pairs.txt", "/data/lfw")),
        (r"C:\pairs.txt:D:\lfw", (r"C:\pairs.txt", r"D:\lfw")),
        ("c:/pairs.txt:d:/lfw:E:/train.txt", ("c:/pairs.txt", "d:/lfw", "E:/train.txt")),
        (r"pairs.txt:D:\lfw", ("pairs.txt", r"D:\lfw")),
        (r"C:\a:b:C:\d", (r"C:\a", "b", r"C:\d")),
        ("./a:/lfw", ("./a", "/lfw")),
        ("ab:/lfw", ("ab", "/lfw")),
        ("1:/lfw", ("1", "/lfw")),
        ("é:/lfw", ("é", "/lfw")),
        ("a:b", ("a", "b")),
        ("C:pairs.txt", ("C", "pairs.txt")),  # Windows has that too; here it is two paths
        ("a:", ("a", "")),
        ("", ("",)),
    ],
)
def test_paths_are_split_at_colons_that_are_not_of_a_drive(
    text: str, paths: tuple[str, ...]
) -> None:
    assert split_paths(text) == paths


def test_a_word_is_taken_apart() -> None:
    word = parsed(r"lfw:C:\lfw\pairs.txt:D:\lfw:train.txt")
    assert (word.form, word.paths) == ("lfw", (r"C:\lfw\pairs.txt", r"D:\lfw", "train.txt"))
    assert parsed(r"bin:C:\lfw.bin").paths == (r"C:\lfw.bin",)
    assert [form for form in FORMS if parsed(f"{form}:x" + ":x" * FORMS[form][0].count(":"))] == [
        *FORMS
    ]
    assert parsed("bin:x").deciding == "accuracy"
    assert parsed("ijbc:x").deciding == "AUC"
    assert parsed("identification:x:y").deciding == "rank-1 rate"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lfw", "expected lfw:PAIRS:IMAGES or lfw:PAIRS:IMAGES:THRESHOLD_PAIRS, got 'lfw'"),
        ("lfw:a", "expected lfw:PAIRS:IMAGES or lfw:PAIRS:IMAGES:THRESHOLD_PAIRS, got 'lfw:a'"),
        ("lfw::b", "expected lfw:PAIRS:IMAGES or"),
        ("lfw:a:b:c:d", "expected lfw:PAIRS:IMAGES or"),
        ("calfw:a:b:c", "expected calfw:PAIRS:IMAGES, got 'calfw:a:b:c'"),
        ("agedb:a:", "expected agedb:PAIRS:IMAGES, got 'agedb:a:'"),
        ("cfp-ff:a:b", "expected cfp-ff:ROOT, got 'cfp-ff:a:b'"),
        ("ijbb:", "expected ijbb:ROOT, got 'ijbb:'"),
        ("identification:a", "expected identification:GALLERY:PROBES, got 'identification:a'"),
        ("pairs:a:b", "begins with one of lfw, calfw, cplfw, agedb, csv, cfp-ff, cfp-fp, bin, "),
        (r"C:\pairs.txt", "begins with one of lfw, "),
    ],
)
def test_another_form_is_refused(word: str, message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        parsed(word)
    assert message in str(caught.value)
    assert str(caught.value).startswith("evaluate: expected ")


def test_every_protocol_of_the_command_has_a_form() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]
    assert commands - {"pairs", "ijb"} | {"csv", "ijbb", "ijbc"} == set(FORMS)


def test_a_configuration_is_read_without_torch() -> None:
    code = "import sys, facewise.training.config; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
