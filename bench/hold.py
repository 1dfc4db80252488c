"""Hold a contest: let in who can take part, time the rounds, keep the record up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console

from bench.contest import Contender, Timed, UnavailableError, compete, reason
from bench.record import Group, Record

Builders = Mapping[str, Callable[[], Sequence[Contender]]]
"""By the name to report when it cannot be made: something that makes contenders."""


class Judge(Protocol):
    """Looks at what contenders gave."""

    def see(self, timed: Timed) -> None:
        """Take note of one contender's part of a round."""

    def extras(self, name: str) -> Mapping[str, float | None]:
        """What is known of a contender so far, by the keys of `report.COLUMNS`."""


def let_in(builders: Builders, record: Record) -> list[Contender]:
    """The contenders that can be made; the others are noted in the record with the reason."""
    contenders: list[Contender] = []
    for name, build in builders.items():
        try:
            contenders += build()
        except Exception as error:  # a backend or a peer can fail in any way
            record.miss(name, reason(error))
    return contenders


def hold(
    group: Group,
    contenders: Sequence[Contender],
    rounds: Iterable[Sequence[Any]],
    record: Record,
    judge: Judge,
) -> None:
    """Time a group; the record is saved after every round, and also when this is interrupted.

    Raises:
        UnavailableError: nobody is there of the kind that ratios are against.
    """
    if not any(group.reference in (c.name, c.kind) for c in contenders):
        raise UnavailableError(f"{group.title}: {group.reference} cannot take part")
    record.groups.append(group)
    console, latest = Console(stderr=True), 0
    try:
        with console.status("") as status:
            for timed in compete(contenders, rounds):
                if timed.round != latest:
                    latest = timed.round
                    _update(group, record, judge)
                group.add(timed)
                if timed.error is None:
                    judge.see(timed)
                status.update(f"{group.title}: round {timed.round + 1}, {timed.contender.name}")
    finally:
        _update(group, record, judge)


def _update(group: Group, record: Record, judge: Judge) -> None:
    for name, row in group.rows.items():
        row["extras"] = {k: v for k, v in judge.extras(name).items() if v is not None}
    record.save()
