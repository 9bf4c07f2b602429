"""Which record may go next: tasks, what they touch, and which of them waits for which.

Records are taken up in the order in which they came, and many are under way at once. What two of
them touch orders them: the same source key, a parent and what needs it, two creates that a lost
reply would confuse, two allocations of one payment.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.claims import Claims
from target_clearbooks.deliver.task import Task, claim_of, claims
from target_clearbooks.intent import Rejected, Waiting, content_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping

    from target_clearbooks.deliver.decision import Step
    from target_clearbooks.intent import Intent, Outcome
    from target_clearbooks.store.outbox import Row

# What the tasks under way may hold together; one may always be.
_MOST_BYTES = 24 * 1024 * 1024


class Schedule:
    """The tasks of one business that are not settled."""

    def __init__(self) -> None:
        self._claims = Claims()
        self._tasks: dict[int, Task] = {}
        self._held: deque[Task] = deque()
        self._places: dict[int, None] = {}
        self._steps: dict[tuple[str, str], Task] = {}
        self._next = 0
        self._size = 0

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def full(self) -> bool:
        """Whether the tasks hold as much as memory should."""
        return self._size > _MOST_BYTES

    def weigh(self, task: Task) -> None:
        """Take in what a task holds now."""
        self._size -= task.size
        task.size = sum(len(v) for v in task.record.values() if type(v) is str)
        if task.intent is not None and isinstance(task.intent.body, bytes):
            task.size += len(task.intent.body)
        self._size += task.size

    @property
    def oldest(self) -> int | None:
        """Place in the input of the oldest record that is not settled."""
        return next(iter(self._places), None)

    def add(
        self,
        stream: str,
        source_key: str,
        record: Mapping[str, Any],
        record_hash: str,
        **more: Any,
    ) -> Task:
        """A task of a record, behind all others."""
        self._next += 1
        task = Task(self._next, stream, source_key, record, record_hash, **more)
        self._tasks[task.number] = task
        self.weigh(task)
        if task.seq is not None:
            self._places[task.seq] = None
        return task

    def add_row(self, row: Row, **more: Any) -> Task:
        """A task of a record that stands on disk, behind all others."""
        return self.add(
            row.stream,
            row.source_key,
            row.record,
            row.record_hash,
            row=row,
            key_properties=row.key_properties,
            **more,
        )

    def put_first(self, task: Task, step: Step) -> Task | None:
        """Let a step go before a task; the task of the step, unless one is under way already."""
        key = (step.stream, step.source_key)
        going = self._steps.get(key)
        if going is None and not step.takes_back and self.under_way(*key, task):
            self.follow(task, key)
            return None
        first = going or self.add(
            *key,
            step.record,
            content_hash(step.record),
            intent=step.intent,
            fixed=step.intent is not None,
            kept=step.kept,
            step_of=task if step.takes_back else None,
        )
        mark = ("step", first.number)
        if going is None:
            self._steps[key] = first
            self._claims.cut_in(first.number, first.key, task.number)
            self._claims.claim(first.number, [mark], alone=True)
        self._claims.claim(task.number, [mark], alone=False)
        return first if going is None else None

    def enter(self, task: Task, *things: Hashable) -> bool:
        """Stand in line for the task's key, and other things; whether it may go."""
        self._claims.claim(task.number, [task.key, *things], alone=True)
        return self._claims.free(task.number)

    def hold(self, task: Task) -> None:
        """Keep a task back until others are through."""
        self._held.append(task)

    def unsent(self, stream: str, source_key: str) -> Task | None:
        """A record of a key that waits its turn and was never sent, if there is one."""
        key = claim_of(stream, source_key)
        return next((held for held in self._held if held.key == key and held.row is None), None)

    def withdraw(self, task: Task) -> None:
        """Take a task out of those that wait their turn."""
        if task in self._held:
            self._held.remove(task)

    def next(self, idle: Callable[[], bool]) -> Iterator[tuple[Task, bool]]:
        """Held tasks that may go, and whether one goes alone.

        Where nothing is under way that could let anybody go, the oldest goes alone, although
        others stand before it.

        Args:
            idle: Whether nothing is under way.
        """
        for _ in range(len(self._held)):
            task = self._held.popleft()
            if self._claims.free(task.number):
                yield task, False
            else:
                self._held.append(task)
        if self._held and idle():
            yield self._held.popleft(), True

    def under_way(self, stream: str, source_key: str, before: Task | None = None) -> bool:
        """Whether a record of a key is under way, and where a task is given, before that."""
        return self._claims.busy(claim_of(stream, source_key), before.number if before else -1)

    def follow(self, task: Task, *keys: tuple[str, str]) -> None:
        """Let a task stand in line behind records of these keys."""
        self._claims.claim(task.number, [claim_of(*key) for key in keys], alone=False)

    def claim(self, task: Task, intent: Intent) -> bool:
        """Claim what an intent touches; whether it may go."""
        before = self._claims.free(task.number)
        self.follow(task, *intent.depends_on, *self._ahead(task, intent.looked_in))
        self._claims.claim(task.number, claims(intent), alone=True)
        return self._claims.free(task.number) or not before

    def _ahead(self, task: Task, streams: Collection[str]) -> Iterator[tuple[str, str]]:
        """Records of these streams that came before a task and are not settled."""
        for other in self._tasks.values():
            if other.stream in streams and other.number < task.number:
                yield other.stream, other.source_key

    def may_change(self, task: Task, outcome: Outcome) -> bool:
        """Whether others under way may change an outcome; the task then stands in line for them."""
        parents = outcome.on if isinstance(outcome, (Waiting, Rejected)) else ()
        ahead: Iterable[tuple[str, str]] = [
            parent for parent in parents if self.under_way(*parent, task)
        ] or [
            (other.stream, other.source_key)
            for other in self._tasks.values()
            if other.write_order < task.write_order and other.number < task.number
        ]
        self.follow(task, *ahead)
        return bool(ahead) and not self._claims.free(task.number)

    def release(self, task: Task, *, settled: bool) -> None:
        """Let others go on; STATE may pass a record that is settled, or waits on disk."""
        self._claims.done(task.number)
        if self._tasks.pop(task.number, None) is not None:
            self._size -= task.size
        key = (task.stream, task.source_key)
        if self._steps.get(key) is task:
            del self._steps[key]
        if settled and task.seq is not None:
            self._places.pop(task.seq, None)
