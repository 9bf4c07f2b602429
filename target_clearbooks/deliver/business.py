"""Writing into one business: records and plans come in here, and go on until they are settled.

A record becomes a task. `execution` decides about it and carries the decision out; what is under
way lies with `dispatch`. Everything but the requests themselves happens in the caller's thread, so
nothing here is locked.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.awaited import Awaited
from target_clearbooks.deliver.before_write import BeforeWrite
from target_clearbooks.deliver.dispatch import Dispatch
from target_clearbooks.deliver.execution import Execution
from target_clearbooks.deliver.facts import Facts
from target_clearbooks.deliver.intake import Intake
from target_clearbooks.deliver.reconcile import Reconciler
from target_clearbooks.deliver.schedule import Schedule
from target_clearbooks.deliver.task import claims
from target_clearbooks.intent import content_hash
from target_clearbooks.ledger.emptied import SameLedger
from target_clearbooks.ledger.existing import ExistingRecords
from target_clearbooks.store.baseline import Baseline
from target_clearbooks.store.outbox import DOUBTFUL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor

    from target_clearbooks.deliver.dry_run import DryRun
    from target_clearbooks.deliver.intake import Taken
    from target_clearbooks.deliver.recorder import Recorder
    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.intent import Intent, Mapped, Rejected
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
        self._is_dry_run = dry_run is not None
        self._stopped = stopped
        self._lookups = lookups
        self._schedule = Schedule()
        baseline = Baseline(outbox.db, sender.business_id)
        self._existing = ExistingRecords(sender, lookups, ledger_map, baseline)
        self._recorder = recorder
        reconciler = Reconciler(sender, ledger_map)
        before = BeforeWrite(settings, ledger_map, baseline)
        self._dispatch = Dispatch(
            settings, executor, reconciler, before, recorder, lookups, baseline
        )
        self._awaited = Awaited(outbox, sender.business_id)
        unsettled: dict[tuple[str, str], Row] = {}  # in doubt, of any run
        self._intake = Intake(ledger_map, self._schedule, recorder, unsettled, lookups)
        self._execution = Execution(
            Facts(settings, preparer, self._existing, self._schedule, ledger_map, baseline),
            self._schedule,
            self._dispatch,
            recorder,
            self._intake,
            self._awaited,
            unsettled,
            lookups,
            None
            if dry_run is None
            else partial(dry_run.carry_out, reconciler=reconciler, before_write=before),
        )
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
        if not self._is_dry_run:
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
                self._execution.begin(task)
            else:
                self._execution.refuse(task, refused)

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
        self._execution.refuse(task, outcome)

    def execute(self, intent: Intent) -> None:
        """Take in an intent of a plan."""
        self._same_ledger.check()
        key, record = (intent.stream, intent.source_key), intent.record
        self._execution.begin(
            self._schedule.add(*key, record, content_hash(record), intent=intent, fixed=True)
        )

    def _resume(self, row: Row) -> None:
        """Take up a record that waited on disk."""
        if not self.under_way(row.stream, row.source_key):
            self._execution.begin(self._schedule.add_row(row))

    # On and to the end

    def advance(self, seconds: float = 0.0) -> None:
        """Go on with what is under way; wait up to so long for something to come."""
        self._take(self._intake.kept_back(longer=False))
        for task, decision in self._dispatch.step(seconds):
            self._execution.carry_out(task, decision)
        for row in self._awaited.rows(self._has_room):
            self._resume(row)
        for task, alone in self._schedule.next(self._is_idle):
            if self._has_room():
                self._execution.consider(task, alone=alone)
            else:
                self._schedule.hold(task)
        for task, decision in self._dispatch.send():
            self._execution.carry_out(task, decision)

    def _is_idle(self) -> bool:
        return not (self._dispatch.busy or self._intake.keeps_back)

    def _has_room(self) -> bool:
        return not (self.full and self._dispatch.busy)

    def finish_flights(self) -> None:
        """Put down what becomes of the requests under way; begin nothing new."""
        for task, decision in self._dispatch.rest():
            self._execution.carry_out(task, decision)
