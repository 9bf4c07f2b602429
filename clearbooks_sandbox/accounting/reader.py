"""Reading the database for one business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.reply import decode

if TYPE_CHECKING:
    import sqlite3
    from threading import RLock

Row = dict[str, Any]


class Reader:
    """Queries about one business. Each begins with its ID as the first value.

    Args:
        db: The database.
        lock: Held while a query runs.
        business_id: The business.
    """

    def __init__(self, db: sqlite3.Connection, lock: RLock, business_id: int) -> None:
        self.db = db
        self.lock = lock
        self.business_id = business_id

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Every row that a query finds."""
        with self.lock:
            found: list[tuple[Any, ...]] = self.db.execute(
                sql, (self.business_id, *values)
            ).fetchall()
        return found

    def one(self, sql: str, record_id: int) -> tuple[Any, ...]:
        """The first row that a query for a record finds.

        Raises:
            KeyError: there is none.
        """
        rows = self.rows(sql, record_id)
        if not rows:
            raise KeyError(record_id)
        return rows[0]

    def records(self, table: str, where: str, *values: object) -> list[Row]:
        """Records of a table as the API answers them, by ID."""
        sql = f"SELECT json FROM {table} WHERE business = ? AND {where} ORDER BY id"
        return [decode(row[0]) for row in self.rows(sql, *values)]

    def names(self, table: str) -> dict[int, str]:
        """The names of all records of a table, hidden ones included, by ID."""
        rows = self.rows(f"SELECT id, json FROM {table} WHERE business = ?")
        return {number: decode(data)["name"] for number, data in rows}
