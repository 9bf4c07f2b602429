"""How long a client may wait without one good answer."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from clearbooks.errors import WaitLimitError

if TYPE_CHECKING:
    from collections.abc import Callable


class WaitLimit:
    """Ends a client that has waited `max_wait` seconds without one good answer. Safe for threads.

    The time counts from the first request that was limited or failed after the last good answer,
    whichever thread made it, by the monotonic clock. A wait that would go beyond the limit is not
    begun. Once the limit is reached every thread that waits or begins to wait ends too.

    Args:
        seconds: The limit.
        clock: Replaces the monotonic clock (for tests).
    """

    def __init__(
        self, seconds: float = math.inf, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._message = ""
        self._ended = threading.Event()
        self._answers = 0

    @property
    def answers(self) -> int:
        """How many good answers came."""
        return self._answers

    def answered(self) -> None:
        """A good answer came: a success, or a refusal that waiting would not change."""
        with self._lock:
            self._since = None
            self._answers += 1

    def check(self, seconds: float, reason: str) -> None:
        """Call it before a wait of so many seconds.

        Raises:
            WaitLimitError: the limit is reached, or would be before the wait is over.
        """
        with self._lock:
            if not self._message:
                now = self._clock()
                if self._since is None:
                    self._since = now
                waited = now - self._since
                if waited + seconds <= self._seconds:
                    return
                self._message = (
                    f"{reason}: {waited:,.0f} s without a good answer and {seconds:,.0f} s still "
                    f"to wait are more than max_wait allows ({self._seconds:,.0f} s); run again "
                    "later, or set a greater max_wait"
                )
                self._ended.set()
        raise WaitLimitError(self._message)

    def check_ended(self) -> None:
        """Call it before a request.

        Raises:
            WaitLimitError: the limit was reached.
        """
        if self._ended.is_set():
            raise WaitLimitError(self._message)

    def sleep(self, seconds: float) -> None:
        """Wait, until the limit is reached at the most."""
        self._ended.wait(seconds)
