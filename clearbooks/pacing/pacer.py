"""Lets requests through at the pace of the budget that threads and processes share."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import filelock
import msgspec

from clearbooks.pacing.budget import Budget
from clearbooks.pacing.wait_limit import WaitLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The file is one JSON object, padded with spaces so that it is written in place.
RECORD_SIZE = 1024
# Seconds of waiting for the limit that are worth a line in the log, and between two of them.
WORTH_A_LINE = 5.0
BETWEEN_LINES = 30.0

logger = logging.getLogger(__name__)


class Pacer:
    """Lets requests through at the pace of the shared budget. Safe for threads and processes.

    Args:
        path: The file of the budget; None to pace this process alone.
        ceiling: Requests a second at most.
        share: Of the budget, while others need it.
        clock: Replaces the clock (for tests), as `sleep` does.
        limit: Ends a wait that takes too long.

    Attributes:
        waiting: Called with the seconds that a 429 makes everybody wait, for progress messages.
        limit: Ends a wait that takes too long.
        answers_429: How many requests of this process were refused for the rate.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        ceiling: int | None = None,
        share: float = 1.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] | None = None,
        limit: WaitLimit | None = None,
    ) -> None:
        self.limit = limit or WaitLimit()
        self.answers_429 = 0
        self._path = path
        self._ceiling = ceiling
        self._share = share
        self._clock = clock
        self._sleep = sleep or self.limit.sleep
        self._line_at = -BETWEEN_LINES
        self._mutex = threading.Lock()
        self._turn = threading.Lock()
        self._answers = 0
        self._private = Budget()
        self._file = -1
        self._file_lock = (
            filelock.FileLock(
                path.with_name(path.name + ".lock"), thread_local=False, poll_interval=0.002
            )
            if path is not None
            else None
        )
        self.waiting: Callable[[float], None] | None = None
        with self._budget() as budget:
            budget.begin(self._clock())

    def wait(self) -> float:
        """Wait for a place in the budget; returns the time of leaving, for `limited`.

        Raises:
            WaitLimitError: the API limits the rate, and has for too long.
        """
        # One thread after the other: a place taken far ahead would keep the pace of then.
        with self._turn:
            while True:
                self.limit.check_ended()
                with self._budget() as budget:
                    now = self._clock()
                    held = budget.hold_until - now
                    turn = budget.turn(now, self._share)
                    slot = turn if turn > now else budget.reserve(now, self._ceiling)
                if slot > now:
                    if held > 0:
                        self._hold(held)
                    self._sleep(slot - now)
                if turn <= now and not self._held():
                    self.limit.check_ended()
                    return self._clock()

    def _hold(self, seconds: float) -> None:
        """Before a wait that a 429 asked for, of this process or of another one."""
        self.limit.check(seconds, "the API limits the rate")
        if seconds > 1.0 and self.waiting is not None:
            self.waiting(seconds)
        now = time.monotonic()
        if seconds >= WORTH_A_LINE and now - self._line_at >= BETWEEN_LINES:
            self._line_at = now
            logger.info("the API limits the rate: waiting %.0f s", seconds)

    def _held(self) -> bool:
        """Whether a 429 came while this request waited for its slot."""
        with self._mutex:
            return self._private.hold_until > self._clock()

    def succeeded(self) -> None:
        """An answer came that was not a 429. It reaches the file with the next request."""
        with self._mutex:
            self._answers += 1

    def limited(self, sent: float, wait: float | None) -> None:
        """A 429 came for the request that left at `sent`; `wait` is its `Retry-After`."""
        with self._budget() as budget:
            self.answers_429 += 1
            budget.refused(sent, self._clock(), wait)

    def found(self) -> Budget:
        """A copy of the budget as it stands."""
        with self._budget() as budget:
            return msgspec.structs.replace(budget)

    @contextmanager
    def _budget(self) -> Iterator[Budget]:
        """The budget, read from the file and written back to it, under both locks."""
        with self._mutex:
            self._take()
            self._private.follow(self._clock())
            if self._answers:
                self._private.succeeded(self._clock(), self._answers)
                self._answers = 0
            try:
                yield self._private
            finally:
                self._give()

    def _take(self) -> None:
        if self._file_lock is None or self._path is None:
            return
        try:
            self._file_lock.acquire()
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            os.lseek(self._file, 0, os.SEEK_SET)
            data = os.read(self._file, RECORD_SIZE)
        except OSError:
            # A state directory that cannot be written: pace this process alone.
            self._file_lock = None
            return
        if data:
            self._private = Budget.decode(data)

    def _give(self) -> None:
        if self._file_lock is None:
            return
        try:
            # Not fsynced: losing it costs a second of looking for the limit.
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, self._private.encode().ljust(RECORD_SIZE))
        except OSError:
            # A full disk is no reason to stop reading; the next request tries the file again.
            pass
        finally:
            self._file_lock.release()

    def close(self) -> None:
        """Put what was counted into the file, and close it."""
        with self._budget():
            pass
        if self._file >= 0:
            os.close(self._file)
            self._file, self._file_lock = -1, None
