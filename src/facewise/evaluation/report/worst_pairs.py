"""The pairs that mislead a model most, as pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facewise.evaluation.protocols.templates import TemplateProtocol
from facewise.evaluation.report import page, wording
from facewise.evaluation.report.model import Model
from facewise.evaluation.report.page import Card, Html
from facewise.evaluation.report.pictures import Pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.pairs import PairProtocol
    from facewise.evaluation.scored import Scored

_WORST = 12  # pairs that are shown of each model and kind


def worst_pairs(
    models: Sequence[Model],
    protocol: PairProtocol | TemplateProtocol,
    pictures: Pictures,
    *,
    genuine: bool,
) -> tuple[Html, ...]:
    """The pairs of one kind whose similarity misleads most."""
    blocks: list[Html] = []
    for model in models:
        similarity, verification = model.scored.similarity, model.scored.verification
        kind = np.flatnonzero((protocol.same == genuine) & ~np.isnan(similarity))
        worst = _lowest(similarity[kind] if genuine else -similarity[kind], kind)
        if not worst:
            continue
        cards = []
        for pair in worst:
            verdict, wrong = "", False
            if verification is not None:
                accepted = bool(verification.accepted[pair])
                verdict, wrong = "accepted" if accepted else "rejected", accepted != genuine
            sides = tuple(
                pictures.thumbnail(*_face(model.scored, protocol, int(side)))
                for side in protocol.pairs[pair]
            )
            cards.append(Card(sides, wording.number(float(similarity[pair])), verdict, wrong))
        which, how = ("genuine", "least") if genuine else ("impostor", "most")
        said = f"The {len(worst)} {which} pairs that are {how} alike to {model.name}"
        if verification is not None:
            said += f", {sum(card.wrong for card in cards)} of them decided wrongly"
        if len(models) > 1:
            blocks.append(page.heading(model.name))
        blocks += [page.paragraph(f"{said}.", "note"), page.gallery(cards)]
    return tuple(blocks)


def _lowest(values: NDArray[np.float64], pairs: NDArray[np.intp]) -> list[int]:
    """The pairs of the lowest values, rising; of equal ones the first."""
    if len(values) > _WORST:  # a protocol may have millions
        few = values <= np.partition(values, _WORST - 1)[_WORST - 1]
        values, pairs = values[few], pairs[few]
    found: list[int] = pairs[np.argsort(values, kind="stable")[:_WORST]].tolist()
    return found


def _face(
    scored: Scored, protocol: PairProtocol | TemplateProtocol, side: int
) -> tuple[int, NDArray[np.floating], str | None]:
    """The image that stands for one side of a pair, where the face is in it, and its name."""
    if not isinstance(protocol, TemplateProtocol):
        return side, scored.found.boxes[side], None
    image = int(np.flatnonzero(protocol.templates == side)[0])
    name = f"template {protocol.template_ids[side]}: {protocol.names[image]}"
    box = scored.found.boxes[image]
    if np.isnan(box).any():
        box = _around(protocol.landmarks[image])
    return image, box, name


def _around(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """A box of a face by its five landmarks, which lie in the inner half of it."""
    points = np.asarray(landmarks, np.float64)
    centre, half = points.mean(axis=0), np.ptp(points, axis=0).max()
    return np.concatenate([centre - half, centre + half])
