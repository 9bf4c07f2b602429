"""What is left in the ledger of an allocation that is taken back.

One record may stand there in several allocations, each of which is taken back by a request of its
own: its sum was raised, or the ledger gave new IDs where it revised what an allocation joins.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.errors import NotFoundError
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.reconcile import Reconciler
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.ledger.records import Record

logger = logging.getLogger("target-clearbooks")


def in_parts(task: Task, reconciler: Reconciler, *, renewed: bool) -> bool:
    """Whether more than one ID is to be taken back: several were known, or nobody has told it."""
    if WRITABLE[task.stream].kind is not Kind.ALLOCATION or not task.wanted.removes:
        return False
    mapped = reconciler.map.find(task.stream, task.source_key)
    return renewed or (mapped is not None and len(mapped.lineage) > 1)


def parts_left(task: Task, reconciler: Reconciler, *, renewed: bool) -> list[Record]:
    """The allocations that still stand of a record that is taken back.

    Args:
        task: The record.
        reconciler: Reads what stands between the two that the allocation joins.
        renewed: Whether they may stand under IDs that nobody has told. Then those that belong to
            no record count where they come to the sum of this one, or one of them does.
    """
    ledger_map = reconciler.map
    wanted = ledger_map.allocated.joined(task.stream, task.source_key)
    if wanted is None:
        return []
    intent = replace(task.wanted, body=_newest(wanted, task, reconciler))
    try:
        rows = reconciler.allocations(intent)
    except NotFoundError:
        return []  # one of the two is gone, and what was allocated to it with it
    left = [row for row in rows if row["id"] not in task.taken_back]
    owners = [ledger_map.owner(task.stream, row["id"]) for row in left]
    own = [row for row, owner in zip(left, owners, strict=True) if owner == task.source_key]
    free = [row for row, owner in zip(left, owners, strict=True) if owner is None]
    if own or not renewed or not free:
        return own
    amounts = [abs(Decimal(str(row["amount"]))) for row in free]
    if sum(amounts) == wanted["amount"]:
        return free
    if wanted["amount"] in amounts:
        return [free[amounts.index(wanted["amount"])]]
    logger.warning(
        "%s: %s is gone; what is allocated between the same two (%s) comes to another sum, and "
        "stays",
        task,
        task.wanted.remote_id,
        ", ".join(str(row["id"]) for row in free),
    )
    return []


def _newest(wanted: Mapping[str, Any], task: Task, reconciler: Reconciler) -> Record:
    """The body of an allocation with the newest revisions of the documents that it joins."""
    row, body = WRITABLE[task.stream], dict(wanted)
    for name, streams in (("invoiceId", row.invoices), ("creditNoteId", (row.credit_notes,))):
        for stream in streams if name in body else ():
            record = reconciler.sender.get(stream, {}, body[name])
            if record is not None:
                body[name] = record["id"]
                break
    return body
