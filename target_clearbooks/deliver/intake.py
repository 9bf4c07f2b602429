"""Records as they come in: which of several with one key counts, and which changes nothing.

The last record of a key in a run counts. So that the first is not written for nothing, the newest
record is kept back until the next one has come, and one that waits its turn is withdrawn. What was
overtaken by a later record of its run is remembered: where the same input comes again, it is put
aside until the later one has come, too.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from target_clearbooks.control_fields import is_plain
from target_clearbooks.deliver.collisions import other_lines
from target_clearbooks.deliver.seen import Seen, SeenKeys
from target_clearbooks.intent import DELETED_AT, Quarantined, Rejected, Waiting, content_hash
from target_clearbooks.ledger.likeness import MOST_LINES
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.shapes import from_json
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from target_clearbooks.deliver.recorder import Recorder
    from target_clearbooks.deliver.schedule import Schedule
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.store.ledger_map import LedgerMap
    from target_clearbooks.store.outbox import Row

    Taken = tuple[Task, Rejected | None]
    """A record that may be begun, or the reason why not."""

logger = logging.getLogger("target-clearbooks")

# Seconds for which the newest record is kept back while no other comes.
_KEPT_BACK = 0.2
_LINES = fold("lineItems")


class Intake:
    """Takes in the records of one business.

    Args:
        ledger_map: What became of records before.
        schedule: What is under way.
        recorder: Puts down what is put aside.
        unsettled: Keys of which an earlier write is still in doubt.
        lookups: Knows who allocates what in this run.

    Attributes:
        put_aside: Keys whose record is put aside on disk, until a later one has come.
    """

    def __init__(
        self,
        ledger_map: LedgerMap,
        schedule: Schedule,
        recorder: Recorder,
        unsettled: Collection[tuple[str, str]],
        lookups: Lookups,
    ) -> None:
        self._map = ledger_map
        self._schedule = schedule
        self._recorder = recorder
        self._unsettled = unsettled
        self._lookups = lookups
        self._seen = SeenKeys()
        self._newest: Task | None = None
        self._came = 0.0
        self.put_aside: set[tuple[str, str]] = set()
        self._last: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Forget which keys came."""
        self._seen.close()

    def take(
        self, stream: str, record: Mapping[str, Any], source_key: str, *, line: int, **more: Any
    ) -> Iterator[Taken]:
        """Take in a record; yields what follows for it or for those before it."""
        key, applied = self._map.look_up(stream, source_key)
        number = content_hash(record)
        before, seen = self._seen.find(stream, key), Seen(line, number, _names(stream, record))
        apart = before is not None and before.is_apart(seen)
        self._seen.put(stream, key, seen._replace(apart=apart))
        again = before if before is not None and before.hash != number else None
        if again and not apart:
            logger.warning(
                "%s %r came twice in this run, with different contents (lines %d and %d): the "
                "last one counts",
                stream,
                key,
                again.line,
                line,
            )
        if applied and applied.record_hash == number and self._is_free(stream, key):
            if (stream, key) in self.put_aside:
                self.put_aside.discard((stream, key))
                self._recorder.withdrawn(stream, key)
            self._recorder.known(stream, key)
            self.stays(stream, key)
            return
        task = self._schedule.add(stream, key, record, number, **more)
        self._schedule.enter(task)
        if apart and before is not None:
            refused = other_lines(key, before.line, line)
            for each in (self._withdrawn(task), task):
                if each is not None:
                    yield each, refused
            return
        if again:
            self._recorder.overtaken(task, again.hash)
        if applied and number in self._map.overtaken(stream, key):
            self.put_aside.add((stream, key))
            words = f"{stream}: the last run had a later record of this key, which is waited for"
            self._recorder.waiting(task, Waiting((), (words,)))
            self._schedule.release(task, settled=True)
            return
        self.put_aside.discard((stream, key))
        first = self._withdrawn(task) if again else None
        if first is not None:
            self._recorder.not_sent(stream, key)
            self._schedule.release(first, settled=True)
        yield from self.kept_back()
        self._newest, self._came = task, time.monotonic()

    def stays(self, stream: str, key: str) -> None:
        """Let an allocation that stays as it is keep its two: another record is one too many."""
        allocates = WRITABLE[stream].kind is Kind.ALLOCATION
        if allocates and (joined := self._map.allocated.joined(stream, key)):
            end = f"{joined['allocationType']}Id"
            self._lookups.first_to_allocate(stream, joined["invoiceId"], end, joined[end], key)

    def _is_free(self, stream: str, key: str) -> bool:
        """Whether nothing under way or in doubt changes what the ledger holds of a key."""
        return not self._schedule.under_way(stream, key) and (stream, key) not in self._unsettled

    def _withdrawn(self, task: Task) -> Task | None:
        """The earlier record of a key, taken back where it was not sent and need not be."""
        newest = self._newest
        if newest is not None and newest.key == task.key:
            first: Task | None = newest
        else:
            first = self._schedule.unsent(task.stream, task.source_key)
        needed = not _may_correct(task.stream) or not _only_contents(task)
        if first is None or needed or not _only_contents(first):
            return None
        self._newest = None if first is newest else newest
        self._schedule.withdraw(first)
        return first

    @property
    def keeps_back(self) -> bool:
        """Whether the newest record is kept back, for which others may stand in line."""
        return self._newest is not None

    def kept_back(self, *, longer: bool = True) -> Iterator[Taken]:
        """The newest record; with `longer=False` only where no other has come for a while."""
        newest = self._newest
        if newest is not None and (longer or time.monotonic() - self._came > _KEPT_BACK):
            self._newest = None
            yield newest, None

    def put_last(self, task: Task, outcome: Rejected | Quarantined) -> bool:
        """Put a void that was refused to the end of the input, once, and tell whether.

        What keeps it, such as an allocation, may be taken back by a record behind it.
        """
        key = (task.stream, task.source_key)
        removes = task.intent is not None and task.intent.removes
        if not removes or outcome.kind != "rejected" or key in self._last:
            return False
        self._last.add(key)
        self.put_aside.add(key)
        if task.row is not None:
            self._recorder.not_carried_out(task, "superseded", outcome.reasons)
            task.row = None
        self._recorder.waiting(task, Waiting((), outcome.reasons))
        self._schedule.release(task, settled=True)
        return True

    def is_put_aside(self, row: Row) -> bool:
        """Whether a record was put aside for a later one that did not come; it counts then."""
        key = (row.stream, row.source_key)
        if key not in self.put_aside:
            return False
        self.put_aside.discard(key)
        return True


def _only_contents(task: Task) -> bool:
    """Whether a record says no more than what it is to be."""
    return is_plain(task.record) and not task.record.get(DELETED_AT)


def _may_correct(stream: str) -> bool:
    """Whether a later record of a key stands for the earlier one, and not for another part."""
    journal = WRITABLE[stream].kind is Kind.JOURNAL
    return journal or load_contract().resources[stream].operation("update") is not None


def _names(stream: str, record: Mapping[str, Any]) -> tuple[int, ...]:
    """Hashes of what the lines of a document are called, or of the lines that have no name."""
    if WRITABLE[stream].kind is not Kind.DOCUMENT:
        return ()
    lines = next((from_json(v) for name, v in record.items() if fold(name) == _LINES), None)
    items = (from_json(line) for line in lines) if isinstance(lines, list) else ()
    names = {
        hash(fold(str(line.get("description") or "")) or str(sorted(line.items(), key=str)))
        for line in items
        if isinstance(line, dict)
    }
    return tuple(sorted(names)[:MOST_LINES])
