"""Cut a very large tar file into parts, so that a run that is killed in it does not begin anew."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

from facewise.shards.tar_members import forget_members, sample_of

SPLIT_BYTES = 1 << 30
"""Tar files of this size and more are cut. To find where, each member's header has to be read,
which takes far less than its picture takes later; but all who share in a run do it first."""


def tar_parts(path: Path, size: int, shard_size: int) -> Sequence[tuple[int, int] | None]:
    """The parts of a tar file of this machine, each from the first byte of a sample to another's.

    Args:
        path: the file.
        size: its bytes.
        shard_size: samples of a part.

    Returns:
        Bytes from and to which each part reaches; or None alone: the file as a whole, if it is
        small or compressed. What cannot be read belongs to the last part, whose reader says so.
    """
    if size < SPLIT_BYTES:
        return [None]
    starts: list[int] = []
    samples, before = 0, None
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                forget_members(tar)
                sample = sample_of(member.name)
                if sample != before:
                    if samples % shard_size == 0:
                        starts.append(member.offset)
                    samples, before = samples + 1, sample
    except (tarfile.TarError, OSError, EOFError):  # compressed, or damaged
        pass
    if len(starts) < 2:
        return [None]
    starts[0] = 0
    return list(zip(starts, [*starts[1:], size], strict=True))
