"""A short list of the ledger in memory, found by any key at the cost of a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from target_clearbooks.prepare.listing import Record

    KeysOf = Callable[[Record], Iterable[Hashable]]


class Table:
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

    @property
    def rows(self) -> Sequence[Record]:
        """Every record; the same object until something changes."""
        if self._rows is None:
            self._rows = list(self.by_id.values())
        return self._rows

    def get(self, record_id: Any) -> Record | None:
        """The record with that ID."""
        return self.by_id.get(record_id)

    def find(self, index: str, keys_of: KeysOf, value: Hashable) -> list[Record]:
        """Records for which `keys_of` holds the value. `index` names `keys_of`."""
        if index not in self._indexes:
            built: dict[Hashable, dict[Any, Record]] = {}
            for row in self.by_id.values():
                self._add(built, keys_of, row)
            self._indexes[index] = (keys_of, built)
        return list(self._indexes[index][1].get(value, {}).values())

    def put(self, row: Record) -> None:
        """Add a record, or replace the one with its ID."""
        self.drop(row.get(self.id_name))
        self.by_id[row.get(self.id_name)] = row
        for keys_of, built in self._indexes.values():
            self._add(built, keys_of, row)
        self._rows = None

    def drop(self, record_id: Any) -> None:
        """Forget a record."""
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
