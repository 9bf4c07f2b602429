"""Reading a paged listing whole and in order while others change it.

The API pages by position, so a record that is deleted moves all later ones up by one, and the
one that crosses a page boundary at the wrong moment is missed. Hence: the newest page is read
first; the rest follows in ascending order of ID; and before the end it is proven that nothing
moved unnoticed. Where it moved, what may have shifted is read again.
"""

from __future__ import annotations

import logging
from array import array
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ApiError, NotFoundError, RejectedError
from clearbooks.paging.in_flight import in_order
from clearbooks.paging.pages import (
    ASCENDING,
    DESCENDING,
    Page,
    Part,
    Seen,
    above,
    by_id,
    falling,
    ids,
    older,
)
from clearbooks.paging.passes import AscendingWalk, NewestWalk

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from clearbooks.client import Client, Reply
    from clearbooks.paging.pages import Record

logger = logging.getLogger(__name__)

# Readings of the whole listing before we give up on one that never stands still.
MOST_PASSES = 20
# A single reading may miss what the one before it missed, where the same boundary moved again.
QUIET_PASSES = 2
# Walks by date whose pages do not fit together though the count stands still.
WALKS = 2


class Listing:
    """One paged listing of one business.

    Args:
        client: Sends the requests.
        operation: A paged `list…` operation of the contract.
        params: Its path parameters and filters.
        decode: Makes records of the body of a page; they need the attribute `id`.
        depth: How many requests this listing may have under way now.
        drained: Called when the last of many pages was asked for.
    """

    def __init__(
        self,
        client: Client,
        operation: str,
        params: Mapping[str, Any],
        business_id: int,
        decode: Callable[[bytes, str], list[Record]],
        *,
        page_size: int,
        executor: Executor,
        depth: Callable[[], int],
        drained: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._operation = operation
        self._params = params
        self._business_id = business_id
        self._decode = decode
        self.page_size = page_size
        self._executor = executor
        self._depth = depth
        self._drained = drained
        self._sorted: set[str] = set()
        self._unsortable: set[str] = set()
        self.newest_id: int | None = None
        self.total: int | None = None
        self.unordered = False
        self.anew = False

    # One page

    def fetch(
        self, number: int, direction: str = ASCENDING, sort_by: str = "id", limit: int | None = None
    ) -> Page:
        """One page. A server that refuses to sort by a field is asked again without sorting."""
        sort = {"sortBy": sort_by, "sortDirection": direction}
        if sort_by in self._unsortable:
            sort = {}
        params = {**self._params, **sort, "limit": limit or self.page_size, "page": number}
        try:
            reply = self._client.get(self._operation, params, business_id=self._business_id)
        except NotFoundError:
            if number == 1:
                raise
            # Some servers answer so where the pages have come to an end.
            return Page(number, [], None, None)
        except RejectedError:
            if not sort or sort_by in self._sorted:
                # What was sorted before is not to be mixed with pages in another order.
                raise
            logger.info("%s: the API does not sort by %s", self._operation, sort_by)
            self._unsortable.add(sort_by)
            return self.fetch(number, direction, sort_by, limit)
        records = self._decode(reply.body, self._operation)
        if not all(type(record.id) is int for record in records):
            raise ApiError(self._operation, None, hint="a record without a numeric id")
        if sort:
            self._sorted.add(sort_by)
        return Page(number, records, _total(reply, number, len(records)), reply.limit)

    def in_flight(self, numbers: Sequence[int]) -> Iterator[Page]:
        """Pages in ascending order of ID, several on their way at once."""
        return in_order(self._executor, self.fetch, numbers, self._depth, self._drained)

    # The whole listing

    def ascending(self, after: int | None = None, position: int | None = None) -> Iterator[Part]:
        """Records with an ID above `after`, in ascending order of ID, each once.

        `position` is how many records came up to `after` when it was last seen. Where more have
        come since than have a greater ID, some came late with a smaller one: then all records
        are read, and `anew` is set.

        After the end, `newest_id` and `total` tell what the listing held when reading began.
        """
        newest = self.fetch(1, DESCENDING)
        found = ids(newest.records)
        self.total = newest.total
        self.newest_id = max(found, default=None)
        if self._is_whole(newest):
            # One answer holds it all: no order and no movement can matter.
            records = sorted(newest.records, key=by_id)
            fresh = above(records, after)
            yield Part(records if self._late(position, len(fresh)) else fresh, len(records))
        elif newest.total is None or not falling(found):
            if newest.total is not None:
                logger.info("%s: sortBy is ignored; reading it all", self._operation)
            passed = 0
            for part in self._in_server_order(after):
                passed += len(part.records)
                yield part
            if after is not None and self._late(position, passed):
                yield from self._in_server_order(None)
        else:
            yield from self._in_order_of_id(newest, after, position)

    def _is_whole(self, first: Page) -> bool:
        """Whether the first page is the only one; without headers, an empty second page tells."""
        if first.total is not None:
            return first.total <= len(first.records)
        if not first.records:
            return True
        return len(first.records) < self.page_size and not self.fetch(2, DESCENDING).records

    def _late(self, position: int | None, found: int) -> bool:
        """Whether more records have come than the `found` ones with an ID above the bookmark.

        An ID is given before its record can be seen; and a server may sort by something else.
        """
        self.anew = bool(position and self.total and self.total - position > found)
        if self.anew:
            logger.info("%s: records came with IDs below the last one; reading it all",
                        self._operation)  # fmt: skip
        return self.anew

    def _in_order_of_id(
        self, newest: Page, after: int | None, position: int | None
    ) -> Iterator[Part]:
        tail = newest.records[::-1]
        if after is not None and tail[0].id <= after:
            fresh = above(tail, after)
            if not self._late(position, len(fresh)):
                yield Part(fresh, newest.total)
                return
            after = None
        seen, passes = Seen(), _Passes(self._operation, self.newest_id)
        while True:
            first = passes.number == 0
            walk = AscendingWalk(self, newest, after, position if first else None, seen)
            for part in walk:
                fresh = part.records if first else above(seen.unseen(part.records), after)
                passes.note(fresh)
                seen.add(fresh)
                yield Part(fresh, part.position if first else None)
            if not walk.ordered:
                yield from self._in_server_order(after, seen)
                return
            if passes.settled(walk.proven()):
                break
            newest = self.fetch(1, DESCENDING)
        if after is not None and self._late(position, len(seen)):
            yield from self._in_server_order(None, seen)

    def _in_server_order(self, after: int | None, seen: Seen | None = None) -> Iterator[Part]:
        """All pages, whatever their order, until a reading finds nothing new.

        With headers the count tells when all is there; without them, two readings that are the
        same.
        """
        seen = Seen() if seen is None else seen
        passes, held = _Passes(self._operation), len(seen)
        self.unordered = True
        pages, before = 0, array("q")
        while True:
            steady = True
            total: int | None = None
            expected, pages, order = pages, 0, array("q")
            for page in self._all_pages(expected):
                steady = steady and (total is None or page.total == total)
                total = page.total
                pages += bool(page.records)
                order.extend(ids(page.records))
                fresh = seen.unseen(page.records)
                passes.note(fresh)
                seen.add(fresh)
                yield Part(above(fresh, after))
            counted = steady and total is not None and len(seen) >= total
            # What is added at the end moves nothing.
            same = pages <= 1 if total is None else False
            same = same or (len(before) > 0 and order[: len(before)] == before)
            if passes.settled(counted or same):
                self.newest_id = max(self.newest_id or 0, passes.newest or 0) or None
                self.total = None if total is None else min(total, held + passes.known)
                return
            before = order

    def _all_pages(self, expected: int = 0) -> Iterator[Page]:
        """Pages from the first to the end: by the count, else as many as `expected`, and on."""
        page = self.fetch(1)
        yield page
        size = len(page.records)
        last = -(-page.total // size) if page.total is not None and size else expected
        for following in self.in_flight(range(2, last + 1)):
            if following.records or following.total is not None:
                yield following
            if not following.records:
                return
            page = following
        # A count may be too low: only a page that is not full is the last one.
        while page.records and (page.total is None or len(page.records) >= size):
            following = self.fetch(page.number + 1)
            if not following.records or ids(following.records) == ids(page.records):
                # A server that knows no pages sends the same one for ever.
                return
            yield following
            page = following

    # The newest part by date

    def since(self, field: str, cutoff: dt.date, also_above: int | None = None) -> Iterator[Part]:
        """Records whose date `field` is `cutoff` or later, newest first, each once.

        Where the server does not sort by that field, everything is read, and records with an ID
        above `also_above` are kept too.
        """
        seen, passes = Seen(), _Passes(self._operation)
        while True:
            walk = NewestWalk(self, field, cutoff)
            for records in walk:
                fresh = seen.unseen(records)
                passes.note(fresh)
                seen.add(fresh)
                yield Part(fresh)
            if not walk.ordered:
                logger.info("%s: the API does not sort by %s", self._operation, field)
                parts = self._in_server_order(None)
            elif passes.settled(walk.proven()):
                return
            elif walk.steady and passes.number >= WALKS:
                logger.info("%s: the order by %s does not stand still", self._operation, field)
                parts = self.ascending()
            else:
                continue
            logger.info("%s: reading it all", self._operation)
            for part in parts:
                fresh = seen.unseen(
                    [
                        record
                        for record in part.records
                        if not older(record, field, cutoff)
                        or (also_above is not None and record.id > also_above)
                    ]
                )
                seen.add(fresh)
                yield Part(fresh)
            return


def _total(reply: Reply, number: int, records: int) -> int | None:
    """The count of the headers, unless the page or the other headers contradict it."""
    total = reply.total
    more = number == 1 and (reply.pages or 1) > 1
    return None if total is None or total < records + more else total


class _Passes:
    """Readings of one listing, until one is proven or two in a row find nothing missed.

    A record that was added meanwhile was not missed: its ID is greater than those before.

    Attributes:
        newest: The greatest ID of the beginning; where it is not given, of the first reading.
        known: How many records with that ID or a smaller one were found.
    """

    def __init__(self, operation: str, newest: int | None = None) -> None:
        self._operation = operation
        self._given = newest is not None
        self._quiet = 0
        self._missed = 0
        self.newest = newest
        self.known = 0
        self.number = 0

    def note(self, fresh: list[Record]) -> None:
        """These were found for the first time."""
        if not self._given and not self.number:
            self.newest = max([self.newest or 0, *ids(fresh)])
            self._missed += len(fresh)
        else:
            self._missed += sum(found <= (self.newest or 0) for found in ids(fresh))

    def settled(self, proven: bool) -> bool:
        """Whether that was the last reading.

        Raises:
            ApiError: the listing never stands still.
        """
        self.number += 1
        self.known += self._missed
        self._quiet = 0 if self._missed or self.number == 1 else self._quiet + 1
        self._missed = 0
        if proven or self._quiet >= QUIET_PASSES:
            return True
        if self.number >= MOST_PASSES:
            raise ApiError(
                self._operation, None, hint=f"the listing changed in each of {self.number} readings"
            )
        logger.info("%s: the listing changed while it was read; reading it again", self._operation)
        return False
