"""What a run came to: a table for people, one line of JSON for machines."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from tap_clearbooks.failures import Failure


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to, whether or not it came to its end.

    Attributes:
        streams: The streams that were to be read.
        records: How many records of each stream and business were written.
        requests: How many requests were made.
        limited: How many of them were answered with 429.
        seconds: How long it took.
        gone: How many records of each stream were found to have left the ledger.
        failures: Streams of a business that could not be read.
        error: What ended the run; empty where it came to its end.
    """

    streams: Sequence[str]
    records: Mapping[tuple[str, int | None], int]
    requests: int
    limited: int
    seconds: float
    gone: Mapping[str, int]
    failures: Sequence[Failure]
    error: str = ""

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return not (self.failures or self.error)

    @property
    def by_stream(self) -> dict[str, int]:
        """Records of each stream, of all businesses."""
        found = dict.fromkeys(self.streams, 0)
        for (stream, _), records in self.records.items():
            found[stream] = found.get(stream, 0) + records
        return found

    def as_json(self) -> str:
        """One JSON object, for a log line."""
        return json.dumps(
            {
                "complete": self.complete,
                "streams": self.by_stream,
                "records": sum(self.records.values()),
                "gone": {name: number for name, number in self.gone.items() if number},
                "requests": self.requests,
                "answers_429": self.limited,
                "seconds": round(self.seconds, 1),
                "failed": [
                    {"stream": f.stream, "business": f.business, "error": str(f.error)}
                    for f in self.failures
                ],
                "error": self.error or None,
            },
            separators=(",", ":"),
            ensure_ascii=False,
        )

    @property
    def outcomes(self) -> dict[str, dict[str, int]]:
        """For the history: how many records of each stream were read or gone, and failures.

        A stream of which nothing was new stands there, too: it was looked at.
        """
        failed = Counter(failure.stream for failure in self.failures)
        found = {
            name: {"read": records, "gone": self.gone.get(name, 0), "failed": failed[name]}
            for name, records in self.by_stream.items()
        }
        return {
            name: {what: number for what, number in counts.items() if number} or {"read": 0}
            for name, counts in found.items()
        }

    @property
    def message(self) -> str | None:
        """For the history: what ended the run, or what could not be read."""
        more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
        return self.error or (f"{self.failures[0]}{more}" if self.failures else None)

    def table(self) -> RenderableType:
        """For a terminal."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column(justify="right")
        failed = {failure.stream for failure in self.failures}
        for stream, records in self.by_stream.items():
            gone = f"{self.gone[stream]:,} gone" if self.gone.get(stream) else ""
            whole = "not whole" if stream in failed else ""
            table.add_row(stream, f"{records:,} records", gone, whole)
        end = (
            f"{sum(self.records.values()):,} records of {len(self.streams)} streams, "
            f"{sum(self.gone.values()):,} gone, "
            f"{self.requests:,} requests, {self.limited:,} answers of 429, {self.seconds:.1f} s"
        )
        if self.failures:
            end += f"; {len(self.failures)} not read"
        return Group(table, Text(end))
