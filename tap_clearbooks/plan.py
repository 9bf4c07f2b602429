"""What a run of the tap reads, in which order, and what of it is read ahead."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from clearbooks.paging import Listing
from tap_clearbooks.failures import Failures
from tap_clearbooks.prefetch import Reading, Readings
from tap_clearbooks.signs import TRANSACTIONS, Signs
from tap_clearbooks.sources import Dated, ReadContext, joined
from tap_clearbooks.streams import CARRIED_BY, POSTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_clearbooks.records import Shape
    from tap_clearbooks.run import Run
    from tap_clearbooks.sources import Batch, Bookmark, Source
    from tap_clearbooks.stream import ClearBooksStream

# Requests of a reading whose turn has not come.
DEPTH_AHEAD = 2


class Plan:
    """The readings of one run. Close it after use.

    Args:
        run: What they read with.

    Attributes:
        streams: By name, in the order in which they are read; filled in by the tap.
        failures: What could not be read, while the rest was.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.streams: Mapping[str, ClearBooksStream] = {}
        self.failures = Failures(run, self._leave_out)
        # They live as long as the sources that read with them.
        self._signs: WeakValueDictionary[int, Signs] = WeakValueDictionary()

    # Streams that share pages

    def leader(self, stream: ClearBooksStream) -> ClearBooksStream:
        """The stream whose pages this one comes from: another one, where that is selected."""
        carrier = self._carrier(stream)
        return carrier if carrier.selected else stream

    def carried(self, stream: ClearBooksStream) -> list[ClearBooksStream]:
        """The selected streams that come out of the pages of this one."""
        names = [name for name, carrier in CARRIED_BY.items() if carrier == stream.name]
        return [self.streams[name] for name in names if self.streams[name].selected]

    def _carrier(self, stream: ClearBooksStream) -> ClearBooksStream:
        return self.streams[CARRIED_BY.get(stream.name, stream.name)]

    # Readings

    def source(self, stream: ClearBooksStream, business: int | None) -> Source:
        """The source that reads a stream of a business from its bookmark on."""
        carrier = self._carrier(stream)
        found = stream.spec.source(
            ReadContext(
                self._run.client,
                self._run.window,
                self._signs_of(business or 0),
                lambda: self._run.business_list,
            ),
            self._run.client.contract.resources[carrier.name],
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
            signs = Signs(listing, shape, self._run.client.executor, self._run.id, POSTED)
            self._signs[business] = signs
        return signs

    def _listing(self, business: int, stream: str, shape: Shape) -> Listing:
        """The listing of a stream that is looked at for its signs."""
        resource = self._run.client.contract.resources[stream]
        return Listing(
            self._run.client,
            resource.operations["list"].id,
            resource.fixed,
            business,
            shape.page,
            page_size=self._run.window.page_size,
        )

    @property
    def leading(self) -> list[ClearBooksStream]:
        """The selected streams that do not come from the pages of another one."""
        return [s for s in self.streams.values() if s.selected and self.leader(s) is s]

    @functools.cached_property
    def turns(self) -> list[tuple[str, int | None]]:
        """Stream and business of each reading, in the order of the run.

        All of a business comes before the next one, so that a run that is killed has brought some
        of them up to date. Those come first that the runs before did not come to.
        """
        shared = [stream for stream in self.leading if not stream.per_business]
        streams = [stream for stream in self.leading if stream.per_business]

        def newest(business: int) -> str:
            runs = (stream.last_run(business) for stream in streams if stream.keeps_state)
            return min(runs, default="")

        order = sorted(self._run.businesses, key=newest) if streams else []
        return [
            *((stream.name, None) for stream in shared),
            *((stream.name, business) for business in order for stream in streams),
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
                for name, business in self.turns
            }
        )

    def _read(self, source: Source, reading: Reading[Batch]) -> Iterator[Batch]:
        most = self._run.client.workers
        source.context = dataclasses.replace(
            source.context,
            depth=lambda: most if reading.current else DEPTH_AHEAD,
            drained=reading.drained,
        )
        return source.batches()

    def reading(self, stream: ClearBooksStream, business: int | None) -> Iterator[Batch]:
        """The batches of a stream of a business; what follows in the run begins meanwhile."""
        self.failures.check(stream.name, business)
        yield from joined(self._readings.take((stream.name, business)))
        self.failures.was_read(stream.name)

    def _leave_out(self, unwanted: Callable[[tuple[str, int | None]], bool]) -> None:
        # Not before something failed: with the readings the bookmarks are looked up.
        self._readings.leave_out(unwanted)

    def close(self) -> None:
        """Stop what is under way."""
        if "_readings" in vars(self):
            self._readings.close()


def _oldest(bookmarks: list[Bookmark | None]) -> Bookmark | None:
    known = [bookmark for bookmark in bookmarks if bookmark is not None]
    if len(known) < len(bookmarks):
        return None
    return min(known, key=lambda bookmark: bookmark.get("replication_key_value", 0))
