"""What is known of a file while it is read: in a temporary database, so that memory stays flat."""

from __future__ import annotations

import sqlite3
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TABLES = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE ids (id TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID;
CREATE TABLE digests (digest TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
CREATE TABLE groups (name TEXT PRIMARY KEY, place INTEGER) WITHOUT ROWID;
CREATE TABLE rows (place INTEGER, line INTEGER, id TEXT, cells BLOB);
CREATE TABLE records (place INTEGER, key TEXT, line INTEGER, record BLOB, PRIMARY KEY (place, key));
"""


class Before(NamedTuple):
    """A record that came before under the same key.

    Attributes:
        line: The row that it comes from.
        same: Whether it has the same contents.
    """

    line: int
    same: bool


class Spool:
    """Rows that wait for their group, records that wait for the checks."""

    def __init__(self) -> None:
        # No file of anybody else's: SQLite takes it away with the connection.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        # One that is not read to its end is not closed otherwise, of which Python 3.13 complains.
        weakref.finalize(self, self._db.close)
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def claim(self, row_id: str, line: int) -> int | None:
        """Take an ID for a row; the line of the row that has it already, if one does."""
        found = self._db.execute("SELECT line FROM ids WHERE id = ?", (row_id,)).fetchone()
        if found is None:
            self._db.execute("INSERT INTO ids VALUES (?, ?)", (row_id, line))
        return found[0] if found else None

    def nth(self, digest: str) -> int:
        """How often a digest has come, this time included."""
        row = self._db.execute(
            "INSERT INTO digests VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1 "
            "RETURNING number",
            (digest,),
        ).fetchone()
        return int(row[0])

    def keep(self, group: str, line: int, row_id: str, cells: list[Any]) -> None:
        """Keep a row for its group."""
        self._db.execute("INSERT OR IGNORE INTO groups SELECT ?, count(*) FROM groups", (group,))
        self._db.execute(
            "INSERT INTO rows SELECT place, ?, ?, ? FROM groups WHERE name = ?",
            (line, row_id, msgspec.json.encode(cells), group),
        )

    def groups(self) -> Iterator[list[tuple[int, str, list[Any]]]]:
        """The rows of each group, in the order of their first rows: line, ID and cells."""
        self._db.execute("CREATE INDEX rows_of_groups ON rows (place)")
        for (place,) in self._db.execute("SELECT place FROM groups ORDER BY place").fetchall():
            rows = self._db.execute(
                "SELECT line, id, cells FROM rows WHERE place = ? ORDER BY rowid", (place,)
            )
            yield [(line, row_id, msgspec.json.decode(cells)) for line, row_id, cells in rows]

    def put(self, place: int, key: str, line: int, record: Mapping[str, Any]) -> Before | None:
        """Put down a record; where its key came before, nothing is put down.

        Args:
            place: That of its template in the mapping.
            key: What identifies it.
            line: The row that it comes from.
            record: The record, without where it comes from.
        """
        data = msgspec.json.encode(record)
        found = self._db.execute(
            "SELECT line, record FROM records WHERE place = ? AND key = ?", (place, key)
        ).fetchone()
        if found is not None:
            return Before(found[0], found[1] == data)
        self._db.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (place, key, line, data))
        return None

    def records(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """The records, by template and in the order of the file: place, line, record."""
        rows = self._db.execute("SELECT place, line, record FROM records ORDER BY place, rowid")
        for place, line, record in rows:
            yield place, line, msgspec.json.decode(record)
