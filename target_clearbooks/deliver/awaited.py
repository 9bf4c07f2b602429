"""What records on disk waited for: taken up again, one at a time, as there is room."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_clearbooks.store.outbox import Outbox, Row


class Awaited:
    """Settled records of one business for which others may have waited.

    Args:
        outbox: Where those stand that wait.
        business_id: The business.
    """

    def __init__(self, outbox: Outbox, business_id: int) -> None:
        self._outbox = outbox
        self._business_id = business_id
        self._settled: deque[tuple[str, str]] = deque()

    def __bool__(self) -> bool:
        return bool(self._settled)

    def settled(self, stream: str, source_key: str) -> None:
        """Note that a record was settled."""
        self._settled.append((stream, source_key))

    def rows(self, has_room: Callable[[], bool]) -> Iterator[Row]:
        """Records that waited for what was settled, for as long as there is room.

        They are read one by one: what they hold may be large.
        """
        while self._settled and has_room():
            key = self._settled.popleft()
            for row in self._outbox.waiting_for(self._business_id, *key):
                if not has_room():
                    self._settled.appendleft(key)
                    return
                yield row
