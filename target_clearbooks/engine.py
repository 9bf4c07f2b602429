"""One business's records on their way: prepared, put in order, sent, settled, counted."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.adopt import Adopter, refuse_if_marked
from target_clearbooks.carry import Carrier
from target_clearbooks.intent import (
    WRITABLE,
    Intent,
    Missing,
    Operation,
    Quarantined,
    Rejected,
    Waiting,
    content_hash,
)
from target_clearbooks.outbox import DOUBTFUL, Row
from target_clearbooks.refusals import Refusals
from target_clearbooks.same import unchanged
from target_clearbooks.task import Task, claim_of, claims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor

    from target_clearbooks.intent import Outcome, Preparer
    from target_clearbooks.ledger_map import Applied, LedgerMap
    from target_clearbooks.outbox import Outbox
    from target_clearbooks.plan import Planner
    from target_clearbooks.prepare.lookups import Lookups
    from target_clearbooks.rejects import Rejects
    from target_clearbooks.sending import Sender
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.traffic import Traffic

_UNCHANGEABLE = ("journals", "bank_feeds")


class Engine:
    """Writes into one business. Everything but requests happens in the caller's thread.

    Args:
        settings: Of the target.
        sender: Makes the requests.
        outbox: Where intents stand on disk.
        ledger_map: What became of records before.
        lookups: The ledger's lists.
        preparer: Makes intents of records.
        executor: Threads for requests.
        rejects: Where refused records are listed.
        planner: Writes a plan in the place of the ledger.
        stopped: Whether a signal has asked to end.
    """

    def __init__(
        self,
        settings: TargetSettings,
        sender: Sender,
        outbox: Outbox,
        ledger_map: LedgerMap,
        lookups: Lookups,
        preparer: Preparer,
        executor: Executor,
        rejects: Rejects,
        planner: Planner | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.settings = settings
        self.sender = sender
        self.business_id = sender.business_id
        self.outbox = outbox
        self.map = ledger_map
        self.lookups = lookups
        self.preparer = preparer
        self.planner = planner
        self.stopped = stopped
        self.adopter = Adopter(sender, lookups, ledger_map)
        self.carrier = Carrier(self, executor)
        self.refusals = Refusals(self, rejects, planner)
        self.live: dict[int, Task] = {}
        self.held: deque[Task] = deque()
        self.seqs: dict[int, None] = {}
        self.unsettled: dict[tuple[str, str], Row] = {}
        self.failure: BaseException | None = None
        self._next = 0
        self._checked = False

    # The run

    def recover(self) -> None:
        """Take up what an earlier run left in doubt, and what it left waiting."""
        self._drop_planned()
        if self.planner is None:
            for row in self.outbox.rows(self.business_id, *DOUBTFUL, "quarantined"):
                if row.sent is not None and row.intent is not None:
                    self._doubtful(row)
            self.drain()
        for row in self.outbox.rows(self.business_id, "waiting"):
            self._resume(row)

    def _drop_planned(self) -> None:
        with self.outbox.transaction():
            for row in self.outbox.rows(self.business_id, "planned"):
                # Nothing was sent, and no STATE went out behind it: the source sends it again.
                self.outbox.close(row, "superseded")

    def _doubtful(self, row: Row) -> None:
        task = self._task(row.stream, row.source_key, row.record, row.record_hash)
        task.row, task.intent, task.fence, task.recovered = row, row.intent, row.fence, True
        task.most = 1
        if "wanted" in row.fence:
            task.total = Decimal(str(row.fence["wanted"]))
        task.due = (row.sent or 0) + self.settings.settle_seconds
        self.traffic.claim(task.number, [task.key, *claims(task.wanted)], alone=True)
        self.carrier.uncertain.append(task)

    def submit(
        self,
        stream: str,
        record: Mapping[str, Any],
        source_key: str,
        *,
        seq: int | None = None,
        key_properties: Iterable[str] = (),
    ) -> None:
        """Take in a record."""
        number = content_hash(record)
        claim = claim_of(stream, source_key)
        if (
            not self.traffic.busy(claim, -1)
            and (stream, source_key) not in self.unsettled
            and self._same_as_before(stream, source_key, number)
        ):
            self.outbox.count(self.business_id, stream, "unchanged")
            return
        task = self._task(stream, source_key, record, number)
        task.key_properties = tuple(key_properties)
        if seq is not None:
            task.seq = seq
            self.seqs[seq] = None
        self._begin(task)

    def reject(
        self,
        stream: str,
        record: Mapping[str, Any],
        source_key: str,
        outcome: Rejected,
        key_properties: Iterable[str] = (),
    ) -> None:
        """Refuse a record that cannot even be taken in."""
        task = self._task(stream, source_key, record, content_hash(record))
        task.key_properties = tuple(key_properties)
        self.refusals.refuse(task, outcome)

    def execute(self, intent: Intent) -> None:
        """Take in an intent of a plan."""
        task = self._task(intent.stream, intent.source_key, intent.record,
                          content_hash(intent.record))  # fmt: skip
        task.intent, task.fixed = intent, True
        self._begin(task)

    def _same_as_before(self, stream: str, source_key: str, number: str) -> bool:
        applied = self.map.applied(stream, source_key)
        return applied is not None and applied.record_hash == number

    def _task(self, stream: str, key: str, record: Mapping[str, Any], number: str) -> Task:
        self._next += 1
        task = Task(self._next, stream, key, record, number)
        self.live[task.number] = task
        return task

    def _begin(self, task: Task) -> None:
        self.traffic.claim(task.number, [task.key], alone=True)
        if self.traffic.free(task.number):
            self._consider(task)
        else:
            self.held.append(task)

    def _resume(self, row: Row) -> None:
        if not self.traffic.busy(claim_of(row.stream, row.source_key), -1):
            task = self._task(row.stream, row.source_key, row.record, row.record_hash)
            task.row = row
            self._begin(task)

    @property
    def traffic(self) -> Traffic:
        """Who may go."""
        return self.carrier.traffic

    def pump(self, seconds: float = 0.0) -> None:
        """Go on with what is under way; wait up to so long for something to come."""
        self.carrier.pump(seconds)
        self.advance()
        self.carrier.dispatch()

    def advance(self) -> None:
        """Let those go on that waited for others."""
        for _ in range(len(self.held)):
            task = self.held.popleft()
            if self.traffic.free(task.number):
                self._consider(task)
            else:
                self.held.append(task)
        if self.held and not self.carrier.busy:
            # Nothing is under way that could let anybody go: the oldest goes first.
            self._consider(self.held.popleft(), alone=True)

    def drain(self) -> None:
        """Go on until everything is settled, or the run has to end."""
        while self.live and self.failure is None and not self.stopped():
            self.pump(0.1)

    def finish_flights(self) -> None:
        """Wait for the requests under way and put down what became of them; begin nothing new."""
        self.carrier.finish_flights()

    # From record to intent

    def _consider(self, task: Task, *, alone: bool = False) -> None:
        """Prepare a task, or find out what it has to wait for."""
        if self.failure is not None:
            self.held.append(task)
            return
        left = self.unsettled.get((task.stream, task.source_key))
        if left is not None:
            self._leave(task, left)
            return
        if not task.fixed and self._same_as_before(task.stream, task.source_key, task.hash):
            self.settled(task, "unchanged")
            return
        outcome = task.intent if task.fixed and task.intent else self._prepare(task)
        if isinstance(outcome, Intent):
            self._intend(task, outcome, alone=alone)
        elif isinstance(outcome, Missing):
            self._make(task, outcome)
        elif not self._may_change(task, outcome, alone=alone):
            self.refusals.refuse(task, outcome)

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
            if self.traffic.busy(claim_of(*parent), task.number)
        ] or [
            other.key for other in self.live.values()
            if other.rank < task.rank and other.number < task.number
        ]  # fmt: skip
        if not ahead or alone:
            return False
        self.traffic.claim(task.number, ahead, alone=False)
        if self.traffic.free(task.number):
            return False
        self.held.append(task)
        return True

    def _make(self, task: Task, missing: Missing) -> None:
        """Write the contacts first that a record needs and the ledger lacks."""
        for stream, record in missing.parents:
            key = str(record["externalId"])
            claim = claim_of(stream, key)
            if (stream, key) in task.parents and not self.traffic.busy(claim, task.number):
                self.refusals.refuse(
                    task, Rejected((f"{stream} {key!r} could not be made",), "blocked")
                )
                return
            task.parents.add((stream, key))
            if not self.traffic.busy(claim, task.number):
                self._begin(self._task(stream, key, record, content_hash(record)))
            self.traffic.claim(task.number, [claim], alone=False)
        self.held.append(task)

    def _intend(self, task: Task, intent: Intent, *, alone: bool) -> None:
        applied = self.map.applied(task.stream, task.source_key)
        intent = self._fitted(intent, applied)
        if applied is not None and applied.hash == intent.hash and intent.adopted is None:
            self.settled(task, "unchanged", applied)
            return
        if applied and applied.hash is None and intent.stream in _UNCHANGEABLE:
            # A person has said which one it is. The record stands for its content from now on.
            task.intent = replace(intent, body=dict(task.record))
            self.done(task, {"id": applied.mapped.remote_id}, "adopted")
            return
        reason = self._out_of_mode(intent, applied)
        if reason:
            self.refusals.refuse(task, Rejected((reason,)))
            return
        task.intent = intent
        depends = [claim_of(*parent) for parent in intent.depends_on]
        before = self.traffic.free(task.number)
        self.traffic.claim(task.number, depends, alone=False)
        self.traffic.claim(task.number, claims(intent), alone=True)
        if not self.traffic.free(task.number) and before and not alone:
            self.held.append(task)
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
        if self.settings.mode == "update" and intent.operation in ("create", "post"):
            return f"mode is update, and {intent.stream} {intent.source_key!r} is not there"
        if WRITABLE[intent.stream].creates is False and intent.operation is Operation.CREATE:
            return f"{intent.stream} can only be updated"
        if self.sender.operation(intent) is None:
            return f"{intent.stream} cannot be changed; void it and send it under a new key"
        return ""

    def _ready(self, task: Task, applied: Applied | None) -> None:
        """Adopt what stands already, or send."""
        intent = task.wanted
        if intent.operation is Operation.VOID and applied and applied.mapped.voided:
            self.settled(task, "unchanged", applied)
            return
        if intent.operation is Operation.CREATE and not self._adopted(task):
            return
        intent = task.wanted
        known = applied is not None and applied.hash is not None
        if self.settings.mode == "create" and intent.operation is Operation.UPDATE:
            self.done(task, {"id": intent.remote_id}, "unchanged" if known else "adopted")
        elif self.planner is not None:
            self.planner.plan(self, task)
        else:
            self._check_marked()
            self.carrier.put(task, unknown=not known)

    def _adopted(self, task: Task) -> bool:
        """Look whether the document stands already; False where the task is settled by that."""
        intent = task.wanted
        found = self.adopter.standing(intent)
        if len(found) > 1:
            names = ("id", "documentNumber", "date")
            candidates: tuple[Mapping[str, Any], ...] = tuple(
                {k: r[k] for k in names if k in r} for r in found
            )
            words = f"{len(found)} records of the ledger carry {intent.marker or 'its number'}"
            self.refusals.refuse(task, Quarantined((words,), candidates))
            return False
        if not found:
            return True
        self._check_marked()
        task.intent, task.adopted = self.adopter.adopt(intent, found[0]), True
        if unchanged(found[0], intent.body):
            self.done(task, found[0], "adopted")
            return False
        return True

    def _check_marked(self) -> None:
        """Refuse to write into a ledger that an earlier, lost store has written into."""
        if self._checked:
            return
        if self.map.empty() and not self.map.rebuilt() and not self.settings.assume_new:
            refuse_if_marked(self.sender, self.settings.in_flight)
        self._checked = True

    # What becomes of a task

    def done(self, task: Task, record: Mapping[str, Any], outcome: str) -> None:
        """Settle a task that stands in the ledger."""
        with self.outbox.transaction():
            self.carrier.put_down(task, record, outcome)
        self.settled(task, None)

    def settled(self, task: Task, outcome: str | None, applied: Applied | None = None) -> None:
        """Let go of a task, and take up what waited for it."""
        if outcome:
            self.outbox.count(self.business_id, task.stream, outcome)
        if applied is not None:
            with self.outbox.transaction():
                self.map.set(
                    task.stream, task.source_key, applied.mapped.remote_id, run=self.outbox.run,
                    content=applied.hash, record=task.hash, voided=applied.mapped.voided,
                )  # fmt: skip
                self.outbox.supersede(self.business_id, task.stream, task.source_key)
        self.let_go(task)
        for row in self.outbox.waiting_for(self.business_id, task.stream, task.source_key):
            self._resume(row)

    def let_go(self, task: Task) -> None:
        """Forget a task: it is settled, or waits on disk."""
        self.traffic.done(task.number)
        self.live.pop(task.number, None)
        if task.seq is not None:
            self.seqs.pop(task.seq, None)

    def _leave(self, task: Task, left: Row) -> None:
        """An earlier write of this key is still in doubt: nothing may be sent on top of it."""
        self.live.pop(task.number, None)
        self.traffic.done(task.number)
        if left.state == "quarantined" and task.seq is not None:
            self.seqs.pop(task.seq, None)

    def row(self, task: Task, kind: str | None = None, reasons: Iterable[str] = ()) -> Row:
        """A task as a row of the outbox."""
        return Row(
            0, self.outbox.run, self.business_id, task.stream, task.source_key, "planned",
            dict(task.record), task.hash, task.intent, kind=kind, reasons=tuple(reasons),
        )  # fmt: skip

    @staticmethod
    def now() -> float:
        """Seconds since 1970, as rows keep them."""
        return time.time()
