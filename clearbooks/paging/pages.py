"""Pages of a listing as they came, and what their order and IDs say."""

from __future__ import annotations

import datetime as dt
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


ASCENDING = "ascending"
DESCENDING = "descending"

Record = Any
"""A record as the caller's decoder makes it; its ID is the attribute `id`."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it came. `total` and `limit` are None where the server sent no headers."""

    number: int
    records: list[Record]
    total: int | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """Some records of a listing, none of which came before.

    `position` is how many records of the listing have been passed, where it is proven that none
    of them was missed: reading may be taken up again from there.
    """

    records: list[Record]
    position: int | None = None


class Seen:
    """IDs that were passed on; eight bytes each, so that a large ledger stays cheap."""

    def __init__(self) -> None:
        self._sorted = array("q")
        self._rest: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._rest)

    def __contains__(self, record_id: int) -> bool:
        at = bisect_left(self._sorted, record_id)
        if at < len(self._sorted) and self._sorted[at] == record_id:
            return True
        return record_id in self._rest

    def unseen(self, records: list[Record]) -> list[Record]:
        """Those of the records that were not passed on."""
        return [record for record in records if record.id not in self]

    def add(self, records: list[Record]) -> None:
        """Note that these were passed on."""
        found = ids(records)
        if found and rising(found) and (not self._sorted or found[0] > self._sorted[-1]):
            self._sorted.extend(found)
        else:
            self._rest.update(found)


def ids(records: Sequence[Record]) -> list[int]:
    """The API's own IDs of records, in order."""
    return [record.id for record in records]


def by_id(record: Record) -> int:
    """Sorting key: the API's ID."""
    return int(record.id)


def above(records: list[Record], after: int | None) -> list[Record]:
    """Those of the records whose ID is greater than `after`."""
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
