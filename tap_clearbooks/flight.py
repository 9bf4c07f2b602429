"""Several requests under way at once, with their results taken in order."""

from __future__ import annotations

import queue
import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

T = TypeVar("T")
R = TypeVar("R")

# Batches that a reading holds ready for the writer, besides its requests in flight.
READY = 2
# Readings that begin before it is their turn.
AHEAD = 2
_POLL = 0.2


class Cancelled(Exception):  # noqa: N818 - a signal, not a fault
    """The consumer went away."""


def in_order(
    executor: Executor, call: Callable[[T], R], items: Iterable[T], depth: Callable[[], int]
) -> Iterator[R]:
    """`call` for each item, up to `depth()` of them at once; results in the order of items.

    An exception of a call is raised in its place; calls that have not begun are then dropped.
    """
    waiting: deque[Future[R]] = deque()
    source = iter(items)
    more = True
    try:
        while True:
            while more and len(waiting) < max(depth(), 1):
                for item in source:
                    waiting.append(executor.submit(call, item))
                    break
                else:
                    more = False
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


class Reading(Generic[R]):
    """An iterator that runs in a thread of its own and keeps a few results ready."""

    def __init__(self, make: Callable[[Reading[R]], Iterable[R]]) -> None:
        self._make = make
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=READY)
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self.current = False

    def start(self) -> None:
        """Begin, unless begun already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """Stop at the next result."""
        self._cancelled.set()

    def __iter__(self) -> Iterator[R]:
        self.current = True
        self.start()
        while True:
            kind, value = self._queue.get()
            if kind == "item":
                yield value
            elif kind == "error":
                raise value
            else:
                return

    def _run(self) -> None:
        try:
            for item in self._make(self):
                self._put("item", item)
            self._put("end", None)
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where it is consumed
            self._put_last(error)

    def _put(self, kind: str, value: Any) -> None:
        while not self._cancelled.is_set():
            try:
                self._queue.put((kind, value), timeout=_POLL)
            except queue.Full:
                continue
            return
        raise Cancelled

    def _put_last(self, error: BaseException) -> None:
        try:
            self._put("error", error)
        except Cancelled:
            return


class Readings(Generic[R]):
    """Readings to be taken one after the other, each begun a little before it is its turn."""

    def __init__(self, readings: dict[Any, Reading[R]]) -> None:
        self._waiting = readings
        self._begun: list[Reading[R]] = []

    def take(self, key: Any) -> Iterator[R]:
        """Iterate over the reading of that key; the next ones begin meanwhile."""
        reading = self._waiting.pop(key)
        for begun in (reading, *islice(self._waiting.values(), AHEAD)):
            begun.start()
            self._begun.append(begun)
        try:
            yield from reading
        finally:
            reading.cancel()

    def close(self) -> None:
        """Stop whatever was begun."""
        for reading in self._begun:
            reading.cancel()
