"""What one run of the target did: when, with which outcomes, and what they come to."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from clearbooks.exact_json import dumps
from clearbooks.history import new_run_id
from target_clearbooks.store.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_clearbooks.store.database import Store


class RunLog:
    """One run, in the state store from its beginning.

    `save_counts` belongs inside a transaction.

    Args:
        db: An open state store.
        kind: What the run is: `target`, `apply` …
        businesses: Where it may write.

    Attributes:
        id: Its name, as `clearbooks syncs` lists it.
        counts: How many records of a business and stream had which outcome.
        totals: What its writes come to.
    """

    def __init__(self, db: Store, kind: str, businesses: Sequence[int]) -> None:
        self._db = db
        self.id = new_run_id()
        self.counts: Counter[tuple[int, str, str]] = Counter()
        self._unsaved: Counter[tuple[int, str, str]] = Counter()
        self.totals = Totals(db, self.id)
        with db.transaction():
            db.execute(
                "INSERT INTO runs (id, started, kind, businesses) VALUES (?, ?, ?, ?)",
                (self.id, time.time(), kind, dumps(list(businesses))),
            )

    def count(self, business_id: int, stream: str, outcome: str, number: int = 1) -> None:
        """Count an outcome; saved with the next transaction that does."""
        self.counts[business_id, stream, outcome] += number
        self._unsaved[business_id, stream, outcome] += number

    def save_counts(self) -> None:
        """Bring the counts on disk up to date."""
        self._db.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (run, business, stream, outcome) DO UPDATE "
            "SET number = counts.number + excluded.number",
            [(self.id, *key, number) for key, number in self._unsaved.items()],
        )
        self._unsaved.clear()

    def end(self, exit_code: int, message: str, requests: int) -> None:
        """Note how the run ended, and how many requests it made."""
        with self._db.transaction():
            self.save_counts()
            self._db.execute(
                "UPDATE runs SET ended = ?, exit_code = ?, message = ?, requests = ? WHERE id = ?",
                (time.time(), exit_code, message, requests, self.id),
            )
