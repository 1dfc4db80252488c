"""What a gallery has to hold, as the reports of killed processes say."""

from __future__ import annotations

from typing import Any, TypeAlias

from gallery_crash.jobs import TOGETHER
from gallery_crash.world import World

People: TypeAlias = "dict[str, frozenset[str]]"
"""By name: the places of the pictures."""


def outcomes(people: People, operation: list[Any], world: World) -> list[People]:
    """What may be there when an operation was interrupted: first nothing of it, at last all."""
    name, *details = operation
    if name == "enrol":
        return _enrolled(people, details[0], world)
    after = dict(people)
    if name == "forget":
        del after[details[0]]
    elif name == "forget face":
        after[details[0]] -= {details[1]}
    elif name == "rename":
        after[details[1]] = after.pop(details[0])
    elif name == "merge":
        after[details[1]] |= after.pop(details[0])
    return [people, after]


def removed(people: People, operation: list[Any]) -> tuple[set[str], set[str]]:
    """The names and the places that an operation promises to erase."""
    name, *details = operation
    if name == "forget":
        return {details[0]}, set(people[details[0]])
    if name == "forget face":
        return set(), {details[1]}
    return set(), set()


def _enrolled(people: People, names: list[str], world: World) -> list[People]:
    """Some hundred faces are one transaction; here it is a few."""
    found = [people]
    faces = [(name, picture.place) for name in names for picture in world.pictures[name]]
    for start in range(0, len(faces), TOGETHER):
        after = dict(found[-1])
        for name, place in faces[start : start + TOGETHER]:
            after[name] = after.get(name, frozenset()) | {place}
        found.append(after)
    return found
