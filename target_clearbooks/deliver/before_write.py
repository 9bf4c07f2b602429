"""What follows from what was read just before a write, with what the state store knows.

The rules are those of `precheck`; a dry run asks them, too.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from target_clearbooks.allocation_ends import pair_of
from target_clearbooks.deliver.collisions import collision
from target_clearbooks.deliver.decision import Send
from target_clearbooks.deliver.precheck import (
    WrittenLately,
    after_allocations,
    after_record,
    after_snapshot,
)
from target_clearbooks.deliver.replacing import (
    allocated_to,
    freed_first,
    is_kept,
    is_replaced,
    joins_others,
    taken_back_first,
)
from target_clearbooks.ledger.likeness import likeness
from target_clearbooks.writable import WRITABLE, Settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.baseline import Baseline
    from target_clearbooks.store.ledger_map import LedgerMap


class BeforeWrite:
    """Decides what becomes of records of one business once the ledger was read for them.

    Args:
        settings: Of the target.
        ledger_map: What records became.
        baseline: What the ledger held before the state store began.
    """

    def __init__(self, settings: TargetSettings, ledger_map: LedgerMap, baseline: Baseline) -> None:
        self._settings = settings
        self._map = ledger_map
        self._baseline = baseline
        self._lately = WrittenLately()

    def written(self, task: Task) -> None:
        """Take in what was written: a list may show it only a while later."""
        intent, others = task.whole, Decimal(0)
        if WRITABLE[task.stream].settle is Settle.CONVERGE and intent.body:
            others = self._map.allocated.wanted(task.stream, pair_of(intent.body), task.source_key)
        self._lately.add(task, others)

    def record(self, task: Task, record: Mapping[str, Any] | None) -> Decision:
        """What follows from the record that an update is for; None where there is none."""
        applied = self._map.applied(task.stream, task.source_key)
        known = applied is not None and applied.hash is not None
        if record is not None and applied is not None and known and applied.likeness is None:
            # Version 0.1 kept nothing that tells whether the key stands for another record now.
            alike = likeness(task.stream, record)
            namespaced = bool(self._settings.source)
            refused = collision(task.wanted, alike, namespaced=namespaced)
            if refused is not None:
                return refused
        replaces = known and not task.fixed and is_replaced(task, self._settings)
        return after_record(task.wanted, record, known=known, replaces=replaces)

    def foreseen(self, task: Task, record: Mapping[str, Any] | None) -> Decision:
        """What would follow from that record, were the update sent."""
        decision = self.record(task, record)
        if record is None or not isinstance(decision, Send):
            return decision
        kept = is_kept(decision.intent, record, allocated_to(task, self._map))
        replaces = kept and is_replaced(task, self._settings)
        return (freed_first(task, self._map) if replaces else None) or decision

    def snapshot(self, task: Task, snapshot: dict[str, Any]) -> Decision:
        """What follows from what a create adds to; see `Reconciler.snapshot`."""
        newest = self._baseline.newest(task.stream) or 0
        earlier = [
            number
            for number in snapshot.pop("ids", ())
            if number <= newest
            and not self._map.said_new(task.stream, task.source_key)
            and self._map.owner(task.stream, f"transaction:{number}") is None
        ]
        return after_snapshot(
            task.wanted,
            snapshot,
            equal=self._lately.equal(task.wanted),
            earlier=earlier,
            owner=partial(self._map.owner, task.stream),
        )

    def allocations(self, task: Task, listed: list[dict[str, Any]]) -> Decision:
        """What follows from what is allocated between the two that an allocation joins."""
        if task.total is None:
            task.total = Decimal(str(task.wanted.body["amount"]))
        intent, again = task.wanted, None
        applied = self._map.applied(task.stream, task.source_key)
        standing = applied is not None and not applied.mapped.voided
        if standing and not task.fixed and is_replaced(task, self._settings):
            again = taken_back_first(task, self._map)
            joined = self._map.allocated.joined(task.stream, task.source_key)
            if not task.sends and joins_others(intent, joined, self._map):
                return again
        return after_allocations(
            task,
            listed,
            written=self._lately.allocated(intent),
            others=self._map.allocated.wanted(task.stream, pair_of(intent.body), task.source_key),
            applied=applied,
            owner=partial(self._map.owner, task.stream),
            again=again,
        )
