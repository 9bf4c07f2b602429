"""A dry run: what would be sent goes into a plan, and counts as carried out from then on."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.contract import HOME_CURRENCY
from target_clearbooks.allocation_ends import pair_of
from target_clearbooks.deliver.decision import Done, Send
from target_clearbooks.deliver.parts import in_parts, parts_left
from target_clearbooks.intent import OUTCOMES, Rejected, WriteOperation
from target_clearbooks.ledger.matching import is_voided
from target_clearbooks.plan import FIRST, is_planned
from target_clearbooks.worth import worth
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_clearbooks.deliver.before_write import BeforeWrite
    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.reconcile import Reconciler
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent
    from target_clearbooks.plan import PlanFile


class DryRun:
    """Stands where the ledger would be written: nothing but GETs is sent.

    What is planned to be created gets a negative ID, for the records that refer to it; a bank
    account gets one for the account code that it comes with, too.

    Args:
        file: The plan.
    """

    def __init__(self, file: PlanFile) -> None:
        self._file = file
        self._next = FIRST

    def carry_out(self, task: Task, reconciler: Reconciler, before_write: BeforeWrite) -> Decision:
        """Plan a write, and answer as if it had been carried out.

        Args:
            task: The record.
            reconciler: Reads the ledger.
            before_write: Says what follows from what it holds.
        """
        intent = task.wanted
        if intent.operation in (WriteOperation.CREATE, WriteOperation.POST):
            seen = self._seen(task, reconciler, before_write)
            if seen is not None:
                return seen
            return Done(self._make(intent), "written")
        before: dict[str, Any] | None = {}
        if not is_planned(intent.remote_id):
            before = reconciler.sender.get(intent.stream, intent.params, intent.remote_id)
            if intent.operation is WriteOperation.UPDATE:
                decision = before_write.foreseen(task, before)
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

    def _make(self, intent: Intent) -> dict[str, Any]:
        """Plan a create; the record as the ledger may answer it."""
        made: dict[str, Any] = {"id": self._number()}
        if WRITABLE[intent.stream].kind is Kind.BANK_ACCOUNT:
            made |= {"accountCode": self._number(), "currency": HOME_CURRENCY}
        elif intent.total is not None:
            made |= {"gross": intent.total, "due": intent.total, "currency": HOME_CURRENCY}
        account = made.get("accountCode")
        self._file.operation(intent, planned=made["id"], planned_account=account)
        return made | intent.body if isinstance(intent.body, dict) else made

    def _number(self) -> int:
        self._next -= 1
        return self._next

    @staticmethod
    def _seen(task: Task, reconciler: Reconciler, before_write: BeforeWrite) -> Decision | None:
        """What follows from what is allocated already; None where an allocation adds to it.

        Other creates are new.
        """
        intent = task.wanted
        if WRITABLE[intent.stream].settle is not Settle.CONVERGE:
            return None
        invoice, _, source = pair_of(intent.body)
        listed = [] if invoice < 0 or source < 0 else reconciler.allocations(intent)
        # What this plan takes back first does not count.
        owners = [reconciler.map.owner(intent.stream, row["id"]) for row in listed]
        gone = [
            owner is not None and reconciler.map.is_voided(intent.stream, owner) for owner in owners
        ]
        left = [row for row, is_gone in zip(listed, gone, strict=True) if not is_gone]
        decision = before_write.allocations(task, left)
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


def _amounts(intent: Intent, before: Mapping[str, Any]) -> dict[str, Decimal]:
    """What a document comes to and is due, were an update carried out."""
    if intent.total is None or "gross" not in before or "due" not in before:
        return {}
    more = intent.total - Decimal(str(before["gross"]))
    net = worth(intent.body)
    return {
        "gross": intent.total,
        "net": net,
        "vat": intent.total - net,
        "due": Decimal(str(before["due"])) + more,
    }
