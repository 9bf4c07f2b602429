"""One business's records on their way: prepared, put in order, sent, settled, counted."""

from __future__ import annotations

import logging
import time
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.adopt import Adopter, refuse_if_emptied
from target_clearbooks.carry import Carrier
from target_clearbooks.decide import Decider
from target_clearbooks.intent import Intent, Rejected, content_hash
from target_clearbooks.outbox import DOUBTFUL, Row
from target_clearbooks.refusals import Refusals
from target_clearbooks.store.baseline import Baseline
from target_clearbooks.task import Task, claim_of, claims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor

    from target_clearbooks.intent import Preparer
    from target_clearbooks.ledger_map import Applied, LedgerMap
    from target_clearbooks.outbox import Outbox
    from target_clearbooks.plan import Planner
    from target_clearbooks.prepare.lookups import Lookups
    from target_clearbooks.rejects import Rejects
    from target_clearbooks.sending import Sender
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.traffic import Traffic

logger = logging.getLogger("target-clearbooks")


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
        self.in_flight = sender.client.connection.max_in_flight
        self.outbox = outbox
        self.map = ledger_map
        self.lookups = lookups
        self.planner = planner
        self.stopped = stopped
        self.carrier = Carrier(self, executor)
        self.refusals = Refusals(self, rejects, planner)
        self.baseline = Baseline(outbox.db, sender.business_id)
        adopter = Adopter(sender, lookups, ledger_map, self.baseline)
        self.decider = Decider(self, preparer, adopter)
        self.live: dict[int, Task] = {}
        self.held: deque[Task] = deque()
        self.seqs: dict[int, None] = {}
        self.unsettled: dict[tuple[str, str], Row] = {}
        self.failure: BaseException | None = None
        self._next = 0
        self._same_ledger = False

    # The run

    def recover(self) -> None:
        """Take up what an earlier run left in doubt, and what it left waiting."""
        self._drop_planned()
        if self.outbox.left(self.business_id):
            self._check_ledger()
        if self.planner is None:
            for rows in self.outbox.rows(self.business_id, *DOUBTFUL, "quarantined"):
                for row in rows:
                    if row.sent is not None and row.intent is not None:
                        self._doubtful(row)
            self._tell_wait()
            self.drain()
        for rows in self.outbox.rows(self.business_id, "waiting"):
            for row in rows:
                self._resume(row)
            self._thin_out()

    def _check_ledger(self) -> None:
        """Once a run: see whether the ledger is still the one that the store knows."""
        if not self._same_ledger:
            refuse_if_emptied(self.sender, self.map, self.outbox.db.location)
            self._same_ledger = True

    def _tell_wait(self) -> None:
        """Say how long the run stands still, and what for."""
        doubts = self.carrier.uncertain
        wait = max((task.due for task in doubts), default=0.0) - self.now()
        if wait > 0:
            logger.info(
                "business %s: waiting %.0f s (settle_seconds) before the ledger is asked what "
                "became of %s writes without an answer",
                self.business_id, wait, len(doubts),
            )  # fmt: skip

    def _thin_out(self) -> None:
        """Go on until no more is under way than requests have to do with."""
        while len(self.live) > self.in_flight:
            if self.failure is not None or self.stopped():
                break
            self.pump(0.1)

    def _drop_planned(self) -> None:
        with self.outbox.transaction():
            for rows in self.outbox.rows(self.business_id, "planned"):
                for row in rows:
                    # Nothing was sent, and no STATE went out behind it: the source sends it again.
                    self.outbox.close(row, "superseded")

    def _doubtful(self, row: Row) -> None:
        task = self.task(row.stream, row.source_key, row.record, row.record_hash)
        task.row, task.intent, task.fence, task.recovered = row, row.intent, row.fence, True
        task.most = 1
        if "wanted" in row.fence:
            task.total = Decimal(str(row.fence["wanted"]))
        # From now on, and not from when it was sent: the clock may have been wrong then, or be now.
        task.due = self.now() + self.settings.settle_seconds
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
        self._check_ledger()
        number = content_hash(record)
        claim = claim_of(stream, source_key)
        if (
            not self.traffic.busy(claim, -1)
            and (stream, source_key) not in self.unsettled
            and self.same_as_before(stream, source_key, number)
        ):
            self.outbox.count(self.business_id, stream, "unchanged")
            return
        task = self.task(stream, source_key, record, number)
        task.key_properties = tuple(key_properties)
        if seq is not None:
            task.seq = seq
            self.seqs[seq] = None
        self.begin(task)

    def reject(
        self,
        stream: str,
        record: Mapping[str, Any],
        source_key: str,
        outcome: Rejected,
        key_properties: Iterable[str] = (),
    ) -> None:
        """Refuse a record that cannot even be taken in."""
        task = self.task(stream, source_key, record, content_hash(record))
        task.key_properties = tuple(key_properties)
        self.refusals.refuse(task, outcome)

    def execute(self, intent: Intent) -> None:
        """Take in an intent of a plan."""
        self._check_ledger()
        task = self.task(intent.stream, intent.source_key, intent.record,
                          content_hash(intent.record))  # fmt: skip
        task.intent, task.fixed = intent, True
        self.begin(task)

    def same_as_before(self, stream: str, source_key: str, number: str) -> bool:
        """Whether a source key was last settled with a record of this hash."""
        applied = self.map.applied(stream, source_key)
        return applied is not None and applied.record_hash == number

    def task(self, stream: str, key: str, record: Mapping[str, Any], number: str) -> Task:
        """A new task of a record and its hash."""
        self._next += 1
        task = Task(self._next, stream, key, record, number)
        self.live[task.number] = task
        return task

    def begin(self, task: Task) -> None:
        """Let a task go, after those of the same key."""
        self.traffic.claim(task.number, [task.key], alone=True)
        if self.traffic.free(task.number):
            self.decider.consider(task)
        else:
            self.held.append(task)

    def _resume(self, row: Row) -> None:
        if not self.traffic.busy(claim_of(row.stream, row.source_key), -1):
            task = self.task(row.stream, row.source_key, row.record, row.record_hash)
            task.row = row
            self.begin(task)

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
                self.decider.consider(task)
            else:
                self.held.append(task)
        if self.held and not self.carrier.busy:
            # Nothing is under way that could let anybody go: the oldest goes first.
            self.decider.consider(self.held.popleft(), alone=True)

    def drain(self) -> None:
        """Go on until everything is settled, or the run has to end."""
        while self.live and self.failure is None and not self.stopped():
            self.pump(0.1)

    def finish_flights(self) -> None:
        """Wait for the requests under way and put down what became of them; begin nothing new."""
        self.carrier.finish_flights()

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

    def leave(self, task: Task, left: Row) -> None:
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
        """Seconds of a clock that nobody sets, for what is waited for within this process."""
        return time.monotonic()
