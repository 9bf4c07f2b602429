"""The answers to what `decide` asks: from the state store, the ledger, and what is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.control_fields import mode_of
from target_clearbooks.deliver.decide import (
    Claim,
    Existing,
    Known,
    MayChange,
    Posted,
    Prepare,
    Resembling,
    decide,
)
from target_clearbooks.deliver.decision import First, Step
from target_clearbooks.deliver.replacing import is_replaced
from target_clearbooks.intent import Missing
from target_clearbooks.store.history import last_sent

if TYPE_CHECKING:
    from target_clearbooks.deliver.decide import Question
    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.schedule import Schedule
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.ledger.existing import ExistingRecords
    from target_clearbooks.prepare.preparer import Preparer
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.baseline import Baseline
    from target_clearbooks.store.ledger_map import LedgerMap
    from target_clearbooks.store.outbox import Row


class Facts:
    """What is known of the records of one business.

    Args:
        settings: Of the target.
        preparer: Makes intents of records.
        existing: Finds what stands in the ledger already.
        schedule: What is under way.
        ledger_map: What became of records before.
        baseline: What the ledger held before the state store began.
    """

    def __init__(
        self,
        settings: TargetSettings,
        preparer: Preparer,
        existing: ExistingRecords,
        schedule: Schedule,
        ledger_map: LedgerMap,
        baseline: Baseline,
    ) -> None:
        self._settings = settings
        self._preparer = preparer
        self._existing = existing
        self._schedule = schedule
        self._map = ledger_map
        self._baseline = baseline

    def decide(self, task: Task, left: Row | None, *, alone: bool) -> Decision:
        """What is to become of a task, with every question answered.

        Args:
            task: The task.
            left: An earlier write of its key that is still in doubt.
            alone: Whether it goes although others stand before it, since none of them can.

        Raises:
            ClearBooksError: a list of the ledger could not be read.
        """
        steps = decide(task, self.known(task, left))
        answer: Any = None
        while True:
            try:
                question = steps.send(answer)
            except StopIteration as end:
                decision: Decision | Missing = end.value
                return self._contacts_first(decision) if isinstance(decision, Missing) else decision
            answer = self.answer(task, question, alone=alone)

    def _contacts_first(self, missing: Missing) -> First:
        """The contacts that a record needs and the ledger lacks, as steps before it."""
        keys_of, known_as = self._map.keys_of, self._map.known_as
        return First(
            tuple(
                Step(stream, known_as(stream, *keys_of(record["externalId"])[:1]), record)
                for stream, record in missing.parents
            )
        )

    def known(self, task: Task, left: Row | None) -> Known:
        """What is known without a request; `left` is an earlier write that is still in doubt."""
        return Known(
            left=left,
            applied=self._map.applied(task.stream, task.source_key),
            mode=mode_of(task.record, self._settings.mode),
            replaces=is_replaced(task, self._settings),
            new=self._map.said_new(task.stream, task.source_key),
            keeps_deleted=self._settings.on_deleted == "ignore",
            namespaced=bool(self._settings.source),
            baseline=self._settings.assume_new or self._baseline.newest(task.stream) is not None,
        )

    def answer(self, task: Task, question: Question, *, alone: bool) -> Any:
        """The answer to a question; `alone` where the task does not wait for others.

        Raises:
            ClearBooksError: a list of the ledger could not be read.
        """
        match question:
            case Prepare():
                return self._preparer.prepare(
                    task.stream, task.given, task.source_key, task.key_properties
                )
            case MayChange(outcome):
                return not alone and self._schedule.may_change(task, outcome)
            case Claim(intent):
                return self._schedule.claim(task, intent) or alone
            case Existing(intent):
                self._existing.take_baseline(intent)
                return self._existing.identified(intent)
            case Resembling(intent):
                return self._existing.resembling(intent)
            case Posted():
                mapped = self._map.find(task.stream, task.source_key)
                return mapped and last_sent(self._map.db, self._map.business_id, mapped)
