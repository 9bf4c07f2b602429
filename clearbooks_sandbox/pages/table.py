"""Tables of records: the columns that a page declares, and how a value is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from clearbooks_sandbox.pages.render import code, day, money, price, quantity, second, tag, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clearbooks_sandbox.accounting.reader import Row

# How a value of each kind is written. `money` is of the record's currency, `home` of the ledger's.
_WRITTEN: dict[str, Callable[[Any, Row], object]] = {
    "text": lambda value, _: "" if value is None else value,
    "words": lambda value, _: words(value or "").capitalize(),
    "id": lambda value, _: "" if value is None else value,
    "number": lambda value, _: quantity(value),
    "price": lambda value, _: price(value),
    "money": lambda value, row: money(value, row.get("currency")),
    "home": lambda value, _: money(value),
    "day": lambda value, _: day(value),
    "second": lambda value, _: second(value),
    "code": lambda value, _: code(value),
    "status": lambda value, row: tag(value, row.get("tone")),
    "yes": lambda value, _: "yes" if value else "",
}
_CLASSES = dict.fromkeys(("id", "number", "price", "money", "home"), "num")
_CLASSES |= {"day": "date", "second": "date"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        label: Its heading.
        field: The field of the record that it shows.
        kind: How a value is written, out of `_WRITTEN`.
        link: Where a value leads, below the table's base, with fields of the record in braces;
            a record without one of them has no link.
        note: Field with a word to put behind the value, such as `archived`.
        head: Whether it is the heading of its row; one column of a table is.
        total: Whether the foot of a listing has its sum.
    """

    label: str
    field: str
    kind: str = "text"
    link: str = ""
    note: str = ""
    head: bool = False
    total: bool = False

    @property
    def css(self) -> str:
        """CSS class of its cells."""
        return "" if self.head else _CLASSES.get(self.kind, "")

    def cell(self, row: Row, base: str) -> Markup:
        """What stands in its cell for a record."""
        text = Markup("{}").format(_WRITTEN[self.kind](row.get(self.field), row))
        try:
            path = self.link.format_map(row)
        except KeyError:
            path = ""
        if path and text:
            text = Markup('<a href="{}{}">{}</a>').format(base, path, text)
        note = row.get(self.note) if self.note else None
        return text + Markup(' <span class="tag">{}</span>').format(note) if note else text


@dataclass(frozen=True, slots=True)
class Table:
    """A table as a page shows it.

    Attributes:
        base: What the links of the columns begin with, such as `/books/101/`.
        foot: Rows below the others: what each is, and sums by the fields of the columns.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    base: str
    foot: Sequence[tuple[str, Row]] = ()


def sums_of(totals: Mapping[str, Row]) -> list[tuple[str, Row]]:
    """The foot of a listing from what `listing.totals` has found for each currency."""
    several = len(totals) > 1
    return [
        (f"All {sums['count']:,}" + (f" in {currency}" if several else ""), sums)
        for currency, sums in totals.items()
    ]
