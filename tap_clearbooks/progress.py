"""What a person at a terminal sees of a run; machines read the logs and metrics instead."""

from __future__ import annotations

import datetime as dt
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType
    from rich.live import Live

    from tap_clearbooks.summary import Summary

# Rows of the live table: streams of a business that were written last.
ROWS = 6
REFRESHES_A_SECOND = 4
_Row = tuple[str, int | None]


class Progress:
    """A live table that follows the run, from `show` on; log lines go out above it.

    Records are counted whether or not anybody looks, for the summary at the end.

    Attributes:
        records: How many records of each stream and business were written.
    """

    def __init__(self) -> None:
        self.records: dict[_Row, int] = {}
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._moved: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []
        self._totals: dict[_Row, int] = {}
        self._plan: Sequence[_Row] = ()
        self._turn = 0
        self._requests: Callable[[], int] = lambda: 0
        self._began = time.monotonic()
        self._wait_until = 0.0

    def show(self, plan: Sequence[_Row], requests: Callable[[], int]) -> None:
        """Begin, unless standard error is no terminal.

        Args:
            plan: Stream and business of each reading of the run, in their order.
            requests: Answers how many requests were made.
        """
        if not sys.stderr.isatty():
            return
        # Here, since it takes long and a scheduler needs none of it.
        from rich.console import Console
        from rich.live import Live

        self._plan, self._requests = plan, requests
        self._began = time.monotonic()
        before = sys.stderr
        # Records go to standard output: that is left alone.
        self._live = Live(
            console=Console(stderr=True),
            get_renderable=self._table,
            refresh_per_second=REFRESHES_A_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()
        # Handlers hold on to the stream that they were made with.
        for handler in _handlers():
            if handler.stream is before:
                self._moved.append((handler, before))
                handler.setStream(sys.stderr)

    def reading(self, stream: str, business: int | None) -> None:
        """Take in which stream of which business is read now."""
        with self._lock:
            if self._plan:
                self._turn = self._plan.index((stream, business))

    def expect(self, stream: str, business: int | None, records: int) -> None:
        """Take in how many records of a stream are going to come; the first estimate is kept."""
        with self._lock:
            self._totals.setdefault((stream, business), records)

    def wrote(self, stream: str, business: int | None, records: int) -> None:
        """Count records of a stream that were written."""
        row = (stream, business)
        with self._lock:
            # Last in the table is what moved last.
            self.records[row] = self.records.pop(row, 0) + records

    def waiting(self, seconds: float) -> None:
        """The API limits the rate, and everybody waits."""
        self._wait_until = time.monotonic() + seconds

    def close(self, summary: Summary | None = None) -> None:
        """Take the table away, and show what the run came to."""
        if self._live is None:
            return
        live, self._live = self._live, None
        live.stop()
        for handler, stream in self._moved:
            handler.setStream(stream)
        if summary is not None:
            live.console.print(summary.table())

    def _position(self) -> list[str]:
        """Which stream it is of those of a business, and which business of all."""
        if not self._plan:
            return []
        stream, business = self._plan[self._turn]
        streams = list(dict.fromkeys(name for name, _ in self._plan))
        businesses = list(dict.fromkeys(number for _, number in self._plan if number is not None))
        found = [f"stream {streams.index(stream) + 1} of {len(streams)}"]
        if len(businesses) > 1 and business is not None:
            found.append(f"business {businesses.index(business) + 1} of {len(businesses)}")
        return found

    def _seconds_left(self) -> int:
        """For the records that are known to come; of later listings nobody knows yet."""
        come = sum(self.records.get(row, 0) for row in self._totals)
        left = sum(
            max(self._totals.get(row, 0) - self.records.get(row, 0), 0)
            for row in self._plan[self._turn :]
        )
        return round(left * (time.monotonic() - self._began) / come) if come else 0

    def _table(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            rows = list(self.records.items())
            parts = [*self._position(), f"{sum(n for _, n in rows):,} records"]
            left = self._seconds_left()
        now, requests = time.monotonic(), self._requests()
        rate = requests / max(now - self._began, 0.1)
        parts.append(f"{requests:,} requests, {rate:.1f} a second")
        if left:
            parts.append(f"at least {dt.timedelta(seconds=left)} left")
        if self._wait_until > now:
            parts.append(f"the API limits the rate, waiting {self._wait_until - now:.0f} s")
        head = " · ".join(parts)
        table = Table.grid(padding=(0, 2))
        for (stream, business), records in rows[-ROWS:]:
            of = f"of business {business}" if business is not None else ""
            table.add_row(f"{stream} {of}".rstrip(), Text(f"{records:,} records", justify="right"))
        return Group(Text(head), table)


def _handlers() -> list[logging.StreamHandler[TextIO]]:
    """The handlers that write log lines to a stream."""
    loggers = [logging.root, *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    found = {id(h): h for logger in loggers for h in logger.handlers}
    return [h for h in found.values() if isinstance(h, logging.StreamHandler)]
