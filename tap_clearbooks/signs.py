"""Signs that documents and payments of a business changed, so that they need not be read again.

The API has no "changed since". But all that happens to a document or payment shows elsewhere:

- What is new, or a new revision, has a greater ID; what is gone makes its listing shorter.
- What is paid, or no longer is, has a new allocation, or makes the list of allocations shorter.
- What is voided and stays in its listing has a transaction that reverses it, or makes the list of
  transactions shorter. So transactions that the new and vanished records do not explain send the
  reader back to the whole listing.

Signs are taken before the listings are read: what comes between the two is seen again next time.
Text that is edited in place leaves none; for that `reread_days` is there.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import UNSET

from clearbooks.contract import HOME_CURRENCY
from clearbooks.document_status import is_draft
from clearbooks.errors import ApiError
from clearbooks.paging import in_order
from tap_clearbooks.records import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor

    from clearbooks.paging import Listing, Page, Record

    MakeListing = Callable[[str, Shape], Listing]

TRANSACTIONS = "transactions"
ALLOCATIONS = ("sales_allocations", "purchase_allocations")
_LOOKED_AT = (TRANSACTIONS, *ALLOCATIONS)
_INTEGER = {"type": "integer"}
_ALLOCATION = Shape(
    "allocations",
    {"properties": {"id": _INTEGER, "invoiceId": _INTEGER, "creditNoteId": _INTEGER}},
)

Mark = list[int]
"""Greatest ID and number of records of a listing."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the newest page of a listing says against the last run.

    Attributes:
        fresh: Records with greater IDs than there were.
        vanished: How many of those that there were are gone; below 0 where some came late.
    """

    fresh: list[Record]
    vanished: int


class Probed(Protocol):
    """A reading of documents or payments, as far as the others have to know of it."""

    @property
    def run(self) -> str | None:
        """Which run left its bookmark."""

    def probe(self) -> Probe | None:
        """What its newest page says; None where that proves nothing."""

    def silently_gone(self) -> int:
        """How many of the vanished had posted nothing."""


class Signs:
    """The signs of one business in one run. Safe for threads.

    Args:
        listing: Makes the listing of a stream.
        transactions: Decodes transactions as their stream does, which begins with the page that
            was read for the signs.
        executor: Threads in which several listings are looked at together.
        run: Stands for this run in bookmarks.
        posted: Streams whose records a transaction may belong to, besides journals.

    Attributes:
        readings: The readings of documents and payments in this run, by stream.
    """

    def __init__(
        self,
        listing: MakeListing,
        transactions: Shape,
        executor: Executor,
        run: str,
        posted: Sequence[str],
    ) -> None:
        self.run = run
        self.readings: dict[str, Probed] = {}
        self._posted = posted
        self._listing = listing
        self._shapes = {TRANSACTIONS: transactions} | dict.fromkeys(ALLOCATIONS, _ALLOCATION)
        self._executor = executor
        self._lock = threading.RLock()
        self._marks: dict[str, Mark] | None = None
        self._looked: dict[str, tuple[Listing, Page]] = {}
        self._explained: dict[tuple[int, ...], bool] = {}

    @property
    def taken(self) -> bool:
        """Whether the signs have been taken: what is read from now on is no older."""
        return self._marks is not None

    def marks(self) -> dict[str, Mark] | None:
        """How transactions and allocations stand; None where the API does not tell."""
        with self._lock:
            if self._marks is None:
                try:
                    looks = in_order(
                        self._executor, self._look, _LOOKED_AT, lambda: len(_LOOKED_AT)
                    )
                    self._marks = dict(zip(_LOOKED_AT, looks, strict=True))
                except (ApiError, LookupError):
                    # Not allowed, or no counts: then everything is read.
                    self._marks = {}
            return self._marks or None

    def _look(self, stream: str) -> Mark:
        listing = self._listing(stream, self._shapes[stream])
        newest = listing.newest()
        self._looked[stream] = listing, newest
        if newest.total is None or not listing.sorted_by_id(newest):
            raise LookupError(stream)
        return [max((record.id for record in newest.records), default=0), newest.total]

    @property
    def newest_transactions(self) -> Page | None:
        """Their newest page as it was when the signs were taken; None before."""
        looked = self._looked.get(TRANSACTIONS) if self.taken else None
        return looked[1] if looked else None

    def since(self, stream: str, then: Mark) -> list[Record] | None:
        """What came since then; None where something is gone, or came late."""
        with self._lock:
            now = (self.marks() or {}).get(stream)
            if now is None:
                return None
            if now == then:
                return []
            fresh = self._above(stream, then, now)
            return fresh if then[1] + len(fresh) == now[1] else None

    def _above(self, stream: str, then: Mark, now: Mark) -> list[Record]:
        """Records that were given their IDs between two marks."""
        listing, newest = self._looked[stream]
        return [r for r in listing.newest_first(then[0], newest) if r.id <= now[0]]

    def explained(self, then: Mark) -> bool:
        """Whether each transaction that came or went belongs to a record that came or went."""
        with self._lock:
            if tuple(then) not in self._explained:
                try:
                    self._explained[tuple(then)] = self._explain(then)
                except ApiError:
                    # The reading that asked says so.
                    self._explained[tuple(then)] = False
            return self._explained[tuple(then)]

    def _same_run(self, run: str | None = None) -> bool:
        """Whether the bookmarks of all that posts are of one run."""
        found = {self.readings[n].run if n in self.readings else None for n in self._posted}
        return len(found | {run} if run else found) == 1 and None not in found

    def _probe(self, stream: str) -> Probe | None:
        try:
            return self.readings[stream].probe()
        except ApiError:
            # Its own reading says so.
            return None

    def unrevised(self, run: str | None) -> bool:
        """Whether no document or payment has vanished since that run."""
        with self._lock:
            if run is None or not self._same_run(run):
                return False
            probes = [self._probe(name) for name in self._posted]
        return all(probe is not None and not probe.vanished for probe in probes)

    def _explain(self, then: Mark) -> bool:
        now = (self.marks() or {}).get(TRANSACTIONS)
        if now is None:
            return False
        if now == then:
            return True
        if not self._same_run():
            return False
        left = self._above(TRANSACTIONS, then, now)
        removed, vanished, shorter = then[1] + len(left) - now[1], 0, []
        for name in self._posted:
            probe = self._probe(name)
            if probe is None or probe.vanished < 0:
                return False
            vanished += probe.vanished
            shorter += [name] if probe.vanished else []
            for record in filter(posts, probe.fresh):
                own = _posting(record, left)
                if own is None:
                    return False
                left.remove(own)
        posted = vanished
        if max(removed, len(left)) <= vanished:
            # What had no transaction must not pass for what has.
            posted -= sum(self.readings[name].silently_gone() for name in shorter)
        return (removed, len(left)) in {(0, posted), (posted, 0)}


def drafted(record: Record) -> bool:
    """Whether a document is a draft: it posts nothing, and changes without a new ID."""
    return is_draft(getattr(record, "status", None))


def posts(record: Record) -> bool:
    """Whether a document or payment has a transaction: no draft has, nor what comes to nothing."""
    return not drafted(record) and _given(record, "gross") != 0


def joined(allocations: Iterable[Record], end: str) -> set[int]:
    """IDs of the documents at one end of allocations: `invoiceId` or `creditNoteId`."""
    found = (getattr(allocation, end) for allocation in allocations)
    return {number for number in found if isinstance(number, int)}


def _posting(record: Record, transactions: Iterable[Record]) -> Record | None:
    """The transaction of a document or payment; by its date alone where no line has its amount."""
    date = _given(record, "accountingDate") or _given(record, "date")
    amount = _given(record, "gross") or _given(record, "amount")
    of_day = [t for t in transactions if t.accountingDate == date]
    home = (_given(record, "currency") or HOME_CURRENCY) == HOME_CURRENCY
    if home and amount is not None:
        for transaction in of_day:
            lines = transaction.lines if isinstance(transaction.lines, list) else []
            if any(abs(line.amount) == abs(amount) for line in lines):
                return transaction
    return of_day[0] if of_day else None


def _given(record: Record, field: str) -> Any:
    value = getattr(record, field, None)
    return None if value is UNSET else value
