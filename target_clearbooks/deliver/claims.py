"""Which tasks may be under way together: a queue for each thing that two of them touch."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable


class Claims:
    """Claims on things, in the order in which they were made.

    A task that changes a thing claims it alone; tasks that only need it share it. A task may go
    when nothing stands before it that does not share.
    """

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[tuple[int, bool]]] = {}
        self._claims: dict[int, dict[Hashable, bool]] = {}

    def claim(self, task: int, things: Iterable[Hashable], *, alone: bool) -> None:
        """Stand in line for things; once for each."""
        mine = self._claims.setdefault(task, {})
        for thing in things:
            if thing not in mine:
                mine[thing] = alone
                self._queues.setdefault(thing, deque()).append((task, alone))

    def cut_in(self, task: int, thing: Hashable, ahead_of: int) -> None:
        """Claim a thing alone, ahead of a task and of those that could not go anyway."""
        queue = self._queues.setdefault(thing, deque())
        after = (
            n for n, (other, _) in enumerate(queue) if other == ahead_of or not self.free(other)
        )
        queue.insert(next(after, len(queue)), (task, True))
        self._claims.setdefault(task, {})[thing] = True

    def free(self, task: int) -> bool:
        """Whether the task may go."""
        return all(
            self._clear(task, thing, alone) for thing, alone in self._claims.get(task, {}).items()
        )

    def _clear(self, task: int, thing: Hashable, alone: bool) -> bool:
        for other, other_alone in self._queues[thing]:
            if other == task:
                return True
            if alone or other_alone:
                return False
        return True

    def busy(self, thing: Hashable, task: int) -> bool:
        """Whether another task, before this one in line, claims a thing alone."""
        for other, alone in self._queues.get(thing, ()):
            if other == task:
                return False
            if alone:
                return True
        return False

    def done(self, task: int) -> None:
        """Let the others go on."""
        for thing, alone in self._claims.pop(task, {}).items():
            queue = self._queues[thing]
            queue.remove((task, alone))
            if not queue:
                del self._queues[thing]
