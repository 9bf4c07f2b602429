"""One run of the tap: what it reads with, what is read ahead, and what could not be read."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from clearbooks.businesses import Coverage, chosen_businesses
from clearbooks.dates import today
from clearbooks.errors import NotCoveredError, NotRunningError, UnavailableError
from clearbooks.history import new_run_id
from clearbooks.paging import Listing
from tap_clearbooks.prefetch import Reading, Readings
from tap_clearbooks.signs import TRANSACTIONS, Signs
from tap_clearbooks.sources import Dated, ReadContext, Window, joined
from tap_clearbooks.streams import CARRIED_BY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from clearbooks.client import Client
    from clearbooks.errors import ApiError
    from clearbooks.replies import Reply
    from tap_clearbooks.keys import Key
    from tap_clearbooks.records import Shape
    from tap_clearbooks.settings import TapSettings
    from tap_clearbooks.sources import Batch, Bookmark, Source
    from tap_clearbooks.streams import StreamSpec


# Requests of a reading whose turn has not come.
DEPTH_AHEAD = 2
# Businesses that an endpoint may fail for, one after the other, before it is not asked again.
MOST_FAILING = 2

logger = logging.getLogger("tap-clearbooks")


class RunStream(Protocol):
    """What a run has to know of a stream."""

    name: str
    spec: StreamSpec

    @property
    def selected(self) -> bool:
        """Whether it is to be read."""

    @property
    def per_business(self) -> bool:
        """Whether it is read of each business."""

    @property
    def keeps_state(self) -> bool:
        """Whether the next run gets the state that this one leaves."""

    @property
    def shape(self) -> Shape:
        """Decodes its records."""

    def bookmark(self, business: int | None) -> Bookmark | None:
        """What the last run kept for a business; None where everything is to be read."""

    def last_run(self, business: int) -> str:
        """ID of the newest run that came to this business; empty where none did."""

    def holds(self, business: int | None, key: Key) -> bool:
        """Whether the loaded table holds a record of a business."""


S = TypeVar("S", bound=RunStream)


@dataclass(frozen=True, slots=True)
class Failure:
    """A stream of a business that could not be read; as text, one line that says why.

    Attributes:
        stream: Its name.
        business: ID of the business; None for the list of businesses itself.
        error: What the API answered.
        hint: What would help, where that is known.
    """

    stream: str
    business: int | None
    error: ApiError
    hint: str = ""

    @property
    def where(self) -> str:
        """The stream, and the business that it was read of."""
        of = "" if self.business is None else f" of business {self.business}"
        return f"{self.stream}{of}"

    def __str__(self) -> str:
        return f"{self.where}: {self.error}{self.hint}"


class Run(Generic[S]):
    """One run over streams and businesses. Close it after use.

    Args:
        connect: Makes the client that all streams share. Called when it is first needed, so that
            discovery needs no credentials.
        settings: Answers the checked settings of the tap.
        wrote: Called with stream, business and how many more of its records were written.

    Attributes:
        streams: By name, in the order in which they are read; filled in by the tap.
        failures: What could not be read, while the rest was.
        gone: How many records of each stream were found to have left the ledger.
        id: Stands for this run in bookmarks and in the history.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        settings: Callable[[], TapSettings],
        wrote: Callable[[str, int | None, int], None] = lambda *_: None,
    ) -> None:
        self._connect = connect
        self._settings = settings
        self.wrote = wrote
        self.streams: Mapping[str, S] = {}
        self.failures: list[Failure] = []
        # They live as long as the sources that read with them.
        self._signs: WeakValueDictionary[int, Signs] = WeakValueDictionary()
        self.gone: Counter[str] = Counter()
        self.id = new_run_id()
        # Whether the last stream that was asked for could be read.
        self._reached = True
        # For each stream, what its endpoint answered for the businesses that were tried last.
        self._failing: dict[str, list[UnavailableError]] = defaultdict(list)

    @functools.cached_property
    def client(self) -> Client:
        """The client that all streams share."""
        return self._connect()

    @functools.cached_property
    def window(self) -> Window:
        """What the settings ask for, as of today."""
        settings = self._settings()
        return Window(
            start=settings.start_date,
            end=settings.end_date,
            lookback=dt.timedelta(days=settings.lookback_days),
            period=settings.balance_period,
            page_size=settings.page_size,
            today=today(),
            now=dt.datetime.now(dt.UTC),
            refresh=dt.timedelta(hours=settings.refresh_hours),
            reread=dt.timedelta(days=settings.reread_days),
        )

    @functools.cached_property
    def businesses(self) -> list[int]:
        """The businesses of this run, in the order of the settings or of the API."""
        return chosen_businesses(self.client, lambda: self.business_list)

    @functools.cached_property
    def business_list(self) -> Reply:
        """The API's answer to which businesses there are; asked once."""
        return self.client.get("listBusinesses")

    @property
    def requests_of(self) -> Mapping[int, int]:
        """How many requests were made of each business."""
        return self.client.requests_of if "client" in vars(self) else {}

    @property
    def known_businesses(self) -> list[int]:
        """The businesses of this run; before they were asked for, those of the settings."""
        known = "businesses" in vars(self)
        return self.businesses if known else list(self.client.connection.business_ids)

    @functools.cached_property
    def coverage(self) -> Coverage:
        """Which businesses the authorisation covers; asked where one refuses."""
        return Coverage(self.client)

    @functools.cached_property
    def attachments(self) -> bool:
        """Whether attachments may be read; asked only where they are selected."""
        wanted = self._settings().attachments
        if not wanted:
            logger.info(
                "sales_attachments and purchase_attachments are selected and left out, since they "
                "cost one request for each document: set attachments to true to read them"
            )
        return wanted

    # Streams that share pages

    def leader(self, stream: S) -> S:
        """The stream whose pages this one comes from: another one, where that is selected."""
        carrier = self._carrier(stream)
        return carrier if carrier.selected else stream

    def carried(self, stream: S) -> list[S]:
        """The selected streams that come out of the pages of this one."""
        names = [name for name, carrier in CARRIED_BY.items() if carrier == stream.name]
        return [self.streams[name] for name in names if self.streams[name].selected]

    def _carrier(self, stream: S) -> S:
        return self.streams[CARRIED_BY.get(stream.name, stream.name)]

    # Readings

    def source(self, stream: S, business: int | None) -> Source:
        """The source that reads a stream of a business from its bookmark on."""
        carrier = self._carrier(stream)
        found = stream.spec.source(
            ReadContext(
                self.client,
                self.window,
                self._signs_of(business or 0),
                lambda: self.business_list,
            ),
            self.client.contract.resources[carrier.name],
            business or 0,
            carrier.shape,
            _oldest([s.bookmark(business) for s in (stream, *self.carried(stream))]),
            functools.partial(stream.holds, business),
        )
        if isinstance(found, Dated):
            self._signs_of(business or 0).readings[stream.name] = found
        return found

    def _signs_of(self, business: int) -> Signs:
        signs = self._signs.get(business)
        if signs is None:
            listing = functools.partial(self._listing, business)
            shape = self.streams[TRANSACTIONS].shape
            signs = Signs(listing, shape, self.client.executor, self.id)
            self._signs[business] = signs
        return signs

    def _listing(self, business: int, stream: str, shape: Shape) -> Listing:
        """The listing of a stream that is looked at for its signs."""
        resource = self.client.contract.resources[stream]
        return Listing(
            self.client,
            resource.operations["list"].id,
            resource.fixed,
            business,
            shape.page,
            page_size=self.window.page_size,
        )

    @property
    def leading(self) -> list[S]:
        """The selected streams that do not come from the pages of another one."""
        return [s for s in self.streams.values() if s.selected and self.leader(s) is s]

    @functools.cached_property
    def plan(self) -> list[tuple[str, int | None]]:
        """Stream and business of each reading, in the order of the run.

        All of a business comes before the next one, so that a run that is killed has brought some
        of them up to date. Those come first that the runs before did not come to.
        """
        shared = [stream for stream in self.leading if not stream.per_business]
        streams = [stream for stream in self.leading if stream.per_business]

        def newest(business: int) -> str:
            runs = (stream.last_run(business) for stream in streams if stream.keeps_state)
            return min(runs, default="")

        turns = sorted(self.businesses, key=newest) if streams else []
        return [
            *((stream.name, None) for stream in shared),
            *((stream.name, business) for business in turns for stream in streams),
        ]

    @functools.cached_property
    def _readings(self) -> Readings[Batch]:
        """The readings of the plan."""
        # Bookmarks are looked up here: the state must not change while it is written.
        return Readings(
            {
                (name, business): Reading(
                    functools.partial(self._read, self.source(self.streams[name], business))
                )
                for name, business in self.plan
            }
        )

    def _read(self, source: Source, reading: Reading[Batch]) -> Iterator[Batch]:
        most = self.client.workers
        source.context = dataclasses.replace(
            source.context,
            depth=lambda: most if reading.current else DEPTH_AHEAD,
            drained=reading.drained,
        )
        return source.batches()

    def reading(self, stream: S, business: int | None) -> Iterator[Batch]:
        """The batches of a stream of a business; what follows in the run begins meanwhile."""
        self.coverage.check(business)
        if len(self._failing[stream.name]) >= MOST_FAILING:
            raise self._failing[stream.name][-1]
        yield from joined(self._readings.take((stream.name, business)))
        self._reached = True
        self._failing[stream.name].clear()

    def failed(self, stream: str, business: int | None, error: ApiError) -> None:
        """Note a stream of a business that could not be read; the run goes on without it.

        Raises:
            UnavailableError: nothing runs at the address, or the one before could not be reached
                either. Then it is not this endpoint alone, and what follows would only wait as
                long again.
        """
        told = next((earlier for earlier in self.failures if earlier.error is error), None)
        if told is not None:
            # Not asked: one line told it of all streams of a business, or all businesses of one.
            self.failures.append(Failure(stream, business, error, told.hint))
            return
        reached = not isinstance(error, UnavailableError)
        if isinstance(error, NotRunningError) or not (reached or self._reached):
            raise error
        self._reached = reached
        if isinstance(error, UnavailableError):
            self._failing[stream].append(error)
            if len(self._failing[stream]) == MOST_FAILING:
                self._readings.leave_out(lambda key: key[0] == stream)
        error = self.coverage.explained(business, error)
        if isinstance(error, NotCoveredError):
            self._readings.leave_out(lambda key: key[1] == business)
        operation = self.client.contract.operations.get(error.operation)
        hint = ""
        if operation is not None and operation.assumed:
            hint = (
                f" (no published text names this path; if the API has another, set api_paths: "
                f'{{"{operation.id}": "/…"}})'
            )
        failure = Failure(stream, business, error, hint)
        self.failures.append(failure)
        where = f"business {business}" if isinstance(error, NotCoveredError) else failure.where
        logger.error("%s was not read: %s%s", where, error, hint)

    def close(self) -> None:
        """Stop what is under way and keep what the pacer found."""
        if "_readings" in self.__dict__:
            self._readings.close()
        if "client" in self.__dict__:
            self.client.close()


def _oldest(bookmarks: list[Bookmark | None]) -> Bookmark | None:
    known = [bookmark for bookmark in bookmarks if bookmark is not None]
    if len(known) < len(bookmarks):
        return None
    return min(known, key=lambda bookmark: bookmark.get("replication_key_value", 0))
