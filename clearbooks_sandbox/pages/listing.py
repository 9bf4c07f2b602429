"""One page of a longer list, and the sums of the whole list."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.money import HOME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = dict[str, Any]
SIZE = 50
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of rows, and where it stands among all of them."""

    rows: Sequence[Any]
    number: int
    total: int
    size: int = SIZE

    @property
    def pages(self) -> int:
        """How many pages there are; one even where there is nothing."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """Ordinal of the first row shown."""
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        """Ordinal of the last row shown."""
        return self.first + len(self.rows) - 1


def paged(rows: Sequence[Any], wanted: str, size: int = SIZE) -> Listing:
    """The page that a query asks for; the first if it is not a number, the last if too high."""
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= _DIGITS else 1
    pages = max(1, -(-len(rows) // size))
    number = min(max(number, 1), pages)
    return Listing(rows[(number - 1) * size : number * size], number, len(rows), size)


def matching(rows: Iterable[Row], text: str, *fields: str) -> list[Row]:
    """The rows one of whose fields contains a text, ignoring case."""
    sought = text.strip().casefold()
    if not sought:
        return list(rows)
    return [row for row in rows if any(sought in str(row.get(f, "")).casefold() for f in fields)]


def totals(rows: Iterable[Mapping[str, Any]], *fields: str) -> dict[str, Row]:
    """Sums of fields, `count` and `currency`, for each currency."""
    found: dict[str, Row] = defaultdict(lambda: {"count": 0, **dict.fromkeys(fields, Decimal(0))})
    for row in rows:
        sums = found[row.get("currency", HOME)]
        sums["count"] += 1
        sums["currency"] = row.get("currency")
        for field in fields:
            sums[field] += row.get(field) or 0
    return dict(found)
