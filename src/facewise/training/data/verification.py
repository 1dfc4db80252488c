"""Open every picture of an index once, before hours of training meet the bad one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from facewise.errors import ImageError, TrainingError
from facewise.images import load
from facewise.recognition.people import Problem
from facewise.runtime.workers import ordered_map
from facewise.training.data.sources import file_of, read_source

if TYPE_CHECKING:
    from facewise.evaluation.vectors import Report
    from facewise.training.data.face_index import FaceIndex
    from facewise.training.data.sources import Source


def verified(index: FaceIndex, report: Report | None = None) -> FaceIndex:
    """The index without the pictures that cannot be decoded, which become problems.

    Args:
        index: the pictures; all processors decode.
        report: called with the number of pictures that are done, as they are.

    Raises:
        TrainingError: none can be decoded.
    """
    good = np.ones(len(index), np.bool_)
    problems = []
    with closing(ordered_map(_reason, index.sources)) as reasons:
        for number, reason in enumerate(reasons):
            if reason is not None:
                good[number] = False
                problems.append(Problem(file_of(index.sources[number]), reason))
            if report is not None:
                report(number + 1)
    if not good.any():
        raise TrainingError(
            f"none of the {len(index)} pictures can be decoded, for example {problems[0]}"
        )
    return index.subset(good, problems)


def _reason(source: Source) -> str | None:
    try:
        load(read_source(source), name=str(source))
    except (ImageError, TrainingError) as error:
        return str(error).removeprefix(f"{source}: ")
    return None
