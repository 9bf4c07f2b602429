"""What was decided about a record is carried out here, and nowhere else.

`decide` says what is to become of a record and asks for what it has to know; `facts` answers. A
write goes to `dispatch`, whose answers are decisions again; `recorder` puts down every settlement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.deliver.decision import Done, First, Gone, Hold, Leave, Send, Unchanged
from target_clearbooks.intent import Quarantined, Rejected, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_clearbooks.deliver.awaited import Awaited
    from target_clearbooks.deliver.decision import Decision, Step
    from target_clearbooks.deliver.dispatch import Dispatch
    from target_clearbooks.deliver.facts import Facts
    from target_clearbooks.deliver.intake import Intake
    from target_clearbooks.deliver.recorder import Recorder
    from target_clearbooks.deliver.schedule import Schedule
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.store.outbox import Row


class Execution:
    """Decides about the tasks of one business, and carries the decisions out.

    Args:
        facts: Answers what a decision asks.
        schedule: Tasks that are not settled.
        dispatch: Writes that are under way.
        recorder: Puts down what becomes of records.
        intake: Puts a record last where it may be written later.
        awaited: Takes up what waited for a record that is settled.
        unsettled: By stream and source key, earlier writes that are still in doubt.
        lookups: The ledger's lists, as this run has read them.
        plan: In a dry run, answers for the ledger what a write would come to.
    """

    def __init__(
        self,
        facts: Facts,
        schedule: Schedule,
        dispatch: Dispatch,
        recorder: Recorder,
        intake: Intake,
        awaited: Awaited,
        unsettled: dict[tuple[str, str], Row],
        lookups: Lookups,
        plan: Callable[[Task], Decision] | None,
    ) -> None:
        self._facts = facts
        self._schedule = schedule
        self._dispatch = dispatch
        self._recorder = recorder
        self._intake = intake
        self._awaited = awaited
        self._unsettled = unsettled
        self._lookups = lookups
        self._plan = plan

    def begin(self, task: Task) -> None:
        """Decide about a task, after those of the same key."""
        if self._schedule.enter(task):
            self.consider(task)
        else:
            self._schedule.hold(task)

    def consider(self, task: Task, *, alone: bool = False) -> None:
        """Decide about a task, and do it.

        Args:
            task: The task.
            alone: Whether it goes although others stand before it, since none of them can.
        """
        if self._dispatch.failure is not None:
            self._schedule.hold(task)
            return
        left = self._unsettled.get((task.stream, task.source_key))
        self.carry_out(task, self._facts.decide(task, left, alone=alone))

    def carry_out(self, task: Task, decision: Decision) -> None:
        """Do what was decided about a task."""
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
                self.refuse(task, decision)

    def _send(self, task: Task, decision: Send) -> None:
        task.intent = decision.intent
        self._schedule.weigh(task)
        if self._plan is None:
            self._dispatch.put(task, decision)
        else:
            self.carry_out(task, self._plan(task))

    def _do_first(self, task: Task, steps: Iterable[Step]) -> None:
        """Carry out steps before a task; each of them once."""
        for step in steps:
            key = (step.stream, step.source_key)
            if key in task.parents and not self._schedule.under_way(*key, task):
                words = f"{step.stream} {step.source_key!r} could not be written"
                self.refuse(task, Rejected((words,), "blocked"))
                return
            task.parents.add(key)
            task.replaced |= step.takes_back
            begun = self._schedule.put_first(task, step)
            if begun is not None:
                self.begin(begun)
        self._schedule.hold(task)

    def _wait_for_parents(self, task: Task, outcome: Waiting) -> None:
        """Wait on disk, unless a parent was refused in this run.

        One that was set aside may come yet: a person decides.
        """
        refused = [
            f"{stream} {key!r} was not written"
            for stream, key in outcome.on
            if self._recorder.was_refused(stream, key)
        ]
        if refused:
            self.refuse(task, Rejected((*outcome.reasons, *refused), "blocked"))
            return
        self._recorder.waiting(task, outcome)
        self._schedule.release(task, settled=True)

    def refuse(self, task: Task, outcome: Rejected | Quarantined) -> None:
        """Do without a record: it is refused, put last, or told to the one that it is a step of."""
        if (task.step_of or task.kept) and isinstance(outcome, Rejected):
            self._give_up(task, outcome)
            return
        if self._plan is None and self._intake.put_last(task, outcome):
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
