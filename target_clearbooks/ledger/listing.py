"""A whole listing of the API, its pages in flight, whatever the server tells or leaves out."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from clearbooks import replies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from clearbooks.client import Reply

Record = dict[str, Any]
Page = tuple[list[Record], int | None]
"""Records, and how many the whole listing has where the server tells."""

PAGE = 200
TIMES = 3


class Reads(Protocol):
    """What of `clearbooks.client.Client` is used here."""

    def get(
        self,
        operation_id: str,
        params: Mapping[str, Any] | None = None,
        *,
        business_id: int | None = None,
    ) -> Reply:
        """Read."""


def records(reply: Reply, operation_id: str) -> list[Record]:
    """The objects of an answer without their nulls, also where one is wrapped in an array of one.

    Raises:
        ApiError: the answer holds something else. An error never counts as an empty list.
    """
    data = reply.json()
    # Nothing at all is no list: what is not there may be made a second time.
    found = replies.records([None] if data is None else data, operation_id)
    return [plain(row) for row in found]


def plain(row: Mapping[str, Any]) -> Record:
    """A record without nulls; its IDs are numbers, also where they came as text."""
    return {
        name: int(value) if _is_id(name) and isinstance(value, str) and value.isdecimal() else value
        for name, value in row.items()
        if value is not None
    }


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("Id")


class Lister:
    """Reads listings of one business.

    Args:
        client: Every request goes through it.
        business_id: Sent with every request; None leaves the header out.
        in_flight: Requests under way at once.
    """

    def __init__(self, client: Reads, business_id: int | None, in_flight: int = 8) -> None:
        self.client = client
        self.business_id = business_id
        self.in_flight = max(in_flight, 1)

    def get(self, operation_id: str, params: Mapping[str, Any]) -> Reply:
        """One request."""
        return self.client.get(operation_id, params, business_id=self.business_id)

    def plain(self, operation_id: str, params: Mapping[str, Any]) -> list[Record]:
        """A list that has no pages."""
        return records(self.get(operation_id, params), operation_id)

    def paged(self, operation_id: str, params: Mapping[str, Any]) -> list[Record]:
        """Every record of a paged list, each once; read again where it changed meanwhile."""
        found: dict[Any, Record] = {}
        for _ in range(TIMES):
            totals: set[int | None] = set()
            found = {}
            for page, total in self.pages(operation_id, params):
                totals.add(total)
                found.update((record.get("id", len(found)), record) for record in page)
            if steady(totals):
                break
        return list(found.values())

    def first(self, operation_id: str, params: Mapping[str, Any]) -> Reply:
        """The first page."""
        return self._page(operation_id, params, 1)

    def _page(self, operation_id: str, params: Mapping[str, Any], number: int) -> Reply:
        order = {"sortBy": "id", "sortDirection": "ascending"}
        return self.get(operation_id, {**order, **params, "limit": PAGE, "page": number})

    def pages(self, operation_id: str, params: Mapping[str, Any]) -> Iterator[Page]:
        """Every page of a list, in order."""
        first = self.first(operation_id, params)
        page = records(first, operation_id)
        yield page, first.total
        if first.pages is None:
            yield from self._until_empty(operation_id, params, page)
        elif first.pages > 1:
            yield from self._in_flight(operation_id, params, first.pages)

    def _in_flight(self, operation_id: str, params: Mapping[str, Any], last: int) -> Iterator[Page]:
        waiting: deque[Future[Reply]] = deque()
        with ThreadPoolExecutor(min(self.in_flight, last - 1)) as pool:
            try:
                for number in range(2, last + 1):
                    waiting.append(pool.submit(self._page, operation_id, params, number))
                    if len(waiting) > self.in_flight:
                        reply = waiting.popleft().result()
                        yield records(reply, operation_id), reply.total
                while waiting:
                    reply = waiting.popleft().result()
                    yield records(reply, operation_id), reply.total
            finally:
                for future in waiting:
                    future.cancel()

    def _until_empty(
        self, operation_id: str, params: Mapping[str, Any], page: list[Record]
    ) -> Iterator[Page]:
        """Pages of a server that does not tell how many there are.

        A full page may be as short as the server likes, so only an empty one ends the list; or
        one that came before, from a server that does not know pages.
        """
        number, seen = 1, _ids(page)
        while page:
            number += 1
            page = records(self._page(operation_id, params, number), operation_id)
            new = _ids(page) - seen
            if not new:
                return
            seen |= new
            yield page, None


def steady(totals: set[int | None]) -> bool:
    """Whether the count stayed the same while the pages were read.

    Where it did not, a record that went away may have moved another from one page to the one
    before, unread.
    """
    return len(totals) <= 1


def _ids(page: list[Record]) -> set[Any]:
    return {record.get("id") for record in page}
