"""A dry run: what would be sent goes into a plan, and counts as carried out from then on."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.decision import Done, Send
from target_clearbooks.deliver.parts import in_parts, parts_left
from target_clearbooks.deliver.task import pair_of
from target_clearbooks.intent import OUTCOMES, Operation, Rejected
from target_clearbooks.ledger.matching import is_voided
from target_clearbooks.plan import FIRST, is_planned
from target_clearbooks.writable import WRITABLE, Settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.dispatch import Dispatch
    from target_clearbooks.deliver.reconcile import Reconciler
    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent
    from target_clearbooks.plan import PlanFile


class DryRun:
    """Stands where the ledger would be written: nothing but GETs is sent.

    What is planned to be created gets a negative ID, for the records that refer to it.

    Args:
        file: The plan.
    """

    def __init__(self, file: PlanFile) -> None:
        self._file = file
        self._next = FIRST

    def carry_out(
        self, task: Task, sender: Sender, reconciler: Reconciler, judge: Dispatch
    ) -> Decision:
        """Plan a write, and answer as if it had been carried out.

        Args:
            task: The record.
            sender: Reads single records.
            reconciler: Reads allocations.
            judge: Says what follows from what the ledger holds.
        """
        intent = task.wanted
        if intent.operation in (Operation.CREATE, Operation.POST):
            seen = self._seen(task, reconciler, judge)
            if seen is not None:
                return seen
            self._next -= 1
            self._file.operation(intent, planned=self._next)
            body = intent.body if isinstance(intent.body, dict) else {}
            return Done({**body, **_made(intent), "id": self._next}, "written")
        before: dict[str, Any] | None = {}
        if not is_planned(intent.remote_id):
            before = sender.get(intent.stream, intent.params, intent.remote_id)
            if intent.operation is Operation.UPDATE:
                decision = judge.foreseen(task, before)
                if not isinstance(decision, Send):
                    return decision
        if intent.removes and before is None and in_parts(task, reconciler, renewed=True):
            for part in parts_left(task, reconciler, renewed=True)[-1:]:
                intent, before = replace(intent, remote_id=part["id"]), part
        if intent.removes and (before is None or is_voided(before)):
            return Done({}, "unchanged")
        if before is None:
            words = f"{intent.stream} {intent.remote_id} is not in the ledger"
            return Rejected((words,), "rejected")
        self._file.operation(intent, planned=None, before=before)
        record = {**before, **(intent.body or {}), **_amounts(intent, before)}
        return Done({**record, "id": intent.remote_id}, OUTCOMES[intent.operation])

    @staticmethod
    def _seen(task: Task, reconciler: Reconciler, judge: Dispatch) -> Decision | None:
        """What follows from what is allocated already; None where an allocation adds to it.

        Other creates are new.
        """
        intent = task.wanted
        if WRITABLE[intent.stream].settle is not Settle.CONVERGE:
            return None
        invoice, _, source = pair_of(intent)
        listed = [] if invoice < 0 or source < 0 else reconciler.allocations(intent)
        # What this plan takes back first does not count.
        owners = [reconciler.map.owner(intent.stream, row["id"]) for row in listed]
        gone = [
            owner is not None and reconciler.map.is_voided(intent.stream, owner) for owner in owners
        ]
        left = [row for row, is_gone in zip(listed, gone, strict=True) if not is_gone]
        decision = judge.saw_allocations(task, left)
        return None if isinstance(decision, Send) else decision

    def refuse(
        self,
        business_id: int,
        stream: str,
        key: str,
        kind: str,
        reasons: Sequence[str],
        candidates: Sequence[Mapping[str, Any]],
    ) -> None:
        """Plan nothing, and say why."""
        self._file.refused(business_id, stream, key, kind, reasons, candidates)


def _made(intent: Intent) -> dict[str, Any]:
    """What a document that is planned comes to and is due."""
    if intent.total is None:
        return {}
    currency = intent.body.get("currency", "GBP")
    return {"gross": intent.total, "due": intent.total, "currency": currency}


def _amounts(intent: Intent, before: Mapping[str, Any]) -> dict[str, Decimal]:
    """What a document comes to and is due, were an update carried out."""
    if intent.total is None or "gross" not in before or "due" not in before:
        return {}
    more = intent.total - Decimal(str(before["gross"]))
    return {"gross": intent.total, "due": Decimal(str(before["due"])) + more}
