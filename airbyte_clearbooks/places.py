"""Which record of the source a place in the target's input belongs to.

The target gives each record that it writes a place; a record of the source may come to several of
them, and what is refused is counted by the records of the source.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airbyte_clearbooks.catalog import StreamName


class Places:
    """The first places of the records that may still be asked for, in order."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._streams: list[StreamName] = []

    def begin(self, first: int, stream: StreamName) -> None:
        """A record of a stream begins at a place."""
        self._firsts.append(first)
        self._streams.append(stream)

    def record_of(self, place: int) -> tuple[int, StreamName]:
        """The first place of the record that a place belongs to, and its stream."""
        found = bisect_right(self._firsts, place) - 1
        return self._firsts[found], self._streams[found]

    def forget(self, place: int) -> None:
        """Nobody asks for places up to this any more, as everything there is settled."""
        gone = bisect_right(self._firsts, place)
        del self._firsts[:gone], self._streams[:gone]
