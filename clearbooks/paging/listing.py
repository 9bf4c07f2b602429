"""Reading a paged listing whole and in order while others change it.

The API pages by position, so a record that is deleted moves all later ones up by one, and the
one that crosses a page boundary at the wrong moment is missed. Hence: the newest page is read
first; the rest follows in ascending order of ID; and before the end it is proven that nothing
moved unnoticed. Where it moved, what may have shifted is read again.
"""

from __future__ import annotations

import logging
from array import array
from typing import TYPE_CHECKING

from pyroaring import BitMap64

from clearbooks.paging.date_pass import DatePass
from clearbooks.paging.pages import (
    DESCENDING,
    Page,
    Pages,
    Part,
    above,
    by_id,
    falling,
    ids,
    older,
    unseen,
)
from clearbooks.paging.passes import AscendingPass, Completeness

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from clearbooks.paging.pages import Record

logger = logging.getLogger(__name__)

# Passes by date whose pages do not fit together though the count stands still.
MOST_UNLINKED = 2
# So many records in order are no coincidence: the server sorts.
SORTED = 8


def _sorted(newest: Page) -> bool:
    """Whether the newest page shows that the server sorts by ID."""
    found = ids(newest.records)
    return len(found) >= SORTED and falling(found)


class Listing(Pages):
    """One paged listing of one business, read whole or from one end.

    Attributes:
        newest_id: After a reading: the greatest ID when it began.
        total: After a reading: how many records there were; None where the server does not tell.
        unordered: Whether the server did not sort, so that all of it was read.
        anew: Whether records below the bookmark came out again.
    """

    newest_id: int | None = None
    total: int | None = None
    unordered = False
    anew = False

    # The whole listing

    def ascending(
        self, after: int | None = None, position: int | None = None, newest: Page | None = None
    ) -> Iterator[Part]:
        """Records with an ID above `after`, in ascending order of ID, each once.

        `position` is how many records came up to `after` when it was last seen. Where more have
        come since than have a greater ID, some came late with a smaller one: then all records
        are read, and `anew` is set. `newest` is what `newest()` answered, where reading may begin
        with that moment.

        After the end, `newest_id` and `total` tell what the listing held when reading began.
        """
        newest = newest or self.newest()
        found = ids(newest.records)
        self.total = newest.total
        self.newest_id = max(found, default=None)
        if self._is_whole(newest):
            # One answer holds it all: no order and no movement can matter.
            records = sorted(newest.records, key=by_id)
            fresh = above(records, after)
            yield Part(records if self._late(position, len(fresh)) else fresh, len(records))
        elif newest.total is None or not found or not falling(found):
            if newest.total is not None:
                logger.info("%s: sortBy is ignored; reading it all", self.operation)
            passed = 0
            for part in self._in_server_order(after):
                passed += len(part.records)
                yield part
            if after is not None and self._late(position, passed):
                yield from self._in_server_order(None)
        else:
            yield from self._in_order_of_id(newest, after, position)

    def whole(self, after: int | None = None) -> list[Record]:
        """What `ascending` yields, in one list; for short listings."""
        return [record for part in self.ascending(after) for record in part.records]

    def _is_whole(self, first: Page) -> bool:
        """Whether the first page is the only one; without headers, an empty second page tells."""
        if first.total is not None:
            return first.whole
        if not first.records:
            return True
        if len(first.records) >= self.page_size:
            return False
        # The same page again is what a server sends that knows no pages.
        return ids(self.fetch(2, DESCENDING).records) in ([], ids(first.records))

    def _late(self, position: int | None, found: int) -> bool:
        """Whether more records have come than the `found` ones with an ID above the bookmark.

        An ID is given before its record can be seen; and a server may sort by something else.
        """
        self.anew = bool(position and self.total and self.total - position > found)
        if self.anew:
            logger.info(
                "%s: records came with IDs below the last one; reading it all", self.operation
            )
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
        seen, completeness = BitMap64(), Completeness(self.operation, self.newest_id)
        while True:
            first = completeness.passes == 0
            reading = AscendingPass(self, newest, after, position if first else None, seen)
            for part in reading:
                fresh = part.records if first else above(unseen(part.records, seen), after)
                completeness.note(fresh)
                seen.update(ids(fresh))
                yield Part(fresh, part.position if first else None)
            if not reading.ordered:
                yield from self._in_server_order(after, seen)
                return
            if completeness.settled(proven=reading.proven(), fell=reading.fell):
                break
            newest = self.fetch(1, DESCENDING)
            if newest.total is None or newest.whole:
                # So much went away that one answer holds the rest.
                yield from self._in_server_order(after, seen)
                return
        if after is not None and self._late(position, len(seen)):
            yield from self._in_server_order(None, seen)

    def _in_server_order(self, after: int | None, seen: BitMap64 | None = None) -> Iterator[Part]:
        """All pages, whatever their order, until a reading finds nothing new.

        With headers the count tells when all is there; without them, two readings that are the
        same.
        """
        seen = BitMap64() if seen is None else seen
        completeness, held = Completeness(self.operation), len(seen)
        self.unordered = True
        pages, before = 0, array("q")
        while True:
            steady, fell = True, False
            total: int | None = None
            expected, pages, order = pages, 0, array("q")
            for page in self._all_pages(expected):
                steady = steady and (total is None or page.total == total)
                fell = fell or (page.total or 0) < (total or 0)
                total = page.total
                pages += bool(page.records)
                order.extend(ids(page.records))
                fresh = unseen(page.records, seen)
                completeness.note(fresh)
                seen.update(ids(fresh))
                yield Part(above(fresh, after))
            # Of those seen some may be gone; of those that came now some may have come twice.
            counted = steady and total is not None and min(len(seen), len(order)) >= total
            # What is added at the end moves nothing.
            same = pages <= 1 if total is None else False
            same = same or (len(before) > 0 and order[: len(before)] == before)
            if completeness.settled(proven=counted or same, fell=fell):
                self.newest_id = max(self.newest_id or 0, completeness.newest or 0) or None
                self.total = None if total is None else min(total, held + completeness.known)
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

    # From the newest on

    def newest(self) -> Page:
        """The page with the greatest IDs, where the server sorts."""
        return self.fetch(1, DESCENDING)

    def sorted_by_id(self, newest: Page) -> bool:
        """Whether the newest page holds the greatest IDs for sure: it is sorted, or holds all."""
        return _sorted(newest) or (newest.total or 0) == len(newest.records)

    def greatest_id(self) -> int | None:
        """The greatest ID, or None of an empty listing; one request where the server sorts."""
        newest = self.fetch(1, DESCENDING)
        if _sorted(newest) or self._is_whole(newest):
            return max(ids(newest.records), default=None)
        for _ in self.ascending():
            pass
        return self.newest_id

    def newest_first(self, after: int, newest: Page | None = None) -> list[Record]:
        """Records with an ID above `after`, newest first; only pages that hold some are read.

        `newest` is what `newest()` answered: those are found that there were at that moment.

        What goes away meanwhile pulls records on to a page that was read before, unless as many
        were added; then the count falls. Where it does, or is not told, or the server does not
        sort, the records are read in ascending order.
        """
        page = newest or self.newest()
        found = {record.id: record for record in page.records}
        if not _sorted(page) and self._is_whole(page):
            return sorted(above(page.records, after), key=by_id, reverse=True)
        sure = _sorted(page)
        while sure:
            last = next(reversed(found))
            following = self.fetch(page.number + 1, DESCENDING) if last > after + 1 else None
            if following is None or (not following.records and len(found) == page.total):
                return above(list(found.values()), after)
            # Additions push records on from the page before: those come again at the top.
            fresh = [record for record in following.records if record.id not in found]
            counted = page.total is not None and (following.total or 0) >= page.total
            sure = counted and falling(ids(following.records)) and ids(fresh[:1]) < [last]
            sure = sure and bool(fresh)
            found.update((record.id, record) for record in fresh)
            page = following
        return sorted(self.whole(after), key=by_id, reverse=True)

    # The newest part by date

    def since(
        self,
        field: str,
        cutoff: dt.date,
        also_above: int | None = None,
        newest: Page | None = None,
        *,
        begins: bool = False,
    ) -> Iterator[Part]:
        """Records whose date `field` is `cutoff` or later, newest first, each once.

        Whether all are is asked at once, the pages when the parts are taken. Where the server does
        not sort by that field, everything is read, and records with an ID above `also_above` are
        kept too. A long listing without anything older than the cutoff is read in ascending order
        of ID, which takes fewer requests than pages that overlap; what `newest` answered, if it
        was asked for before, helps to see that; with `begins` that reading begins with it.
        """
        may_hold_all = also_above is None
        if newest is not None and may_hold_all:
            holds_all = DatePass(self, field, cutoff).holds_all_like(newest)
            if holds_all:
                parts = self.ascending(newest=newest if begins else None)
                return self._kept(parts, field, cutoff, also_above, BitMap64())
            may_hold_all = holds_all is None
        return self._since(field, cutoff, also_above, may_hold_all=may_hold_all)

    def _since(
        self, field: str, cutoff: dt.date, also_above: int | None, *, may_hold_all: bool
    ) -> Iterator[Part]:
        seen, completeness, alone = BitMap64(), Completeness(self.operation), False
        before = array("q")
        while True:
            reading = DatePass(self, field, cutoff, alone=alone, may_hold_all=may_hold_all)
            may_hold_all = False
            for records in reading:
                fresh = unseen(records, seen)
                completeness.note(fresh)
                seen.update(ids(fresh))
                yield Part(fresh)
            if not reading.ordered:
                logger.info("%s: the API does not sort by %s", self.operation, field)
                parts = self._in_server_order(None)
            elif reading.holds_all:
                parts = self.ascending()
            elif completeness.settled(
                proven=reading.proven() or reading.order == before, fell=reading.fell
            ):
                return
            elif reading.steady and completeness.passes >= MOST_UNLINKED:
                logger.info("%s: the order by %s does not stand still", self.operation, field)
                parts = self.ascending()
            else:
                # Of pages that were under way together, nobody knows which count is the later
                # one: where counts fell, only pages that are read one by one can tell.
                alone, before = alone or reading.fell, reading.order
                continue
            logger.info("%s: reading it all", self.operation)
            yield from self._kept(parts, field, cutoff, also_above, seen)
            return

    def _kept(
        self,
        parts: Iterable[Part],
        field: str,
        cutoff: dt.date,
        also_above: int | None,
        seen: BitMap64,
    ) -> Iterator[Part]:
        """Of these parts what is as new as the cutoff, or has a greater ID, each once."""
        for part in parts:
            wanted = [
                record
                for record in part.records
                if not older(record, field, cutoff)
                or (also_above is not None and record.id > also_above)
            ]
            fresh = unseen(wanted, seen)
            seen.update(ids(fresh))
            yield Part(fresh)
