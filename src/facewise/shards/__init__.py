"""Embed very many pictures to a folder of Parquet files: resumable, each picture exactly once."""

from facewise.shards.face_batch import FaceBatch, Failure
from facewise.shards.models import Models
from facewise.shards.reading import Shards, open_shards
from facewise.shards.result import Progress, ShardRun
from facewise.shards.run import SHARD_SIZE, embed_to_shards
from facewise.shards.schema import Counts
from facewise.shards.ways import Way

__all__ = [
    "SHARD_SIZE",
    "Counts",
    "FaceBatch",
    "Failure",
    "Models",
    "Progress",
    "ShardRun",
    "Shards",
    "Way",
    "embed_to_shards",
    "open_shards",
]
