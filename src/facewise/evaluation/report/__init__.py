"""The report of an evaluation: one page that needs nothing else, and the same as JSON.

Pages need matplotlib (`pip install 'facewise[evaluate]'`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facewise._files import replace_file
from facewise.evaluation.report.identification import identification_page
from facewise.evaluation.report.verification import verification_page

if TYPE_CHECKING:
    from facewise.evaluation.identification import IdentificationScored
    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.evaluation.protocols.people import PeopleProtocol
    from facewise.evaluation.protocols.templates import TemplateProtocol
    from facewise.evaluation.scored import Scored

__all__ = ["PAGE", "RECORD", "write_identification_report", "write_verification_report"]

PAGE, RECORD = "report.html", "report.json"
"""The files of a report, in its folder."""


def write_verification_report(
    folder: Path,
    record: Mapping[str, Any],
    protocol: PairProtocol | TemplateProtocol,
    scored: Sequence[Scored],
) -> Path:
    """Write the report of a protocol of pairs.

    Args:
        folder: where to; made where it is not there. Files of an older report are replaced, all
            others stay as they are.
        record: the evaluation as plain values, with one of `models` for each of `scored`, in order.
        protocol: what was scored. Images that cannot be read any more are left blank.
        scored: what the models made of it.

    Returns:
        The page. Equal arguments give equal bytes.

    Raises:
        ExtraMissingError: matplotlib is missing; nothing has been written.
        OSError: a file cannot be written; names it.
        ValueError: the record holds a number that is not finite, which JSON does not know.
    """
    return _write(folder, record, verification_page(record, protocol, scored))


def write_identification_report(
    folder: Path,
    record: Mapping[str, Any],
    protocol: PeopleProtocol,
    results: Sequence[IdentificationScored],
) -> Path:
    """Write the report of a search of probes in a gallery.

    Arguments, result and errors as of `write_verification_report`.
    """
    return _write(folder, record, identification_page(record, protocol, results))


def _write(folder: Path, record: Mapping[str, Any], page: str) -> Path:
    data = json.dumps(record, indent=2, allow_nan=False)
    replace_file(folder / RECORD, f"{data}\n".encode())
    replace_file(folder / PAGE, page.encode())
    return folder / PAGE
