"""The ledger: transactions by ID, and balances by period."""

from __future__ import annotations

import copy
import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyroaring import BitMap64

from clearbooks.dates import period_of
from clearbooks.errors import RejectedError
from clearbooks.paging import ASCENDING, DESCENDING, Page, ids
from tap_clearbooks.records import Shape
from tap_clearbooks.signs import TRANSACTIONS
from tap_clearbooks.sources.base import Batch, Source, everything

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from clearbooks.paging import Listing, Record
    from tap_clearbooks.signs import Mark
    from tap_clearbooks.sources.base import Bookmark

# Requests to find a span in which nothing was posted, and to prove it: fewer periods cost less.
PROOF = 3
# Transactions that a seal names: so many in the right order are there by the order that was asked
# for, and not by chance.
_SEALED = 6


class Transactions(Source):
    """Transactions by ID: what is new has a greater ID.

    A bookmark without `replication_key_value`, as there is one once in `reread_days`, has all of
    them read again.
    """

    def batches(self) -> Iterator[Batch]:
        """A batch for each page; `bookmark["replication_key_value"]` is the last ID."""
        after, position = self.bookmark.get("replication_key_value"), self.bookmark.get("position")
        if not position or not self.bookmark.get("keys"):
            # No count and no order, or a state of 0.1: only all of it tells what went away.
            after = position = None
        marks = self.context.signs.marks() if self.context.window.refresh else None
        sign = marks[TRANSACTIONS] if marks else None
        if sign and after is not None and sign == self.bookmark.get("sign"):
            return
        listing, newest = self._listing(), None
        if self.context.window.unbounded:
            newest = self.context.signs.newest_transactions
        again, missed = bool(self.bookmark) and after is None, 0
        yield from self._read(listing, after, position, newest, again=again)
        whole, came = after is None or listing.anew, self._came
        known = (position or 0) + came.rank(listing.newest_id or 0)
        if not whole and listing.total is not None and listing.total < known:
            # Some went away: where a void takes its transaction with it, only the count tells.
            listing, whole = self._listing(), True
            yield from self._read(listing, None, None, again=True)
            # What went away between the two readings is in the table: the next run misses it.
            missed = len(came - self._came)
        last = max(listing.newest_id or 0, after or 0)
        told = not listing.unordered and listing.total is not None
        position = (listing.total or 0) + missed if told else None
        bookmark = self._mark(last, position, sign) if last else None
        yield Batch([], bookmark, covers=everything if whole else None)

    def _listing(self) -> Listing:
        window = self.context.window
        return self.listing(
            params={"accountingDateFrom": window.start, "accountingDateTo": window.end}
        )

    def _read(
        self,
        listing: Listing,
        after: int | None,
        position: int | None,
        newest: Page | None = None,
        *,
        again: bool,
    ) -> Iterator[Batch]:
        self._came = BitMap64()
        for part in listing.ascending(after, position, newest):
            self._came.update(ids(part.records))
            kept = [r for r in part.records if self.context.window.holds(r.accountingDate)]
            bookmark = None
            # From the midst of a second reading nobody would see what went away before it.
            if part.position is not None and part.records and not again:
                bookmark = self._mark(part.records[-1].id, part.position)
            yield Batch(self.stamp(kept), bookmark)

    def _mark(self, last: int, position: int | None, sign: Mark | None = None) -> Bookmark:
        """The bookmark after a transaction; with the sign of the listing where that was its end."""
        return {
            "replication_key": "id",
            "replication_key_value": last,
            "position": position,
            "sign": sign,
            "read": self.context.window.now.isoformat(),
            "window": self.context.window.text(),
        }


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month, quarter or year; both days inclusive."""

    start: dt.date
    end: dt.date

    @classmethod
    def holding(cls, day: dt.date, unit: str) -> Period:
        """The `month`, `quarter` or `year` in which the day lies."""
        return cls(*period_of(day, unit))

    def before(self, unit: str) -> Period:
        """The period before this one."""
        return Period.holding(self.start - dt.timedelta(days=1), unit)


class Balances(Source):
    """Sums of the postings by account code, for each period that holds any.

    Periods that ended before `lookback_days` ago are asked again only where the number of
    transactions up to their end, or the newest of them, is another than at the last run, and once
    in `reread_days`. A long span in which nothing was posted is asked for at once: see `_quiet`.
    With `start_date` the sums of all that was posted before come first, as one period.
    """

    def batches(self) -> Iterator[Batch]:
        """A batch for each period; the bookmark comes with the last one."""
        window = self.context.window
        unit = window.period
        today = min(window.today, window.end or window.today)
        closed_end = Period.holding(today - window.lookback, unit).start - dt.timedelta(days=1)
        # Looked at before the balances are: what comes later is noticed by the next run.
        seal = self._seal(closed_end)
        current, since = Period.holding(today, unit), ""
        last = self._last(current, unit)
        known = self._unchanged(seal)
        if known is None:
            yield from self._opening(unit)
            first = self._first(current, unit)
        else:
            day = known + dt.timedelta(days=1)
            first = Period.holding(max(day, self._start(unit) or day), unit)
            since = first.start.isoformat()
        yield from self._sums(_periods(first, last, unit), today)
        yield Batch(
            [],
            {
                "replication_key": "accountingDateTo",
                "replication_key_value": closed_end.isoformat(),
                "seal": seal,
                "period": unit,
                "read": window.now.isoformat() if known is None else self.bookmark["read"],
                "window": window.text(),
            },
            # Read from the oldest transaction on, nothing is left before it.
            covers=lambda key: key[0] >= since,
        )

    def _sums(self, periods: Sequence[Period], today: dt.date) -> Iterator[Batch]:
        """The sums of each period.

        Several are asked for at once, twice as many each time, until the last one of them holds
        nothing. Then the next transaction tells how many may hold nothing either.
        """
        begun, size, ahead = 0, 1, _holding(periods, today) + 1
        while begun < len(periods):
            # What lies ahead of today is mostly empty: it is not reached in large steps.
            end = min(begun + size, ahead if begun < ahead else len(periods))
            last: list[Record] = []
            for last in self.in_order(self._sum, [[period] for period in periods[begun:end]]):
                yield Batch(last)
            begun, size = end, 1 if end == ahead else size * 2
            if len(periods) - begun > PROOF and not _moved(last):
                following = self._following(periods, begun)
                if following > begun:
                    yield from self._quiet(periods[begun:following])
                    begun, size = following, 1

    def _following(self, periods: Sequence[Period], begun: int) -> int:
        """Which period holds the next transaction from that one on, if the API sorts."""
        found = self._day(ASCENDING, accountingDateFrom=periods[begun].start)
        return len(periods) if found is None else _holding(periods, found)

    def _quiet(self, span: Sequence[Period]) -> Iterator[Batch]:
        """The sums of periods that should hold nothing; halved as long as they hold something."""
        try:
            records = self._sum(span)
        except RejectedError:
            # So many days may be too many.
            if len(span) == 1:
                raise
            records = None
        if records is not None and (len(span) == 1 or self._empty(span, records)):
            # An API that lists accounts without postings does so for each of the periods.
            for period in span if records else ():
                yield Batch(self._of(period, [copy.copy(record) for record in records]))
            return
        middle = len(span) // 2
        yield from self._quiet(span[:middle])
        yield from self._quiet(span[middle:])

    def _empty(self, span: Sequence[Period], records: list[Record]) -> bool:
        """Whether nothing was posted in a span with these sums.

        Sums of 0 are no proof: what is posted in one of the periods may be taken back in another.
        So there must be no transaction between the dates, either.
        """
        dates = {"accountingDateFrom": span[0].start, "accountingDateTo": span[-1].end}
        return not (_moved(records) or self._transactions(ASCENDING, "id", dates).records)

    def _sum(self, span: Sequence[Period]) -> list[Record]:
        """The sums of one or more periods that follow each other, as those of the first one."""
        records = self.ask(accountingDateFrom=span[0].start, accountingDateTo=span[-1].end)
        return self._of(span[0], records)

    def _of(self, period: Period, records: list[Record]) -> list[Record]:
        return self.stamp(records, accountingDateFrom=period.start, accountingDateTo=period.end)

    def _unchanged(self, seal: list[int] | None) -> dt.date | None:
        """The last day of the periods that need not be asked for again, if there are any."""
        window, value = self.context.window, self.bookmark.get("replication_key_value")
        if seal is None or not value or self.bookmark.get("period") != window.period:
            return None
        known = dt.date.fromisoformat(value)
        # No day follows the calendar's last one.
        if known == dt.date.max or not self.read_within(window.reread):
            return None
        return known if self._seal(known) == self.bookmark.get("seal") else None

    def _seal(self, end: dt.date) -> list[int] | None:
        """How many transactions there are up to a day, and the IDs of the newest of them.

        None where it cannot be told: without a count, or where the answer is in another order.
        """
        page = self._transactions(DESCENDING, "id", {"accountingDateTo": end}, _SEALED)
        found = [record.id for record in page.records]
        if page.total is None or found != sorted(found, reverse=True):
            return None
        return [page.total, *found]

    def _start(self, unit: str) -> dt.date | None:
        """The first day of the period that holds `start_date`: balances are of whole periods."""
        start = self.context.window.start
        return None if start is None else Period.holding(start, unit).start

    def _opening(self, unit: str) -> Iterator[Batch]:
        """What stood on each account before the first period that `start_date` lets in."""
        start = self._start(unit)
        if start is not None and start > dt.date.min:
            yield Batch(self._sum([Period(dt.date.min, start - dt.timedelta(days=1))]))

    def _first(self, period: Period, unit: str) -> Period:
        """The period of the oldest transaction."""
        start = self._start(unit)
        since = {"accountingDateFrom": start} if start else {}
        while period.start > (start or dt.date.min):
            before = period.start - dt.timedelta(days=1)
            found = self._day(ASCENDING, accountingDateTo=before, **since)
            if found is None:
                return period
            if found >= period.start:
                # A server that ignores the dates may ignore the order as well: all of them tell.
                days = [day for day in self._all_days() if start is None or day >= start]
                return Period.holding(min([*days, period.start]), unit)
            # Asked again from there: a server that does not sort comes to the end as well.
            period = Period.holding(found, unit)
        return period

    def _last(self, period: Period, unit: str) -> Period:
        """The period of the newest transaction, which may be dated in the future."""
        end = self.context.window.end
        if end is not None:
            return Period.holding(end, unit)
        while period.end < dt.date.max:
            after = period.end + dt.timedelta(days=1)
            found = self._day(DESCENDING, accountingDateFrom=after)
            if found is None or found <= period.end:
                return period
            period = Period.holding(found, unit)
        return period

    def _day(self, direction: str, **dates: dt.date) -> dt.date | None:
        """The day of the first or last transaction between the dates, if there is any."""
        found = self._transactions(direction, "accountingDate", dates).records
        day = found[0].accountingDate if found else None
        if found and not isinstance(day, dt.date) and "accountingDateFrom" not in dates:
            # One without a date comes before all days; the others stand behind it.
            return self._day(direction, accountingDateFrom=dt.date.min, **dates)
        return day if isinstance(day, dt.date) else None

    def _all_days(self) -> Iterator[dt.date]:
        """The days of all transactions."""
        for part in self._of_transactions({}).ascending():
            for record in part.records:
                if isinstance(record.accountingDate, dt.date):
                    yield record.accountingDate

    def _transactions(
        self, direction: str, sort_by: str, dates: Mapping[str, dt.date], limit: int = 1
    ) -> Page:
        """One transaction or more, from one end of those between the dates."""
        return self._of_transactions(dates).fetch(1, direction, sort_by, limit=limit)

    def _of_transactions(self, dates: Mapping[str, dt.date]) -> Listing:
        shape = Shape(
            "transactions",
            {
                "properties": {
                    "id": {"type": "integer"},
                    "accountingDate": {"type": "string", "format": "date"},
                }
            },
        )
        resource = self.context.client.contract.resources["transactions"]
        return self.listing(resource, shape, dates)


def _periods(first: Period, last: Period, unit: str) -> list[Period]:
    """The periods from one to another; the last one at least."""
    periods = [last]
    while periods[-1].start > first.start:
        periods.append(periods[-1].before(unit))
    return periods[::-1]


def _holding(periods: Sequence[Period], day: dt.date) -> int:
    """Which of the periods holds a day: -1 where it lies before them, the last one if after."""
    return bisect_right(periods, day, key=lambda period: period.start) - 1


def _moved(records: list[Record]) -> bool:
    """Whether sums say that something was posted; of those that are not 0, or not told."""
    return any(getattr(record, "balance", None) != 0 for record in records)
