"""Requests under way: made in threads, their answers taken up one by one in the caller's thread."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

    from target_clearbooks.deliver.task import Task

    Answer = tuple[Task, Callable[[Task, Any], "T"], Future[Any]]

T = TypeVar("T")


class Requests(Generic[T]):
    """Requests for the records of one business.

    Args:
        executor: Threads for requests.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._under_way: set[Task] = set()
        self._answers: queue.SimpleQueue[Answer[T]] = queue.SimpleQueue()

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(
        self,
        task: Task,
        answered: Callable[[Task, Any], T],
        call: Callable[..., Any],
        *args: Any,
    ) -> None:
        """Make a request in a thread; `answered` is for the caller, once the answer is there."""
        self._under_way.add(task)
        future = self._executor.submit(call, *args)
        future.add_done_callback(lambda done: self._answers.put((task, answered, done)))

    def answers(self, seconds: float = 0.0) -> Iterator[Answer[T]]:
        """The answers that came; waits up to so long for the first."""
        try:
            answer = self._answers.get(timeout=seconds) if seconds else self._answers.get_nowait()
            while True:
                self._under_way.discard(answer[0])
                yield answer
                answer = self._answers.get_nowait()
        except queue.Empty:
            pass

    def rest(self) -> Iterator[Answer[T]]:
        """The answers of every request under way, as they come."""
        while self._under_way:
            answer = self._answers.get()
            self._under_way.discard(answer[0])
            yield answer
