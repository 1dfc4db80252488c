"""Work in a process of its own, a piece at a time, when the parent asks for it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import torch

from bench.contest import UnavailableError, reason


class Child:
    """A generator in another process; use it as a context.

    Args:
        work: a function of a module; each value that it yields is the answer to one question.
        arguments: of it.
    """

    def __init__(self, work: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_answer, args=(other, torch.get_num_threads(), work, arguments), daemon=True
        )
        self._process.start()
        other.close()

    def ask(self, _: Any = None) -> Any:
        """The next value.

        Raises:
            UnavailableError: the work failed, or its process died.
        """
        try:
            self._pipe.send(True)
            value, error = self._pipe.recv()
        except (EOFError, OSError):
            raise UnavailableError("its process ended") from None
        if error is not None:
            raise UnavailableError(error)
        return value

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _answer(
    pipe: Connection, threads: int, work: Callable[..., Iterator[Any]], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(threads)
    values = work(*arguments)
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((next(values), None))
        except Exception as error:
            pipe.send((None, reason(error)))
