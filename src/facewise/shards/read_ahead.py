"""Read ahead of whoever works on what is read: from stores that answer late."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_in_threads(
    read: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[Result, None, None]:
    """`map` with several reads under way at once; the results in order.

    Unlike `runtime.workers.ordered_map`, whose workers compute, these threads wait for a network.

    Args:
        read: called in several threads; what it raises comes out at its place.
        items: taken as they are needed.
        threads: reads under way; up to twice as many results wait to be taken.
    """
    source = iter(items)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, "facewise-reading") as pool:
        try:
            while True:
                for item in islice(source, 2 * threads - len(waiting)):
                    waiting.append(pool.submit(read, item))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_END = object()


def read_in_background(items: Iterable[Item], ahead: int) -> Generator[Item, None, None]:
    """The same items, made in a thread of their own while others are worked on.

    Args:
        items: an iterator that is used in that thread alone.
        ahead: how many may wait to be taken.

    Raises:
        Exception: what `items` raise, after those before it.
    """
    made: queue.Queue[object] = queue.Queue(ahead)
    given_up = threading.Event()

    def put(thing: object) -> bool:
        while not given_up.is_set():
            with suppress(queue.Full):
                made.put(thing, timeout=0.1)
                return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:  # for whoever waits
            put(_Failure(error))
        put(_END)

    reader = threading.Thread(target=work, name="facewise-reader", daemon=True)
    reader.start()
    try:
        while (item := made.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        given_up.set()
        reader.join()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
