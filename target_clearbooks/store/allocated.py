"""What source keys want allocated: the sum between an invoice and a payment or credit note."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.allocation_ends import allocation_ends, joining
from target_clearbooks.store.format import marks, upsert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_clearbooks.allocation_ends import Pair
    from target_clearbooks.store.database import Store

_WANT = upsert(
    "allocated", ("business", "stream", "source_key"), ("invoice", "kind", "source", "amount")
)
# Field of an allocation -> the column that holds it, in rows of which kinds (`allocationType`).
_COLUMNS = {
    "invoiceId": ("invoice", ("payment", "creditNote")),
    "paymentId": ("source", ("payment",)),
    "creditNoteId": ("source", ("creditNote",)),
}
_BODY = "invoice, kind, source, amount"


class Allocated:
    """What is wanted allocated in one business.

    Args:
        db: The state store.
        business_id: The business.
    """

    def __init__(self, db: Store, business_id: int) -> None:
        self._db = db
        self._business_id = business_id

    def want(self, stream: str, source_key: str, pair: Pair, amount: Decimal) -> None:
        """Say how much a source key wants allocated between two."""
        self._db.execute(_WANT, (self._business_id, stream, source_key, *pair, str(amount)))

    def unwant(self, stream: str, source_key: str) -> None:
        """Forget what a source key wanted allocated."""
        self._db.execute(
            "DELETE FROM allocated WHERE business = ? AND stream = ? AND source_key = ?",
            (self._business_id, stream, source_key),
        )

    def wanted(self, stream: str, pair: Pair, other_than: str) -> Decimal:
        """The sum that other source keys want allocated between the same two."""
        rows = self._db.execute(
            "SELECT amount FROM allocated WHERE business = ? AND stream = ? AND invoice = ? "
            "AND kind = ? AND source = ? AND source_key != ?",
            (self._business_id, stream, *pair, other_than),
        )
        return sum((Decimal(row[0]) for row in rows), Decimal(0))

    def joined(self, stream: str, source_key: str) -> dict[str, Any] | None:
        """What a source key wants allocated, as the body of an allocation; None for nothing."""
        found = self._db.execute(
            f"SELECT {_BODY} FROM allocated WHERE business = ? AND stream = ? AND source_key = ?",
            (self._business_id, stream, source_key),
        ).fetchone()
        return _body(*found) if found else None

    def of(self, stream: str, remote_id: int | str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """What is wanted allocated of a document or payment: stream, source key, and the body."""
        for allocations, end in allocation_ends(stream):
            column, kinds = _COLUMNS[end]
            rows = self._db.execute(
                f"SELECT source_key, {_BODY} FROM allocated WHERE business = ? AND stream = ? "
                f"AND {column} = ? AND kind IN ({marks(kinds)}) ORDER BY source_key",
                (self._business_id, allocations, remote_id, *kinds),
            ).fetchall()
            for key, *row in rows:
                yield allocations, str(key), _body(*row)

    def replaced(self, stream: str, old: int | str, new: int | str) -> None:
        """Let allocations follow a document or payment to its new revision."""
        for allocations, end in allocation_ends(stream):
            column, kinds = _COLUMNS[end]
            self._db.execute(
                f"UPDATE allocated SET {column} = ? WHERE business = ? AND stream = ? "
                f"AND {column} = ? AND kind IN ({marks(kinds)})",
                (new, self._business_id, allocations, old, *kinds),
            )


def _body(invoice: int, kind: str, source: int, amount: str) -> dict[str, Any]:
    return joining((invoice, kind, source), Decimal(amount))
