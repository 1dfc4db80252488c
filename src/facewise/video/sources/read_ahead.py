"""A thread that reads a few items ahead of who asks for them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")

_TICK = 0.2
"""Seconds of one wait: where waiting cannot be interrupted (Windows), Ctrl-C is seen after it."""


class ReadAhead(Generic[Item]):
    """The items of an iterator, which runs in a thread of its own, a few items ahead.

    An exception of the iterator comes out at its place, after the items before it.

    Args:
        make: called in the thread; makes the iterator. It is given a function that says whether
            reading is to stop, for an iterator that may be long without an item.
        size: items at most that wait to be taken, at least 1.
        newest: when they are that many, the oldest is given up for a new one, rather than the
            iterator made to wait; for what comes as it happens.
    """

    def __init__(
        self,
        make: Callable[[Callable[[], bool]], Iterator[Item]],
        size: int,
        *,
        newest: bool = False,
    ) -> None:
        # The thread knows the shelf, not this object: so who forgets to close it, and drops it,
        # has closed it.
        self._shelf: _Shelf[Item] = _Shelf(size, newest)
        self._thread = threading.Thread(
            target=_fill, args=(self._shelf, make), name="facewise-video", daemon=True
        )
        self._thread.start()

    @property
    def given_up(self) -> int:
        """How many items were given up for newer ones."""
        return self._shelf.given_up

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return self._shelf.take()

    def close(self, wait: float = 2.0) -> bool:
        """Stop the thread.

        Args:
            wait: seconds at most that it is waited for. It ends by itself as soon as a read that
                it is in returns.

        Returns:
            Whether it has ended.
        """
        self._shelf.stop()
        if self._thread is not threading.current_thread():
            self._thread.join(wait)
        return not self._thread.is_alive()

    def __del__(self) -> None:
        self._shelf.stop()


class _Shelf(Generic[Item]):
    """Where items lie between the two threads."""

    def __init__(self, size: int, newest: bool) -> None:
        self._items: deque[Item] = deque()
        self._size = size
        self._newest = newest
        self._changed = threading.Condition()
        self._stopped = False
        self._ended = False
        self._failure: BaseException | None = None
        self.given_up = 0

    def stopped(self) -> bool:
        return self._stopped

    def stop(self) -> None:
        self._stopped = True
        with self._changed:
            self._items.clear()
            self._changed.notify_all()

    def put(self, item: Item) -> bool:
        """Lay an item down, when there is room; false: it is not wanted any more."""
        with self._changed:
            while not self._stopped and not self._newest and len(self._items) >= self._size:
                self._changed.wait()
            if self._stopped:
                return False
            if len(self._items) >= self._size:
                self._items.popleft()
                self.given_up += 1
            self._items.append(item)
            self._changed.notify_all()
            return True

    def end(self, failure: BaseException | None) -> None:
        with self._changed:
            self._ended = True
            self._failure = failure
            self._changed.notify_all()

    def take(self) -> Item:
        with self._changed:
            while not (self._items or self._ended or self._stopped):
                self._changed.wait(_TICK)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        raise StopIteration


def _fill(shelf: _Shelf[Item], make: Callable[[Callable[[], bool]], Iterator[Item]]) -> None:
    failure: BaseException | None = None
    items: Iterator[Item] | None = None
    try:
        items = make(shelf.stopped)
        for item in items:
            if not shelf.put(item):
                break
            del item  # not held while the next one is made
    except BaseException as error:
        failure = error
    try:
        close = getattr(items, "close", None)
        if close is not None:
            close()
    except BaseException as error:
        failure = failure or error
    shelf.end(failure)
