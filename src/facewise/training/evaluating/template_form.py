"""Protocols of pairs of templates (IJB-B, IJB-C): verification of pooled vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.scores import pair_similarity
from facewise.evaluation.templates import pooled
from facewise.evaluation.verification import verify
from facewise.training.evaluating.figures import OF_TEMPLATES, curve, verification_figures
from facewise.training.evaluating.folds import dealt_folds
from facewise.training.evaluating.forms import Pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facewise.evaluation.protocols.templates import TemplateProtocol
    from facewise.training.evaluating.figures import Figures
    from facewise.zoo import Threshold


class TemplateForm:
    """Pairs of templates, each pooled by media; a `Form`.

    The published protocols have no folds, so the pairs are dealt out to ten.

    Args:
        protocol: templates and pairs.

    Raises:
        ProtocolError: fewer than two pairs of a kind.
    """

    told = OF_TEMPLATES
    tuning: Pictures | None = None

    def __init__(self, protocol: TemplateProtocol) -> None:
        self.protocol = protocol
        self.name = protocol.name
        self.pictures = Pictures(
            protocol.sha256, protocol.images, protocol.names, landmarks=protocol.landmarks
        )
        ids = [f"template {number}" for number in protocol.template_ids]
        self.people = [ids[place] for place in protocol.templates.tolist()]
        # Templates in place of images.
        self._pairs = PairProtocol(
            name=protocol.name,
            sha256=protocol.sha256,
            images=(),
            names=tuple(ids),
            people=None,
            pairs=protocol.pairs,
            same=protocol.same,
            folds=dealt_folds(protocol.same, protocol.name),
            folds_given=False,
        )

    def score(
        self,
        vectors: NDArray[np.float32],
        tuning: NDArray[np.float32] | None,  # noqa: ARG002 - there are no such pictures
    ) -> tuple[Figures, NDArray[np.float64] | None]:
        """See `Form`."""
        own = self.protocol
        templates = pooled(vectors, own.templates, own.media, len(own.template_ids))
        similarity = pair_similarity(templates, own.pairs)
        figures = verification_figures(verify(similarity, self._pairs))
        return figures, curve(similarity, own.same)

    def thresholds(
        self,
        vectors: NDArray[np.float32],  # noqa: ARG002 - as of every form
        found: str,  # noqa: ARG002
    ) -> tuple[Threshold, ...]:
        """None: the vectors of templates are more alike than those of single pictures."""
        return ()
