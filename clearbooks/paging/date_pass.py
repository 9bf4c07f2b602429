"""The pass over a listing from the newest date back, and the proof that nothing was missed."""

from __future__ import annotations

import datetime as dt
from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap64

from clearbooks.paging.pages import ASCENDING, DESCENDING, Page, fell, ids, older
from clearbooks.paging.passes import overlapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.paging.pages import Pages, Record

# Smaller pages cannot everywhere overlap and still go on.
LEAST_OVERLAPPING = 10
# Pages that may be under way besides the whole ones before the cutoff: the one that holds it, and
# one more.
SPARE = 2
# Requests that reading by ID costs besides its pages where reading by date had begun: the first
# page by date, the question after the oldest record, and the proof.
DETOUR = 3


class DatePass:
    """One pass over the pages from the newest date back to the cutoff.

    Each page overlaps the one before it by a record or a few. Where the last record of a page
    comes again at the head of the next one, nothing slipped through between them, whatever was
    added, deleted or dated anew meanwhile, and whichever of the two was read first.

    While pages are full it is known which ones follow, so several are under way at once: one at
    first, and with each page that was taken one more, but hardly more than lead back to the
    cutoff at the pace of the page before. Where the cutoff lies on page n, at most n - 2 pages
    were asked for in vain, and fewer than the depth of the listing; where the dates are spread
    evenly, one or two. Nothing is asked for ahead beyond the end that the count tells.

    Args:
        alone: Whether to read one page at a time.
        may_hold_all: Whether to find out, where that may save requests, if the whole listing is
            as new as the cutoff. If so the pass ends.

    Attributes:
        steady: Whether the count stayed the same.
        fell: Whether the count fell from one page to the next.
        ordered: Whether the server sorts by the date.
        holds_all: Whether it was found that nothing is older than the cutoff.
        order: The IDs of all pages as they came.
    """

    def __init__(
        self,
        listing: Pages,
        field: str,
        cutoff: dt.date,
        *,
        alone: bool = False,
        may_hold_all: bool = False,
    ) -> None:
        self._listing = listing
        self._field = field
        self._cutoff = cutoff
        self._alone = alone
        self._may_hold_all = may_hold_all
        self._first: list[int] = []
        self._pages = 0
        self._reached = 0
        self._ahead = 1
        self._total: int | None = None
        self._found = BitMap64()
        self.order = array("q")
        self._linked = True
        self._overlapping = False
        self.steady = True
        self.fell = False
        self.ordered = True
        self.holds_all = False

    def __iter__(self) -> Iterator[list[Record]]:
        field = self._field
        before: Page | None = None
        newest: dt.date | None = None
        for page, more in self._read():
            dates = [getattr(record, field) for record in page.records]
            if before is None:
                # One answer that holds it all needs no order.
                self.ordered = page.whole or self._descends(dates)
            else:
                self._compare(page, before)
            known = [date for date in dates if isinstance(date, dt.date)]
            # Additions push records on to the next page: only its top is compared with this one's.
            tops = [newest, known[0]] if newest and known else []
            falls = not any(a < b for a, b in [*pairwise(known), *pairwise(tops)])
            if not self.ordered or not (falls or page.whole):
                self.ordered = False
                return
            end = not more or (not page.whole and known and known[-1] < self._cutoff)
            if end:
                self._listing.drained()
            yield [r for r in page.records if not older(r, field, self._cutoff)]
            if end:
                return
            if before is None and self._may_hold_all and self._overlap_costs(known):
                self.holds_all = self._oldest_is_as_new()
                if self.holds_all:
                    return
            before = page
            if known:
                newest = known[0]
                days = max((newest - known[-1]).days, 1)
                self._ahead = (known[-1] - self._cutoff).days // days + SPARE

    def holds_all_like(self, newest: Page) -> bool | None:
        """Whether nothing is older than the cutoff; None where it is not worth the question.

        Args:
            newest: The page with the greatest IDs. Its dates tell whether that may be so, and
                save the first page by date where it is.
        """
        self._take(newest, None)
        dates = [getattr(record, self._field) for record in newest.records]
        known = sorted((date for date in dates if isinstance(date, dt.date)), reverse=True)
        return self._oldest_is_as_new() if self._overlap_costs(known) else None

    def _oldest_is_as_new(self) -> bool:
        dates = [getattr(record, self._field) for record in self._oldest()]
        return any(isinstance(date, dt.date) and date >= self._cutoff for date in dates)

    def _read(self) -> Iterator[tuple[Page, bool]]:
        """The pages in order, each with whether more may follow."""
        first = self._listing.fetch(1, DESCENDING, self._field)
        yield first, self._take(first, None)
        while True:
            overlapped = self._overlapping
            for limit, page in self._listing.ahead(self._fetch, self._following(), self._window):
                yield page, self._take(page, limit)
                if self._overlapping != overlapped:
                    # The pages asked for ahead are other ones than those that follow now.
                    break

    def _window(self) -> int:
        """How many pages may be under way."""
        return 1 if self._alone else min(self._pages, self._ahead)

    def _following(self) -> Iterator[tuple[int | None, int]]:
        """Limit and number of the pages that follow if all are full, to the end by the count.

        One comes in any case: a count may be too low.
        """
        size, reached, number = len(self._first), self._reached, self._pages
        limit: int | None = None
        while True:
            if self._overlapping:
                limit, number = overlapping(reached, size)
                reached = limit * number
            else:
                number, reached = number + 1, reached + size
            yield limit, number
            # A page that overlaps and ends with the last record is full: one more begins with it.
            if self._total is not None and reached >= self._total + self._overlapping:
                return

    def _fetch(self, ask: tuple[int | None, int]) -> tuple[int | None, Page]:
        limit, number = ask
        return limit, self._listing.fetch(number, DESCENDING, self._field, limit=limit)

    def _take(self, page: Page, limit: int | None) -> bool:
        """Note where the next page of the pass ends; whether more may follow it."""
        self._pages += 1
        found, known = ids(page.records), len(self._found)
        number, asked = page.number, limit or len(self._first)
        if self._pages == 1:
            self._first = found
            self._overlapping = len(found) >= LEAST_OVERLAPPING
            asked = page.limit or self._listing.page_size
        elif limit is not None and len(found) > limit:
            # A server with a page size of its own: its pages do not overlap.
            self._overlapping = self._linked = False
            number, asked = self._pages, len(self._first)
        self._reached = (number - 1) * asked + len(found) if number > 1 else len(found)
        self._total = page.total
        self._found.update(found)
        self.order.extend(found)
        counted = page.total is not None and self._reached >= page.total
        if not found or page.whole:
            return False
        if len(found) < asked:
            return self._pages == 1 and not counted
        # A server that knows no pages, or no end of them, sends the same page for ever.
        return len(self._found) > known or not (counted or page.total is None)

    def _compare(self, page: Page, before: Page) -> None:
        """Note whether the page and its count fit those of the page before."""
        together = not page.records or before.records[-1].id in ids(page.records)
        self._linked = self._linked and together
        if not page.records and page.total is None and self._reached == before.total:
            # Some servers answer "not found" beyond the end, which is where the count had it.
            return
        self.steady = self.steady and page.total == before.total
        self.fell = self.fell or fell(page, before)

    def _descends(self, dates: list[Any]) -> bool:
        """Whether the server sorts; many documents of one day look sorted either way."""
        if len(set(dates)) > 1 or len(dates) <= 1:
            return True
        oldest = self._oldest()
        return not oldest or oldest[0].id != self._first[0]

    def _oldest(self) -> list[Record]:
        return self._listing.fetch(1, ASCENDING, self._field, limit=1).records

    def _overlap_costs(self, known: list[dt.date]) -> bool:
        """Whether all may be as new as the cutoff, and take more pages by date than by ID.

        As many records a day as in the older half of the first page, and twice as many to be on
        the safe side, should fill the time back to the cutoff.
        """
        if self._total is None or not self._overlapping:
            return False
        half = known[len(known) // 2 :]
        if half:
            days, further = (half[0] - half[-1]).days, (half[-1] - self._cutoff).days
            if 2 * len(half) * further < days * (self._total - len(self._first)):
                return False
        by_id = -(-self._total // len(self._first))
        by_date = 1 + sum(1 for _ in self._following())
        return by_date > by_id + DETOUR

    def proven(self) -> bool:
        """Whether nothing can have crossed from one page to another meanwhile."""
        if self._pages == 1:
            return True
        if self._overlapping:
            # Records of one day in another order each time: some come twice, others never.
            complete = self._linked and len(self._found) == self._reached
            # Of pages under way together the later one may have been read first. What is dated
            # anew then crosses unseen where something is added before it; the count tells.
            return complete and (self._alone or not self.fell)
        # Of pages that do not overlap, only a second pass that finds the same tells.
        return False
