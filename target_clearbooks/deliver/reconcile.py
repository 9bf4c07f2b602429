"""Settling doubts: what became of a write whose reply was lost is read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.errors import NotFoundError
from target_clearbooks.allocation_ends import ENDS, pair_of
from target_clearbooks.intent import WriteOperation
from target_clearbooks.ledger.candidates import as_candidates
from target_clearbooks.ledger.matching import (
    became,
    equal_journals,
    find_matches,
    is_voided,
    maybe_altered,
    unchanged,
)
from target_clearbooks.map_command import map_set, map_unset
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clearbooks.contract import Operation
    from clearbooks.paging import Listing
    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.intent import Intent
    from target_clearbooks.ledger.records import Record
    from target_clearbooks.store.ledger_map import LedgerMap


@dataclass(frozen=True, slots=True)
class Found:
    """It was carried out; `record` is what stands in the ledger."""

    record: Record


@dataclass(frozen=True, slots=True)
class Absent:
    """It was not carried out."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The ledger does not tell."""

    reason: str
    candidates: tuple[Record, ...] = ()


Verdict = Found | Absent | Unclear


class Reconciler:
    """Reads what became of intents of one business.

    Args:
        sender: Makes the requests.
        ledger_map: Tells which records of the ledger belong to other source keys.
    """

    def __init__(self, sender: Sender, ledger_map: LedgerMap) -> None:
        self.sender = sender
        self.map = ledger_map

    # Before a create: what the ledger holds already

    def snapshot(self, intent: Intent) -> Record:
        """What tells later whether the create added something; empty where the marker does."""
        if WRITABLE[intent.stream].settle is Settle.COUNT:
            ids = equal_journals(self._transactions(intent), intent.body)
            return {"equal": len(ids), "ids": ids}
        if isinstance(intent.body, bytes):
            return {"known": [record["id"] for record in find_matches(self._list(intent), intent)]}
        if WRITABLE[intent.stream].settle is Settle.LIST:
            return {"newest": self.newest(intent)}
        return {}

    def allocations(self, intent: Intent) -> list[Record]:
        """What is allocated between the two that an intent joins."""
        body = intent.body
        ends = {k: body[k] for k in ENDS if body.get(k)}
        params = {**self._params(intent), **ends}
        found = self.sender.listing(self._operation(intent.stream).id, params).whole()
        return [row for row in found if all(row.get(k) == v for k, v in ends.items())]

    def allocated_twice(self, intent: Intent) -> Unclear | None:
        """What is allocated between the two of an intent, where it is more than all want."""
        found = self.allocations(intent)
        there = sum((Decimal(str(row["amount"])) for row in found), Decimal(0))
        others = self.map.allocated.wanted(intent.stream, pair_of(intent.body), intent.source_key)
        if there <= others + Decimal(str(intent.body["amount"])):
            return None
        return Unclear("more is allocated than wanted", tuple(as_candidates(found)))

    def newest(self, intent: Intent) -> int:
        """The highest ID of the list that the intent adds to; 0 where it is empty."""
        return self._listing(intent).greatest_id() or 0

    def newest_transaction(self) -> int:
        """The highest ID of the ledger's transactions; 0 where there are none."""
        return self.sender.listing("listTransactions", {}).greatest_id() or 0

    # After a reply was lost

    def settle(self, stream: str, doubts: Sequence[tuple[Intent, Record]]) -> list[Verdict]:
        """What became of intents of one stream, each with its snapshot; the list is read once."""
        listed: list[Record] | None = None
        verdicts: list[Verdict] = []
        taken: set[Any] = set()
        for intent, snapshot in doubts:
            if intent.operation in (WriteOperation.CREATE, WriteOperation.POST):
                way = WRITABLE[stream].settle
                if way is Settle.LIST and not isinstance(intent.body, bytes):
                    if listed is None:
                        listed = self._since(stream, doubts)
                    free = [record for record in listed if record["id"] not in taken]
                    verdicts.append(self._created(intent, snapshot, free))
                    if isinstance(verdicts[-1], Found):
                        taken.add(verdicts[-1].record["id"])
                else:
                    verdicts.append(self._otherwise(way, intent, snapshot))
            else:
                verdicts.append(self._changed(intent))
        return verdicts

    def _created(self, intent: Intent, snapshot: Record, listed: Sequence[Record]) -> Verdict:
        newest, known = snapshot.get("newest"), set(snapshot.get("known", ()))
        ascending = WRITABLE[intent.stream].ids_ascend

        def new(record: Record) -> bool:
            return bool(
                record["id"] not in known
                and (newest is None or not ascending or record["id"] > newest)
                and self.map.owner(intent.stream, record["id"]) in (None, intent.source_key)
            )

        found = [record for record in find_matches(listed, intent) if new(dict(record))]
        altered = [] if found else [r for r in listed if maybe_altered(r, intent) and new(r)]
        if altered:
            field = WRITABLE[intent.stream].marker
            return Unclear(
                f"{intent.stream}: the ledger holds one like it, whose {field} may have been cut "
                f"or left out; look whether it is {intent.source_key!r}",
                tuple(as_candidates(altered)),
            )
        return _one(found)

    def _otherwise(self, way: Settle, intent: Intent, snapshot: Record) -> Verdict:
        if way is Settle.COUNT:
            return self._journal(intent, snapshot)
        if isinstance(intent.body, bytes):
            return self._created(intent, snapshot, self._list(intent))
        if way is Settle.NEVER:
            known = intent.business_id, intent.stream, intent.source_key
            return Unclear(
                f"{intent.stream}: the reply was lost, and the API has no list to look it up in; "
                f"look at the account, then give its ID with {map_set(*known)}, or say "
                f"{map_unset(*known)} to have it sent again"
            )
        # Sent again without harm: the server, or the sum that is there already, sees to it.
        return Absent()

    def _journal(self, intent: Intent, snapshot: Record) -> Verdict:
        equal = equal_journals(self._transactions(intent), intent.body)
        before = int(snapshot.get("equal", 0))
        if len(equal) == before:
            return Absent()
        if len(equal) == before + 1:
            return Found({"id": f"transaction:{max(equal)}", "found": "transactions"})
        return Unclear(
            f"journals: {len(equal)} equal transactions of {intent.body['accountingDate']} stand "
            f"in the ledger, {before} stood there before",
            tuple({"transactionId": number} for number in sorted(equal)),
        )

    def _changed(self, intent: Intent) -> Verdict:
        """What became of an update, void or deletion: the old ID tells."""
        record = self.sender.get(intent.stream, intent.params, intent.remote_id)
        standing_id = record.get("id", intent.remote_id) if record else None
        gone = record is None or is_voided(record)
        moved = Unclear(
            f"{intent.stream} {intent.remote_id} was changed by somebody else meanwhile; "
            f"the newest revision is {standing_id}",
            ({"id": standing_id},),
        )
        if intent.removes:
            if gone:
                return Found({})
            return Absent() if standing_id == intent.remote_id else moved
        if record is None or gone:
            return Unclear(f"{intent.stream} {intent.remote_id} is no longer in the ledger")
        if unchanged(record, intent.body):
            return Found({"id": intent.remote_id, **record})
        if standing_id == intent.remote_id:
            return Absent()
        return Found(record) if became(record, intent.body) else moved

    # Reading

    def _operation(self, stream: str) -> Operation:
        return self.sender.resource(stream).operations["list"]

    def _params(self, intent: Intent) -> Record:
        operation = self._operation(intent.stream)
        params = self.sender.params(intent.stream, intent.params, None)
        return {k: v for k, v in params.items() if k in operation.path_parameters}

    def _listing(self, intent: Intent) -> Listing:
        """The list that an intent adds to."""
        return self.sender.listing(self._operation(intent.stream).id, self._params(intent))

    def _list(self, intent: Intent) -> list[Record]:
        try:
            return self._listing(intent).whole()
        except NotFoundError:
            if WRITABLE[intent.stream].kind is Kind.ATTACHMENT:
                return []  # the document is gone: the POST will say so
            raise

    def _since(self, stream: str, doubts: Sequence[tuple[Intent, Record]]) -> list[Record]:
        """Records newer than the oldest snapshot; all of the list where IDs do not tell."""
        listing = self._listing(doubts[0][0])
        newest = [
            int(snapshot["newest"]) for _, snapshot in doubts if snapshot.get("newest") is not None
        ]
        if len(newest) < len(doubts) or not WRITABLE[stream].ids_ascend:
            return listing.whole()
        return listing.newest_first(min(newest))

    def _transactions(self, intent: Intent) -> list[Record]:
        date = intent.body["accountingDate"]
        dates = {"accountingDateFrom": date, "accountingDateTo": date}
        return self.sender.listing("listTransactions", dates).whole()


def _one(found: Sequence[Mapping[str, Any]]) -> Verdict:
    if not found:
        return Absent()
    if len(found) == 1:
        return Found(dict(found[0]))
    return Unclear(f"{len(found)} records of the ledger may be it", tuple(as_candidates(found)))
