"""A dry run: what would be sent goes into a plan, and counts as carried out from then on."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.decision import Done, Send
from target_clearbooks.deliver.parts import in_parts, parts_left
from target_clearbooks.deliver.task import pair_of
from target_clearbooks.intent import OUTCOMES, Operation, Rejected
from target_clearbooks.ledger.amounts import HOME_CURRENCY
from target_clearbooks.ledger.matching import is_voided
from target_clearbooks.plan import FIRST, is_planned
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.reconcile import Reconciler
    from target_clearbooks.deliver.sending import Sender
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

    def carry_out(
        self,
        task: Task,
        sender: Sender,
        reconciler: Reconciler,
        others: Decimal,
        judged: Callable[[Task, Mapping[str, Any] | None], Decision],
    ) -> Decision:
        """Plan a write, and answer as if it had been carried out.

        Args:
            task: The record.
            sender: Reads single records.
            reconciler: Reads allocations.
            others: For an allocation: what other records want of the same two.
            judged: What follows from what the ledger holds of an update.
        """
        intent = task.wanted
        if intent.operation in (Operation.CREATE, Operation.POST):
            if not self._adds(task, reconciler, others):
                return Done({"id": 0}, "adopted")
            return Done(self._make(intent), "written")
        before: dict[str, Any] | None = {}
        if not is_planned(intent.remote_id):
            before = sender.get(intent.stream, intent.params, intent.remote_id)
            decision = judged(task, before) if intent.operation is Operation.UPDATE else None
            if decision is not None and not isinstance(decision, Send):
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
        record = {**before, **(intent.body or {}), "id": intent.remote_id}
        return Done(record, OUTCOMES[intent.operation])

    def _make(self, intent: Intent) -> dict[str, Any]:
        """Plan a create; the record as the ledger may answer it."""
        made: dict[str, Any] = {"id": self._number()}
        if WRITABLE[intent.stream].kind is Kind.BANK_ACCOUNT:
            made |= {"accountCode": self._number(), "currency": HOME_CURRENCY}
        elif intent.gross is not None:
            made |= {"gross": intent.gross, "due": intent.gross, "currency": HOME_CURRENCY}
        account = made.get("accountCode")
        self._file.operation(intent, planned=made["id"], planned_account=account)
        return made | intent.body if isinstance(intent.body, dict) else made

    def _number(self) -> int:
        self._next -= 1
        return self._next

    @staticmethod
    def _adds(task: Task, reconciler: Reconciler, others: Decimal) -> bool:
        """Whether an allocation is not there already; other creates are new."""
        intent = task.wanted
        if WRITABLE[intent.stream].settle is not Settle.CONVERGE:
            return True
        invoice, _, source = pair_of(intent)
        if invoice < 0 or source < 0:
            return True
        rows = reconciler.allocations(intent)
        there = sum((Decimal(str(row["amount"])) for row in rows), Decimal(0))
        return others + Decimal(str(intent.body["amount"])) > there

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
