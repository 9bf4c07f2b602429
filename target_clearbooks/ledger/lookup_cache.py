"""Long lists of the ledger on disk: documents, payments and allocations, by number or reference.

A temporary SQLite database that goes with the run: memory stays flat however long the lists are.
"""

from __future__ import annotations

import sqlite3
import weakref
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.exact_json import encode, loads
from target_clearbooks.allocation_ends import ENDS
from target_clearbooks.ledger.amounts import decimal
from target_clearbooks.ledger.record_tables import DiskTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_clearbooks.ledger.records import Record

_MONEY = frozenset({"amount", "net", "vat", "gross", "due", "exchangeRate"})
_DIGEST = (
    *("id", "documentNumber", "formattedDocumentNumber", "reference", "description", "date"),
    *("status", "currency", "exchangeRate", "customerId", "supplierId", "contactId"),
    *("bankAccountId", "amount", "net", "vat", "gross", "due"),
)
"""Fields kept of every document and payment."""
FOUND_BY = ("id", "documentNumber", "reference", "description")

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE digests (
    stream TEXT, id, documentNumber, reference, description, json BLOB, PRIMARY KEY (stream, id)
) WITHOUT ROWID;
CREATE INDEX by_number ON digests (stream, documentNumber);
CREATE INDEX by_reference ON digests (stream, reference);
CREATE INDEX by_description ON digests (stream, description);
CREATE TABLE revisions (stream TEXT, old, new, PRIMARY KEY (stream, old)) WITHOUT ROWID;
CREATE TABLE allocations (
    stream TEXT, id, invoiceId, paymentId, creditNoteId, json BLOB, PRIMARY KEY (stream, id)
) WITHOUT ROWID;
CREATE TABLE read_ends (stream TEXT, name TEXT, id, PRIMARY KEY (stream, name, id)) WITHOUT ROWID;
CREATE TABLE pairs (
    stream TEXT, invoice, name TEXT, id, owner TEXT, PRIMARY KEY (stream, invoice, name, id)
) WITHOUT ROWID;
CREATE INDEX by_owner ON pairs (stream, owner);
CREATE INDEX by_invoice ON allocations (stream, invoiceId);
CREATE INDEX by_payment ON allocations (stream, paymentId);
CREATE INDEX by_credit_note ON allocations (stream, creditNoteId);
"""


def digest(record: Record) -> Record:
    """The kept fields of a document or payment, money as `Decimal`."""
    return {
        name: decimal(record[name]) if name in _MONEY else record[name]
        for name in _DIGEST
        if record.get(name) not in (None, "")
    }


def _read(data: bytes) -> Record:
    record: Record = loads(data)
    # A decimal without a fraction came back as an int.
    for name in _MONEY & record.keys():
        record[name] = Decimal(record[name])
    return record


class LookupCache:
    """Digests of documents and payments, and allocations, as far as they were read.

    Attributes:
        db: The database, in which tables of other lists may stand.
    """

    def __init__(self) -> None:
        self.db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # Where a setting ends the run before anybody would close it.
        weakref.finalize(self, self.db.close)
        self.db.executescript(_SCHEMA + DiskTable.SCHEMA)

    def close(self) -> None:
        """Give the disk space back."""
        self.db.close()

    def put(self, stream: str, rows: Iterable[Record]) -> None:
        """Keep digests; one with a known ID replaces the earlier."""
        kept = [
            (stream, row["id"], *map(row.get, FOUND_BY[1:]), encode(digest(row)))
            for row in rows
            if row.get("id") is not None
        ]
        self._many("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?)", kept)

    def _many(self, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
        self.db.execute("BEGIN")
        try:
            self.db.executemany(statement, values)
        finally:
            self.db.execute("COMMIT")

    def find(self, stream: str, name: str, value: Any) -> list[Record]:
        """Digests whose field `name`, one of `FOUND_BY`, equals the value."""
        if name not in FOUND_BY:
            raise KeyError(name)
        rows = self.db.execute(
            f"SELECT json FROM digests WHERE stream = ? AND {name} = ? ORDER BY id",
            (stream, value),
        )
        return [_read(row[0]) for row in rows]

    def every(self, stream: str) -> Iterator[Record]:
        """Digests of the documents or payments that were read; none that are only planned."""
        for row in self.db.execute(
            "SELECT json FROM digests WHERE stream = ? AND id >= 0", (stream,)
        ):
            yield _read(row[0])

    def drop(self, stream: str, record_id: Any) -> None:
        """Forget a document or payment."""
        self.db.execute("DELETE FROM digests WHERE stream = ? AND id = ?", (stream, record_id))

    def clear(self, stream: str) -> None:
        """Forget everything read of a stream; what is only planned stays."""
        self.db.execute("DELETE FROM digests WHERE stream = ? AND id >= 0", (stream,))
        self.db.execute("DELETE FROM allocations WHERE stream = ? AND id >= 0", (stream,))

    def revise(self, stream: str, old: Any, new: Any) -> None:
        """Remember that one ID has been replaced by another."""
        self.db.execute("INSERT OR REPLACE INTO revisions VALUES (?, ?, ?)", (stream, old, new))

    def current(self, stream: str, record_id: Any) -> Any:
        """The newest ID that is known of a record."""
        for _ in range(100):
            row = self.db.execute(
                "SELECT new FROM revisions WHERE stream = ? AND old = ?", (stream, record_id)
            ).fetchone()
            if row is None or row[0] == record_id:
                break
            record_id = row[0]
        return record_id

    def pay(self, stream: str, record_id: Any, part: Decimal) -> None:
        """Take a part off what is due of a document, if the document is kept."""
        for row in self.find(stream, "id", record_id):
            if "due" in row:
                self.put(stream, [row | {"due": row["due"] - part}])

    def put_allocations(self, stream: str, rows: Iterable[Record]) -> None:
        """Keep allocations."""
        kept = [
            (
                stream,
                row["id"],
                *map(row.get, ENDS),
                encode(row | {"amount": decimal(row.get("amount") or 0)}),
            )
            for row in rows
            if row.get("id") is not None
        ]
        self._many("INSERT OR REPLACE INTO allocations VALUES (?, ?, ?, ?, ?, ?)", kept)

    def allocations(self, stream: str, ends: Record) -> list[Record]:
        """Allocations of these ends, such as `{"paymentId": 5}`."""
        wanted = " AND ".join(f"{name} = ?" for name in ENDS if name in ends)
        values = [ends[name] for name in ENDS if name in ends]
        rows = self.db.execute(
            "SELECT json FROM allocations WHERE stream = ?"
            + (f" AND {wanted}" if wanted else "")
            + " ORDER BY id",
            (stream, *values),
        )
        return [_read(row[0]) for row in rows]

    def drop_allocation(self, stream: str, record_id: Any) -> None:
        """Forget an allocation."""
        self.db.execute("DELETE FROM allocations WHERE stream = ? AND id = ?", (stream, record_id))

    def know(self, stream: str, end: str, record_id: Any) -> None:
        """Remember that every allocation of an end is kept."""
        self.db.execute(
            "INSERT OR IGNORE INTO read_ends VALUES (?, ?, ?)", (stream, end, record_id)
        )

    def knows(self, stream: str, end: str, record_id: Any) -> bool:
        """Whether every allocation of an end is kept."""
        row = self.db.execute(
            "SELECT 1 FROM read_ends WHERE stream = ? AND name = ? AND id = ?",
            (stream, end, record_id),
        ).fetchone()
        return row is not None

    def claim(self, stream: str, invoice: Any, end: str, record_id: Any, owner: str) -> str:
        """Whose record of this run was the first to allocate a pair."""
        pair = (stream, invoice, end, record_id)
        self.db.execute("INSERT OR IGNORE INTO pairs VALUES (?, ?, ?, ?, ?)", (*pair, owner))
        row = self.db.execute(
            "SELECT owner FROM pairs WHERE stream = ? AND invoice = ? AND name = ? AND id = ?", pair
        ).fetchone()
        return str(row[0])

    def give_up(self, stream: str, owner: str) -> None:
        """Take back the claims of an owner to pairs."""
        self.db.execute("DELETE FROM pairs WHERE stream = ? AND owner = ?", (stream, owner))
