"""The ledger as one run has read it: each list at most once, kept, and brought up to date.

Short lists (accounts, bank accounts, VAT) are held in memory, contacts and stock items on disk.
Long ones (documents, payments, allocations) are asked for one record at a time until that has cost
as much as reading the list would; then the list is read, and no more single records are.
An error never counts as "not found": it is raised.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from clearbooks.contract import load_contract
from clearbooks.errors import NotFoundError
from target_clearbooks.allocation_ends import ENDS, allocation_ends
from target_clearbooks.ledger.amounts import decimal
from target_clearbooks.ledger.lookup_cache import FOUND_BY, LookupCache
from target_clearbooks.ledger.record_tables import DiskTable, MemoryTable
from target_clearbooks.ledger.records import listing, records
from target_clearbooks.writable import WRITABLE, Kind, streams_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    from clearbooks.contract import Operation
    from clearbooks.paging import Listing, Reads
    from target_clearbooks.ledger.record_tables import Table
    from target_clearbooks.ledger.records import Record

# Single reads before the length of a list is asked for.
_FREE = 4
# What a bank account adds to besides its own list.
_ACCOUNT_CODES = "account_codes"


class _Effort:
    """When to stop asking for single records and read the list."""

    def __init__(self) -> None:
        self.singles = 0
        self.pages: int | None = None
        self.whole = False


class Lookups:
    """The lists of one business. Safe for threads; close it after use.

    Args:
        client: Every request goes through it.
        business_id: The business; None where the authorisation covers one alone.
        in_flight: Pages under way at once.
        plans: Whether what the run writes is only planned, so that no reading shows it.
    """

    def __init__(
        self, client: Reads, business_id: int | None, in_flight: int = 8, *, plans: bool = False
    ) -> None:
        self._client = client
        self._business_id = business_id
        self._in_flight = in_flight
        self._resources = load_contract().resources
        self._tables: dict[tuple[Any, ...], Table] = {}
        self._planned: dict[str, list[Record]] = {}
        self._plans = plans
        # Documents and payments that a plan changes, and allocations that it takes back.
        self._changed: set[tuple[str, Any]] = set()
        self._gone: set[tuple[str, Any]] = set()
        self._cache = LookupCache()
        self._efforts: dict[str, _Effort] = {}
        self._lock = threading.RLock()

    def close(self) -> None:
        """Forget everything."""
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rows(self, stream: str, **params: Any) -> Sequence[Mapping[str, Any]]:
        """Every record of a short list; or the allocations of one end, such as `paymentId=5`."""
        if _is_allocation(stream):
            return self._allocations(stream, params)
        return self.table(stream, **params).rows

    def table(self, stream: str, **params: Any) -> Table:
        """A short list with indexes over it."""
        key = (stream, *sorted(params.items()))
        with self._lock:
            if key not in self._tables:
                growing = stream in WRITABLE and WRITABLE[stream].grows and not params
                self._tables[key] = (
                    self._read_growing(stream) if growing else self._read_table(stream, params)
                )
            return self._tables[key]

    def documents(self, stream: str, name: str, value: Any) -> Sequence[Mapping[str, Any]]:
        """Documents or payments whose field `name` equals `value`, as digests.

        An ID that an update has replaced leads to the newest revision.
        """
        if name not in FOUND_BY:
            raise KeyError(f"{stream} are found by {', '.join(FOUND_BY)}, not by {name}")
        with self._lock:
            if name == "id":
                return self._less_planned(stream, self._by_id(stream, value))
            self._read_long(stream)
            return self._less_planned(stream, self._cache.find(stream, name, value))

    def digests(self, stream: str) -> Iterator[Mapping[str, Any]]:
        """Digests of all documents or payments of a long list."""
        with self._lock:
            self._read_long(stream)
        return self._cache.every(stream)

    def again(self, stream: str, record_id: Any) -> Sequence[Mapping[str, Any]]:
        """A document or payment as it stands now, less what is planned to be allocated.

        Asked before a record is refused for what another writer, or a write still under way, may
        have changed since it was read.
        """
        with self._lock:
            current = self._cache.current(stream, record_id)
            if _planned({"id": current}) or (stream, current) in self._changed:
                return self._less_planned(stream, self._cache.find(stream, "id", current))
            return self._less_planned(stream, self._single(stream, current) or [])

    def _less_planned(self, stream: str, rows: list[Record]) -> list[Record]:
        """Documents with what is due of them once the plan is carried out."""
        if self._gone or not self._planned.keys().isdisjoint(streams_of(Kind.ALLOCATION)):
            for row in rows:
                for allocations, end in allocation_ends(stream):
                    for found in self._cache.allocations(allocations, {end: row["id"]}):
                        gone = (allocations, found["id"]) in self._gone
                        if "due" in row and gone is not _planned(found):
                            row["due"] += found["amount"] if gone else -found["amount"]
        return rows

    def allocations_again(self, stream: str, end: str, value: Any) -> Sequence[Mapping[str, Any]]:
        """The allocations of one end as they stand now, and those that are planned."""
        with self._lock:
            if not _planned({"id": value}):
                for row in self._known(stream, {end: value}):
                    if not _planned(row):
                        self._cache.drop_allocation(stream, row["id"])
                self._read_end(stream, end, value)
            return self._known(stream, {end: value})

    def first_to_allocate(
        self, stream: str, invoice: Any, end: str, value: Any, source_key: str
    ) -> str:
        """The source key whose record of this run was the first to allocate a pair."""
        with self._lock:
            return self._cache.claim(stream, invoice, end, value, source_key)

    def give_up_pairs(self, stream: str, source_key: str) -> None:
        """Leave the pairs of a record to another one, since it is refused."""
        with self._lock:
            self._cache.give_up(stream, source_key)

    # Taking in what the run writes

    def wrote(self, stream: str, record: Mapping[str, Any], replaces: Any = None) -> None:
        """Take in a record that was created or updated, as the API answered it.

        A planned one has a negative ID. `replaces` is the ID that was updated, also where it
        stayed the same; None for a new record.
        """
        row = {name: value for name, value in record.items() if value is not None}
        with self._lock:
            if _is_allocation(stream):
                self._allocated(stream, row)
            elif WRITABLE[stream].long:
                self._wrote_long(stream, row, replaces)
            else:
                self._wrote_short(stream, row)

    def removed(self, stream: str, record_id: Any, record: Mapping[str, Any] | None = None) -> None:
        """Take in that a record was voided or deleted, and its allocations with it.

        Of an allocation whose void is only planned the record is needed.
        """
        with self._lock:
            if _is_allocation(stream) and self._plans:
                for end in ENDS[1:]:
                    if record and end in record:
                        self._read_end(stream, end, record[end])
                self._gone.add((stream, record_id))
            elif _is_allocation(stream):
                self._free(stream, [r for r in self._known(stream, {}) if r["id"] == record_id])
            elif WRITABLE[stream].long:
                self._cache.drop(stream, record_id)
                for allocations, end in allocation_ends(stream):
                    self._free(allocations, self._known(allocations, {end: record_id}))
            else:
                for (name, *_), table in self._tables.items():
                    if name == stream:
                        table.drop(record_id)

    def _wrote_short(self, stream: str, row: Record) -> None:
        if row.get("id") is None:
            return
        if _planned(row):
            self._planned.setdefault(stream, []).append(row)
        for (name, *_), table in self._tables.items():
            if name == stream:
                table.put((table.get(row.get(table.id_name)) or {}) | row)
        if WRITABLE[stream].kind is Kind.BANK_ACCOUNT and "accountCode" in row:
            # A bank account comes with an account code of its own.
            codes = self._tables.get((_ACCOUNT_CODES,))
            if codes is None or codes.get(row["accountCode"]) is None:
                code = {"id": row["accountCode"], "name": row.get("name", "")}
                self._wrote_short(_ACCOUNT_CODES, code)

    def _wrote_long(self, stream: str, row: Record, replaces: Any) -> None:
        if replaces is None:
            # Nobody else knows it yet: what is allocated of it, this run has allocated.
            for allocations, end in allocation_ends(stream):
                self._cache.know(allocations, end, row["id"])
        elif replaces != row["id"]:
            self._cache.drop(stream, replaces)
            self._cache.revise(stream, replaces, row["id"])
            for allocations, end in allocation_ends(stream):
                moved = self._known(allocations, {end: replaces})
                self._cache.put_allocations(allocations, [r | {end: row["id"]} for r in moved])
                if self._cache.knows(allocations, end, replaces):
                    self._cache.know(allocations, end, row["id"])
        elif self._plans:
            self._changed.add((stream, row["id"]))
        self._cache.put(stream, [row])

    # Short lists

    def _read_table(self, stream: str, params: Mapping[str, Any]) -> Table:
        operation, given = self._operation(stream, params)
        found = (
            self._listing(stream, params).whole()
            if operation.paged
            else self._get(operation, given)
        )
        key = self._resources[stream].key[-1]
        return MemoryTable([*found, *self._planned.get(stream, ())], key)

    def _read_growing(self, stream: str) -> Table:
        table = DiskTable(self._cache.db, stream)
        table.clear()
        for part in self._listing(stream).ascending():
            table.add(part.records)
        table.add(self._planned.get(stream, ()))
        return table

    def _operation(
        self, stream: str, params: Mapping[str, Any]
    ) -> tuple[Operation, dict[str, Any]]:
        resource = self._resources[stream]
        return resource.operations["list"], {**resource.fixed, **params}

    def _get(self, operation: Operation, params: Mapping[str, Any]) -> list[Record]:
        reply = self._client.get(operation.id, params, business_id=self._business_id)
        return records(reply.body, operation.id)

    def _listing(self, stream: str, params: Mapping[str, Any] | None = None) -> Listing:
        operation, given = self._operation(stream, params or {})
        return listing(self._client, self._business_id, operation.id, given, self._in_flight)

    # Long lists

    def _effort(self, stream: str) -> _Effort:
        return self._efforts.setdefault(stream, _Effort())

    def _by_id(self, stream: str, record_id: Any) -> list[Record]:
        current = self._cache.current(stream, record_id)
        found = self._cache.find(stream, "id", current)
        if found or _planned({"id": current}):
            return found
        if not self._list_is_due(stream):
            single = self._single(stream, current)
            if single is not None:
                return single
        self._read_long(stream)
        found = self._cache.find(stream, "id", current)
        # Lists leave earlier revisions out: only asking for it tells what became of it.
        return found or self._single(stream, current) or []

    def _single(self, stream: str, record_id: Any) -> list[Record] | None:
        operation = self._resources[stream].operations["get"]
        params = {**self._resources[stream].fixed, WRITABLE[stream].id_name: record_id}
        try:
            row = self._get(operation, params)[0]
        except NotFoundError:
            return None  # the whole list decides
        self._cache.put(stream, [row])
        if row.get("id") != record_id:
            self._cache.revise(stream, record_id, row["id"])
        return self._cache.find(stream, "id", row["id"])

    def _list_is_due(self, stream: str) -> bool:
        """Count one more single read, unless the whole list is the cheaper from now on."""
        effort = self._effort(stream)
        if effort.whole:
            return False
        effort.singles += 1
        if effort.singles <= _FREE:
            return False
        if effort.pages is None:
            page = self._listing(stream).fetch(1)
            effort.pages = -(-(page.total or 0) // max(len(page.records), 1)) or _FREE
        return effort.singles > max(effort.pages, _FREE)

    def _read_long(self, stream: str) -> None:
        effort = self._effort(stream)
        if effort.whole:
            return
        put = self._cache.put_allocations if _is_allocation(stream) else self._cache.put
        changed = [number for name, number in self._changed if name == stream]
        kept = [row for number in changed for row in self._cache.find(stream, "id", number)]
        self._cache.clear(stream)
        for part in self._listing(stream).ascending():
            put(stream, part.records)
        put(stream, kept)
        effort.whole = True

    # Allocations

    def _allocations(self, stream: str, params: Mapping[str, Any]) -> list[Record]:
        unknown = set(params) - set(ENDS)
        if unknown or not params:
            raise KeyError(f"{stream} are found by {', '.join(ENDS)}, not by {sorted(params)}")
        with self._lock:
            ends = [(stream, end, value) for end, value in params.items()]
            if not self._effort(stream).whole and not any(self._cache.knows(*e) for e in ends):
                if self._list_is_due(stream):
                    self._read_long(stream)
                else:
                    self._read_end(*ends[0])
            return self._known(stream, params)

    def _read_end(self, stream: str, end: str, value: Any) -> None:
        self._cache.put_allocations(stream, self._listing(stream, {end: value}).whole())
        self._cache.know(stream, end, value)

    def _known(self, stream: str, ends: Mapping[str, Any]) -> list[Record]:
        found = self._cache.allocations(stream, dict(ends))
        return [row for row in found if (stream, row["id"]) not in self._gone]

    def _allocated(self, stream: str, row: Record) -> None:
        self._cache.put_allocations(stream, [row])
        if _planned(row):
            self._planned.setdefault(stream, []).append(row)
        else:
            self._clear(stream, row, decimal(row.get("amount") or 0))

    def _free(self, stream: str, rows: Sequence[Record]) -> None:
        for row in rows:
            self._cache.drop_allocation(stream, row["id"])
            if not _planned(row):
                self._clear(stream, row, -decimal(row.get("amount") or 0))

    def _clear(self, stream: str, row: Record, part: Decimal) -> None:
        for invoices in WRITABLE[stream].invoices:
            self._cache.pay(invoices, row.get("invoiceId"), part)
        if row.get("creditNoteId") is not None:
            self._cache.pay(WRITABLE[stream].credit_notes, row["creditNoteId"], part)


def _is_allocation(stream: str) -> bool:
    """Whether a stream, which may be one that is only read, holds allocations."""
    return stream in WRITABLE and WRITABLE[stream].kind is Kind.ALLOCATION


def _planned(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("id"), int) and row["id"] < 0
