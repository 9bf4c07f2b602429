"""What a person at a terminal sees of a run; machines read the logs and metrics instead."""

from __future__ import annotations

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
        self._streams: Sequence[str] = ()
        self._requests: Callable[[], int] = lambda: 0
        self._began = time.monotonic()
        self._wait_until = 0.0

    def show(self, streams: Sequence[str], requests: Callable[[], int]) -> None:
        """Begin, unless standard error is no terminal.

        Args:
            streams: The streams of the run, in their order.
            requests: Answers how many requests were made.
        """
        if not sys.stderr.isatty():
            return
        # Here, since it takes long and a scheduler needs none of it.
        from rich.console import Console
        from rich.live import Live

        self._streams, self._requests = streams, requests
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

    def wrote(self, stream: str, business: int | None, records: int) -> None:
        """So many more records of a stream were written."""
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

    def _table(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            rows = list(self.records.items())
        now = time.monotonic()
        begun = len({stream for (stream, _), _ in rows})
        requests = self._requests()
        head = (
            f"stream {begun} of {len(self._streams)} · {sum(n for _, n in rows):,} records · "
            f"{requests:,} requests, {requests / max(now - self._began, 0.1):.1f} a second"
        )
        if self._wait_until > now:
            head += f" · the API limits the rate, waiting {self._wait_until - now:.0f} s"
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
