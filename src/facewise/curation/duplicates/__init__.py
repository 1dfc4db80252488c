"""Pictures that are the same, or nearly: by their content, and by how they look."""

from facewise.curation.duplicates.grouping import groups_of
from facewise.curation.duplicates.nearness import near_pairs
from facewise.curation.duplicates.perceptual import perceptual_hash

__all__ = ["groups_of", "near_pairs", "perceptual_hash"]
