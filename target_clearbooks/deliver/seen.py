"""The keys that a run has read: where each came last, and with which contents."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Seen(NamedTuple):
    """The newest record of a key that this run has read.

    Attributes:
        line: Its line in the input.
        hash: Hash of the record as given.
        apart: Whether records of the key were refused, since they had nothing in common.
    """

    line: int
    hash: str
    apart: bool


class SeenKeys:
    """Kept in a temporary database that goes with the run: memory stays flat."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE seen (stream TEXT, source_key TEXT, line INTEGER, hash TEXT, "
            "apart INTEGER, PRIMARY KEY (stream, source_key)) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def put(self, stream: str, source_key: str, line: int, record_hash: str) -> Seen | None:
        """Take in that a key came; where it came last, if it did."""
        found = self._db.execute(
            "SELECT line, hash, apart FROM seen WHERE stream = ? AND source_key = ?",
            (stream, source_key),
        ).fetchone()
        before = Seen(found[0], found[1], bool(found[2])) if found else None
        self._put(stream, source_key, Seen(line, record_hash, before is not None and before.apart))
        return before

    def set_apart(self, stream: str, source_key: str, line: int, record_hash: str) -> None:
        """Keep that the records of a key have nothing in common."""
        self._put(stream, source_key, Seen(line, record_hash, apart=True))

    def _put(self, stream: str, source_key: str, seen: Seen) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", (stream, source_key, *seen)
        )
