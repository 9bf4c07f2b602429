"""Passes over the pages of a listing while it may move, and the proof that nothing was missed."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from clearbooks.errors import UnavailableError
from clearbooks.paging.pages import DESCENDING, Page, Part, above, fell, ids, rising

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyroaring import BitMap64

    from clearbooks.paging.pages import Pages, Record


logger = logging.getLogger(__name__)

# After so many seconds it is proven that reading may be taken up again from there.
MARK_SECONDS = 10.0
# Passes over the whole listing before we give up on one that never stands still.
MOST_PASSES = 20
# A single pass may miss what the one before it missed, where the same boundary moved again.
QUIET_PASSES = 2


def overlapping(reached: int, size: int) -> tuple[int, int]:
    """Limit and number of the page that holds position `reached` and goes on the furthest."""

    def number(limit: int) -> int:
        return (reached - 1) // limit + 1

    limit = max(range(size, 0, -1), key=lambda limit: number(limit) * limit)
    if number(limit) * limit <= reached:
        # Every limit ends here: the next page, and another pass where it does not prove right.
        return size, reached // size + 1
    return limit, number(limit)


class AscendingPass:
    """One pass over the pages in ascending order, up to the newest page that is held.

    Attributes:
        ordered: Whether the pages came in ascending order of ID.
        fell: Whether the count fell meanwhile: something went away.
    """

    def __init__(
        self,
        listing: Pages,
        newest: Page,
        after: int | None,
        position: int | None,
        seen: BitMap64,
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
        self._in_place = False
        self._added = False
        self._gone = 0
        self._mark_at = time.monotonic() + MARK_SECONDS
        self.fell = False
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
            self.fell = self.fell or fell(page, self._newest)
            if before is not None and fell(page, before):
                self.fell = True
                # Records before this page went away: what was first here is on the page before.
                for record in self._again(before.number, done):
                    # While two pages were read again, one may have moved from one to the other.
                    if done is None or record.id > done:
                        done = record.id
                        yield Part([record])
            self._added = self._added or bool(above(page.records[-1:], self._newest.records[0].id))
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
        for following in self._until_last(start):
            if page is not None and ids(following.records) == ids(page.records):
                # Some servers answer with the last page where the pages have come to an end.
                return
            page = following
            self._in_place = page.number == self._last and self._stayed(page)
            yield page
            if not page.records:
                return
        oldest_held = self._newest.records[-1].id
        while (
            page
            and not self._in_place
            and len(page.records) >= self._size
            and page.records[-1].id < oldest_held
        ):
            page = self._end = self._listing.fetch(page.number + 1)
            yield page

    def _until_last(self, start: int) -> Iterator[Page]:
        """Pages several at a time; the last one alone, since it tells of all before it."""
        yield from self._listing.in_flight(range(start, self._last))
        yield self._listing.fetch(self._last)

    def _stayed(self, page: Page) -> bool:
        """Whether the last record of a page has the place that it had in the newest page.

        Where it had none, being the one before: whether its page ends where that one begins.
        """
        after = self._total - (page.number - 1) * self._size - len(page.records)
        held = self._newest.records
        if after == len(held) and page.counted:
            return bool(page.records[-1].id < held[-1].id)
        return 0 <= after < len(held) and ids(held[after : after + 1]) == ids(page.records[-1:])

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

        Where the last page, asked for after all others had come, ends with a record that has as
        many before it as at the beginning, nothing before it went away: additions come after it.

        Else counts tell of deletions unless additions hide them. So: without additions the counts
        are right; with them, the newest record of the beginning must have the place it should.
        """
        if self._in_place and not self.fell:
            return True
        if self._added:
            # Also where it is gone by now, and counts look as if nothing had come.
            return False
        top = self._newest.records[0].id
        if self._end is not None and self._end.records and self._end.records[-1].id == top:
            place = (self._end.number - 1) * self._size + len(self._end.records)
            if place == self._total - self._gone:
                return True
        now = self._listing.fetch(1, DESCENDING, limit=1).records
        if now and now[0].id == top:
            return True
        there = self._listing.fetch(self._total - self._gone, limit=1).records
        return bool(there) and there[0].id == top


class Completeness:
    """Passes over one listing, until one is proven or two in a row find nothing missed.

    A record that was added meanwhile was not missed: its ID is greater than those before.

    Attributes:
        newest: The greatest ID of the beginning; where it is not given, of the first pass.
        known: How many records with that ID or a smaller one were found.
        passes: How many there were.
    """

    def __init__(self, operation: str, newest: int | None = None) -> None:
        self._operation = operation
        self._given = newest is not None
        self._quiet = 0
        self._missed = 0
        self.newest = newest
        self.known = 0
        self.passes = 0

    def note(self, fresh: list[Record]) -> None:
        """Take in records that were found for the first time."""
        if not self._given and not self.passes:
            self.newest = max([self.newest or 0, *ids(fresh)])
            self._missed += len(fresh)
        else:
            self._missed += sum(found <= (self.newest or 0) for found in ids(fresh))

    def settled(self, *, proven: bool, fell: bool) -> bool:
        """Whether that was the last pass.

        One in which the count fell counts for nothing unless it is proven: what went away may
        have hidden the same records as in the pass before.

        Raises:
            UnavailableError: the listing never stands still.
        """
        self.passes += 1
        self.known += self._missed
        quiet = not self._missed and not fell and self.passes > 1
        self._quiet = self._quiet + 1 if quiet else 0
        self._missed = 0
        if proven or self._quiet >= QUIET_PASSES:
            return True
        if self.passes >= MOST_PASSES:
            raise UnavailableError(
                self._operation, None, hint=f"the listing changed in each of {self.passes} readings"
            )
        logger.info("%s: the listing changed while it was read; reading it again", self._operation)
        return False
