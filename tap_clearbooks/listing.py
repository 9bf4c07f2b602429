"""Reading a paged listing whole and in order while others change it.

The API pages by position, so a record that is deleted moves all later ones up by one, and the
one that crosses a page boundary at the wrong moment is missed. Hence: the newest page is read
first; the rest follows in ascending order of ID; and before the end it is proven that nothing
moved unnoticed. Where it moved, what may have shifted is read again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ApiError, NotFoundError, RejectedError
from tap_clearbooks.flight import in_order
from tap_clearbooks.pages import (
    ASCENDING,
    DESCENDING,
    Page,
    Part,
    Seen,
    above,
    by_id,
    falling,
    older,
)
from tap_clearbooks.records import ids
from tap_clearbooks.walks import AscendingWalk, NewestWalk

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from clearbooks.client import Client
    from tap_clearbooks.records import Shape

logger = logging.getLogger(__name__)

# Readings of the whole listing before we give up on one that never stands still.
MOST_PASSES = 20
# A single reading may miss what the one before it missed, where the same boundary moved again.
QUIET_PASSES = 2


class Listing:
    """One paged listing of one business.

    Args:
        client: Sends the requests.
        operation: A paged `list…` operation of the contract.
        params: Its path parameters and filters.
        shape: Decodes a page; records need the field `id`.
        depth: How many requests this listing may have under way now.
        drained: Called when the last of many pages was asked for.
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
        drained: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._operation = operation
        self._params = params
        self._business_id = business_id
        self._shape = shape
        self._page_size = page_size
        self._executor = executor
        self._depth = depth
        self._drained = drained
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
        except NotFoundError:
            if number == 1:
                raise
            # Some servers answer so where the pages have come to an end.
            return Page(number, [], None, None)
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
        return in_order(self._executor, self.fetch, numbers, self._depth, self._drained)

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
            records = sorted(newest.records, key=by_id)
            yield Part(above(records, after), len(records))
        elif newest.total is None:
            yield from self._in_server_order(after)
        elif not falling(found):
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
            yield Part(above(tail, after), newest.total)
            return
        seen, passes = Seen(), _Passes(self._operation)
        while True:
            first = passes.number == 0
            missed = 0
            walk = AscendingWalk(self, newest, after, position if first else None)
            for part in walk:
                fresh = part.records if first else above(seen.unseen(part.records), after)
                missed += sum(record.id <= (self.newest_id or 0) for record in fresh)
                seen.add(fresh)
                yield Part(fresh, part.position if first else None)
            if not walk.ordered:
                yield from self._in_server_order(after, seen)
                return
            if passes.settled(walk.proven(), missed):
                return
            newest = self.fetch(1, DESCENDING)

    def _in_server_order(self, after: int | None, seen: Seen | None = None) -> Iterator[Part]:
        """All pages, whatever their order, until a reading finds nothing new.

        With headers the count tells when all is there; without them, the end is an empty page.
        """
        seen = seen or Seen()
        passes = _Passes(self._operation)
        self.unordered = True
        while True:
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
                yield Part(above(fresh, after))
            if passes.settled(steady and (total is None or len(seen) >= total), fresh_ones):
                return

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
        seen, passes = Seen(), _Passes(self._operation)
        while True:
            fresh_ones = 0
            walk = NewestWalk(self, field, cutoff)
            for records in walk:
                fresh = seen.unseen(records)
                fresh_ones += len(fresh)
                seen.add(fresh)
                yield Part(fresh)
            if not walk.ordered:
                yield from self._since_unsorted(field, cutoff, also_above, seen)
                return
            if passes.settled(walk.proven(), fresh_ones):
                return

    def _since_unsorted(
        self, field: str, cutoff: dt.date, also_above: int | None, seen: Seen
    ) -> Iterator[Part]:
        logger.info("%s: the API does not sort by %s; reading it all", self._operation, field)
        for part in self._in_server_order(None):
            wanted = [
                record
                for record in part.records
                if not older(record, field, cutoff)
                or (also_above is not None and record.id > also_above)
            ]
            fresh = seen.unseen(wanted)
            seen.add(fresh)
            yield Part(fresh)


class _Passes:
    """Readings of one listing, until one is proven or two in a row bring nothing new."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._quiet = 0
        self.number = 0

    def settled(self, proven: bool, fresh: int) -> bool:
        """Whether that was the last reading; `fresh` records were new in it.

        Raises:
            ApiError: the listing never stands still.
        """
        self.number += 1
        self._quiet = 0 if fresh or self.number == 1 else self._quiet + 1
        if proven or self._quiet >= QUIET_PASSES:
            return True
        if self.number >= MOST_PASSES:
            raise ApiError(
                self._operation, None, hint=f"the listing changed in each of {self.number} readings"
            )
        logger.info("%s: the listing changed while it was read; reading it again", self._operation)
        return False
