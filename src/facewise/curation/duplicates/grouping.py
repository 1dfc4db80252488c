"""From pairs that are alike to groups."""

from __future__ import annotations

from collections.abc import Iterable


def groups_of(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The groups that pairs connect, each in order, by their first members.

    Example:
        >>> from facewise.curation.duplicates import groups_of
        >>> groups_of([(3, 5), (1, 2), (5, 9)])
        [[1, 2], [3, 5, 9]]
    """
    leader: dict[int, int] = {}

    def lead(one: int) -> int:
        leader.setdefault(one, one)
        while leader[one] != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for one, other in pairs:
        first, second = sorted((lead(one), lead(other)))
        leader[second] = first
    found: dict[int, list[int]] = {}
    for one in sorted(leader):
        found.setdefault(lead(one), []).append(one)
    return [found[one] for one in sorted(found)]
