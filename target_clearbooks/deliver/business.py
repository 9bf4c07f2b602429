"""Writing into one business: what was decided is carried out here, and nowhere else.

A record becomes a task. `decide` says what is to become of it and asks for what it has to know,
`facts` answers, and `_carry_out` does what was decided. What is under way lies with
`dispatch`, whose answers are decisions again; `recorder` puts down every settlement. Everything
but the requests themselves happens in the caller's thread, so nothing here is locked.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.awaited import Awaited
from target_clearbooks.deliver.before_write import BeforeWrite
from target_clearbooks.deliver.decision import Done, First, Gone, Hold, Leave, Send, Unchanged
from target_clearbooks.deliver.dispatch import Dispatch
from target_clearbooks.deliver.facts import Facts
from target_clearbooks.deliver.intake import Intake
from target_clearbooks.deliver.reconcile import Reconciler
from target_clearbooks.deliver.schedule import Schedule
from target_clearbooks.deliver.task import claims
from target_clearbooks.intent import Quarantined, Rejected, Waiting, content_hash
from target_clearbooks.ledger.emptied import SameLedger
from target_clearbooks.ledger.existing import ExistingRecords
from target_clearbooks.store.baseline import Baseline
from target_clearbooks.store.outbox import DOUBTFUL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor

    from target_clearbooks.deliver.decision import Decision, Step
    from target_clearbooks.deliver.dry_run import DryRun
    from target_clearbooks.deliver.intake import Taken
    from target_clearbooks.deliver.recorder import Recorder
    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent, Mapped
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.prepare.preparer import Preparer
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.ledger_map import LedgerMap
    from target_clearbooks.store.outbox import Outbox, Row

logger = logging.getLogger("target-clearbooks")

_WAIT = 0.1


class BusinessWriter:
    """Writes into one business.

    Args:
        settings: Of the target.
        sender: Makes the requests.
        outbox: Where intents stand on disk.
        ledger_map: What became of records before.
        lookups: The ledger's lists.
        preparer: Makes intents of records.
        executor: Threads for requests.
        recorder: Puts down what becomes of records.
        dry_run: Stands where the ledger would be written.
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
        recorder: Recorder,
        dry_run: DryRun | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.business_id = sender.business_id
        self._sender = sender
        self._outbox = outbox
        self._map = ledger_map
        self._dry_run = dry_run
        self._stopped = stopped
        self._lookups = lookups
        self._schedule = Schedule()
        baseline = Baseline(outbox.db, sender.business_id)
        self._existing = ExistingRecords(sender, lookups, ledger_map, baseline)
        self._facts = Facts(
            settings, preparer, self._existing, self._schedule, ledger_map, baseline
        )
        self._reconciler = Reconciler(sender, ledger_map)
        self._before = BeforeWrite(settings, ledger_map, baseline)
        self._recorder = recorder
        self._dispatch = Dispatch(
            settings,
            executor,
            self._reconciler,
            self._before,
            recorder,
            lookups,
            baseline,
        )
        self._awaited = Awaited(outbox, sender.business_id)
        self._unsettled: dict[tuple[str, str], Row] = {}  # in doubt, of any run
        self._intake = Intake(ledger_map, self._schedule, recorder, self._unsettled, lookups)
        self._same_ledger = SameLedger(sender, ledger_map)

    # What a run asks

    @property
    def failure(self) -> BaseException | None:
        """What ended the run."""
        return self._dispatch.failure

    @property
    def rejected(self) -> int:
        """How many records were refused in this run."""
        return self._recorder.rejected

    @property
    def live(self) -> int:
        """How many records are under way."""
        return len(self._schedule)

    @property
    def full(self) -> bool:
        """Whether the records under way hold as much as memory should."""
        return self._schedule.full

    @property
    def busy(self) -> bool:
        """Whether a record is under way, or one that was sent twice is still to be looked for."""
        return bool(self._schedule or self._awaited) or self._dispatch.lost.watching

    @property
    def oldest(self) -> int | None:
        """Place in the input of the oldest record that is not settled."""
        return self._schedule.oldest

    def under_way(self, stream: str, source_key: str) -> bool:
        """Whether a record of a key is under way."""
        return self._schedule.under_way(stream, source_key)

    def became(self, stream: str, source_key: str) -> Mapped | None:
        """What a source key became, if anything."""
        return self._map.find(stream, source_key)

    def existing(self, intent: Intent) -> list[dict[str, Any]]:
        """Records of the ledger that bear the marker or the number of an intent."""
        return self._existing.identified(intent)

    def close(self) -> None:
        """Let go of what was read."""
        self._lookups.close()
        self._intake.close()

    # Records in

    def recover(self) -> None:
        """Take up what an earlier run left in doubt, and what it left waiting."""
        self._outbox.drop_planned(self.business_id)
        if self._outbox.left(self.business_id):
            self._same_ledger.check()
        if self._dry_run is None:
            for row in self._outbox.rows(self.business_id, *DOUBTFUL, "quarantined"):
                if row.sent is not None and row.intent is not None:
                    self._doubtful(row, row.intent)
            if self._dispatch.lost.wait > 0:
                logger.info(
                    "business %s: waiting %.0f s (settle_seconds) before the ledger is asked what "
                    "became of %s writes without an answer",
                    self.business_id,
                    self._dispatch.lost.wait,
                    len(self._dispatch.lost),
                )
            while self._going():
                self.advance(_WAIT)
        for row in self._outbox.rows(self.business_id, "waiting"):
            self._resume(row)
            # No more are taken up than requests have to do with.
            while (len(self._schedule) > self._sender.in_flight or self.full) and self._going():
                self.advance(_WAIT)

    def _going(self) -> bool:
        return bool(self._schedule) and self.failure is None and not self._stopped()

    def _doubtful(self, row: Row, intent: Intent) -> None:
        kept = row.snapshot.get("kept", {})
        task = self._schedule.add_row(
            row, intent=intent, snapshot=row.snapshot, recovered=True, most=1, kept=kept
        )
        if "wanted" in row.snapshot:
            task.total = Decimal(str(row.snapshot["wanted"]))
        self._schedule.enter(task, *claims(intent))
        self._dispatch.lost.add(task)

    def submit(
        self, stream: str, record: Mapping[str, Any], source_key: str, *, line: int, **more: Any
    ) -> None:
        """Take in a record, of a line of the input; `more` as for `Schedule.add`."""
        self._same_ledger.check()
        self._take(self._intake.take(stream, record, source_key, line=line, **more))

    def begin_all(self, *, end: bool) -> None:
        """Begin what was kept back; at the end of the input also what was put aside."""
        self._take(self._intake.kept_back())
        if end and self._intake.put_aside:
            waiting = self._outbox.rows(self.business_id, "waiting")
            for row in filter(self._intake.is_put_aside, waiting):
                self._resume(row)

    def _take(self, taken: Iterable[Taken]) -> None:
        for task, refused in taken:
            if refused is None:
                self._begin(task)
            else:
                self._refuse(task, refused)

    def reject(
        self,
        stream: str,
        record: Mapping[str, Any],
        source_key: str,
        outcome: Rejected,
        key_properties: Iterable[str] = (),
    ) -> None:
        """Refuse a record that cannot even be taken in."""
        keys = tuple(key_properties)
        number = content_hash(record)
        task = self._schedule.add(stream, source_key, record, number, key_properties=keys)
        self._refuse(task, outcome)

    def execute(self, intent: Intent) -> None:
        """Take in an intent of a plan."""
        self._same_ledger.check()
        key, record = (intent.stream, intent.source_key), intent.record
        self._begin(
            self._schedule.add(*key, record, content_hash(record), intent=intent, fixed=True)
        )

    def _begin(self, task: Task) -> None:
        """Decide about a task, after those of the same key."""
        if self._schedule.enter(task):
            self._consider(task)
        else:
            self._schedule.hold(task)

    def _resume(self, row: Row) -> None:
        """Take up a record that waited on disk."""
        if not self.under_way(row.stream, row.source_key):
            self._begin(self._schedule.add_row(row))

    # On and to the end

    def advance(self, seconds: float = 0.0) -> None:
        """Go on with what is under way; wait up to so long for something to come."""
        self._take(self._intake.kept_back(longer=False))
        for task, decision in self._dispatch.step(seconds):
            self._carry_out(task, decision)
        for row in self._awaited.rows(self._has_room):
            self._resume(row)
        for task, alone in self._schedule.next(self._is_idle):
            if self._has_room():
                self._consider(task, alone=alone)
            else:
                self._schedule.hold(task)
        for task, decision in self._dispatch.send():
            self._carry_out(task, decision)

    def _is_idle(self) -> bool:
        return not (self._dispatch.busy or self._intake.keeps_back)

    def _has_room(self) -> bool:
        return not (self.full and self._dispatch.busy)

    def finish_flights(self) -> None:
        """Put down what becomes of the requests under way; begin nothing new."""
        for task, decision in self._dispatch.rest():
            self._carry_out(task, decision)

    # Deciding

    def _consider(self, task: Task, *, alone: bool = False) -> None:
        """Decide about a task, and do it.

        Args:
            task: The task.
            alone: Whether it goes although others stand before it, since none of them can.
        """
        if self.failure is not None:
            self._schedule.hold(task)
            return
        left = self._unsettled.get((task.stream, task.source_key))
        self._carry_out(task, self._facts.decide(task, left, alone=alone))

    # Carrying out

    def _carry_out(self, task: Task, decision: Decision) -> None:
        match decision:
            case Hold():
                self._schedule.hold(task)
            case Leave(row):
                self._unsettled[task.stream, task.source_key] = row
                self._schedule.release(task, settled=row.state == "quarantined")
            case Unchanged(applied):
                self._recorder.unchanged(task, applied)
                self._intake.stays(task.stream, task.source_key)
                self._settled(task)
            case First(steps):
                self._do_first(task, steps)
            case Gone():
                task.gone = task.replaced = True
                self._schedule.hold(task)
            case Send():
                self._send(task, decision)
            case Done(record, outcome, intent):
                task.intent = intent or task.intent
                named = self._recorder.done(task, record, outcome)
                if named is not None:
                    self._awaited.settled(*named)
                self._dispatch.written(task, record)
                self._settled(task)
            case Waiting():
                self._wait_for_parents(task, decision)
            case _:
                self._refuse(task, decision)

    def _send(self, task: Task, decision: Send) -> None:
        task.intent = decision.intent
        self._schedule.weigh(task)
        if self._dry_run is None:
            self._dispatch.put(task, decision)
        else:
            plan = self._dry_run.carry_out
            self._carry_out(task, plan(task, self._reconciler, self._before))

    def _do_first(self, task: Task, steps: Iterable[Step]) -> None:
        """Carry out steps before a task; each of them once."""
        for step in steps:
            key = (step.stream, step.source_key)
            if key in task.parents and not self._schedule.under_way(*key, task):
                words = f"{step.stream} {step.source_key!r} could not be written"
                self._refuse(task, Rejected((words,), "blocked"))
                return
            task.parents.add(key)
            task.replaced |= step.takes_back
            begun = self._schedule.put_first(task, step)
            if begun is not None:
                self._begin(begun)
        self._schedule.hold(task)

    def _wait_for_parents(self, task: Task, outcome: Waiting) -> None:
        """Wait on disk, unless a parent was refused in this run.

        One that was set aside may come yet: a person decides.
        """
        refused = [
            f"{stream} {key!r} was not written"
            for stream, key in outcome.on
            if self._outbox.last_state(self.business_id, stream, key) == "rejected"
        ]
        if refused:
            self._refuse(task, Rejected((*outcome.reasons, *refused), "blocked"))
            return
        self._recorder.waiting(task, outcome)
        self._schedule.release(task, settled=True)

    def _refuse(self, task: Task, outcome: Rejected | Quarantined) -> None:
        if (task.step_of or task.kept) and isinstance(outcome, Rejected):
            self._give_up(task, outcome)
            return
        if self._dry_run is None and self._intake.put_last(task, outcome):
            return
        self._lookups.give_up_pairs(task.stream, task.source_key)
        if isinstance(outcome, Quarantined):
            task.intent = outcome.intent or task.intent
        self._recorder.refused(task, outcome)
        if task.sent_row.sent is not None and task.sent_row.state == "quarantined":
            self._unsettled[task.stream, task.source_key] = task.sent_row
        self._settled(task)

    def _give_up(self, step: Task, outcome: Rejected) -> None:
        """Take back nothing, and let the record know for the sake of which it was tried."""
        if step.step_of is not None:
            words = f"{step.stream} {step.source_key!r} could not be written: "
            step.step_of.failed = tuple(words + reason for reason in outcome.reasons)
        if step.row is not None:
            self._recorder.not_carried_out(step, "superseded", outcome.reasons)
        self._schedule.release(step, settled=True)

    def _settled(self, task: Task) -> None:
        """Let go of a task; what waited for it is taken up next."""
        self._schedule.release(task, settled=True)
        self._awaited.settled(task.stream, task.source_key)
