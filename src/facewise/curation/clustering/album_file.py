"""The open file of an album, and how it is asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from facewise.curation.clustering import schema
from facewise.errors import CurationError, FacewiseError
from facewise.gallery.model_facts import ModelFacts

if TYPE_CHECKING:
    from typing_extensions import Self


class AlbumFile:
    """A file that `schema` opened.

    Args:
        path: of the file.
        database: the connection, which this closes.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database

    def change(self) -> AbstractContextManager[None]:
        """A transaction, for what is done within it."""
        return schema.transaction(self._database, self.path)

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def fact(self, key: str) -> str | None:
        """What is known of the album: `id`, a random text by which other files name it; or None."""
        row = self._one("SELECT value FROM facts WHERE key = ?", key)
        return None if row is None else row[0]

    @property
    def facts(self) -> ModelFacts:
        """What made the vectors."""
        try:
            settings, size = json.loads(self.fact("model") or "")
            return ModelFacts(settings, size)
        except (ValueError, TypeError, FacewiseError) as error:
            raise self.damaged("what it says of its model") from error

    def damaged(self, what: str) -> CurationError:
        """The error of a part of the file that cannot be."""
        return CurationError(f"{self.path}: damaged ({what}); put back a copy of it")

    def _one(self, text: str, *given: Any) -> Any:
        with schema.refused(self.path):
            return self._database.execute(text, given).fetchone()

    def _all(self, text: str, *given: Any) -> Iterator[Any]:
        with schema.refused(self.path):
            return iter(self._database.execute(text, given).fetchall())

    def _count(self, text: str, *given: Any) -> int:
        return int(self._one(text, *given)[0])

    def _run(self, text: str, *given: Any) -> int:
        return int(self._database.execute(text, given).lastrowid or 0)
