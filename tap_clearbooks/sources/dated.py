"""Documents and payments: records with a date that may change for a while."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from clearbooks.paging import DESCENDING
from tap_clearbooks.sources.base import Batch, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.paging import Record


class Dated(Source):
    """Documents and payments.

    The first run reads everything. Later ones read what is new by ID, which an update is too
    (it makes a new ID), and again what is dated `lookback_days` before the bookmark or later,
    since its status and what is due may have changed.
    """

    def batches(self) -> Iterator[Batch]:
        """A batch for each page; the bookmark comes with the last one."""
        window = self.ways.window
        known = self.bookmark.get("last_id")
        self._latest: dt.date | None = None
        if known is not None:
            # Without it the bookmark is somebody else's, and tells nothing of back-dated ones.
            self._latest = _date(self.bookmark.get("replication_key_value"))
        cutoff = window.start
        if self._latest is not None:
            cutoff = min(self._latest, window.today) - window.lookback
            cutoff = max(cutoff, window.start) if window.start else cutoff
        listing = self.listing()
        sent: set[int] = set()
        if cutoff is not None:
            if known is None:
                # Documents made while we read have greater IDs: the next run finds them.
                newest = listing.fetch(1, DESCENDING, limit=1)
                last_id = newest.records[0].id if newest.records else 0
                total = newest.total
            for part in listing.since("date", cutoff, known):
                sent.update(record.id for record in part.records)
                yield Batch(self._kept(part.records))
        if cutoff is None or known is not None:
            if not listing.unordered:
                for part in listing.ascending(known, self.bookmark.get("position")):
                    yield Batch(self._kept([r for r in part.records if r.id not in sent]))
            last_id = max(listing.newest_id or 0, known or 0)
            total = listing.total
        if self._latest is None:
            return
        yield Batch(
            [],
            {
                "replication_key": "date",
                "replication_key_value": self._latest.isoformat(),
                "last_id": last_id,
                "position": total,
                "window": window.text(),
            },
        )

    def _kept(self, records: list[Record]) -> list[Record]:
        kept = [record for record in records if self.ways.window.holds(record.date)]
        dates = [record.date for record in kept if isinstance(record.date, dt.date)]
        if dates:
            self._latest = max(dates) if self._latest is None else max(self._latest, *dates)
        return self.stamp(kept)


def _date(value: Any) -> dt.date | None:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value
