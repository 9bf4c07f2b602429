"""What `on_change: replace` has taken back, so that a record can be written anew.

The functions here compute steps; `execution` has them carried out before the record.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.allocation_ends import ends_of
from target_clearbooks.control_fields import CREATE, REPLACE, asked, mode_of
from target_clearbooks.deliver.decision import First, Step
from target_clearbooks.deliver.precheck import cleared_of
from target_clearbooks.intent import Rejected
from target_clearbooks.ledger.matching import diff, is_paid
from target_clearbooks.map_command import map_unset
from target_clearbooks.reversal import reversal
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent, Mapped, Reference
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.ledger_map import Applied, LedgerMap

AT_MOST = "atMost"
"""Field of an allocation that may come to less than it says, until there is room for more."""
# What of a paid document may change all the same.
_FREE = re.compile(r"reference|description|lineItems\[\d+\]\.accountCode")


def is_replaced(task: Task, settings: TargetSettings) -> bool:
    """Whether what stands for a record is taken back where it cannot be updated."""
    wanted = asked(task.record) == REPLACE or settings.on_change == REPLACE
    return wanted and mode_of(task.record, settings.mode) != CREATE


def reversed_first(
    intent: Intent, mapped: Mapped, posted: Mapping[str, Any] | None
) -> First | Rejected:
    """The reversal that goes before a journal is posted anew, or instead of its void.

    Args:
        intent: What the record comes to.
        mapped: What stands for it.
        posted: What was sent for that; None where a person named it, or it is not kept.
    """
    if posted is None:
        words = (
            f"{intent.stream} {intent.source_key!r}: the lines of {mapped.remote_id} are not kept; "
            "reverse it by a journal of its own, then say "
            + map_unset(intent.business_id, intent.stream, intent.source_key)
        )
        return Rejected((words,))
    back = reversal(intent.business_id, intent.stream, intent.source_key, posted, mapped.remote_id)
    return First((Step(back.stream, back.source_key, back.record, back, takes_back=True),))


def taken_back_first(task: Task, ledger_map: LedgerMap) -> First:
    """The void of the allocation that stands for a record, before it is allocated anew."""
    return First((_void(task.stream, task.source_key, ledger_map),))


def freed_first(task: Task, ledger_map: LedgerMap) -> First | None:
    """Voids of what is allocated to a document or payment, as far as it is this store's.

    What the input does not bring again is allocated again once the record is settled. None where
    nothing is left to be freed.
    """
    own = (task.stream, task.source_key)
    steps = tuple(
        _void(stream, key, ledger_map, allocated_again(ledger_map, stream, key, body, own))
        for number in _revisions(task, ledger_map)
        for stream, key, body in ledger_map.allocated.of(task.stream, number)
        if (stream, key) not in task.parents
    )
    return First(steps) if steps else None


def _void(
    stream: str, key: str, ledger_map: LedgerMap, kept: Mapping[str, Any] | None = None
) -> Step:
    record = {"externalId": ledger_map.without_source(key), "_operation": "void"}
    return Step(stream, key, record, takes_back=True, kept=kept or {})


def _revisions(task: Task, ledger_map: LedgerMap) -> dict[int | str, None]:
    """IDs that a document or payment has had; allocations of ours may still name an old one."""
    mapped = ledger_map.find(task.stream, task.source_key)
    known = (*(mapped.lineage if mapped else ()), task.wanted.remote_id)
    return dict.fromkeys(number for number in known if number is not None)


def allocated_again(
    ledger_map: LedgerMap, stream: str, key: str, body: Mapping[str, Any], after: Reference
) -> dict[str, Any]:
    """An allocation as a record that allocates again what is due by then, and no more than before.

    Args:
        ledger_map: Tells under which keys the two that it joins are known: their IDs may change.
        stream: Stream of the allocation.
        key: Its source key.
        body: What was allocated.
        after: The document or payment that it was freed for.

    Returns:
        `again`, the record, and `after`, what it waits for.
    """
    given = {name: value for name, value in body.items() if name != "amount"}
    for end, streams in ends_of(stream).items():
        for joined in streams if end in given else ():
            owner = ledger_map.owner(joined, given[end])
            if owner is not None:
                del given[end]
                given[WRITABLE[joined].noun] = {"externalId": ledger_map.without_source(owner)}
                break
    most = most_of(ledger_map.applied(stream, key), body)
    given |= {"externalId": ledger_map.without_source(key), AT_MOST: most}
    return {"again": given, "after": list(after)}


def most_of(applied: Applied | None, body: Mapping[str, Any]) -> Decimal:
    """The most that an allocation may come to: what its source wants, also where less was due."""
    most = ((applied and applied.likeness) or {}).get(AT_MOST)
    return Decimal(str(body["amount"] if most is None else most))


def is_kept(intent: Intent, record: Mapping[str, Any], allocated: Decimal) -> bool:
    """Whether the ledger refuses an update for what is allocated to the record, as far as known.

    Args:
        intent: The update.
        record: What the ledger holds.
        allocated: What this store has allocated to it.
    """
    row = WRITABLE[intent.stream]
    changes = {change.field for change in diff(record, intent.body)}
    moved = bool(changes & {row.contact, "currency", "bankAccountId"})
    if row.kind is Kind.PAYMENT:
        amounts = [Decimal(str(found.get("amount") or 0)) for found in (intent.body, record)]
        less = "amount" in changes and (
            abs(amounts[0]) < allocated or (amounts[0] < 0) is not (amounts[1] < 0)
        )
        return bool(allocated) and (less or moved)
    cleared = cleared_of(record)
    if row.kind is not Kind.DOCUMENT or not cleared or all(map(_FREE.fullmatch, changes)):
        return False
    less = intent.total is None or abs(intent.total) < cleared
    return is_paid(record) or less or moved


def allocated_to(task: Task, ledger_map: LedgerMap) -> Decimal:
    """What this store has allocated to a document or payment."""
    amounts = (
        body["amount"]
        for number in _revisions(task, ledger_map)
        for _, _, body in ledger_map.allocated.of(task.stream, number)
    )
    return sum(amounts, Decimal(0))


def joins_others(intent: Intent, joined: Mapping[str, Any] | None, ledger_map: LedgerMap) -> bool:
    """Whether an allocation of a key joins others now than what stands for it.

    Args:
        intent: The allocation.
        joined: The body of what stands; None for nothing.
        ledger_map: Tells whether two IDs are revisions of one document.
    """
    return joined is not None and any(
        joined.get(end) != intent.body.get(end)
        and not any(
            ledger_map.are_one(stream, joined.get(end), intent.body.get(end)) for stream in streams
        )
        for end, streams in ends_of(intent.stream).items()
    )
