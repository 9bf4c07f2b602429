"""The session of one operation: its database transaction, its business, its faults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.storage import next_value
from clearbooks_sandbox.reply import Fault, RefusedError, Reply, decode, encode, not_found

if TYPE_CHECKING:
    import sqlite3

    from clearbooks_sandbox.accounting.paging import Pager

Handler = Callable[..., Reply]


@dataclass(slots=True)
class Session:
    """One operation on one business, inside one database transaction.

    Attributes:
        pager: Answers listings.
        business: ID of the business; 0 where the operation is about none.
        covered: IDs of the businesses that the authorisation covers; None for all.
        dialects: Names of the dialects that are on.
        draft: Whether a document is made as a draft, which the API cannot do.
        faults: What is wrong with the request, as far as it has been checked.
    """

    db: sqlite3.Connection
    pager: Pager
    business: int
    covered: Collection[int] | None = None
    dialects: Collection[str] = ()
    draft: bool = False
    faults: list[Fault] = field(default_factory=list)

    def add_fault(self, code: str, message: str) -> None:
        """Note something wrong with the request; `raise_faults` refuses it with all of them."""
        self.faults.append(Fault(code, message))

    def raise_faults(self) -> None:
        """Refuse the request if a fault was noted.

        Raises:
            RefusedError: 422 with every fault.
        """
        if self.faults:
            raise RefusedError(422, self.faults)

    def next_id(self, name: str) -> int:
        """The next id of a sequence of the business."""
        return next_value(self.db, self.business, name)

    def row(self, table: str, record_id: int, columns: str = "json") -> tuple[Any, ...] | None:
        """Columns of a record; None where there is no such record, or it is hidden."""
        found: tuple[Any, ...] | None = self.db.execute(
            f"SELECT {columns} FROM {table} WHERE business = ? AND id = ? AND hidden = 0",
            (self.business, record_id),
        ).fetchone()
        return found

    def record(self, table: str, record_id: int, what: str) -> dict[str, Any]:
        """A record as the API answers it.

        Raises:
            RefusedError: 404.
        """
        row = self.row(table, record_id)
        if row is None:
            raise not_found(what, record_id)
        record: dict[str, Any] = decode(row[0])
        return record

    def put_json(self, table: str, record: Mapping[str, Any]) -> bytes:
        """Store a record's new content; its JSON."""
        data = encode(record)
        self.db.execute(
            f"UPDATE {table} SET json = ? WHERE business = ? AND id = ?",
            (data, self.business, record["id"]),
        )
        return data

    def hide(self, table: str, record_id: int) -> None:
        """Hide a record from lists and answers; its ID is not given out again."""
        self.db.execute(
            f"UPDATE {table} SET hidden = 1 WHERE business = ? AND id = ?",
            (self.business, record_id),
        )


def without_nulls(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without the fields that have no value."""
    return {name: value for name, value in record.items() if value is not None}
