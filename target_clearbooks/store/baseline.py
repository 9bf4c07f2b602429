"""What the ledger of a business held when this state store first wrote to each of its streams.

A new state store is the first one of a business, or follows one that was lost: it cannot tell. So
before it creates the first record of a stream it notes what the ledger holds of it, once. From
then on every create is compared with that, at no request: what was there may have been written by
the store that was lost. Whatever came later is this store's own, or somebody else's for sure.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from target_clearbooks.store.format import upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_clearbooks.store.database import Store

# Stands for every stream of a business that a store wrote to before baselines were taken.
_EVERY = "*"
_TAKE = upsert("baselines", ("business", "stream"), ("newest", "taken"))


class Baseline:
    """The baselines of one business.

    Args:
        db: The state store.
        business_id: The business.
    """

    def __init__(self, db: Store, business_id: int) -> None:
        self._db = db
        self._business_id = business_id
        self._newest: dict[str, int] = {}

    def newest(self, stream: str) -> int | None:
        """The highest ID of the stream's baseline, 0 where it is empty; None before it is taken."""
        if stream not in self._newest:
            row = self._db.execute(
                "SELECT max(newest) FROM baselines WHERE business = ? AND stream IN (?, ?)",
                (self._business_id, stream, _EVERY),
            ).fetchone()
            if row is None or row[0] is None:
                return None
            self._newest[stream] = int(row[0])
        return self._newest[stream]

    def take(
        self,
        stream: str,
        newest: int = 0,
        records: Iterable[Mapping[str, Any]] = (),
        contact: str = "",
    ) -> None:
        """Note what the ledger holds of a stream, or more of it; on disk when this returns.

        Args:
            stream: The stream.
            newest: The highest ID.
            records: Its documents or payments, with `id`, `date` and the contact.
            contact: Their field with the ID of the contact.
        """
        business = self._business_id
        with self._db.transaction():
            self._db.executemany(
                "INSERT INTO baseline_records VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (business, stream, row.get(contact) or 0, str(row.get("date")), row["id"])
                    for row in records
                ],
            )
            self._db.execute(_TAKE, (business, stream, newest, time.time()))
        self._newest[stream] = newest

    def like(self, stream: str, contact: int | None, date: str) -> list[int]:
        """IDs of the baseline's records of that contact and date."""
        rows = self._db.execute(
            "SELECT remote_id FROM baseline_records WHERE business = ? AND stream = ? "
            "AND contact = ? AND date = ? ORDER BY remote_id",
            (self._business_id, stream, contact or 0, date),
        )
        return [number for (number,) in rows]
