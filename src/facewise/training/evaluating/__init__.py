"""Measure a network while it learns, by the protocols of `facewise.evaluation` and their figures.

The images become chips once, as serving cuts them; each evaluation then embeds the chips.
"""

from facewise.training.evaluating.examiner import Examiner
from facewise.training.evaluating.figures import FIGURES, GRID, Measured, for_spec
from facewise.training.evaluating.serving import embedder_of

__all__ = ["FIGURES", "GRID", "Examiner", "Measured", "embedder_of", "for_spec"]
