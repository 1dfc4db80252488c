"""Measure models: protocols read data, metrics are pure functions, records say what ran.

The steps of `facewise evaluate`, one by one:

Example:
    >>> from pathlib import Path
    >>> import facewise
    >>> from facewise.evaluation import embed_photos, pair_similarity, read_pairs_csv, verify
    >>> from facewise.pipeline import Pipeline
    >>> protocol = read_pairs_csv(Path("examples/pairs.csv"), Path("examples"))
    >>> pipeline = Pipeline(facewise.load_detector(), facewise.load_embedder())
    >>> found = embed_photos(protocol.images, pipeline, lambda done: None, names=protocol.names)
    >>> similarity = pair_similarity(found.vectors, protocol.pairs)
    >>> verify(similarity, protocol).accuracy
    1.0
"""

from facewise.evaluation.comparison import compare_models, compare_searches
from facewise.evaluation.fusion import fuse, fusion_shares
from facewise.evaluation.groups import by_group, read_groups
from facewise.evaluation.identification import IdentificationScored, identify_probes
from facewise.evaluation.protocols.agedb import read_agedb
from facewise.evaluation.protocols.bin_pack import read_bin_pack
from facewise.evaluation.protocols.cfp import read_cfp
from facewise.evaluation.protocols.cross_lfw import read_cross_lfw
from facewise.evaluation.protocols.ijb import read_ijb
from facewise.evaluation.protocols.lfw import read_lfw
from facewise.evaluation.protocols.pairs import PairProtocol
from facewise.evaluation.protocols.pairs_csv import read_pairs_csv
from facewise.evaluation.protocols.people import PeopleProtocol, read_people
from facewise.evaluation.protocols.templates import TemplateProtocol
from facewise.evaluation.scored import Scored
from facewise.evaluation.scores import pair_similarity
from facewise.evaluation.templates import pooled
from facewise.evaluation.thresholds import OperatingPoints, operating_points
from facewise.evaluation.vectors import (
    ImageVectors,
    embed_chips,
    embed_landmarked,
    embed_photos,
)
from facewise.evaluation.verification import TarAtFar, Verification, operating_curve, verify

__all__ = [
    "IdentificationScored",
    "ImageVectors",
    "OperatingPoints",
    "PairProtocol",
    "PeopleProtocol",
    "Scored",
    "TarAtFar",
    "TemplateProtocol",
    "Verification",
    "by_group",
    "compare_models",
    "compare_searches",
    "embed_chips",
    "embed_landmarked",
    "embed_photos",
    "fuse",
    "fusion_shares",
    "identify_probes",
    "operating_curve",
    "operating_points",
    "pair_similarity",
    "pooled",
    "read_agedb",
    "read_bin_pack",
    "read_cfp",
    "read_cross_lfw",
    "read_groups",
    "read_ijb",
    "read_lfw",
    "read_pairs_csv",
    "read_people",
    "verify",
]
