"""Pages of a listing: how one is asked for, and what its order and IDs say."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from clearbooks.errors import ApiError, NotFoundError, RejectedError
from clearbooks.paging.in_flight import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from pyroaring import BitMap64

    from clearbooks.replies import Reply

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

ASCENDING = "ascending"
DESCENDING = "descending"
# IDs are kept in bitmaps of 64 bits.
BEYOND_IDS = 2**64
# Pages of one listing under way at once, where nothing else is asked for.
DEPTH = 8

Record = Any
"""A record as the caller's decoder makes it; its ID is the attribute `id`."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it came. `total` and `limit` are None where the server sent no headers.

    `counted` tells that the count may be believed where nothing else tells where the end is.
    """

    number: int
    records: list[Record]
    total: int | None
    limit: int | None
    counted: bool = False

    @property
    def whole(self) -> bool:
        """Whether this is the first page and, by the count, the only one."""
        return self.number == 1 and self.total is not None and self.total <= len(self.records)


@dataclass(frozen=True, slots=True)
class Part:
    """Some records of a listing, none of which came before.

    `position` is how many records of the listing have been passed, where it is proven that none
    of them was missed: reading may be taken up again from there.
    """

    records: list[Record]
    position: int | None = None


class Reads(Protocol):
    """What of `clearbooks.client.Client` makes the requests."""

    @property
    def executor(self) -> Executor:
        """Threads for requests that are made ahead."""

    def get(
        self,
        operation_id: str,
        params: Mapping[str, Any] | None = None,
        *,
        business_id: int | None = None,
    ) -> Reply:
        """Read."""


class Pages:
    """The pages of one listing of one business.

    Args:
        client: Makes the requests; its executor those that are made ahead.
        operation: A paged `list…` operation of the contract.
        params: Its path parameters and filters.
        business_id: Sent with every request; None leaves the header out.
        decode: Makes records of the body of a page and the operation.
        depth: How many requests this listing may have under way now.
        drained: Called when the last of many pages was asked for.
        believe_count: Whether a count is believed with which the number of pages agrees. It saves
            a request where the records fill their pages to the last place; a server that counts
            to a limit could then hide what lies beyond it.
    """

    def __init__(
        self,
        client: Reads,
        operation: str,
        params: Mapping[str, Any],
        business_id: int | None,
        decode: Callable[[bytes, str], list[Record]],
        *,
        page_size: int = 200,
        depth: Callable[[], int] = lambda: DEPTH,
        drained: Callable[[], None] = lambda: None,
        believe_count: bool = False,
    ) -> None:
        self.operation = operation
        self.page_size = page_size
        self._client = client
        self._params = params
        self._business_id = business_id
        self._decode = decode
        self._depth = depth
        self.drained = drained
        self._believe_count = believe_count
        self._sorted: set[str] = set()
        self._unsortable: set[str] = set()

    def fetch(
        self, number: int, direction: str = ASCENDING, sort_by: str = "id", limit: int | None = None
    ) -> Page:
        """One page. A server that refuses to sort by a field is asked again without sorting.

        Raises:
            ApiError: a record has no numeric ID, or the body is no list of records.
        """
        sort = {"sortBy": sort_by, "sortDirection": direction}
        if sort_by in self._unsortable:
            sort = {}
        params = {**self._params, **sort, "limit": limit or self.page_size, "page": number}
        try:
            reply = self._client.get(self.operation, params, business_id=self._business_id)
        except NotFoundError:
            if number == 1:
                raise
            # Some servers answer so where the pages have come to an end.
            return Page(number, [], None, None)
        except RejectedError:
            if not sort or sort_by in self._sorted:
                # What was sorted before is not to be mixed with pages in another order.
                raise
            logger.info("%s: the API does not sort by %s", self.operation, sort_by)
            self._unsortable.add(sort_by)
            return self.fetch(number, direction, sort_by, limit)
        records = self._decode(reply.body, self.operation)
        if not all(type(record.id) is int and 0 <= record.id < BEYOND_IDS for record in records):
            raise ApiError(self.operation, None, hint="a record without a numeric id")
        if sort:
            self._sorted.add(sort_by)
        total = _total(reply, number, len(records))
        size = reply.limit or limit or self.page_size
        counted = self._believe_count and total is not None and reply.pages == -(-total // size)
        return Page(number, records, total, reply.limit, counted)

    def in_flight(self, numbers: Sequence[int]) -> Iterator[Page]:
        """Pages in ascending order of ID, several on their way at once."""
        return self.ahead(self.fetch, numbers)

    def ahead(
        self, fetch: Callable[[T], R], asks: Iterable[T], window: Callable[[], int] | None = None
    ) -> Iterator[R]:
        """`fetch` for each of `asks`, several on their way at once; `window()` of them at most."""

        def depth() -> int:
            return self._depth() if window is None else min(self._depth(), window())

        return in_order(self._client.executor, fetch, asks, depth, self.drained)


def _total(reply: Reply, number: int, records: int) -> int | None:
    """The count of the headers, unless the page or the other headers contradict it."""
    total = reply.total
    more = number == 1 and (reply.pages or 1) > 1
    return None if total is None or total < records + more else total


def unseen(records: list[Record], seen: BitMap64) -> list[Record]:
    """The records whose IDs were not seen."""
    return [record for record in records if record.id not in seen]


def ids(records: Sequence[Record]) -> list[int]:
    """The API's own IDs of records, in order."""
    return [record.id for record in records]


def by_id(record: Record) -> int:
    """Sorting key: the API's ID."""
    return int(record.id)


def above(records: list[Record], after: int | None) -> list[Record]:
    """The records whose ID is greater than `after`."""
    if after is None:
        return records
    return [record for record in records if record.id > after]


def rising(found: Sequence[int]) -> bool:
    """Whether IDs ascend strictly."""
    return all(a < b for a, b in pairwise(found))


def falling(found: Sequence[int]) -> bool:
    """Whether IDs descend strictly."""
    return all(a > b for a, b in pairwise(found))


def older(record: Record, field: str, cutoff: dt.date) -> bool:
    """Whether the record is surely older; one without a date is kept."""
    date = getattr(record, field)
    return isinstance(date, dt.date) and date < cutoff


def fell(page: Page, before: Page) -> bool:
    """Whether the count fell from one page to another."""
    return (page.total or 0) < (before.total or 0)
