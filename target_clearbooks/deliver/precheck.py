"""What is read of the ledger just before a write, and what follows from it.

Which reading a write needs is a fact of its stream; `dispatch` makes it in a thread, and the
functions here turn what it showed into a decision.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.allocation_ends import pair_of
from target_clearbooks.deliver.decision import Done, Gone, Send
from target_clearbooks.intent import Quarantined, Rejected, WriteOperation
from target_clearbooks.ledger.matching import diff, identities, is_voided, unchanged
from target_clearbooks.map_command import map_set, map_unset
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_clearbooks.deliver.decision import Decision, First
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent
    from target_clearbooks.store.ledger_map import Applied

# The newest that a run has written: long enough for any list to show them.
_MOST_KEPT = 5_000
OR_REPLACE = ", or set on_change to replace: what is allocated is then taken back and made anew"
# Fields of a document that the API may check against each other, so that they are sent together.
_TOGETHER = (frozenset({"currency", "exchangeRate"}), frozenset({"lineItems", "vatTreatment"}))


class Reading(enum.Enum):
    """What has to be known before a write."""

    RECORD = "the record that is to be updated"
    ALLOCATIONS = "what is allocated between the two that an allocation joins"
    SNAPSHOT = "what a create adds to: equal transactions, the newest ID, files of that name"


def reading_before(intent: Intent, *, known: bool) -> Reading | None:
    """What has to be read before an intent is sent.

    Args:
        intent: The intent.
        known: Whether the state store knows what an update would change. A document is read all
            the same: each update voids it and makes a new revision, also where nothing differs
            from what the ledger made of it.
    """
    writable = WRITABLE[intent.stream]
    if intent.operation is WriteOperation.UPDATE:
        return None if known and writable.kind is not Kind.DOCUMENT else Reading.RECORD
    if intent.operation is not WriteOperation.CREATE:
        return None
    if writable.settle is Settle.CONVERGE:
        return Reading.ALLOCATIONS
    unmarked = bool(writable.marker) and not intent.marker
    if writable.settle is Settle.COUNT or isinstance(intent.body, bytes) or unmarked:
        return Reading.SNAPSHOT
    return None


class WrittenLately:
    """What this run has written: a list of the API may show it only a while later."""

    def __init__(self) -> None:
        self._equal: dict[str, int] = {}
        self._allocated: dict[tuple[str, tuple[int, str, int]], Decimal] = {}

    def add(self, task: Task, others: Decimal) -> None:
        """Take in what was written.

        Args:
            task: The record.
            others: For an allocation: what other records want of the same two.
        """
        intent, settle = task.whole, WRITABLE[task.stream].settle
        if settle is Settle.COUNT and "equal" in task.snapshot:
            self._equal[identities(intent)[0]] = int(task.snapshot["equal"]) + 1
        elif settle is Settle.CONVERGE and intent.operation is WriteOperation.CREATE:
            amount = Decimal(str(intent.body["amount"]))
            self._allocated[task.stream, pair_of(intent.body)] = others + amount
        elif settle is Settle.CONVERGE:
            self._allocated.clear()  # one was taken back
        _drop_oldest(self._equal)
        _drop_oldest(self._allocated)

    def equal(self, intent: Intent) -> int:
        """How many equal transactions there are at least."""
        return self._equal.get(identities(intent)[0], 0)

    def allocated(self, intent: Intent) -> Decimal:
        """How much is allocated between the two of an allocation at least."""
        return self._allocated.get((intent.stream, pair_of(intent.body)), Decimal(0))


def _drop_oldest(kept: dict[Any, Any]) -> None:
    if len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]


def gone_words(intent: Intent) -> str:
    """What to do about a record that a person has taken back in the ledger."""
    unset = map_unset(intent.business_id, intent.stream, intent.source_key)
    return (
        f"record: {intent.stream} {intent.remote_id} is not in the ledger any more: somebody has "
        f"voided or deleted it; say {unset} to have it written anew, or set on_change to replace"
    )


def say_which(intent: Intent, remote_id: str = "ID") -> str:
    """What to do where a record of the ledger may be the one that was sent, or another."""
    known = intent.business_id, intent.stream, intent.source_key
    return (
        f"give its ID with {map_set(*known, remote_id)}, or say by {map_unset(*known)} that it is "
        "new"
    )


def after_record(
    intent: Intent, record: Mapping[str, Any] | None, *, known: bool, replaces: bool = False
) -> Decision:
    """Before an update: it may be gone, or be already as it should, or have a newer revision.

    Args:
        intent: The update.
        record: What the ledger holds; None where it holds nothing.
        known: Whether an earlier run wrote it, so that it is not adopted.
        replaces: Whether what a person has taken back is written anew.
    """
    if record is None or is_voided(record):
        if replaces:
            return Gone()
        words = gone_words(intent)
        return Rejected((words,), "rejected")
    if unchanged(record, intent.body):
        return Done(record, "unchanged" if known else "adopted")
    intent = replace(intent, remote_id=record.get("id") or intent.remote_id)
    if WRITABLE[intent.stream].kind is Kind.DOCUMENT:
        intent = replace(intent, changed=_changed(record, intent.body))
    cleared = cleared_of(record)
    return Send(intent, {} if cleared is None else {"cleared": cleared})


def cleared_of(document: Mapping[str, Any]) -> Decimal | None:
    """How much of a document is not due any more; None where its amounts do not tell."""
    gross, due = document.get("gross"), document.get("due")
    if gross is None or due is None:
        return None
    return abs(Decimal(str(gross))) - abs(Decimal(str(due)))


def _changed(record: Mapping[str, Any], body: Mapping[str, Any]) -> frozenset[str]:
    """The fields of an update that differ from the record, and those that go with one of them.

    A server may refuse a change of a paid document by the fields that are sent, whatever they hold.
    Lists are sent whole.
    """
    names = {name for name, value in body.items() if diff(record, {name: value})}
    for together in _TOGETHER:
        if names & together:
            names |= together & body.keys()
    return frozenset(names)


def after_snapshot(
    intent: Intent,
    snapshot: dict[str, Any],
    *,
    equal: int,
    earlier: Sequence[int],
    owner: Callable[[int | str], str | None],
) -> Decision:
    """Before a create that only a comparison with the ledger can settle.

    Args:
        intent: The create.
        snapshot: What the ledger holds that it could be taken for.
        equal: How many equal transactions this run knows of.
        earlier: Equal transactions that may be those of a store that was lost.
        owner: Whose a record of the ledger is.
    """
    free = [n for n in snapshot.get("known", ()) if owner(n) in (None, intent.source_key)]
    if free:
        return Done({"id": free[0]}, "adopted")
    if "equal" in snapshot:
        snapshot["equal"] = max(int(snapshot["equal"]), equal)
    if earlier:
        words = (
            f"{intent.stream}: an equal transaction stood in the ledger before this state store "
            "began, and nothing tells whether it is this one; "
            + say_which(intent, "transaction:ID")
        )
        return Quarantined((words,), tuple({"transactionId": n} for n in earlier))
    return Send(intent, snapshot)


def after_allocations(
    task: Task,
    listed: Sequence[Mapping[str, Any]],
    *,
    written: Decimal,
    others: Decimal,
    applied: Applied | None,
    owner: Callable[[int | str], str | None],
    again: First | None = None,
) -> Decision:
    """Before an allocation: what is missing of the wanted sum is posted, and no more.

    Args:
        task: The record; its `total` is the whole sum that it wants.
        listed: What the ledger holds between the two.
        written: What this run has written between them.
        others: What other records want between them.
        applied: What was last applied for the record.
        owner: Whose an allocation of the ledger is.
        again: What takes back what stands for the record, where it may be replaced.
    """
    intent, total = task.wanted, Decimal(str(task.whole.body["amount"]))
    there = sum((Decimal(str(row["amount"])) for row in listed), Decimal(0))
    missing = others + total - max(there, written)
    if missing > 0:
        return Send(replace(intent, body={**intent.body, "amount": missing}), {"wanted": total})
    if missing < 0 and applied is not None and not task.sends:
        words = f"{-missing} more is allocated than wanted: void the allocation, send it anew"
        return again or Rejected((words + OR_REPLACE,))
    free = [row for row in listed if owner(row["id"]) in (None, task.source_key)]
    mine = {"id": applied.mapped.remote_id} if applied else {}
    found = max(free or listed, key=lambda row: int(row["id"]), default=mine)
    return Done(found, "written" if task.sends else "adopted")
