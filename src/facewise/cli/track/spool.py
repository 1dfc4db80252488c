"""The JSON of many videos, kept in a file without a name until all of it is there."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from facewise._files import part_of, publish

if TYPE_CHECKING:
    from types import TracebackType


class JsonSpool:
    """`{"model", "videos": […]}`: written in pieces, delivered whole or not at all.

    Args:
        target: the file; `-` is standard output; None: nothing is kept.
        model: id of the embedder, or None.
    """

    def __init__(self, target: Path | None, model: str | None) -> None:
        self._target = target
        self._count = 0
        self._file: BinaryIO | None = None
        if target is not None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
            self._write(f'{{\n"model": {json.dumps(model)},\n"videos": [')

    @property
    def to_stdout(self) -> bool:
        """Nothing else may be written to standard output."""
        return str(self._target) == "-"

    def add(self, pieces: Iterable[str]) -> None:
        """The JSON of the next video, in pieces."""
        if self._file is None:
            return
        self._write(",\n" if self._count else "\n")
        self._count += 1
        for piece in pieces:
            self._write(piece)

    def add_failure(self, name: str, error: str) -> None:
        """A video that could not be read."""
        content: dict[str, Any] = {"video": name, "error": error}
        self.add([json.dumps(content)])

    def deliver(self) -> None:
        """Put everything where it belongs.

        Raises:
            OSError: it cannot be written; names it.
        """
        if self._file is None or self._target is None:
            return
        self._write("\n]\n}\n")
        self._file.seek(0)
        try:
            self._copy(self._file, self._target)
        except OSError as error:  # which may name a draft of ours, or nothing
            name = "standard output" if self.to_stdout else str(self._target)
            raise OSError(error.errno, error.strerror or str(error), name) from error

    def __enter__(self) -> JsonSpool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _copy(self, content: BinaryIO, target: Path) -> None:
        if self.to_stdout:
            shutil.copyfileobj(content, sys.stdout.buffer)
            sys.stdout.flush()
        elif target.exists() and not target.is_file():  # a pipe or a device
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)
        else:
            self._replace(content, target.resolve())

    @staticmethod
    def _replace(content: BinaryIO, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = part_of(target)
        try:
            with draft.open("wb") as file:
                shutil.copyfileobj(content, file)
            publish(draft, target, over=True, sync=False)
        finally:
            draft.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        assert self._file is not None  # noqa: S101
        self._file.write(text.encode())
