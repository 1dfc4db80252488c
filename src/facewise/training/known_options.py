"""Build things with options that a user has named."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from facewise.errors import TrainingError


def known_options(setting: str, build: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """Build something with options of the user's.

    Raises:
        TrainingError: it has no such option; names the setting and lists those there are.
    """
    bound = build.keywords if isinstance(build, partial) else {}
    takes = [
        name
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in bound
    ]
    for name in options:
        if name not in takes:
            raise TrainingError(f"{setting}: no option {name!r}; there are {', '.join(takes)}")
    return build(**options)
