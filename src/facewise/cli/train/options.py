"""The options of a training: one for each setting of `TrainConfig`, declared there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, make_dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from facewise.errors import TrainingError


def options_of(config: type[Any]) -> type[Any]:
    """A dataclass of options, None or empty where one was not given.

    Args:
        config: a dataclass whose fields are made by `facewise.training.settings.setting`.
    """
    from facewise.training.settings import alternatives

    hints = get_type_hints(config)
    declared: list[tuple[str, Any, Any]] = []
    for each in fields(config):
        (wanted, *_), _ = alternatives(hints[each.name])
        several = get_origin(wanted) is tuple or get_origin(wanted) is Mapping
        option = typer.Option(
            *_names(each.name, several),
            help=_help(each),
            show_default=False,
            metavar=_metavar(wanted),
        )
        if several:
            kind: Any = Annotated[list[str], option]
            declared.append((each.name, kind, field(default_factory=list)))
        else:
            kind = Annotated[_parsed(each.name, wanted) | None, option]
            declared.append((each.name, kind, field(default=None)))
    return make_dataclass("TrainOptions", declared, kw_only=True)


def given(options: Any) -> dict[str, Any]:
    """The settings that were given, as plain values.

    Raises:
        typer.BadParameter: one that should be NAME=VALUE is not.
    """
    from facewise.training.config import TrainConfig
    from facewise.training.settings import checked

    hints = get_type_hints(TrainConfig)
    values: dict[str, Any] = {}
    for each in fields(options):
        value = getattr(options, each.name)
        if value is None or value == []:
            continue
        if isinstance(value, Enum):
            value = value.value
        if get_origin(hints[each.name]) is Mapping:
            value = dict(_pair(each.name, word) for word in value)
        values[each.name] = value
    try:
        return checked(TrainConfig, values, "command line")
    except TrainingError as error:
        raise typer.BadParameter(str(error).removeprefix("command line: ")) from None


def _pair(name: str, word: str) -> tuple[str, Any]:
    """`NAME=VALUE`, the value as YAML would read it."""
    from facewise.training.extra import needed

    key, sign, text = word.partition("=")
    if not sign or not key:
        [option] = _names(name, several=True)
        raise typer.BadParameter(f"{option} {word}: expected NAME=VALUE")
    yaml = needed("yaml", "training")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    if isinstance(value, str):  # 1e-4 is a number for everybody but YAML
        try:
            value = float(value)
        except ValueError:
            return key, value
    return key, value


def _parsed(name: str, wanted: Any) -> Any:
    """What Typer makes of a type."""
    if get_origin(wanted) is Literal:
        return Enum(name, {choice: choice for choice in get_args(wanted)}, type=str)
    return wanted


def _names(name: str, several: bool) -> list[str]:
    """What is repeated is one each time: --loss-option."""
    return [f"--{name.replace('_', '-').removesuffix('s')}"] if several else []


def _metavar(wanted: Any) -> str | None:
    if get_origin(wanted) is Mapping:
        return "NAME=VALUE"
    if get_origin(wanted) is tuple:
        return "WORD"
    return {int: "N", float: "X", Path: "PATH", str: "WORD"}.get(wanted)


def _help(each: Field[Any]) -> str:
    """The meaning of a setting, and its default where it has one."""
    meaning = str(each.metadata["meaning"])
    default = each.default
    if default is MISSING or default is None or default is False or default in ("", (), Path()):
        return meaning
    word = "yes" if default is True else f"{default:g}" if isinstance(default, float) else default
    return f"{meaning} Default: {word}."
