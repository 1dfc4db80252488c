"""Texts of people in a table that a spreadsheet opens: none of them may become a formula.

A cell that begins with one of these characters is a formula for Excel, LibreOffice and Google
Sheets, which may fetch addresses or start programs (OWASP: CSV injection). An apostrophe before it
makes it a text. It is taken away when facewise reads the file; a text that has apostrophes there
already gets one more, so that every text comes back as it was.
"""

from __future__ import annotations

import re

_FORMULA = re.compile("'*[=+\\-@\t\r\n|%＝＋－＠]")  # noqa: RUF001 - the wide ones count in Japanese
_MADE_TEXT = re.compile("'" + _FORMULA.pattern)


def as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    Example:
        >>> from facewise.gallery.transfer.formulas import as_text
        >>> as_text("Ann"), as_text("=1+1"), as_text("'=1"), as_text("'Tis")
        ('Ann', "'=1+1", "''=1", "'Tis")
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def as_given(cell: str) -> str:
    """What `as_text` was given.

    Example:
        >>> from facewise.gallery.transfer.formulas import as_given
        >>> as_given("'=1+1"), as_given("'Tis")
        ('=1+1', "'Tis")
    """
    return cell[1:] if _MADE_TEXT.match(cell) else cell
