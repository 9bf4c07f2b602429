"""Walks through the pages of a listing while it may move, and the proof that nothing was missed."""

from __future__ import annotations

import datetime as dt
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_clearbooks.pages import ASCENDING, DESCENDING, Page, Part, above, older, rising
from tap_clearbooks.records import ids

# After so many seconds it is proven that reading may be taken up again from there.
MARK_SECONDS = 10.0

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_clearbooks.listing import Listing
    from tap_clearbooks.pages import Seen
    from tap_clearbooks.records import Record


class NewestWalk:
    """One walk through the pages from the newest date back to the cutoff."""

    def __init__(self, listing: Listing, field: str, cutoff: dt.date) -> None:
        self._listing = listing
        self._field = field
        self._cutoff = cutoff
        self._first: list[int] = []
        self._pages = 0
        self._moved = False
        self.ordered = True

    def __iter__(self) -> Iterator[list[Record]]:
        field = self._field
        before: Page | None = None
        newest: dt.date | None = None
        while True:
            page = self._listing.fetch(self._pages + 1, DESCENDING, field)
            self._pages += 1
            dates = [getattr(record, field) for record in page.records]
            self._moved = self._moved or (before is not None and page.total != before.total)
            if before is None:
                self._first = ids(page.records)
                self.ordered = self._descends(dates)
            known = [date for date in dates if isinstance(date, dt.date)]
            # Additions push records on to the next page: only its top is compared with this one's.
            tops = [newest, known[0]] if newest and known else []
            if not self.ordered or any(a < b for a, b in [*pairwise(known), *pairwise(tops)]):
                self.ordered = False
                return
            yield [r for r in page.records if not older(r, field, self._cutoff)]
            size = len(self._first)
            end = page.total is not None and self._pages * size >= page.total
            if end or not page.records or (known and known[-1] < self._cutoff):
                return
            before = page
            newest = known[0] if known else newest

    def _descends(self, dates: list[Any]) -> bool:
        """Whether the server sorts; many documents of one day look sorted either way."""
        if len(set(dates)) > 1 or len(dates) <= 1:
            return True
        other_end = self._listing.fetch(1, ASCENDING, self._field, limit=1).records
        return not other_end or other_end[0].id != self._first[0]

    def proven(self) -> bool:
        """Whether nothing can have crossed from one page to another meanwhile."""
        if self._pages == 1:
            return True
        again = self._listing.fetch(1, DESCENDING, self._field)
        return not self._moved and ids(again.records) == self._first


class AscendingWalk:
    """One walk through the pages in ascending order, up to the newest page that is held."""

    def __init__(
        self,
        listing: Listing,
        newest: Page,
        after: int | None,
        position: int | None,
        seen: Seen,
    ) -> None:
        self._listing = listing
        self._newest = newest
        self._after = after
        self._total: int = newest.total or 0
        self._size = len(newest.records)
        self._last = -(-(self._total - len(newest.records)) // self._size)
        self._position = position
        self._seen = seen
        self._end: Page | None = None
        self._gone = 0
        self._mark_at = time.monotonic() + MARK_SECONDS
        self.ordered = True

    def __iter__(self) -> Iterator[Part]:
        if self._after is None:
            yield from self._from(1)
        elif self._position:
            yield from self._from(max(min(-(-self._position // self._size), self._last), 1))
        else:
            yield from self._from(self._search(self._after))

    def _from(self, start: int) -> Iterator[Part]:
        done = self._after
        before: Page | None = None
        for page in self._pages(start):
            if not rising(ids(page.records)) or self._skips(page.records, done):
                self.ordered = False
                return
            if before is None and self._after is not None and start > 1:
                first = page.records[0].id if page.records else self._newest.records[-1].id
                if first > self._after:
                    # The guess was too far on: records before it went away.
                    yield from self._from(self._search(self._after))
                    return
            if before is not None and (page.total or 0) < (before.total or 0):
                # Records before this page went away: what was first here is on the page before.
                for record in self._again(before.number, done):
                    done = record.id
                    yield Part([record])
            if page.total is not None:
                self._gone = max(self._total - page.total, 0)
            fresh = above(page.records, done)
            done = fresh[-1].id if fresh else done
            before = page
            yield Part(fresh, page.number * self._size if self._marks() else None)
        yield Part(above(self._newest.records[::-1], done))

    def _pages(self, start: int) -> Iterator[Page]:
        """Pages up to the one that reaches into the newest page; the count may be wrong."""
        page: Page | None = None
        for following in self._listing.in_flight(range(start, self._last + 1)):
            if page is not None and ids(following.records) == ids(page.records):
                # Some servers answer with the last page where the pages have come to an end.
                return
            page = following
            yield page
            if not page.records:
                return
        oldest_held = self._newest.records[-1].id
        while page and len(page.records) >= self._size and page.records[-1].id < oldest_held:
            page = self._end = self._listing.fetch(page.number + 1)
            yield page

    def _skips(self, records: list[Record], done: int | None) -> bool:
        """Whether a record stands behind greater ones: the pages are in another order."""
        passed = records[: len(records) - len(above(records, done))]
        return any(record not in self._seen for record in ids(above(passed, self._after)))

    def _marks(self) -> bool:
        """Whether reading may be taken up again from here; asked only now and then."""
        if time.monotonic() < self._mark_at:
            return False
        self._mark_at = time.monotonic() + MARK_SECONDS
        return self.proven()

    def _search(self, after: int) -> int:
        """The last page that begins with `after` or something before it."""
        low, high = 1, self._last
        while low < high:
            middle = (low + high + 1) // 2
            if self._begins_by(middle, after):
                low = middle
            else:
                high = middle - 1
        return low

    def _begins_by(self, number: int, after: int) -> bool:
        first = self._listing.fetch((number - 1) * self._size + 1, limit=1).records
        return bool(first) and first[0].id <= after

    def _again(self, number: int, done: int | None) -> list[Record]:
        """What slipped onto an earlier page; further back where even that page has moved on."""
        page = self._listing.fetch(number)
        found: list[Record] = above(page.records, done)
        if found and len(found) == len(page.records) and number > 1:
            found = self._again(number - 1, done) + found
        return found

    def proven(self) -> bool:
        """Whether nothing can have moved unnoticed since the newest page was read.

        Counts tell of deletions unless additions hide them. So: without additions the counts
        are right; with them, the newest record of the beginning must stand where it should.
        """
        top = self._newest.records[0].id
        if self._end is not None and self._end.records and self._end.records[-1].id == top:
            standing = (self._end.number - 1) * self._size + len(self._end.records)
            if standing == self._total - self._gone:
                return True
        now = self._listing.fetch(1, DESCENDING, limit=1).records
        if now and now[0].id == top:
            return True
        there = self._listing.fetch(self._total - self._gone, limit=1).records
        return bool(there) and there[0].id == top
