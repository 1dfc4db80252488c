"""The folder that shards are written to."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from facewise.shards.locations import is_url, plain


class Output(ABC):
    """A folder of files that appear whole or not at all."""

    def __init__(self, place: str) -> None:
        self.place = place

    @abstractmethod
    def names(self) -> set[str]:
        """Of the files there; hidden ones are passed over. Nothing, if there is no such folder."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """The content of a file, or None."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """A file for reading, from any place in it."""

    @abstractmethod
    def claim(self, name: str, content: bytes) -> bytes:
        """Write a file unless it is there.

        Returns:
            What the file holds now: the content, or what somebody else has put there.
        """

    @abstractmethod
    def draft(self, name: str) -> AbstractContextManager[Path]:
        """A context: a path to write to, whose file is put in its place when all went well."""

    @abstractmethod
    def tidy(self, done: Set[str]) -> None:
        """Remove what killed runs have left of files that are there."""


def output_at(place: str | os.PathLike[str]) -> Output:
    """The folder of a path or URL.

    Raises:
        ExtraMissingError: what the URL's protocol needs is not installed.
        ShardsError: fsspec cannot open the URL.
    """
    from facewise.shards.local_output import LocalOutput
    from facewise.shards.remote_output import RemoteOutput

    text = plain(place)
    return RemoteOutput(text) if is_url(text) else LocalOutput(text)
