"""Streams that are read ahead, each in a thread of its own, and taken one after the other."""

from __future__ import annotations

import queue
import threading
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

R = TypeVar("R")

# Batches that a reading holds ready for the writer, besides its requests in flight.
READY = 2
# The same for the reading whose turn is next, while the one before it comes to its end.
READY_NEXT = 16
# Readings that begin before it is their turn.
AHEAD = 2
_POLL = 0.2


class Cancelled(Exception):  # noqa: N818 - a signal, not a fault
    """The consumer went away."""


class Reading(Generic[R]):
    """An iterator that runs in a thread of its own and keeps a few results ready."""

    def __init__(self, make: Callable[[Reading[R]], Iterable[R]]) -> None:
        self._make = make
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=READY)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._cancelled = threading.Event()
        self._drained = False
        self._further = 0
        self.current = False
        self.following: Reading[R] | None = None

    def start(self) -> None:
        """Begin, unless begun already."""
        with self._starting:
            if self._thread is None and not self._cancelled.is_set():
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def drained(self) -> None:
        """All requests are under way: what follows may have their place as they are answered."""
        self._drained = True
        if self._further and self.following is not None:
            self.following.hasten(self._further - 1)

    def hasten(self, further: int) -> None:
        """Read as if it were this one's turn; `further` readings may follow in the same way."""
        if self._cancelled.is_set() and self.following is not None:
            self.following.hasten(further)
            return
        self.current, self._further = True, further
        self._keep(READY_NEXT)
        self.start()
        if self._drained:
            self.drained()

    def _keep(self, results: int) -> None:
        with self._queue.mutex:
            self._queue.maxsize = results
            self._queue.not_full.notify_all()

    def cancel(self) -> None:
        """Stop at the next result."""
        self._cancelled.set()

    def __iter__(self) -> Iterator[R]:
        self.hasten(AHEAD)
        self._keep(READY)
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
        for reading, following in pairwise(readings.values()):
            reading.following = following
        self._begun: set[Reading[R]] = set()

    def take(self, key: Any) -> Iterator[R]:
        """Iterate over the reading of that key; the next ones begin meanwhile."""
        reading = self._waiting.pop(key)
        for begun in (reading, *islice(self._waiting.values(), AHEAD)):
            begun.start()
            self._begun.add(begun)
        try:
            yield from reading
        finally:
            reading.cancel()
            # What it read with may go: a run may have thousands of businesses.
            self._begun.discard(reading)

    def leave_out(self, unwanted: Callable[[Any], bool]) -> None:
        """Take no reading with such a key; one that has begun is stopped."""
        for key in [key for key in self._waiting if unwanted(key)]:
            self._waiting.pop(key).cancel()

    def close(self) -> None:
        """Stop whatever was begun."""
        for reading in self._begun:
            reading.cancel()
