"""Undoing a run: a plan that voids or reverses what the run made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clearbooks.contract import load_contract
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.intent import Intent, WriteOperation
from target_clearbooks.reversal import reversal
from target_clearbooks.source_key import reversed_key
from target_clearbooks.store.history import find_run
from target_clearbooks.store.ledger_map import LedgerMap
from target_clearbooks.store.outbox import carried_out
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from clearbooks.client import Client
    from target_clearbooks.plan import PlanFile
    from target_clearbooks.store import Store


@dataclass(slots=True)
class Undoing:
    """What an undo comes to.

    Attributes:
        operations: How many the plan holds.
        left: What stays, and why.
    """

    operations: int = 0
    left: list[str] = field(default_factory=list)


def plan_undo(
    db: Store, client: Client, run: str, file: PlanFile, *, allow_delete: bool
) -> Undoing:
    """Write the plan that undoes a run, the last that was made first.

    Raises:
        SettingError: there is no such run.
    """
    find_run(db, run)
    found = Undoing()
    rows = carried_out(db, run)
    rows.sort(key=lambda row: WRITABLE[row.stream].write_order, reverse=True)
    for row in rows:
        words = f"{row.stream} {row.source_key!r}"
        done = row.intent
        if not row.result.get("made"):
            updated = row.result.get("outcome") in ("updated", "replaced")
            if updated and done is not None and done.operation is WriteOperation.UPDATE:
                found.left.append(f"{words}: was updated; what it was before is not kept")
            elif WRITABLE[row.stream].kind is Kind.ALLOCATION and done and not done.removes:
                found.left.append(f"{words}: was raised; void it, and send the sum that it had")
            continue
        mapped = LedgerMap(db, row.business_id).find(row.stream, row.source_key)
        if mapped is None or mapped.voided or done is None:
            continue
        intent, reason = _undo(done, mapped.remote_id, allow_delete=allow_delete)
        if intent is None:
            found.left.append(f"{words}: {reason}")
            continue
        before = None
        if intent.remote_id is not None:
            sender = Sender(client, row.business_id)
            before = sender.get(row.stream, intent.params, intent.remote_id)
            if before is None:
                found.left.append(f"{words}: is not in the ledger any more")
                continue
        file.operation(intent, planned=None, before=before)
        found.operations += 1
    return found


def _undo(done: Intent, remote_id: int | str, *, allow_delete: bool) -> tuple[Intent | None, str]:
    business, stream, key = done.business_id, done.stream, done.source_key
    writable = WRITABLE[stream]
    if writable.kind is Kind.JOURNAL:
        if (before := reversed_key(key)) is not None:
            return None, f"took {before!r} back; send that again to have it"
        if not isinstance(done.body, dict):
            return None, "its lines are not kept"
        return reversal(business, stream, key, done.body, remote_id), ""
    if load_contract().resources[stream].operation("delete") is None:
        return None, "the API cannot take it back"
    if writable.voids:
        operation = WriteOperation.VOID
    elif writable.kind is Kind.ATTACHMENT or allow_delete:
        operation = WriteOperation.DELETE
    else:
        return None, "stays; with allow_delete it is deleted where nothing uses it"
    params = {name: value for name, value in done.params.items() if name != "fileName"}
    return Intent(business, stream, operation, key, None, params, remote_id), ""
