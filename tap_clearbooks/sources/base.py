"""What every source has in common: batches, bookmarks, and what it reads with."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import UNSET

from clearbooks.errors import ApiError
from clearbooks.paging import Listing, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from clearbooks.client import Client
    from clearbooks.contract import Resource
    from clearbooks.paging import Record
    from clearbooks.replies import Reply
    from tap_clearbooks.keys import Key
    from tap_clearbooks.records import Shape
    from tap_clearbooks.signs import Signs

T = TypeVar("T")
Bookmark = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records, and what may be kept as bookmark once they are written; None leaves it as it is.

    Attributes:
        covers: Tells of a key whether its record would have come by now if it were still in the
            ledger; None while nobody can tell.
    """

    records: list[Record]
    bookmark: Bookmark | None = None
    covers: Callable[[Key], bool] | None = None


# Pages that are written at once. A STATE goes out before them, which costs as much as dozens of
# records.
TOGETHER = 5


def joined(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches, with up to `TOGETHER` that follow each other made one.

    What was read before an error still goes out.
    """
    held: list[Batch] = []
    try:
        for batch in batches:
            if held and held[-1].covers:
                yield _as_one(held)
                held = []
            held.append(batch)
            if len(held) == TOGETHER:
                yield _as_one(held)
                held = []
    except Exception:
        if held:
            yield _as_one(held)
        raise
    if held:
        yield _as_one(held)


def _as_one(batches: list[Batch]) -> Batch:
    bookmarks = [batch.bookmark for batch in batches if batch.bookmark is not None]
    return Batch(
        list(chain.from_iterable(batch.records for batch in batches)),
        {name: value for bookmark in bookmarks for name, value in bookmark.items()} or None,
        batches[-1].covers,
    )


@dataclass(frozen=True, slots=True)
class Window:
    """What the settings ask for. Dates are inclusive."""

    start: dt.date | None
    end: dt.date | None
    lookback: dt.timedelta
    period: str
    page_size: int
    today: dt.date
    now: dt.datetime
    refresh: dt.timedelta
    reread: dt.timedelta

    def text(self) -> list[str | None]:
        """For the bookmark: one that was made for other dates is of no use."""
        return [day.isoformat() if day else None for day in (self.start, self.end)]

    @property
    def unbounded(self) -> bool:
        """Whether records of any date are asked for."""
        return self.start is None and self.end is None

    def within(self, dates: Sequence[str | None]) -> bool:
        """Whether everything between these dates, as `text` gives them, is asked for."""
        start, end = (dt.date.fromisoformat(day) if day else None for day in dates)
        return (self.start is None or (start is not None and self.start <= start)) and (
            self.end is None or (end is not None and end <= self.end)
        )

    def read_within(self, bookmark: Bookmark, age: dt.timedelta) -> bool:
        """Whether the last whole reading of a bookmark is younger than that."""
        try:
            read = dt.datetime.fromisoformat(bookmark["read"])
            return dt.timedelta(0) <= self.now - read < age
        except (KeyError, TypeError, ValueError):
            return False

    def holds(self, date: Any) -> bool:
        """Whether a date lies inside; a record without one does."""
        if not isinstance(date, dt.date):
            return True
        return (self.start is None or date >= self.start) and (self.end is None or date <= self.end)


@dataclass(slots=True)
class ReadContext:
    """What a source reads with.

    Attributes:
        client: Makes the requests.
        window: What the settings ask for.
        signs: Signs that documents and payments changed.
        business_list: Answers which businesses there are, asked once a run.
        depth: How many requests of this source may be under way.
        drained: To be called once all of its requests are.
    """

    client: Client
    window: Window
    signs: Signs
    business_list: Callable[[], Reply]
    depth: Callable[[], int] = field(default=lambda: 1)
    drained: Callable[[], None] = field(default=lambda: None)


def everything(_: Key) -> bool:
    """What a reading of all that there is covers."""
    return True


class Source(ABC):
    """Reads one stream of one business.

    Args:
        shape: Decodes its records.
        bookmark: What the last run kept, or None to read everything.
        holds: Tells of a key whether the loaded table holds it.
    """

    def __init__(
        self,
        context: ReadContext,
        resource: Resource,
        business_id: int,
        shape: Shape,
        bookmark: Bookmark | None,
        holds: Callable[[Key], bool] = lambda _: False,
    ) -> None:
        self.holds = holds
        self.context = context
        self.resource = resource
        self.business_id = business_id
        self.shape = shape
        self.bookmark = bookmark or {}

    def read_within(self, age: dt.timedelta) -> bool:
        """Whether the last whole reading is younger than that."""
        return self.context.window.read_within(self.bookmark, age)

    def last_batch(self) -> Batch:
        """The batch that ends a reading of all that there is; its bookmark says when that was."""
        return Batch([], {"read": self.context.window.now.isoformat()}, covers=everything)

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """The records, with `businessId` and the stream's dimensions filled in."""

    def stamp(self, records: list[Record], **dimensions: Any) -> list[Record]:
        """Fill in what the API leaves out because the request says it."""
        for record in records:
            record.businessId = self.business_id
            for name, value in dimensions.items():
                setattr(record, name, value)
        return records

    def listing(
        self,
        resource: Resource | None = None,
        shape: Shape | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Listing:
        """The paged listing behind a resource, with path parameters and filters."""
        resource = resource or self.resource
        return Listing(
            self.context.client,
            resource.operations["list"].id,
            {**resource.fixed, **(params or {})},
            self.business_id,
            (shape or self.shape).page,
            page_size=self.context.window.page_size,
            depth=self.context.depth,
            drained=self.context.drained,
        )

    def in_order(
        self, ask: Callable[[T], list[Record]], items: Iterable[T]
    ) -> Iterator[list[Record]]:
        """What `ask` answers for each of the items, several requests under way at once."""
        return in_order(self.context.client.executor, ask, items, self.context.depth)

    def ask(self, **params: Any) -> list[Record]:
        """The records of an endpoint that has no pages."""
        operation = self.resource.operations["list"].id
        reply = self.context.client.get(operation, params, business_id=self.business_id)
        records = self.shape.page(reply.body, operation)
        own = [k for k in self.resource.key if k not in {"businessId", *self.resource.dimensions}]
        for name in own:
            if any(getattr(record, name) in {None, UNSET} for record in records):
                raise ApiError(operation, None, hint=f"a record without {name}")
        return records
