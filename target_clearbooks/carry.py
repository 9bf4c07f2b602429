"""Requests under way: put on disk, sent, their answers put down, doubts settled."""

from __future__ import annotations

import logging
import queue
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.errors import (
    ApiError,
    ClearBooksError,
    ForbiddenError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from target_clearbooks.intent import WRITABLE, Operation, Settle
from target_clearbooks.looks import Looks
from target_clearbooks.prepare.status import is_voided
from target_clearbooks.reconcile import Absent, Found, Reconciler, Unclear
from target_clearbooks.task import needs_look, pair_of
from target_clearbooks.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor, Future

    from target_clearbooks.engine import Engine
    from target_clearbooks.task import Task

logger = logging.getLogger("target-clearbooks")

_OUTCOMES = {
    Operation.CREATE: "written",
    Operation.POST: "written",
    Operation.UPDATE: "updated",
    Operation.VOID: "voided",
    Operation.DELETE: "voided",
}


class Carrier:
    """What is under way of one business.

    Args:
        engine: Whose tasks are carried.
        executor: Threads for requests.
    """

    def __init__(self, engine: Engine, executor: Executor) -> None:
        self.engine = engine
        self.executor = executor
        self.traffic = Traffic()
        self.reconciler = Reconciler(engine.sender, engine.map, engine.in_flight)
        self.looks = Looks(self)
        self.ready: deque[Task] = deque()
        self.flying: set[Task] = set()
        self.uncertain: list[Task] = []
        self.resent: list[Task] = []
        self._events: queue.SimpleQueue[tuple[Task, Callable[..., None], Future[Any]]] = (
            queue.SimpleQueue()
        )
        self._newest: dict[str, int] = {}

    @property
    def busy(self) -> bool:
        """Whether something is under way that may let others go."""
        return bool(self.flying or self.ready or self.uncertain)

    @property
    def only_doubts(self) -> bool:
        """Whether nothing but doubts is left."""
        return not self.flying and not self.ready

    # Sending

    def put(self, task: Task, *, unknown: bool) -> None:
        """Take a task that may go."""
        task.looked = None if needs_look(task.wanted, unknown=unknown) else {}
        self.ready.append(task)
        self.dispatch()

    def dispatch(self) -> None:
        """Send as many as may be under way; each stands on disk before its first byte leaves."""
        engine = self.engine
        sends: list[Task] = []
        while (
            self.ready
            and engine.failure is None
            and len(self.flying) + len(sends) < engine.in_flight
        ):
            task = self.ready.popleft()
            if task.looked is None:
                self.looks.look(task)
            else:
                sends.append(task)
        if not sends:
            return
        for task in sends:
            self._set_fence(task)
        with engine.outbox.transaction():
            for task in sends:
                task.sends += 1
                self._note_sending(task)
        for task in sends:
            self.fly(task, self._answered, engine.sender.send, task.wanted)

    def _note_sending(self, task: Task) -> None:
        outbox = self.engine.outbox
        if task.row is not None and task.row.state != "waiting":
            task.row.intent = task.wanted
            outbox.send_again(task.row, task.fence)
            return
        outbox.supersede(self.engine.business_id, task.stream, task.source_key)
        row = self.engine.row(task)
        task.row = outbox.add(row, state="sending", fence=task.fence, sent=True)
        outbox.audit(task.row, "sending", operation=str(task.wanted.operation))

    def _set_fence(self, task: Task) -> None:
        """Beyond which ID a create must lie."""
        intent, stream = task.wanted, task.stream
        if task.fence or intent.operation is not Operation.CREATE:
            return
        if WRITABLE[stream].settle is Settle.LIST and not isinstance(intent.body, bytes):
            if stream == "account_codes":
                rows = self.engine.lookups.rows(stream)
                task.fence = {"known": [row["id"] for row in rows]}
                return
            if stream not in self._newest:
                self._newest[stream] = self.reconciler.newest(intent)
            task.fence = {"newest": self._newest[stream]}

    def fly(
        self, task: Task, landed: Callable[..., None], request: Callable[..., Any], *args: Any
    ) -> None:
        """Make a request in a thread of its own; `landed` gets the task and the answer."""
        self.flying.add(task)
        future = self.executor.submit(request, *args)
        future.add_done_callback(lambda done: self._events.put((task, landed, done)))

    # Answers

    def pump(self, seconds: float) -> None:
        """Put down the answers that came; wait up to so long for the first."""
        self.dispatch()
        try:
            event = self._events.get(timeout=seconds) if seconds else self._events.get_nowait()
            while True:
                self._land(*event)
                event = self._events.get_nowait()
        except queue.Empty:
            pass
        if self.engine.failure is None:
            self._settle_due()
            self.check_resent()

    def finish_flights(self) -> None:
        """Wait for every request under way and put down what became of it."""
        while self.flying:
            try:
                self._land(*self._events.get())
            except ClearBooksError as error:
                self.engine.failure = self.engine.failure or error

    def _land(self, task: Task, landed: Callable[..., None], done: Future[Any]) -> None:
        self.flying.discard(task)
        error = done.exception()
        if error is None:
            landed(task, done.result())
        else:
            self._failed(task, error, sent=landed == self._answered)

    def _answered(self, task: Task, record: dict[str, Any]) -> None:
        self._compare(task, record)
        if task.sends + task.recovered > 1:
            # The one before may only now be carried out.
            task.due = self.engine.now() + self.engine.settings.settle_seconds
            self.resent.append(task)
        self.engine.done(task, record, _OUTCOMES[task.wanted.operation])

    def _compare(self, task: Task, record: Mapping[str, Any]) -> None:
        """Say where the API's totals are not those that the record named."""
        for name, value in task.wanted.expected.items():
            answered = record.get(name)
            if answered is not None and Decimal(str(answered)) != value:
                logger.warning(
                    "%s %s: %s is %s in the ledger, %s in the record",
                    task.stream, task.source_key, name, answered, value,
                )  # fmt: skip
                self.engine.outbox.count(self.engine.business_id, task.stream, "differing")

    def _failed(self, task: Task, error: BaseException, *, sent: bool) -> None:
        engine = self.engine
        if isinstance(error, UncertainError) and sent:
            self._doubt(task, str(error))
        elif isinstance(error, (ForbiddenError, UnavailableError)) or not isinstance(
            error, ApiError
        ):
            # Nothing was carried out, and nothing else would be: the run ends here.
            if task.row is not None and isinstance(error, ClearBooksError) and sent:
                with engine.outbox.transaction():
                    engine.outbox.close(task.row, "planned", reasons=(str(error),))
            engine.failure = engine.failure or error
        elif self._prepared_again(task, error):
            pass
        elif self._gone_before(task, error):
            # The one before, whose reply was lost, was carried out.
            engine.outbox.count(engine.business_id, task.stream, "recovered")
            engine.done(task, {}, _OUTCOMES[task.wanted.operation])
        else:
            if task.row is not None and sent:
                task.row.sent = None
            engine.refusals.refused(task, "rejected", "rejected", _words(error))

    def _gone_before(self, task: Task, error: ApiError) -> bool:
        """Whether an earlier void or deletion, whose reply was lost, was carried out."""
        intent = task.wanted
        if (
            intent.operation not in (Operation.VOID, Operation.DELETE)
            or task.sends + task.recovered <= 1
        ):
            return False
        if isinstance(error, NotFoundError):
            return True
        shown = "get" in self.engine.sender.resource(task.stream).operations
        if not isinstance(error, RejectedError) or not shown:
            return False
        record = self.engine.sender.get(task.stream, intent.params, intent.remote_id)
        return record is None or is_voided(record)

    def _prepared_again(self, task: Task, error: ApiError) -> bool:
        """Once: see whether somebody made a newer revision of what the intent names."""
        engine, intent = self.engine, task.wanted
        if (
            task.retried
            or task.fixed
            or engine.failure
            or not isinstance(error, (RejectedError, NotFoundError))
        ):
            return False
        task.retried = True
        ends = [
            (stream, key, mapped.remote_id)
            for stream, key in ((task.stream, task.source_key), *intent.depends_on)
            if WRITABLE[stream].rank == WRITABLE["sales_invoices"].rank
            and (mapped := engine.map.find(stream, key)) is not None
        ]
        moved = False
        for stream, key, remote_id in ends:
            record = engine.sender.get(stream, {}, remote_id)
            if record is not None and record["id"] != remote_id:
                with engine.outbox.transaction():
                    engine.map.moved(stream, key, record["id"])
                    engine.map.replaced(stream, remote_id, record["id"])
                engine.lookups.wrote(stream, record, replaces=remote_id)
                moved = True
        if not moved:
            return False
        if task.row is not None:
            with engine.outbox.transaction():
                engine.outbox.close(task.row, "superseded", reasons=_words(error))
            task.row = None
        engine.held.append(task)
        return True

    # Doubts

    def _doubt(self, task: Task, reason: str) -> None:
        engine = self.engine
        assert task.row is not None  # noqa: S101 - it was sent
        with engine.outbox.transaction():
            engine.outbox.doubt(task.row, reason)
            engine.outbox.audit(task.row, "uncertain")
        again = WRITABLE[task.stream].settle is Settle.AGAIN
        wait = 0 if again else engine.settings.settle_seconds
        task.due = engine.now() + wait
        self.uncertain.append(task)
        logger.info(
            "%s %s: %s; the ledger is asked in %d s what became of it",
            task.stream, task.source_key, reason, wait,
        )  # fmt: skip

    def _settle_due(self) -> None:
        """Read what became of the doubts that are old enough, a stream at a time."""
        now = self.engine.now()
        due = [task for task in self.uncertain if task.due <= now]
        for stream in sorted({task.stream for task in due}, key=lambda s: WRITABLE[s].rank):
            tasks = [task for task in due if task.stream == stream]
            try:
                verdicts = self.reconciler.settle(
                    stream, [(task.wanted, task.fence) for task in tasks]
                )
            except ClearBooksError as error:
                self.engine.failure = error
                return
            for task, verdict in zip(tasks, verdicts, strict=True):
                self.uncertain.remove(task)
                self._settled(task, verdict)

    def _settled(self, task: Task, verdict: Any) -> None:
        engine = self.engine
        if isinstance(verdict, Found):
            engine.outbox.count(engine.business_id, task.stream, "recovered")
            engine.done(task, verdict.record, _OUTCOMES[task.wanted.operation])
        elif not isinstance(verdict, Absent):
            engine.refusals.refused(
                task, "quarantined", "blocked", (verdict.reason,), verdict.candidates
            )
        elif task.sends < task.most:
            again = WRITABLE[task.stream].settle is Settle.CONVERGE
            task.looked = None if again else {}
            self.ready.append(task)
        else:
            self._give_up(task)

    def _give_up(self, task: Task) -> None:
        """Leave a doubt to the next run; the input's STATE stays before it."""
        engine = self.engine
        assert task.row is not None  # noqa: S101 - it was sent
        engine.unsettled[task.stream, task.source_key] = task.row
        self.traffic.done(task.number)
        engine.live.pop(task.number, None)

    def check_resent(self) -> None:
        """See whether what was sent again has landed twice, once that can be told."""
        now = self.engine.now()
        for task in [task for task in self.resent if task.due <= now]:
            self.resent.remove(task)
            [verdict] = self.reconciler.settle(task.stream, [(task.whole, task.fence)])
            if isinstance(verdict, Unclear):
                words = f"{task.stream} {task.source_key!r} stands in the ledger more than once"
                task.row = None
                self.engine.refusals.refused(
                    task, "quarantined", "blocked", (words,), verdict.candidates
                )

    # On disk

    def put_down(self, task: Task, record: Mapping[str, Any], outcome: str) -> None:
        """Put a settled write on disk: map, outbox, audit and count together."""
        engine, intent = self.engine, task.whole
        before = engine.map.find(task.stream, task.source_key)
        old = intent.remote_id
        new = record.get("id", old)
        gone = intent.operation in (Operation.VOID, Operation.DELETE)
        mapped = engine.map.set(
            task.stream, task.source_key, 0 if new is None else new, run=engine.outbox.run,
            content=intent.hash, record=task.hash, voided=gone,
            remote_type=record.get("found"),
        )  # fmt: skip
        if old is not None and new is not None and new != old:
            engine.map.replaced(task.stream, old, new)
        if WRITABLE[task.stream].settle is Settle.CONVERGE:
            if gone:
                engine.map.unwant(task.stream, task.source_key)
            elif intent.operation is Operation.CREATE:
                amount = Decimal(str(intent.body["amount"]))
                engine.map.want(task.stream, task.source_key, pair_of(intent), amount)
        if task.row is None:
            engine.outbox.supersede(engine.business_id, task.stream, task.source_key)
            task.row = engine.outbox.add(engine.row(task), state="planned")
        result = {
            "id": mapped.remote_id,
            "outcome": outcome,
            "made": outcome == "written" and (before is None or before.voided),
        }
        engine.outbox.close(task.row, "done", result=result)
        engine.outbox.audit(task.row, outcome, id=mapped.remote_id, was=old,
                            warnings=list(intent.warnings) or None)  # fmt: skip
        engine.outbox.count(engine.business_id, task.stream, outcome)
        engine.outbox.save_counts()
        self.looks.wrote(task)
        self._tell_lookups(task, record, gone=gone)

    def _tell_lookups(self, task: Task, record: Mapping[str, Any], *, gone: bool) -> None:
        intent, lookups = task.wanted, self.engine.lookups
        if gone:
            lookups.removed(task.stream, intent.remote_id)
        elif "id" in record and len(record) > 1 and not record.get("found"):
            lookups.wrote(task.stream, record, replaces=intent.remote_id)
            if task.stream in self._newest and isinstance(record["id"], int):
                self._newest[task.stream] = max(self._newest[task.stream], record["id"])


def _words(error: ApiError) -> tuple[str, ...]:
    """The API's own words, or what the client says where there were none."""
    found = tuple(f"{code}: {text}" if code else text for code, text in error.faults)
    return found or (str(error),)
