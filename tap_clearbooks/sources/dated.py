"""Documents and payments: records with a date that may change for a while."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tap_clearbooks.sources.base import Batch, Source, everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.paging import Record


class Dated(Source):
    """Documents and payments."""

    _latest: dt.date | None = None

    def batches(self) -> Iterator[Batch]:
        """A batch for each page; the bookmark comes with the last one."""
        window = self.ways.window
        listing = self.listing()
        start = window.start
        parts = listing.ascending() if start is None else listing.since("date", start)
        for part in parts:
            yield Batch(self._kept(part.records))
        bookmark = None
        if self._latest is not None:
            bookmark = {
                "replication_key": "date",
                "replication_key_value": self._latest.isoformat(),
                "window": window.text(),
            }
        yield Batch([], bookmark, covers=everything)

    def _kept(self, records: list[Record]) -> list[Record]:
        kept = [record for record in records if self.ways.window.holds(record.date)]
        dates = [record.date for record in kept if isinstance(record.date, dt.date)]
        if dates:
            self._latest = max(dates) if self._latest is None else max(self._latest, *dates)
        return self.stamp(kept)
