"""From a record to what is done with it: prepared, compared, adopted, sent, or left to wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.task import claim_of, claims
from target_clearbooks.intent import (
    Intent,
    Missing,
    Operation,
    Quarantined,
    Rejected,
    Waiting,
    content_hash,
)
from target_clearbooks.ledger.matching import unchanged
from target_clearbooks.writable import WRITABLE, Settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.business import Engine
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Outcome, Preparer
    from target_clearbooks.ledger.existing import Adopter
    from target_clearbooks.store.ledger_map import Applied

_UNCHANGEABLE = ("journals", "bank_feeds")


class Decider:
    """Says what becomes of the records of an engine.

    Args:
        engine: Whose records.
        preparer: Makes intents of records.
        adopter: Finds what stands in the ledger already.
    """

    def __init__(self, engine: Engine, preparer: Preparer, adopter: Adopter) -> None:
        self.engine = engine
        self.preparer = preparer
        self.adopter = adopter

    def consider(self, task: Task, *, alone: bool = False) -> None:
        """Prepare a task, or find out what it has to wait for."""
        if self.engine.failure is not None:
            self.engine.held.append(task)
            return
        left = self.engine.unsettled.get((task.stream, task.source_key))
        if left is not None:
            self.engine.leave(task, left)
            return
        if not task.fixed and self.engine.same_as_before(task.stream, task.source_key, task.hash):
            self.engine.settled(task, "unchanged")
            return
        outcome = task.intent if task.fixed and task.intent else self._prepare(task)
        if isinstance(outcome, Intent):
            self._intend(task, outcome, alone=alone)
        elif isinstance(outcome, Missing):
            self._make(task, outcome)
        elif not self._may_change(task, outcome, alone=alone):
            self.engine.refusals.refuse(task, outcome)

    def _prepare(self, task: Task) -> Intent | Outcome:
        given = {
            name: value
            for name, value in task.record.items()
            if not name.startswith("_sdc_")
            and (name != "businessId" or task.stream == "businesses")
        }
        return self.preparer.prepare(task.stream, given, task.source_key)

    def _may_change(self, task: Task, outcome: Outcome, *, alone: bool) -> bool:
        """Whether others under way may change the outcome; then the task waits for them."""
        wanted = outcome.on if isinstance(outcome, Waiting) else ()
        ahead = [
            claim_of(*parent) for parent in wanted
            if self.engine.traffic.busy(claim_of(*parent), task.number)
        ] or [
            other.key for other in self.engine.live.values()
            if other.rank < task.rank and other.number < task.number
        ]  # fmt: skip
        if not ahead or alone:
            return False
        self.engine.traffic.claim(task.number, ahead, alone=False)
        if self.engine.traffic.free(task.number):
            return False
        self.engine.held.append(task)
        return True

    def _make(self, task: Task, missing: Missing) -> None:
        """Write the contacts first that a record needs and the ledger lacks."""
        for stream, record in missing.parents:
            key = str(record["externalId"])
            claim = claim_of(stream, key)
            if (stream, key) in task.parents and not self.engine.traffic.busy(claim, task.number):
                self.engine.refusals.refuse(
                    task, Rejected((f"{stream} {key!r} could not be made",), "blocked")
                )
                return
            task.parents.add((stream, key))
            if not self.engine.traffic.busy(claim, task.number):
                self.engine.begin(self.engine.task(stream, key, record, content_hash(record)))
            self.engine.traffic.claim(task.number, [claim], alone=False)
        self.engine.held.append(task)

    def _intend(self, task: Task, intent: Intent, *, alone: bool) -> None:
        applied = self.engine.map.applied(task.stream, task.source_key)
        intent = self._fitted(intent, applied)
        if applied is not None and applied.hash == intent.hash and intent.adopted is None:
            self.engine.settled(task, "unchanged", applied)
            return
        if applied and applied.hash is None and intent.stream in _UNCHANGEABLE:
            # A person has said which one it is. The record stands for its content from now on.
            task.intent = replace(intent, body=dict(task.record))
            self.engine.done(task, {"id": applied.mapped.remote_id}, "adopted")
            return
        reason = self._out_of_mode(intent, applied)
        if reason:
            self.engine.refusals.refuse(task, Rejected((reason,)))
            return
        task.intent = intent
        depends = [claim_of(*parent) for parent in intent.depends_on]
        before = self.engine.traffic.free(task.number)
        self.engine.traffic.claim(task.number, depends, alone=False)
        self.engine.traffic.claim(task.number, claims(intent), alone=True)
        if not self.engine.traffic.free(task.number) and before and not alone:
            self.engine.held.append(task)
            return
        self._ready(task, applied)

    @staticmethod
    def _fitted(intent: Intent, applied: Applied | None) -> Intent:
        """What is done again after a void is made anew."""
        if applied and applied.mapped.voided and intent.operation is Operation.UPDATE:
            return replace(intent, operation=Operation.CREATE, remote_id=None)
        return intent

    def _out_of_mode(self, intent: Intent, applied: Applied | None) -> str:
        if intent.stream in _UNCHANGEABLE and applied and not applied.mapped.voided:
            return (
                f"{intent.stream} {intent.source_key!r} was written and cannot be changed; send "
                "the difference under a key of its own"
            )
        if self.engine.settings.mode == "update" and intent.operation in ("create", "post"):
            return f"mode is update, and {intent.stream} {intent.source_key!r} is not there"
        if WRITABLE[intent.stream].creates is False and intent.operation is Operation.CREATE:
            return f"{intent.stream} can only be updated"
        if self.engine.sender.operation(intent) is None:
            return f"{intent.stream} cannot be changed; void it and send it under a new key"
        return ""

    def _ready(self, task: Task, applied: Applied | None) -> None:
        """Adopt what stands already, or send."""
        intent = task.wanted
        if intent.operation is Operation.VOID and applied and applied.mapped.voided:
            self.engine.settled(task, "unchanged", applied)
            return
        if intent.operation is Operation.CREATE and not self._adopted(task):
            return
        if self._may_stand_unseen(intent):
            words = (
                f"{intent.stream}: this state store has made none in business "
                f"{intent.business_id} yet, and the API has no list that tells whether one stands "
                "there already; set assume_new for one run to have it made, or give its ID with "
                "`clearbooks map set`"
            )
            self.engine.refusals.refuse(task, Quarantined((words,)))
            return
        intent = task.wanted
        known = applied is not None and applied.hash is not None
        if self.engine.settings.mode == "create" and intent.operation is Operation.UPDATE:
            self.engine.done(task, {"id": intent.remote_id}, "unchanged" if known else "adopted")
        elif self.engine.planner is not None:
            self.engine.planner.plan(self.engine, task)
        else:
            self.engine.carrier.put(task, unknown=not known)

    def _may_stand_unseen(self, intent: Intent) -> bool:
        """Whether an earlier, lost store may have made it, and nothing would show it.

        Asked until a person has said once, by `assume_new`, that there is none.
        """
        if (
            intent.operation is not Operation.CREATE
            or WRITABLE[intent.stream].settle is not Settle.NEVER
            or self.engine.baseline.newest(intent.stream) is not None
        ):
            return False
        if self.engine.settings.assume_new:
            self.engine.baseline.take(intent.stream)
            return False
        return True

    def _adopted(self, task: Task) -> bool:
        """Look whether the document stands already; False where the task is settled by that."""
        intent = task.wanted
        self.adopter.take_baseline(intent.stream)
        found = self.adopter.standing(intent)
        words = f"{len(found)} records of the ledger carry {intent.marker or 'its number'}"
        certain = len(found) == 1
        if not found and not self.engine.settings.assume_new:
            found, identified = self.adopter.resembling(intent)
            certain = identified and len(found) == 1
            words = (
                f"{intent.stream}: the ledger held one like it before this state store began, and "
                "nothing tells whether it is this one; give its ID with `clearbooks map set`, or "
                "set assume_new for one run to have it made"
            )
        if not found:
            return True
        if not certain:
            names = ("id", "documentNumber", "date", "amount", "gross")
            candidates: tuple[Mapping[str, Any], ...] = tuple(
                {k: r[k] for k in names if k in r} for r in found
            )
            self.engine.refusals.refuse(task, Quarantined((words,), candidates))
            return False
        task.intent, task.adopted = self.adopter.adopt(intent, found[0]), True
        if unchanged(found[0], intent.body):
            self.engine.done(task, found[0], "adopted")
            return False
        return True
