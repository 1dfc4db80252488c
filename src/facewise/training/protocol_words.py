"""The words of the setting `evaluate`: the form of a protocol, and where its files are."""

from __future__ import annotations

from dataclasses import dataclass

from facewise.errors import TrainingError

_PAIRS = ("PAIRS:IMAGES",)

FORMS = {
    "lfw": (*_PAIRS, "PAIRS:IMAGES:THRESHOLD_PAIRS"),
    "calfw": _PAIRS,
    "cplfw": _PAIRS,
    "agedb": _PAIRS,
    "csv": _PAIRS,
    "cfp-ff": ("ROOT",),
    "cfp-fp": ("ROOT",),
    "bin": ("FILE",),
    "ijbb": ("ROOT",),
    "ijbc": ("ROOT",),
    "identification": ("GALLERY:PROBES",),
}
"""What may follow each form; `csv` is what `facewise evaluate` calls `pairs`."""


@dataclass(frozen=True, slots=True)
class ProtocolWord:
    """A word, taken apart.

    Attributes:
        form: one of `FORMS`.
        paths: of its files and folders, in the order in which the form has them.
    """

    form: str
    paths: tuple[str, ...]

    @property
    def deciding(self) -> str:
        """What says which model is best, in words."""
        words = {"identification": "rank-1 rate", **dict.fromkeys(("ijbb", "ijbc"), "AUC")}
        return words.get(self.form, "accuracy")


def parsed(word: str) -> ProtocolWord:
    """Take a word apart; whether its files are there is not looked at.

    Args:
        word: `FORM:PATH`, with as many paths as the form has, such as `lfw:pairs.txt:lfw`.

    Raises:
        TrainingError: no such form, or it has another number of paths.
    """
    form, _, rest = word.partition(":")
    if form not in FORMS:
        raise TrainingError(
            f"evaluate: expected a word that begins with one of {', '.join(FORMS)} and a colon, "
            f"got {word!r}"
        )
    paths = split_paths(rest)
    if not all(paths) or len(paths) not in [each.count(":") + 1 for each in FORMS[form]]:
        expected = " or ".join(f"{form}:{each}" for each in FORMS[form])
        raise TrainingError(f"evaluate: expected {expected}, got {word!r}")
    return ProtocolWord(form, paths)


def split_paths(text: str) -> tuple[str, ...]:
    r"""Paths that are separated by colons, of any system.

    A single letter before `:\` or `:/` is a drive of Windows, on every system: a relative path of
    one letter has to be written `./a`.

    Args:
        text: such as `pairs.txt:lfw`, or `C:\pairs.txt:D:\lfw`, which is of two paths.
    """
    paths: list[str] = []
    for piece in text.split(":"):
        if paths and _is_letter(paths[-1]) and piece.startswith(("/", "\\")):
            paths[-1] += f":{piece}"
        else:
            paths.append(piece)
    return tuple(paths)


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text.isalpha()
