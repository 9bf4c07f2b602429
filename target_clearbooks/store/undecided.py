"""Records that wait for a person: in doubt, set aside, waiting for another one, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks.exact_json import loads
from target_clearbooks.store.outbox import LEFT

if TYPE_CHECKING:
    from target_clearbooks.store.database import Store

_COLUMNS = (
    "id, run, business, stream, source_key, state, operation, kind, reasons, candidates, record, "
    "body, keys, updated"
)
# A refusal is over once a newer record of its key came to anything else.
_OPEN = (
    f"state IN {LEFT} OR (state = 'rejected' "
    "AND record IS NOT NULL AND NOT EXISTS (SELECT 1 FROM intents newer "
    "WHERE newer.business = i.business AND newer.stream = i.stream "
    "AND newer.source_key = i.source_key AND newer.id > i.id))"
)


@dataclass(frozen=True, slots=True)
class Undecided:
    """A record that nobody has settled.

    Attributes:
        id: Its number in the store.
        run: The run that it came in.
        business: The business.
        stream: Its stream.
        key: Its source key.
        state: One of `outbox.LEFT`; or `rejected`, until it comes again or is dropped.
        sent: Whether a write of it may have been carried out.
        kind: Of a refusal: `invalid`, `quarantined`, `blocked` …
        reasons: Why.
        candidates: What of the ledger it may be, or what a name in it may mean.
        record: As the source sent it.
        body: What was or would be sent; None where it did not come to that.
        key_properties: The fields that identify it at the source; empty for `externalId`.
        updated: When this came about, in seconds since 1970.
    """

    id: int
    run: str
    business: int
    stream: str
    key: str
    state: str
    sent: bool
    kind: str | None
    reasons: list[str]
    candidates: list[dict[str, Any]]
    record: dict[str, Any]
    body: Any
    key_properties: list[str]
    updated: float


def undecided(db: Store, *, after: int = 0, limit: int = 200) -> list[Undecided]:
    """What waits for a person, oldest first.

    Args:
        db: The state store.
        after: The `id` after which it begins.
        limit: How many at most.
    """
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM intents i WHERE ({_OPEN}) AND id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )
    return [_undecided(row) for row in rows]


def one_undecided(db: Store, number: int) -> Undecided | None:
    """One of them by its number; None where it was settled meanwhile."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM intents i WHERE ({_OPEN}) AND id = ?", (number,))
    return next((_undecided(row) for row in rows), None)


def count_undecided(db: Store) -> dict[str, int]:
    """How many there are, by state."""
    rows = db.execute(f"SELECT state, count(*) FROM intents i WHERE {_OPEN} GROUP BY state")
    return dict(rows.fetchall())


def _undecided(row: tuple[Any, ...]) -> Undecided:
    (
        number,
        run,
        business,
        stream,
        key,
        state,
        operation,
        kind,
        reasons,
        candidates,
        record,
        body,
        keys,
        updated,
    ) = row
    return Undecided(
        id=number,
        run=run,
        business=business,
        stream=stream,
        key=key,
        state=state,
        sent=bool(operation) and state != "rejected",
        kind=kind,
        reasons=list(loads(reasons or "[]")),
        candidates=list(loads(candidates or "[]")),
        record=loads(record) if record else {},
        body=loads(body) if body else None,
        key_properties=list(loads(keys or "[]")),
        updated=updated,
    )
