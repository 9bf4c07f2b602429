"""What a person at a terminal sees of a run; machines read the logs and metrics instead."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

SECONDS_BETWEEN = 0.2


class Progress:
    """A line on the terminal that follows the run, from `show` on."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._shown = 0.0
        self._records = 0
        self._stream = ""
        self._on = False

    def show(self) -> None:
        """Begin, unless standard error is no terminal."""
        self._on = sys.stderr.isatty()

    def wrote(self, stream: str, business: int | None, records: int) -> None:
        """So many more records of a stream were written."""
        if not self._on:
            return
        self._records = records + (self._records if stream == self._stream else 0)
        self._stream = stream
        now = time.monotonic()
        if now - self._shown < SECONDS_BETWEEN:
            return
        self._shown = now
        where = f" of business {business}" if business else ""
        self._put(f"{stream}{where}: {self._records:,} records")

    def waiting(self, seconds: float) -> None:
        """The API limits the rate, and everybody waits."""
        if self._on:
            self._put(f"{self._stream}: the API limits the rate, waiting {seconds:.0f} s")

    def _put(self, text: str) -> None:
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(text)
            self._status.start()
        self._status.update(text)

    def close(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
