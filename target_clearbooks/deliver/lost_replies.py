"""Writes whose reply was lost: when the ledger is asked about them, and what follows.

No endpoint has an idempotency key, so a request without a readable answer may or may not have
been carried out. It is never sent again on a guess:

1. It stood on disk before its first byte left, and is now noted as uncertain there.
2. After `settle_seconds` the ledger is read (`reconcile`), once for all doubts of a stream.
3. Found: it is done. Absent: it is sent once more, and in this run no more than that. Unclear: a
   person decides.
4. What was sent twice is looked for again after `settle_seconds`, since the first one may have
   been carried out late: two of it are shown to a person.

A doubt that an earlier run left is settled before anything else is written. All waiting is by a
clock that nobody sets.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from target_clearbooks.deliver.decision import Done, Leave, Send
from target_clearbooks.deliver.precheck import Reading, reading_before
from target_clearbooks.deliver.reconcile import Absent, Found, Unclear
from target_clearbooks.intent import OUTCOMES, Quarantined
from target_clearbooks.writable import WRITABLE, Settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.reconcile import Reconciler, Verdict
    from target_clearbooks.deliver.task import Task


class LostReplies:
    """Doubts of one business, until the ledger has told what became of them.

    Args:
        reconciler: Reads what became of a write.
        settle_seconds: How long the ledger is given to show a write.
    """

    def __init__(self, reconciler: Reconciler, settle_seconds: int) -> None:
        self._reconciler = reconciler
        self._settle_seconds = settle_seconds
        self._doubts: list[Task] = []
        self._sent_again: list[Task] = []

    def __len__(self) -> int:
        return len(self._doubts)

    @property
    def wait(self) -> float:
        """Seconds until the ledger may be asked about every doubt."""
        return max((task.due for task in self._doubts), default=0.0) - time.monotonic()

    @property
    def watching(self) -> bool:
        """Whether something that was sent twice is still to be looked for."""
        return bool(self._sent_again)

    def add(self, task: Task) -> float:
        """Take in a doubt; the seconds until the ledger is asked."""
        # The server ignores what it has already: nothing has to be asked.
        again = WRITABLE[task.stream].settle is Settle.AGAIN
        wait = 0 if again else self._settle_seconds
        task.due = time.monotonic() + wait
        self._doubts.append(task)
        return wait

    def watch(self, task: Task) -> None:
        """Look later whether a write that was sent twice was carried out twice."""
        task.due = time.monotonic() + self._settle_seconds
        self._sent_again.append(task)

    def settle(self) -> Iterator[tuple[Task, Decision]]:
        """Read what became of the doubts that are old enough, a stream at a time.

        Raises:
            ClearBooksError: the ledger cannot be read; nothing is decided from that.
        """
        now = time.monotonic()
        due = [task for task in self._doubts if task.due <= now]
        for stream in sorted({task.stream for task in due}, key=lambda s: WRITABLE[s].write_order):
            tasks = [task for task in due if task.stream == stream]
            verdicts = self._reconciler.settle(stream, [(t.wanted, t.snapshot) for t in tasks])
            for task, verdict in zip(tasks, verdicts, strict=True):
                self._doubts.remove(task)
                yield task, after_verdict(task, verdict)

    def carried_out_twice(self) -> Iterator[tuple[Task, Quarantined]]:
        """Those that were sent twice where the ledger does not tell that it was done once."""
        now = time.monotonic()
        for task in [task for task in self._sent_again if task.due <= now]:
            self._sent_again.remove(task)
            verdict: Verdict | None
            if WRITABLE[task.stream].settle is Settle.CONVERGE and not task.whole.removes:
                verdict = self._reconciler.allocated_twice(task.whole)
            else:
                [verdict] = self._reconciler.settle(task.stream, [(task.whole, task.snapshot)])
            if isinstance(verdict, Unclear):
                words = f"{task.stream} {task.source_key!r} was sent twice: {verdict.reason}"
                yield task, Quarantined((words,), verdict.candidates)


def after_verdict(task: Task, verdict: Verdict) -> Decision:
    """What follows from what the ledger tells of a doubt."""
    intent = task.wanted
    if isinstance(verdict, Found):
        return Done(verdict.record, OUTCOMES[intent.operation])
    if not isinstance(verdict, Absent):
        return Quarantined((verdict.reason,), verdict.candidates)
    if task.sends < task.most:
        # What decides how much of it is sent is read again.
        partial = reading_before(intent, known=True) in (Reading.ALLOCATIONS, Reading.RECORD)
        return Send(intent, None if partial else task.snapshot)
    # Left to the next run; no STATE behind it goes out.
    return Leave(task.sent_row)
