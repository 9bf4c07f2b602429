"""Allocations that are written again, since a document or payment that they join has changed.

They wait on disk for it as records of their own, in the transaction that settles it or takes them
back, so that a run that is killed loses none.
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.allocation_ends import allocation_ends
from target_clearbooks.deliver.precheck import cleared_of
from target_clearbooks.deliver.replacing import allocated_again, most_of
from target_clearbooks.intent import WriteOperation, content_hash
from target_clearbooks.store.outbox import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Mapped
    from target_clearbooks.store.ledger_map import Applied, LedgerMap
    from target_clearbooks.store.outbox import Outbox

logger = logging.getLogger("target-clearbooks")


class Reallocations:
    """Has allocations of one business written again. Belongs inside a transaction.

    Args:
        business_id: The business.
        outbox: Where they wait.
        ledger_map: What is allocated.
    """

    def __init__(self, business_id: int, outbox: Outbox, ledger_map: LedgerMap) -> None:
        self._business_id = business_id
        self._outbox = outbox
        self._map = ledger_map

    def follow(
        self, task: Task, record: Mapping[str, Any], before: Mapped | None, mapped: Mapped
    ) -> None:
        """Let what is allocated to a document or payment follow what was made of that.

        Args:
            task: The document or payment, or another record, of which nothing follows.
            record: What the ledger holds of it now.
            before: What its key stood for; None for nothing.
            mapped: What it stands for now.
        """
        old, new = task.wanted.remote_id, mapped.remote_id
        if old is not None and new != old:
            # The revision before ours may have been a person's, which the map does not know.
            for earlier in {old, before.remote_id if before else old} - {new}:
                self._map.allocated.replaced(task.stream, earlier, new)
        if before is not None and is_another(task, before, mapped):
            # A person has voided the one before, and what was allocated to it is free.
            self._map.allocated.replaced(task.stream, before.remote_id, new)
            self._again(task, new)
        elif old is not None and new != old and _has_lost(task, record):
            self._again(task, new)
        elif before is not None:
            self._more(task, new)

    def _again(self, task: Task, new: int | str) -> None:
        """Have everything written again that this store has allocated to it."""
        for stream, key, body in list(self._map.allocated.of(task.stream, new)):
            applied = self._map.applied(stream, key)
            self._map.reopen(stream, key)
            self.wait(stream, key, self._kept(task, stream, key, body), applied)

    def _more(self, task: Task, new: int | str) -> None:
        """Have allocations raised that came to less than they may: there may be room now."""
        for stream, key, body in list(self._map.allocated.of(task.stream, new)):
            applied = self._map.applied(stream, key)
            if most_of(applied, body) > body["amount"]:
                self.wait(stream, key, self._kept(task, stream, key, body), applied)

    def _kept(self, task: Task, stream: str, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return allocated_again(self._map, stream, key, body, (task.stream, task.source_key))

    def wait(self, stream: str, key: str, kept: Mapping[str, Any], applied: Applied | None) -> None:
        """Let an allocation wait on disk.

        Args:
            stream: Its stream.
            key: Its source key.
            kept: See `replacing.allocated_again`.
            applied: What was applied for the key. It counts as the record that the source sent,
                which then comes as one that is known.
        """
        given = dict(kept["again"])
        number = (applied.record_hash if applied else None) or content_hash(given)
        row = Row(self._business_id, stream, key, given, number)
        self._outbox.supersede(self._business_id, stream, key)
        row = self._outbox.add(row, state="waiting")
        after, name = kept["after"]
        self._outbox.wait(row, [(after, name), (stream, key)])


def _has_lost(task: Task, record: Mapping[str, Any]) -> bool:
    """Whether less of a document is cleared than before its new revision."""
    before, cleared = task.snapshot.get("cleared"), cleared_of(record)
    if before is None or cleared is None or cleared >= Decimal(str(before)):
        return False
    logger.warning(
        "%s: of its new revision %s less is cleared than before; look at what others have "
        "allocated to it, what is ours is allocated anew",
        task,
        Decimal(str(before)) - cleared,
    )
    return True


def is_another(task: Task, before: Mapped, mapped: Mapped) -> bool:
    """Whether a document or payment took the place of one that stands for its key no more."""
    joined = bool(allocation_ends(task.stream)) and task.wanted.operation is WriteOperation.CREATE
    return joined and not before.voided and mapped.remote_id != before.remote_id
