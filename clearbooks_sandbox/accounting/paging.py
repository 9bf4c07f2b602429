"""Listings: filtering, sorting, pages, and the pagination headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.reply import Fault, RefusedError, Reply

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping

HEADERS = ("Limit", "Current-Page", "Total-Pages", "Total-Count")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to list.

    Attributes:
        table: Table with the columns `business`, `id` and `json`.
        where: Conditions, column to value; `business` is one of them.
        fields: Fields of the record that may be sorted by.
        columns: Those of them that are columns, which sort through an index.
        ranges: Conditions with an operator: SQL to value.
        key: Columns that decide between equal values, so that every page comes in one order.
        select: What to read; one column is JSON text, several go to `render`.
        render: Makes a row's JSON.
        default_sort: Field to sort by where the caller names none.
    """

    table: str
    where: Mapping[str, Any]
    fields: Collection[str]
    columns: Mapping[str, str] = field(default_factory=lambda: {"id": "id"})
    ranges: Mapping[str, Any] = field(default_factory=dict)
    key: tuple[str, ...] = ("id",)
    select: str = "json"
    render: Callable[[Any], bytes] | None = None
    default_sort: str = "id"


class Pager:
    """Answers listings.

    Attributes:
        cap: Most results on a page; None for the contract's limit.
        dialects: Names of the dialects that are on.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.cap: int | None = None
        self.dialects: Collection[str] = ()
        self._counts: dict[tuple[Any, ...], int] = {}
        self._counted_at = -1

    def page(self, listing: ListQuery, query: Mapping[str, Any]) -> Reply:
        """One page, with the four pagination headers."""
        limit = min(query["limit"], self.cap or query["limit"])
        page = query["page"]
        where, values = _conditions(listing)
        count = self._count(listing.table, where, values)
        order = self._order(listing, query)
        rows = self.db.execute(
            f"SELECT {listing.select} FROM {listing.table} WHERE {_conditions(listing, order)[0]} "
            f"ORDER BY {order} LIMIT ? OFFSET ?",
            (*values, limit, (page - 1) * limit),
        )
        found = map(listing.render, rows) if listing.render else (row[0] for row in rows)
        numbers = (limit, page, -(-count // limit), count)
        headers = {f"X-Pagination-{h}": str(n) for h, n in zip(HEADERS, numbers, strict=True)}
        return Reply(200, headers, b"[" + b",".join(found) + b"]")

    def _count(self, table: str, where: str, values: list[Any]) -> int:
        """How many rows there are; counted again only after the database changed."""
        # What is counted inside a transaction may still be rolled back.
        now = -1 if self.db.in_transaction else self.db.total_changes
        if now < 0 or now != self._counted_at:
            self._counts.clear()
            self._counted_at = now
        key = (table, where, *values)
        if key not in self._counts:
            sql = f"SELECT count(*) FROM {table} WHERE {where}"
            self._counts[key] = self.db.execute(sql, values).fetchone()[0]
        return self._counts[key]

    def _order(self, listing: ListQuery, query: Mapping[str, Any]) -> str:
        name = query.get("sortBy") or listing.default_sort
        if name not in listing.fields:
            known = ", ".join(sorted(listing.fields))
            raise RefusedError(
                400, [Fault("parameter", f"sortBy: cannot sort by {name!r}; there are: {known}")]
            )
        if "unsorted" in self.dialects:
            # A fixed shuffle of the ids: the same on every page, and no order that means anything.
            return ", ".join(f"({key} * 1103515245 + 12345) & 2147483647" for key in listing.key)
        down = query.get("sortDirection") == "descending"
        direction = "DESC" if down and "ascending-only" not in self.dialects else "ASC"
        column = listing.columns.get(name) or f"json_extract(CAST(json AS TEXT), '$.{name}')"
        order = dict.fromkeys((column, *listing.key))
        return ", ".join(f"{c} {direction}" for c in order)


def _conditions(listing: ListQuery, order: str = "") -> tuple[str, list[Any]]:
    """The SQL of a listing's conditions, and their values.

    With an order, the plus signs keep SQLite from reading through the index of a range that the
    order does not begin with: it would sort everything in the range for each page.
    """
    filters = {
        c if not order or order.startswith(c.split()[0]) else f"+{c}": v
        for c, v in listing.ranges.items()
    }
    wanted = {**{f"{c} = ?": v for c, v in listing.where.items()}, **filters}
    wanted = {sql: value for sql, value in wanted.items() if value is not None}
    return " AND ".join(wanted), list(wanted.values())


def sortable(schema: Mapping[str, Any]) -> frozenset[str]:
    """Fields of a record that have one plain value."""
    return frozenset(
        name
        for name, sub in schema["properties"].items()
        if sub.get("type") not in ("array", "object")
        and "properties" not in sub
        and sub.get("x-source") != "tap"
    )
