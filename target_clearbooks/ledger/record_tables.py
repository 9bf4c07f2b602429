"""Lists of the ledger found by any key: short ones in memory, contacts and stock on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import override

from clearbooks.exact_json import encode, loads

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from target_clearbooks.ledger.records import Record

    KeysOf = Callable[[Record], Iterable[Hashable]]


_MOST_BITS = 63


class Table(Protocol):
    """Records by ID, found by keys; kept up to date by `put` and `drop`."""

    id_name: str

    def __len__(self) -> int: ...

    @property
    def rows(self) -> Sequence[Record]:
        """Every record; the same object until something changes."""

    def get(self, record_id: Any) -> Record | None:
        """The record with that ID."""

    def find(self, index: str, keys_of: KeysOf, value: Hashable) -> list[Record]:
        """Records for which `keys_of` holds the value. `index` names `keys_of`."""

    def put(self, row: Record) -> None:
        """Add a record, or replace the one with its ID."""

    def drop(self, record_id: Any) -> None:
        """Forget a record."""


class MemoryTable(Table):
    """Records by ID, with indexes that are built when first asked for and kept up to date.

    Args:
        rows: The records.
        id_name: Field that identifies one.
    """

    def __init__(self, rows: Iterable[Record], id_name: str = "id") -> None:
        self.id_name = id_name
        self.by_id: dict[Any, Record] = {
            row[id_name]: row for row in rows if row.get(id_name) is not None
        }
        self._indexes: dict[str, tuple[KeysOf, dict[Hashable, dict[Any, Record]]]] = {}
        self._rows: list[Record] | None = None

    @override
    def __len__(self) -> int:
        return len(self.by_id)

    @property
    @override
    def rows(self) -> Sequence[Record]:
        if self._rows is None:
            self._rows = list(self.by_id.values())
        return self._rows

    @override
    def get(self, record_id: Any) -> Record | None:
        return self.by_id.get(record_id)

    @override
    def find(self, index: str, keys_of: KeysOf, value: Hashable) -> list[Record]:
        if index not in self._indexes:
            built: dict[Hashable, dict[Any, Record]] = {}
            for row in self.by_id.values():
                self._add(built, keys_of, row)
            self._indexes[index] = (keys_of, built)
        return list(self._indexes[index][1].get(value, {}).values())

    @override
    def put(self, row: Record) -> None:
        self.drop(row.get(self.id_name))
        self.by_id[row.get(self.id_name)] = row
        for keys_of, built in self._indexes.values():
            self._add(built, keys_of, row)
        self._rows = None

    @override
    def drop(self, record_id: Any) -> None:
        row = self.by_id.pop(record_id, None)
        if row is None:
            return
        for keys_of, built in self._indexes.values():
            for key in keys_of(row):
                built.get(key, {}).pop(record_id, None)
        self._rows = None

    def _add(self, built: dict[Hashable, dict[Any, Record]], keys_of: KeysOf, row: Record) -> None:
        for key in keys_of(row):
            built.setdefault(key, {})[row.get(self.id_name)] = row


class DiskTable(Table):
    """Like `MemoryTable`, for lists that grow with the business: memory stays flat.

    Args:
        db: A temporary database that goes with the run.
        name: Of the list; there may be others in the database.
    """

    SCHEMA = """
    CREATE TABLE listed (name TEXT, id INTEGER, json BLOB, PRIMARY KEY (name, id)) WITHOUT ROWID;
    CREATE TABLE listed_keys (
        name TEXT, kind TEXT, value BLOB, id INTEGER, PRIMARY KEY (name, kind, value, id)
    ) WITHOUT ROWID;
    CREATE INDEX listed_keys_of ON listed_keys (name, id);
    """

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self.id_name = "id"
        self._db = db
        self._name = name
        self._indexes: dict[str, KeysOf] = {}

    @override
    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM listed WHERE name = ?"))

    def _one(self, query: str, *values: Any) -> Any:
        row = self._db.execute(query, (self._name, *values)).fetchone()
        return row[0] if row else None

    @property
    @override
    def rows(self) -> Sequence[Record]:
        found = self._db.execute(
            "SELECT json FROM listed WHERE name = ? ORDER BY id", (self._name,)
        )
        return [loads(row[0]) for row in found]

    @override
    def get(self, record_id: Any) -> Record | None:
        if isinstance(record_id, int) and record_id.bit_length() > _MOST_BITS:
            return None  # no ID of a ledger, and more than the database takes
        found = self._one("SELECT json FROM listed WHERE name = ? AND id = ?", record_id)
        return loads(found) if found else None

    @override
    def find(self, index: str, keys_of: KeysOf, value: Hashable) -> list[Record]:
        if index not in self._indexes:
            self._indexes[index] = keys_of
            self._index(index, keys_of)
        found = self._db.execute(
            # CROSS: the keys first. Left to itself SQLite goes through the whole list.
            "SELECT json FROM listed_keys AS k CROSS JOIN listed AS l "
            "WHERE k.name = ? AND k.kind = ? AND k.value = ? AND l.name = k.name AND l.id = k.id "
            "ORDER BY k.id",
            (self._name, index, encode(value)),
        )
        return [loads(row[0]) for row in found]

    def _index(self, index: str, keys_of: KeysOf) -> None:
        found = self._db.execute("SELECT json FROM listed WHERE name = ?", (self._name,))
        rows = (loads(row[0]) for row in found)
        self._add(
            (self._name, index, encode(key), row["id"]) for row in rows for key in keys_of(row)
        )

    def _add(self, keys: Iterable[tuple[Any, ...]]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO listed_keys VALUES (?, ?, ?, ?)", keys)

    @override
    def put(self, row: Record) -> None:
        self.drop(row["id"])
        self.add([row])

    def add(self, rows: Iterable[Record]) -> None:
        """Add records whose IDs are new, or take the place of the same record read before."""
        for row in rows:
            if row.get("id") is None:
                continue
            self._db.execute(
                "INSERT OR REPLACE INTO listed VALUES (?, ?, ?)",
                (self._name, row["id"], encode(row)),
            )
            self._add(
                (self._name, index, encode(key), row["id"])
                for index, keys_of in self._indexes.items()
                for key in keys_of(row)
            )

    @override
    def drop(self, record_id: Any) -> None:
        for table in ("listed", "listed_keys"):
            self._db.execute(
                f"DELETE FROM {table} WHERE name = ? AND id = ?",
                (self._name, record_id),
            )

    def clear(self) -> None:
        """Forget every record."""
        for table in ("listed", "listed_keys"):
            self._db.execute(f"DELETE FROM {table} WHERE name = ?", (self._name,))
