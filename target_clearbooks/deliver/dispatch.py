"""What is under way of one business: read just before, put on disk, sent, answered, in doubt.

`put` takes a write that is decided; `step` goes on with all of them and yields what follows for
each, as decisions that `execution` carries out.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.errors import (
    ApiError,
    ClearBooksError,
    ForbiddenError,
    UnavailableError,
    UncertainError,
)
from target_clearbooks.deliver.decision import Done, Hold, Send
from target_clearbooks.deliver.lost_replies import LostReplies
from target_clearbooks.deliver.parts import in_parts, parts_left
from target_clearbooks.deliver.precheck import Reading, after_record, reading_before
from target_clearbooks.deliver.refused import Refused
from target_clearbooks.deliver.requests import Requests
from target_clearbooks.intent import OUTCOMES, Quarantined, Rejected, WriteOperation
from target_clearbooks.ledger.candidates import as_candidates
from target_clearbooks.map_command import map_unset
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

    from target_clearbooks.deliver.before_write import BeforeWrite
    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.reconcile import Reconciler
    from target_clearbooks.deliver.recorder import Recorder
    from target_clearbooks.deliver.requests import Answer
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.baseline import Baseline

logger = logging.getLogger("target-clearbooks")


class Dispatch:
    """Writes that are under way.

    Args:
        settings: Of the target.
        executor: Threads for requests.
        reconciler: Reads what the ledger holds of an intent.
        before_write: Decides from what was read just before a write.
        recorder: Puts down what becomes of a write.
        lookups: The ledger's lists, as this run has read them.
        baseline: What the ledger held before the state store began.

    Attributes:
        lost: Writes whose reply was lost.
        failure: What ended the run; nothing more is sent then.
    """

    def __init__(
        self,
        settings: TargetSettings,
        executor: Executor,
        reconciler: Reconciler,
        before_write: BeforeWrite,
        recorder: Recorder,
        lookups: Lookups,
        baseline: Baseline,
    ) -> None:
        self._reconciler = reconciler
        self._sender = reconciler.sender
        self._map = reconciler.map
        self._before = before_write
        self._recorder = recorder
        self._lookups = lookups
        self._baseline = baseline
        self._requests: Requests[Decision] = Requests(executor)
        self._newest: dict[str, int] = {}
        # Tasks, and whether what has to be read before they are sent was read.
        self._ready: deque[tuple[Task, bool]] = deque()
        self._refused = Refused(settings, reconciler, recorder, lookups)
        self.lost = LostReplies(reconciler, settings.settle_seconds)
        self.failure: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way that may let others go."""
        return bool(self._requests or self._ready or self.lost)

    # In and on

    def put(self, task: Task, send: Send) -> None:
        """Take a write that may go."""
        task.intent = send.intent
        self._begin_baseline(send.intent)
        if send.snapshot is None:
            self._ready.append((task, False))
            return
        if "wanted" in send.snapshot:
            task.total = send.snapshot["wanted"]
        task.snapshot = (
            {**send.snapshot, "kept": dict(task.kept)} if task.kept else dict(send.snapshot)
        )
        self._ready.append((task, True))

    def _begin_baseline(self, intent: Intent) -> None:
        """Note that a create is the first of its stream, where no list tells.

        A person has said by `assume_new` that there is none before it.
        """
        unlisted = WRITABLE[intent.stream].settle is Settle.NEVER
        first = unlisted and intent.operation is WriteOperation.CREATE
        if first and self._baseline.newest(intent.stream) is None:
            self._baseline.take(intent.stream)

    def step(self, seconds: float = 0.0) -> Iterator[tuple[Task, Decision]]:
        """Send what may go and take up the answers; waits up to so long for the first."""
        yield from self.send()
        for answer in self._requests.answers(seconds):
            yield from self._answered(answer)
        if self.failure is not None:
            return
        try:
            for task, decision in self.lost.settle():
                if isinstance(decision, Done):
                    self._recorder.count(task.stream, "recovered")
                    yield task, self._taken_back(task, decision, renewed=True, lost=True)
                else:
                    yield task, decision
        except ClearBooksError as error:
            self.failure = error
            return
        for task, twice in self.lost.carried_out_twice():
            task.row = None  # that of the write is settled
            yield task, twice

    def rest(self) -> Iterator[tuple[Task, Decision]]:
        """What follows from the requests that are under way; nothing new is sent."""
        for answer in self._requests.rest():
            try:
                yield from self._answered(answer)
            except ClearBooksError as error:
                self.failure = self.failure or error

    def send(self) -> Iterator[tuple[Task, Decision]]:
        """Send as many as may be under way; each stands on disk before its first byte leaves."""
        sends: list[Task] = []
        room = self._sender.in_flight - len(self._requests)
        while self._ready and self.failure is None and len(sends) < room:
            task, checked = self._ready.popleft()
            if checked:
                sends.append(task)
            else:
                yield from self._read(task)
                room = self._sender.in_flight - len(self._requests)
        if not sends:
            return
        for task in sends:
            self._take_snapshot(task)
        self._recorder.sending(sends)
        for task in sends:
            self._requests.begin(task, self._sent, self._sender.send, task.wanted)

    def _take_snapshot(self, task: Task) -> None:
        """Note beyond which ID a create must lie."""
        intent, writable = task.wanted, WRITABLE[task.stream]
        if task.snapshot or intent.operation is not WriteOperation.CREATE:
            return
        if writable.settle is not Settle.LIST or isinstance(intent.body, bytes):
            return
        if not writable.ids_ascend:
            task.snapshot = {"known": [row["id"] for row in self._lookups.rows(task.stream)]}
            return
        if task.stream not in self._newest:
            self._newest[task.stream] = self._reconciler.newest(intent)
        task.snapshot = {"newest": self._newest[task.stream]}

    def written(self, task: Task, record: Mapping[str, Any]) -> None:
        """Take in what was settled, so that no later reading falls behind it."""
        self._before.written(task)
        if task.wanted.removes:
            mapped = self._map.find(task.stream, task.source_key)
            for number in {task.wanted.remote_id, *(mapped.lineage if mapped else ())}:
                self._lookups.removed(task.stream, number, record)
        elif "id" in record and len(record) > 1 and not record.get("found"):
            self._lookups.wrote(task.stream, record, replaces=task.wanted.remote_id)
            if task.stream in self._newest and isinstance(record["id"], int):
                self._newest[task.stream] = max(self._newest[task.stream], record["id"])

    # Reading before a write

    def _read(self, task: Task) -> Iterator[tuple[Task, Decision]]:
        intent, before = task.wanted, self._before
        reading = reading_before(intent, known=False)
        if reading is Reading.ALLOCATIONS:
            self._requests.begin(task, before.allocations, self._reconciler.allocations, intent)
        elif reading is Reading.SNAPSHOT:
            if WRITABLE[task.stream].settle is Settle.COUNT:
                self._take_baseline(task.stream)
            self._requests.begin(task, before.snapshot, self._reconciler.snapshot, intent)
        else:
            row = None
            if intent.adopted and WRITABLE[task.stream].kind is Kind.CONTACT:
                # Found in the list that this run has read: what it is like is known.
                row = self._lookups.table(task.stream).get(intent.remote_id)
            if row is not None:
                yield task, after_record(intent, row, known=False)
                return
            record = (task.stream, intent.params, intent.remote_id)
            self._requests.begin(task, before.record, self._sender.get, *record)

    def _take_baseline(self, stream: str) -> None:
        """Note how far the ledger's transactions went before the first journal of this store."""
        if self._baseline.newest(stream) is None:
            self._baseline.take(stream, self._reconciler.newest_transaction())

    # Answers

    def _answered(self, answer: Answer[Decision]) -> Iterator[tuple[Task, Decision]]:
        task, answered, future = answer
        error = future.exception()
        if error is None:
            yield task, answered(task, future.result())
        else:
            decision = self._failed(task, error, sent=answered == self._sent)
            if decision is not None:
                yield task, decision

    def _sent(self, task: Task, record: dict[str, Any]) -> Decision:
        if task.wanted.adjusted:
            logger.warning("%s: %s", task, "; ".join(task.wanted.adjusted))
            self._recorder.count(task.stream, "adjusted")
        for name, value in task.wanted.expected.items():
            found = record.get(name)
            if found is not None and Decimal(str(found)) != value:
                logger.warning(
                    "%s: %s is %s in the ledger, %s in the record", task, name, found, value
                )
                self._recorder.count(task.stream, "differing")
        if task.sends + task.recovered > 1:
            # The one before may only now be carried out.
            self.lost.watch(task)
        return self._taken_back(task, Done(record, OUTCOMES[task.wanted.operation]))

    def _taken_back(
        self, task: Task, done: Done, *, renewed: bool = False, lost: bool = False
    ) -> Decision:
        """What follows where a record is gone: of an allocation in parts, the next one goes.

        Args:
            task: The record; of one that is not taken back nothing is asked.
            done: What follows where nothing is left.
            renewed: Whether it may stand under an ID that nobody has told.
            lost: Whether a lost reply leaves open who took it back.
        """
        gone = task.wanted.remote_id
        if gone is None or not in_parts(task, self._reconciler, renewed=renewed):
            return done
        task.taken_back.add(gone)
        self._lookups.removed(task.stream, gone)
        left = parts_left(task, self._reconciler, renewed=renewed)
        if not left:
            return done
        if lost and self._map.owner(task.stream, left[-1]["id"]) is None:
            words = (
                f"{task.stream} {gone}: the reply was lost, and the same sum is allocated between "
                "the two; void that by hand if it is this one, else say "
                + map_unset(task.wanted.business_id, task.stream, task.source_key)
            )
            return Quarantined((words,), tuple(as_candidates(left)))
        for part in left:
            self._recorder.moved(task.stream, task.source_key, gone, part["id"])
        self._recorder.not_carried_out(task, "superseded", ())
        task.row, task.sends = None, 0
        task.intent = replace(task.wanted, remote_id=left[-1]["id"])
        return Hold()

    def _failed(self, task: Task, error: BaseException, *, sent: bool) -> Decision | None:
        """What follows from a request that failed; None where the task stays as it is."""
        if isinstance(error, UncertainError) and sent:
            self._recorder.uncertain(task, str(error))
            wait = self.lost.add(task)
            logger.info("%s: %s; the ledger is asked in %d s what became of it", task, error, wait)
            return None
        if isinstance(error, (ForbiddenError, UnavailableError)) or not isinstance(error, ApiError):
            # Nothing was carried out, and nothing else would be: the run ends here.
            if task.row is not None and isinstance(error, ClearBooksError) and sent:
                self._recorder.not_carried_out(task, task.rests_as, (str(error),))
            self.failure = self.failure or error
            return None
        decision = self._refused.decide(task, error, ends=self.failure is not None)
        if isinstance(decision, Done):
            lost = decision.outcome != "unchanged"
            return self._taken_back(task, decision, renewed=True, lost=lost)
        if isinstance(decision, Rejected) and task.row is not None and sent:
            task.row.sent = None
        return decision
