"""The keys that a run has read: where each came last, and with which contents."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec


class Seen(NamedTuple):
    """The newest record of a key that this run has read.

    Attributes:
        line: Its line in the input.
        hash: Hash of the record as given.
        names: Of a document: hashes of what its lines are called, good for this run.
        apart: Whether records of the key were refused, since they had nothing in common.
    """

    line: int
    hash: str
    names: tuple[int, ...] = ()
    apart: bool = False

    def is_apart(self, later: Seen) -> bool:
        """Whether a later document of the key has no line of this one."""
        both = self.names and later.names
        return self.apart or (bool(both) and set(self.names).isdisjoint(later.names))


class SeenKeys:
    """Kept in a temporary database that goes with the run: memory stays flat."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE seen (stream TEXT, source_key TEXT, line INTEGER, hash TEXT, "
            "names BLOB, apart INTEGER, PRIMARY KEY (stream, source_key)) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def find(self, stream: str, source_key: str) -> Seen | None:
        """Where a key came last, if it did."""
        found = self._db.execute(
            "SELECT line, hash, names, apart FROM seen WHERE stream = ? AND source_key = ?",
            (stream, source_key),
        ).fetchone()
        if found is None:
            return None
        line, record_hash, names, apart = found
        return Seen(line, record_hash, tuple(msgspec.json.decode(names)), bool(apart))

    def put(self, stream: str, source_key: str, seen: Seen) -> None:
        """Take in where a key came."""
        line, record_hash, names, apart = seen
        self._db.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)",
            (stream, source_key, line, record_hash, msgspec.json.encode(names), apart),
        )
