"""Undoing a run: a plan that voids or reverses what the run made."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from clearbooks.errors import SettingError
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.intent import Intent, Operation
from target_clearbooks.store.ledger_map import LedgerMap
from target_clearbooks.store.outbox import loads
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
    if db.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone() is None:
        raise SettingError(f"there is no run {run!r}; `clearbooks syncs` lists them")
    rows = db.execute(
        "SELECT business, stream, source_key, operation, params, result, body FROM intents "
        "WHERE run = ? AND state = 'done' ORDER BY id",
        (run,),
    ).fetchall()
    found = Undoing()
    rows.sort(key=lambda row: WRITABLE[row[1]].rank, reverse=True)
    for business, stream, key, operation, params, result, body in rows:
        made = loads(result)
        words = f"{stream} {key!r}"
        if not made.get("made"):
            if operation == Operation.UPDATE and made.get("outcome") == "updated":
                found.left.append(f"{words}: was updated; what it was before is not kept")
            continue
        mapped = LedgerMap(db, business).find(stream, key)
        if mapped is None or mapped.voided:
            continue
        sent = loads(body) if body else None
        intent, reason = _undo(
            business, stream, key, mapped.remote_id, loads(params), sent, allow_delete=allow_delete
        )
        if intent is None:
            found.left.append(f"{words}: {reason}")
            continue
        before = None
        if intent.remote_id is not None:
            before = Sender(client, business).get(stream, intent.params, intent.remote_id)
            if before is None:
                found.left.append(f"{words}: is not in the ledger any more")
                continue
        file.operation(intent, planned=None, before=before)
        found.operations += 1
    return found


def _undo(
    business: int,
    stream: str,
    key: str,
    remote_id: int | str,
    params: dict[str, Any],
    body: dict[str, Any] | None,
    *,
    allow_delete: bool,
) -> tuple[Intent | None, str]:
    writable = WRITABLE[stream]
    if writable.kind is Kind.JOURNAL:
        if body is None:
            return None, "its lines are not kept"
        lines = [{**line, "amount": -Decimal(str(line["amount"]))} for line in body["lines"]]
        words = f"Reversal: {body.get('description', '')}"
        reversal = {**body, "lines": lines, "description": words}
        return Intent(business, stream, Operation.CREATE, f"undo:{key}", reversal), ""
    if load_contract().resources[stream].operation("delete") is None:
        return None, "the API cannot take it back"
    if writable.voids:
        operation = Operation.VOID
    elif writable.kind is Kind.ATTACHMENT or allow_delete:
        operation = Operation.DELETE
    else:
        return None, "stays; with allow_delete it is deleted where nothing uses it"
    params = {name: value for name, value in params.items() if name != "fileName"}
    return Intent(business, stream, operation, key, None, params, remote_id), ""
