"""What is read of the ledger just before a write, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.task import pair_of
from target_clearbooks.intent import Operation
from target_clearbooks.ledger.matching import identities, unchanged
from target_clearbooks.writable import WRITABLE, Settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.dispatch import Carrier
    from target_clearbooks.deliver.task import Task

_LISTED = ("customers", "suppliers")
# The newest that a run has written: long enough for any list to show them.
_MOST_KEPT = 5_000


class Looks:
    """Reads for the tasks of a carrier.

    Args:
        carrier: Makes the requests, and goes on with the tasks.
    """

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        # What this run has written: a list may show it only a while later.
        self._equal: dict[str, int] = {}
        self._allocated: dict[tuple[str, tuple[int, str, int]], Decimal] = {}

    def wrote(self, task: Task) -> None:
        """Take in what was settled, so that no look falls behind it."""
        intent, settle = task.whole, WRITABLE[task.stream].settle
        if settle is Settle.COUNT and "equal" in task.fence:
            self._equal[identities(intent)[0]] = int(task.fence["equal"]) + 1
        elif settle is Settle.CONVERGE and intent.operation is Operation.CREATE:
            pair = pair_of(intent)
            others = self.carrier.engine.map.wanted(task.stream, pair, task.source_key)
            self._allocated[task.stream, pair] = others + Decimal(str(intent.body["amount"]))
        elif settle is Settle.CONVERGE:
            self._allocated.clear()  # one was taken back
        _cut(self._equal)
        _cut(self._allocated)

    def look(self, task: Task) -> None:
        """Read what has to be known just before the write."""
        intent, sender = task.wanted, self.carrier.engine.sender
        row = None
        if intent.adopted and task.stream in _LISTED:
            # Found in the list that this run has read: what it is like is known.
            row = self.carrier.engine.lookups.table(task.stream).get(intent.remote_id)
        if WRITABLE[task.stream].settle is Settle.COUNT:
            self._take_baseline(task.stream)
        if row is not None:
            self._saw_record(task, row)
        elif intent.operation is Operation.UPDATE:
            self.carrier.fly(task, self._saw_record, sender.get, task.stream, intent.params,
                      intent.remote_id)  # fmt: skip
        elif WRITABLE[task.stream].settle is Settle.CONVERGE:
            self.carrier.fly(
                task, self._saw_allocations, self.carrier.reconciler.allocations, intent
            )
        else:
            self.carrier.fly(task, self._saw_fence, self.carrier.reconciler.fence, intent)

    def _saw_record(self, task: Task, record: Mapping[str, Any] | None) -> None:
        if record is None:
            words = f"{task.stream} {task.wanted.remote_id} is not in the ledger"
            self.carrier.engine.refusals.refused(task, "rejected", "rejected", (words,))
        elif unchanged(record, task.wanted.body):
            self.carrier.engine.done(task, record, "adopted")
        else:
            if record.get("id") not in (None, task.wanted.remote_id):
                task.intent = replace(task.wanted, remote_id=record["id"])
            self._go_on(task, {})

    def _saw_fence(self, task: Task, fence: dict[str, Any]) -> None:
        engine = self.carrier.engine
        known = fence.get("known", ())
        free = [n for n in known if engine.map.owner(task.stream, n) in (None, task.source_key)]
        if free:
            engine.done(task, {"id": free[0]}, "adopted")
            return
        if "equal" in fence:
            own = self._equal.get(identities(task.wanted)[0], 0)
            fence["equal"] = max(int(fence["equal"]), own)
        before = [n for n in fence.pop("ids", ()) if self._may_be_earlier(task.stream, n)]
        if before and not engine.settings.assume_new:
            words = (
                f"{task.stream}: an equal transaction stood in the ledger before this state store "
                "began, and nothing tells whether it is this one; give it with `clearbooks map "
                f"set {task.stream} {task.source_key} transaction:ID`, or set assume_new for one "
                "run to have it made"
            )
            candidates = tuple({"transactionId": n} for n in before)
            engine.refusals.refused(task, "quarantined", "blocked", (words,), candidates)
            return
        self._go_on(task, fence)

    def _take_baseline(self, stream: str) -> None:
        """Note how far the ledger's transactions went before the first journal of this store."""
        engine = self.carrier.engine
        if engine.baseline.newest(stream) is None:
            engine.baseline.take(stream, self.carrier.reconciler.newest_transaction())

    def _may_be_earlier(self, stream: str, transaction: int) -> bool:
        engine = self.carrier.engine
        return (
            transaction <= (engine.baseline.newest(stream) or 0)
            and engine.map.owner(stream, f"transaction:{transaction}") is None
        )

    def _saw_allocations(self, task: Task, listed: list[dict[str, Any]]) -> None:
        """Post what is missing of the wanted sum, and no more."""
        engine, intent = self.carrier.engine, task.wanted
        if task.total is None:
            task.total = Decimal(str(intent.body["amount"]))
        pair = pair_of(intent)
        there = sum((Decimal(str(row["amount"])) for row in listed), Decimal(0))
        there = max(there, self._allocated.get((task.stream, pair), Decimal(0)))
        others = engine.map.wanted(task.stream, pair, task.source_key)
        missing = others + task.total - there
        if missing > 0:
            task.intent = replace(intent, body={**intent.body, "amount": missing})
            self._go_on(task, {"wanted": task.total})
            return
        applied = engine.map.applied(task.stream, task.source_key)
        if missing < 0 and applied is not None and not task.sends:
            words = f"{-missing} more is allocated than wanted: void the allocation, send it anew"
            engine.refusals.refused(task, "rejected", "invalid", (words,))
            return
        free = [r for r in listed
                if engine.map.owner(task.stream, r["id"]) in (None, task.source_key)]  # fmt: skip
        mine = {"id": applied.mapped.remote_id} if applied else {}
        found = max(free or listed, key=lambda row: int(row["id"]), default=mine)
        engine.done(task, found, "written" if task.sends else "adopted")

    def _go_on(self, task: Task, fence: dict[str, Any]) -> None:
        task.looked, task.fence = {}, fence
        self.carrier.ready.appendleft(task)


def _cut(kept: dict[Any, Any]) -> None:
    """Let the oldest go, so that memory stays flat."""
    if len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]
