"""The models and the people of `facewise track`, opened once for all videos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from facewise.errors import FacewiseError

if TYPE_CHECKING:
    from facewise.alignment import CropPolicy
    from facewise.cli.track.options import TrackOptions
    from facewise.cli.track.targets import Targets
    from facewise.recognition import Problem
    from facewise.video.running import Tracking


@dataclass(frozen=True, slots=True)
class Models:
    """What tracks and names.

    Attributes:
        settings: arguments of `facewise.video.track`, but for the source.
        model: id of the embedder; None: nobody is named.
        names: of the people who are known.
        problems: what was left out of them, and why.
        crop: how the embedder wants chips.
    """

    settings: dict[str, Any]
    model: str | None
    names: frozenset[str]
    problems: tuple[Problem, ...]
    crop: CropPolicy | None

    def track(self, source: Any) -> Tracking:
        """Begin to track a video."""
        from facewise.cli.loading import wrong_usage
        from facewise.video import track

        with wrong_usage():
            return track(source, **self.settings)


def open_models(stack: ExitStack, options: TrackOptions, targets: Sequence[Targets]) -> Models:
    """Load what the options name.

    Args:
        stack: closes a gallery.
        options: of the command.
        targets: which results are wanted.

    Raises:
        FacewiseError: models or people cannot be loaded.
        BadParameter: an option has a value that it cannot have.
    """
    from facewise.cli.gallery.options import is_gallery, with_models
    from facewise.cli.loading import the_calibration, the_detector, the_embedder, wrong_usage
    from facewise.pipeline import Pipeline
    from facewise.recognition import load_people
    from facewise.result_cache import ResultCache
    from facewise.video.results.anonymising import COVERING

    if options.key_file is not None and not (options.people and is_gallery(options.people)):
        raise typer.BadParameter("--key-file: without a gallery there is no key")
    finder = the_detector(
        options.detector, options.device, mode=options.mode, backend=options.backend
    )
    settings: dict[str, Any] = {"detector": finder, "resize": options.resize}
    if options.anonymise is not None:
        settings |= COVERING
    if options.every is not None:
        settings["every"] = options.every
    if not _names_wanted(options, targets):
        return Models(settings | {"recognise": False}, None, frozenset(), (), None)
    names: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    if options.people is not None and is_gallery(options.people):
        gallery = stack.enter_context(with_models(options.people, options, options.key_file))
        embedder = gallery.embedder
        settings["gallery"] = gallery
        names = frozenset(gallery.people().names)
    else:
        embedder = the_embedder(
            options.model, options.device, backend=options.backend, precision=options.precision
        )
        settings["model"] = embedder
        if options.people is not None:
            with ResultCache() if options.cache else nullcontext() as store:
                people = load_people(options.people, Pipeline(finder, embedder, store))
            settings["people"], names = people, frozenset(people.names)
            problems = people.problems
    with wrong_usage():
        settings["calibration"] = the_calibration(options.calibration, embedder, finder)
    for name in ("threshold", "far", "fpir"):
        settings[name] = getattr(options, name)
    return Models(settings, embedder.spec.id, names, problems, embedder.spec.crop)


def require_known(models: Models, options: TrackOptions) -> None:
    """Refuse names of people who are not known: nobody's face would be covered for a slip.

    Raises:
        FacewiseError: names them, and those who are known.
    """
    given = [*(options.cover or []), *(options.spare or [])]
    unknown = [n for n in given if n not in models.names and not re.fullmatch(r"person \d+", n)]
    if unknown:
        known = ", ".join(sorted(models.names)[:20]) or "nobody"
        raise FacewiseError(f"nobody is called {', '.join(unknown)}; known: {known}")


def _names_wanted(options: TrackOptions, targets: Sequence[Targets]) -> bool:
    """Whether somebody would see names; covering everybody needs none."""
    if not options.names:
        return False
    covering = options.anonymise is not None and not (options.cover or options.spare)
    shown = any(len(one.by_option) > 1 for one in targets)
    return bool(options.people) or shown or not covering or bool(options.boxes)
