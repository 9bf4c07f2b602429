"""Listings whose changes leave signs: documents, payments and allocations."""

from __future__ import annotations

import datetime as dt
import functools
import logging
import threading
from abc import abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from clearbooks.document_status import is_voided
from clearbooks.errors import NotFoundError
from tap_clearbooks.signs import (
    ALLOCATIONS,
    TRANSACTIONS,
    Mark,
    Probe,
    drafted,
    joined,
    posts,
)
from tap_clearbooks.sources.base import Batch, Source, everything

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clearbooks.paging import Listing, Page, Part, Record
    from tap_clearbooks.sources.base import Bookmark

logger = logging.getLogger("tap-clearbooks")

_LINES = "lineItems"
# Path parameters that select documents, and the allocations of their side of the ledger.
_SIDES = dict(zip(("salesType", "purchaseType"), ALLOCATIONS, strict=True))


class Followed(Source):
    """A listing of which later runs read what is new, and what signs name.

    A listing of one page is read in every run. A longer one is read whole in the first run, where
    something left it or signs cannot be had or trusted, and once in `reread_days`. Else a later
    run reads its newest page, the records that are new, and one by one those that a sign names.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.RLock()
        self._reader: Listing = self.listing()
        self._began = False

    def batches(self) -> Iterator[Batch]:
        """A batch for each page; the bookmark comes with the last one."""
        signs, window, then = self.context.signs, self.context.window, self.bookmark.get("signs")
        # Before the listing is read: what changes between the two is seen again.
        marks = signs.marks() if then or window.refresh else None
        if marks and marks == then and self.read_within(window.refresh):
            yield Batch([], self.bookmark | {"run": signs.run})
            return
        newest = self.newest
        if newest.total is not None and newest.total <= len(newest.records):
            yield Batch(self.stamp(self.kept(sorted(newest.records, key=lambda r: int(r.id)))))
            # One answer holds it all: no sign is needed, and none is asked for.
            yield Batch([], self._mark(marks), covers=everything)
            return
        probe, again = self.probe(), None
        if then and marks and probe and not probe.vanished and self.read_within(window.reread):
            again = self.again()
        if probe is None or again is None or len(again) > self._pages():
            marks, parts = self._begin(marks)
            for part in parts:
                yield Batch(self.stamp(self.kept(part.records)))
            yield Batch([], self._mark(marks), covers=everything)
            return
        yield Batch(self.stamp(self.kept(probe.fresh[::-1])))
        for records in self.in_order(self._one, sorted(again)):
            yield Batch(self.stamp(self.kept(records)))
        # What was asked for and did not come is gone, or has another date now.
        yield Batch(
            [], self._mark(marks, read=self.bookmark["read"]), covers=lambda key: key in again
        )

    def _begin(
        self, marks: dict[str, Mark] | None
    ) -> tuple[dict[str, Mark] | None, Iterable[Part]]:
        """The signs and the parts of a whole reading: neither waits for answers to the other."""
        if marks or self.newest.total is None:
            return marks, self.parts(self.listing())
        taken = self.context.client.executor.submit(self.context.signs.marks)
        parts = self.parts(self.listing())
        return taken.result(), parts

    # What differs from one kind to another

    def kept(self, records: list[Record]) -> list[Record]:
        """The records that belong in the table."""
        return records

    def parts(self, listing: Listing) -> Iterable[Part]:
        """The whole listing, as far as it belongs in the table."""
        return listing.ascending(newest=self.newest if self._began else None)

    @abstractmethod
    def again(self) -> set[int] | None:
        """IDs of known records that have to be read again; None where all have."""

    @abstractmethod
    def cursor(self, *, whole: bool) -> dict[str, Any]:
        """What this kind keeps besides, such as the value of the replication key."""

    # What the newest page says

    @property
    def run(self) -> str | None:
        """Which run left the bookmark."""
        return self.bookmark.get("run")

    @functools.cached_property
    def _newest(self) -> Page:
        # A reading may begin with this page if the signs are no newer.
        self._began = self.context.signs.taken
        return self._reader.newest()

    @property
    def newest(self) -> Page:
        """The newest page; asked for once, in whichever thread needs it first."""
        with self._lock:
            return self._newest

    @functools.cached_property
    def _probe(self) -> Probe | None:
        page = self.newest
        last, total = self.bookmark.get("last_id"), self.bookmark.get("total")
        if page.total is None or not isinstance(last, int) or not isinstance(total, int):
            return None
        if not self._reader.sorted_by_id(page):
            return None
        fresh = [record for record in page.records if record.id > last]
        if len(fresh) == len(page.records) < page.total:
            top = page.records[0].id
            fresh = [r for r in self._reader.newest_first(last, page) if r.id <= top]
        return Probe(fresh, total + len(fresh) - page.total)

    def probe(self) -> Probe | None:
        """What the newest page says against the bookmark; None where it proves nothing."""
        with self._lock:
            return self._probe

    def _pages(self) -> int:
        """Requests beyond which the whole listing is cheaper than single records."""
        return -(-(self.newest.total or 0) // self.context.window.page_size)

    def _one(self, number: int) -> list[Record]:
        operation = self.resource.operations["get"]
        params = {**self.resource.fixed, operation.path_parameters[-1]: number}
        try:
            reply = self.context.client.get(operation.id, params, business_id=self.business_id)
        except NotFoundError:
            return []
        record = self.shape.lenient(reply.record())
        # Another one is a newer revision, which is among those that are new.
        return [record] if record.id == number else []

    def _mark(self, marks: dict[str, Mark] | None, read: str | None = None) -> Bookmark:
        newest, window = self.newest, self.context.window
        top = max((record.id for record in newest.records), default=0)
        return {
            **self.cursor(whole=not read),
            "last_id": max(top, self.bookmark.get("last_id", 0)) if read else top,
            "total": newest.total,
            "signs": marks,
            "read": read or window.now.isoformat(),
            "run": self.context.signs.run,
            "window": window.text(),
        }


class Dated(Followed):
    """Documents and payments; of documents a new allocation, or one that is gone, changes `due`.

    The bookmark names those that post nothing: `drafts`, and `zeros`, which come to nothing.
    `voided` tells that voided ones are listed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._latest: dt.date | None = None
        self._drafts: set[int] = set()
        self._zeros: set[int] = set()
        self._voided: set[int] = set()
        self._listed_bare: bool | None = None

    def kept(self, records: list[Record]) -> list[Record]:
        """The records whose date the settings ask for."""
        kept = [record for record in records if self.context.window.holds(record.date)]
        kept = self._with_lines(kept)
        dates = [record.date for record in kept if isinstance(record.date, dt.date)]
        self._latest = max([*dates, *([self._latest] if self._latest else [])], default=None)
        for record in kept:
            if _voided(record):
                self._voided.add(record.id)
            elif not posts(record):
                (self._drafts if drafted(record) else self._zeros).add(record.id)
        return kept

    def _with_lines(self, records: list[Record]) -> list[Record]:
        """The records with their lines, asked for one by one where the listing leaves them out."""
        if self._listed_bare is False or _LINES not in self.shape.fields:
            return records
        bare = [record.id for record in records if not _has_lines(record)]
        found: list[Record] = []
        while bare and self._listed_bare is None and not found:
            found = self._one(bare.pop(0))
            self._listed_bare = any(map(_has_lines, found)) if found else None
            if self._listed_bare:
                logger.warning(
                    "%s: the API lists documents without %s, so that each is asked for by itself",
                    self.resource.name,
                    _LINES,
                )
        if not self._listed_bare:
            return records
        found += chain.from_iterable(self.in_order(self._one, bare))
        whole = {record.id: record for record in found}
        return [whole.get(record.id, record) for record in records]

    def parts(self, listing: Listing) -> Iterable[Part]:
        """All of it, or all from `start_date` on."""
        start = self.context.window.start
        if start is None:
            return super().parts(listing)
        return listing.since("date", start, newest=self.newest, begins=self._began)

    def probe(self) -> Probe | None:
        """What the newest page says; None also where nobody can tell what posts nothing."""
        needed = {"status", "gross"} & self.resource.schema["properties"].keys()
        return super().probe() if needed <= set(self.shape.fields) else None

    def again(self) -> set[int] | None:
        """Drafts, which change without a sign, and what new allocations name.

        Where voided documents stay in the listing, those that come to nothing as well: voiding
        them posts nothing.
        """
        signs, then = self.context.signs, self.bookmark["signs"]
        if not signs.explained(then[TRANSACTIONS]):
            return None
        side = next((_SIDES[name] for name in _SIDES if name in self.resource.fixed), None)
        allocations = signs.since(side, then[side]) if side else []
        if allocations is None:
            return None
        end = "creditNoteId" if "creditNotes" in self.resource.fixed.values() else "invoiceId"
        named = joined(allocations, end).union(self.bookmark.get("drafts", ()))
        if self.bookmark.get("voided"):
            named.update(self.bookmark.get("zeros", ()))
        return {number for number in named if self.holds(number)}

    def silently_gone(self) -> int:
        """How many that posted nothing are no longer there.

        Raises:
            ApiError: one of them could not be asked for.
        """
        silent = [*self.bookmark.get("drafts", ()), *self.bookmark.get("zeros", ())]
        found = self.in_order(self._one, silent)
        return sum(not records or _voided(records[0]) for records in found)

    def cursor(self, *, whole: bool) -> dict[str, Any]:
        """The latest date, and what posts nothing."""
        value = self.bookmark.get("replication_key_value")
        latest = max(filter(None, (value, self._latest and str(self._latest))), default=None)
        zeros = self._zeros.union(() if whole else self.bookmark.get("zeros", ()))
        found: dict[str, Any] = {
            "drafts": sorted(self._drafts),
            "zeros": sorted(zeros - self._voided),
            "voided": bool(self._voided) or self.bookmark.get("voided", False),
        }
        return found if latest is None else {"replication_key_value": latest, **found}


def _has_lines(record: Record) -> bool:
    return getattr(record, _LINES, None) not in (None, UNSET)


def _voided(record: Record) -> bool:
    status, number = (getattr(record, name, None) for name in ("status", "formattedDocumentNumber"))
    return is_voided(status, number)


class Quotes(Dated):
    """Quotes: they post nothing and change in place, whatever their status.

    Nothing tells of a change, so that a listing of more than a page is read whole every time.
    """

    def again(self) -> set[int] | None:
        """All of them."""
        return None

    def cursor(self, *, whole: bool) -> dict[str, Any]:
        """The latest date."""
        found = super().cursor(whole=whole)
        return {name: value for name, value in found.items() if name == "replication_key_value"}


class Allocations(Followed):
    """Allocations, which are made and taken back; only a revision of their ends changes them."""

    def again(self) -> set[int] | None:
        """None of them, or all: a revision moves allocations to the new ID."""
        signs, then = self.context.signs, self.bookmark["signs"]
        return set() if signs.unrevised(self.run) and signs.explained(then[TRANSACTIONS]) else None

    def cursor(self, *, whole: bool) -> dict[str, Any]:  # noqa: ARG002 - of either
        """The greatest ID."""
        return {"replication_key_value": max((r.id for r in self.newest.records), default=0)}
