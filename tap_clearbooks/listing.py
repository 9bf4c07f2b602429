"""Reading a paged listing whole and in order while others change it.

The API pages by position, so a record that is deleted moves all later ones up by one, and the
one that crosses a page boundary at the wrong moment is missed. Hence: the newest page is read
first; the rest follows in ascending order of ID; and before the end it is proven that nothing
moved unnoticed. Where it moved, what may have shifted is read again.
"""

from __future__ import annotations

import datetime as dt
import logging
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ApiError, RejectedError
from tap_clearbooks.flight import in_order
from tap_clearbooks.records import ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from clearbooks.client import Client
    from tap_clearbooks.records import Record, Shape

logger = logging.getLogger(__name__)

ASCENDING = "ascending"
DESCENDING = "descending"
# Readings of the whole listing before we give up on one that never stands still.
MOST_PASSES = 10


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it came. `total` and `limit` are None where the server sent no headers."""

    number: int
    records: list[Record]
    total: int | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """Some records of a listing, none of which came before.

    `position` is how many records of the listing have been passed, where that is known.
    """

    records: list[Record]
    position: int | None = None


class Listing:
    """One paged listing of one business.

    Args:
        client: Sends the requests.
        operation: A paged `list…` operation of the contract.
        params: Its path parameters and filters.
        shape: Decodes a page; records need the field `id`.
        depth: How many requests this listing may have under way now.
    """

    def __init__(
        self,
        client: Client,
        operation: str,
        params: Mapping[str, Any],
        business_id: int,
        shape: Shape,
        *,
        page_size: int,
        executor: Executor,
        depth: Callable[[], int],
    ) -> None:
        self._client = client
        self._operation = operation
        self._params = params
        self._business_id = business_id
        self._shape = shape
        self._page_size = page_size
        self._executor = executor
        self._depth = depth
        self._unsortable: set[str] = set()
        self.newest_id: int | None = None
        self.total: int | None = None
        self.unordered = False

    # One page

    def fetch(
        self, number: int, direction: str = ASCENDING, sort_by: str = "id", limit: int | None = None
    ) -> Page:
        """One page. A server that refuses to sort by a field is asked again without sorting."""
        sort = {"sortBy": sort_by, "sortDirection": direction}
        if sort_by in self._unsortable:
            sort = {}
        params = {**self._params, **sort, "limit": limit or self._page_size, "page": number}
        try:
            reply = self._client.get(self._operation, params, business_id=self._business_id)
        except RejectedError:
            if not sort:
                raise
            logger.info("%s: the API does not sort by %s", self._operation, sort_by)
            self._unsortable.add(sort_by)
            return self.fetch(number, direction, sort_by, limit)
        records = self._shape.page(reply.body, self._operation)
        if not all(type(record.id) is int for record in records):
            raise ApiError(self._operation, None, hint="a record without a numeric id")
        return Page(number, records, reply.total, reply.limit)

    def in_flight(self, numbers: Sequence[int]) -> Iterator[Page]:
        """Pages in ascending order of ID, several on their way at once."""
        return in_order(self._executor, self.fetch, numbers, self._depth)

    # The whole listing

    def ascending(self, after: int | None = None, position: int | None = None) -> Iterator[Part]:
        """Records with an ID above `after`, in ascending order of ID, each once.

        `position` is how many records came up to `after` when it was last seen; a good guess
        saves requests, a wrong one costs some.

        After the end, `newest_id` and `total` tell what the listing held when reading began.
        """
        newest = self.fetch(1, DESCENDING)
        found = ids(newest.records)
        self.total = newest.total
        self.newest_id = max(found, default=None)
        if self._is_whole(newest):
            # One answer holds it all: no order and no movement can matter.
            records = sorted(newest.records, key=_id)
            yield Part(_above(records, after), len(records))
        elif newest.total is None:
            yield from self._in_server_order(after)
        elif not _falling(found):
            logger.info("%s: sortBy or sortDirection is ignored; reading it all", self._operation)
            yield from self._in_server_order(after)
        else:
            yield from self._in_order_of_id(newest, after, position)

    def _is_whole(self, first: Page) -> bool:
        """Whether the first page is the only one; without headers, an empty second page tells."""
        if first.total is not None:
            return first.total <= len(first.records)
        if not first.records:
            return True
        return len(first.records) < self._page_size and not self.fetch(2, DESCENDING).records

    def _in_order_of_id(
        self, newest: Page, after: int | None, position: int | None
    ) -> Iterator[Part]:
        tail = newest.records[::-1]
        if after is not None and tail[0].id <= after:
            yield Part(_above(tail, after), newest.total)
            return
        seen = _Seen()
        for number in range(1, MOST_PASSES + 1):
            missed = 0
            walk = _Walk(self, newest, after, position if number == 1 else None)
            for part in walk:
                fresh = part.records if number == 1 else _above(seen.unseen(part.records), after)
                missed += sum(record.id <= (self.newest_id or 0) for record in fresh)
                seen.add(fresh)
                yield Part(fresh, part.position if number == 1 else None)
            if not walk.ordered:
                yield from self._in_server_order(after, seen)
                return
            if walk.proven() or (number > 1 and not missed):
                return
            logger.info("%s: the listing changed while it was read; reading it again",
                        self._operation)  # fmt: skip
            newest = self.fetch(1, DESCENDING)
        raise ApiError(
            self._operation, None, hint=f"the listing changed in each of {MOST_PASSES} readings"
        )

    def _in_server_order(self, after: int | None, seen: _Seen | None = None) -> Iterator[Part]:
        """All pages, whatever their order, until a reading finds nothing new.

        With headers the count tells when all is there; without them, the end is an empty page.
        """
        seen = seen or _Seen()
        self.unordered = True
        for number in range(1, MOST_PASSES + 1):
            fresh_ones = 0
            steady = True
            total: int | None = None
            for page in self._all_pages():
                self.total = page.total
                steady = steady and (total is None or page.total == total)
                total = page.total
                fresh = seen.unseen(page.records)
                fresh_ones += len(fresh)
                seen.add(fresh)
                self.newest_id = max([self.newest_id or 0, *ids(fresh)]) or None
                yield Part(_above(fresh, after))
            whole = total is None or len(seen) >= total
            if (steady and whole) or (number > 1 and not fresh_ones):
                return
        raise ApiError(
            self._operation, None, hint=f"the listing changed in each of {MOST_PASSES} readings"
        )

    def _all_pages(self) -> Iterator[Page]:
        first = self.fetch(1)
        yield first
        size = len(first.records)
        if first.total is not None and size:
            last = -(-first.total // size)
            yield from self.in_flight(range(2, last + 1))
            return
        number, before = 1, ids(first.records)
        while before:
            number += 1
            page = self.fetch(number)
            now = ids(page.records)
            if now == before:
                # A server that knows no pages sends the same one for ever.
                return
            yield page
            before = now

    # The newest part by date

    def since(self, field: str, cutoff: dt.date, also_above: int | None = None) -> Iterator[Part]:
        """Records whose date `field` is `cutoff` or later, newest first, each once.

        Where the server does not sort by that field, everything is read, and records with an ID
        above `also_above` are kept too.
        """
        seen = _Seen()
        for number in range(1, MOST_PASSES + 1):
            fresh_ones = 0
            walk = _Newest(self, field, cutoff)
            for records in walk:
                fresh = seen.unseen(records)
                fresh_ones += len(fresh)
                seen.add(fresh)
                yield Part(fresh)
            if not walk.ordered:
                yield from self._since_unsorted(field, cutoff, also_above, seen)
                return
            if walk.proven() or (number > 1 and not fresh_ones):
                return
        raise ApiError(
            self._operation, None, hint=f"the listing changed in each of {MOST_PASSES} readings"
        )

    def _since_unsorted(
        self, field: str, cutoff: dt.date, also_above: int | None, seen: _Seen
    ) -> Iterator[Part]:
        logger.info("%s: the API does not sort by %s; reading it all", self._operation, field)
        for part in self._in_server_order(None):
            wanted = [
                record
                for record in part.records
                if not _older(record, field, cutoff)
                or (also_above is not None and record.id > also_above)
            ]
            fresh = seen.unseen(wanted)
            seen.add(fresh)
            yield Part(fresh)


class _Newest:
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
        field, last_date, before = self._field, None, None
        while True:
            page = self._listing.fetch(self._pages + 1, DESCENDING, field)
            self._pages += 1
            dates = [getattr(record, field) for record in page.records]
            self._moved = self._moved or (before is not None and page.total != before.total)
            if before is None:
                self._first = ids(page.records)
                self.ordered = self._descends(dates)
            known = [date for date in [last_date, *dates] if isinstance(date, dt.date)]
            if not self.ordered or any(a < b for a, b in pairwise(known)):
                self.ordered = False
                return
            yield [r for r in page.records if not _older(r, field, self._cutoff)]
            last_date = known[-1] if known else None
            size = len(self._first)
            end = page.total is not None and self._pages * size >= page.total
            if end or not page.records or (last_date is not None and last_date < self._cutoff):
                return
            before = page

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


class _Walk:
    """One walk through the pages in ascending order, up to the newest page that is held."""

    def __init__(
        self, listing: Listing, newest: Page, after: int | None, position: int | None
    ) -> None:
        self._listing = listing
        self._newest = newest
        self._after = after
        self._total: int = newest.total or 0
        self._size = len(newest.records)
        self._last = -(-(self._total - len(newest.records)) // self._size)
        self._position = position
        self._gone = 0
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
        for page in self._listing.in_flight(range(start, self._last + 1)):
            if not _rising(ids(page.records)):
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
                self._gone += (before.total or 0) - (page.total or 0)
                for record in self._again(before.number, done):
                    done = record.id
                    yield Part([record])
            fresh = _above(page.records, done)
            done = fresh[-1].id if fresh else done
            yield Part(fresh, min(page.number * self._size, self._total))
            before = page
        if before is not None and (before.total or 0) < self._total - self._gone:
            self._gone = self._total - (before.total or 0)
        yield Part(_above(self._newest.records[::-1], done), self._total)

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
        found: list[Record] = _above(page.records, done)
        if found and len(found) == len(page.records) and number > 1:
            found = self._again(number - 1, done) + found
        return found

    def proven(self) -> bool:
        """Whether nothing can have moved unnoticed since the newest page was read.

        Counts tell of deletions unless additions hide them. So: without additions the counts
        are right; with them, the newest record of the beginning must stand where it should.
        """
        top = self._newest.records[0].id
        now = self._listing.fetch(1, DESCENDING, limit=1).records
        if now and now[0].id == top:
            return True
        there = self._listing.fetch(self._total - self._gone, limit=1).records
        return bool(there) and there[0].id == top


class _Seen:
    """IDs that were passed on; eight bytes each, so that a large ledger stays cheap."""

    def __init__(self) -> None:
        self._sorted = array("q")
        self._rest: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._rest)

    def __contains__(self, record_id: int) -> bool:
        at = bisect_left(self._sorted, record_id)
        if at < len(self._sorted) and self._sorted[at] == record_id:
            return True
        return record_id in self._rest

    def unseen(self, records: list[Record]) -> list[Record]:
        return [record for record in records if record.id not in self]

    def add(self, records: list[Record]) -> None:
        found = ids(records)
        if found and _rising(found) and (not self._sorted or found[0] > self._sorted[-1]):
            self._sorted.extend(found)
        else:
            self._rest.update(found)


def _id(record: Record) -> int:
    return int(record.id)


def _above(records: list[Record], after: int | None) -> list[Record]:
    if after is None:
        return records
    return [record for record in records if record.id > after]


def _rising(found: Sequence[int]) -> bool:
    return all(a < b for a, b in pairwise(found))


def _falling(found: Sequence[int]) -> bool:
    return all(a > b for a, b in pairwise(found))


def _older(record: Record, field: str, cutoff: dt.date) -> bool:
    """Whether the record is surely older; one without a date is kept."""
    date = getattr(record, field)
    return isinstance(date, dt.date) and date < cutoff
