"""Check the options of a model before anything is loaded or downloaded for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def checked_options(
    model_id: str, build: Callable[..., Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """The options, when a model's constructor has them all as keywords.

    Raises:
        TypeError: one of them is unknown; names it and lists those there are.
    """
    known = [
        name
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(
            f"{model_id}: no option {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return dict(options)
