"""Options that go together, declared once for all commands that have them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_type_hints

from facewise.cli.options import Backend, Cache, Detector, Device, Mode, Model, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What finds and embeds faces, and how."""

    model: Model = None
    detector: Detector = None
    mode: Mode = None
    backend: Backend = None
    precision: Precision = None
    device: Device = None
    cache: Cache = True


def takes(options: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command have the fields of a dataclass as its options.

    The command is written with one parameter `options`; Typer sees the fields in its place.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "options"]
        declared = get_type_hints(options, include_extras=True)
        added = [
            inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=_default(each))
            for each in fields(options)
        ]
        parameters = [
            p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in own
        ] + [p.replace(annotation=declared[p.name]) for p in added]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            chosen = {each.name: values.pop(each.name) for each in fields(options)}
            command(**values, options=options(**chosen))

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        return run

    return decorate


def _default(option: Any) -> Any:
    return option.default if option.default is not MISSING else option.default_factory()
