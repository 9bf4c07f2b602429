"""Several requests under way at once, with their results taken in order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    executor: Executor,
    call: Callable[[T], R],
    items: Iterable[T],
    depth: Callable[[], int],
    drained: Callable[[], None] = lambda: None,
) -> Iterator[R]:
    """`call` for each item, up to `depth()` of them at once; results in the order of items.

    An exception of a call is raised in its place; calls that have not begun are then dropped.
    `drained` is called when all calls are under way.

    May be used in a thread of the executor itself: a call whose result is due before a thread has
    begun it is made by the caller, which therefore never waits for a free thread.
    """
    waiting: deque[tuple[T, Future[R]]] = deque()
    source = iter(items)
    more = True
    try:
        while True:
            while more and len(waiting) < max(depth(), 1):
                for item in source:
                    waiting.append((item, executor.submit(call, item)))
                    break
                else:
                    more = False
                    drained()
            if not waiting:
                return
            item, future = waiting.popleft()
            # If it is cancelled already, the executor was shut down: result() raises.
            own = not future.cancelled() and future.cancel()
            yield call(item) if own else future.result()
    finally:
        for _, future in waiting:
            future.cancel()
