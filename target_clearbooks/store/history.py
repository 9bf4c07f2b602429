"""What earlier runs did, as the state store kept it: for `clearbooks syncs` and `status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import SettingError
from clearbooks.exact_json import loads
from clearbooks.history import Run
from clearbooks.program import store_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_clearbooks.intent import Mapped
    from target_clearbooks.store.database import Store

_RUNS = "SELECT id, started, ended, kind, businesses, exit_code, message, requests FROM runs"


@dataclass(frozen=True, slots=True)
class LastWritten:
    """The newest run that wrote a stream of a business, and the outcomes of its records."""

    stream: str
    business_id: int
    run: str
    started: float
    exit_code: int | None
    counts: dict[str, int]


def newest_runs(db: Store, limit: int) -> list[Run]:
    """The newest runs, newest first."""
    rows = db.execute(f"{_RUNS} ORDER BY started DESC LIMIT ?", (limit,)).fetchall()
    return [_run(db, row) for row in rows]


def find_run(db: Store, run: str) -> Run:
    """A run by its ID.

    Raises:
        SettingError: there is no such run.
    """
    row = db.execute(f"{_RUNS} WHERE id = ?", (run,)).fetchone()
    if row is None:
        listed = store_command("clearbooks syncs")
        raise SettingError(f"there is no run {run!r}; `{listed}` lists them")
    return _run(db, row)


def _run(db: Store, row: tuple[Any, ...]) -> Run:
    number, started, ended, kind, businesses, exit_code, message, requests = row
    streams: dict[str, dict[str, int]] = {}
    for stream, outcome, records in db.execute(
        "SELECT stream, outcome, CAST(sum(number) AS BIGINT) FROM counts WHERE run = ? "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        (number,),
    ):
        streams.setdefault(stream, {})[outcome] = records
    businesses = msgspec.json.decode(businesses)
    return Run(
        id=number,
        started=started,
        ended=ended,
        kind=kind,
        businesses=businesses,
        exit_code=exit_code,
        message=message or None,
        requests=requests,
        streams=streams,
    )


def unsettled(db: Store, run: str) -> Iterator[dict[str, Any]]:
    """Records of a run that are open or were refused.

    Yields:
        `business`, `stream`, `key`, `state`, `class`, `reasons` and `candidates` of each.
    """
    for business, stream, key, state, kind, reasons, candidates in db.execute(
        "SELECT business, stream, source_key, state, kind, reasons, candidates "
        "FROM intents WHERE run = ? AND state NOT IN ('done', 'superseded') ORDER BY id",
        (run,),
    ):
        yield {
            "business": business,
            "stream": stream,
            "key": key,
            "state": state,
            "class": kind,
            "reasons": msgspec.json.decode(reasons or "[]"),
            "candidates": msgspec.json.decode(candidates or "[]"),
        }


def results(db: Store, run: str, limit: int, after: int = 0) -> Iterator[dict[str, Any]]:
    """What became of the records of a run, in its order.

    Args:
        db: The state store.
        run: The run.
        limit: How many at most.
        after: The `number` of the record after which they begin.

    Yields:
        `number`, `business`, `stream`, `key`, `outcome`, `id` and `ledger_number` in the ledger,
        and `reasons` of each.
    """
    for (
        number,
        business,
        stream,
        key,
        state,
        outcome,
        remote_id,
        ledger_number,
        reasons,
    ) in db.execute(
        "SELECT i.id, i.business, i.stream, i.source_key, i.state, i.outcome, m.remote_id, "
        "i.ledger_number, i.reasons FROM intents i LEFT JOIN map m ON m.business = i.business "
        "AND m.stream = i.stream AND m.source_key = i.source_key "
        "WHERE i.run = ? AND i.state <> 'superseded' AND i.id > ? ORDER BY i.id LIMIT ?",
        (run, after, limit),
    ):
        yield {
            "number": number,
            "business": business,
            "stream": stream,
            "key": key,
            "outcome": outcome or state,
            "id": loads(remote_id) if remote_id else None,
            "ledger_number": ledger_number,
            "reasons": msgspec.json.decode(reasons or "[]"),
        }


def chain(db: Store, run: str) -> Iterator[dict[str, Any]]:
    """The intents of a run in the order in which they were put on disk, as they are now.

    Yields:
        `number`, `business`, `stream`, `key`, `operation`, `state`, `id` in the ledger, `sent` in
        seconds since 1970, and `content`, the hash of what was sent, of each.
    """
    for number, business, stream, key, operation, state, result, sent, content in db.execute(
        "SELECT id, business, stream, source_key, operation, state, result, sent, hash "
        "FROM intents WHERE run = ? ORDER BY id",
        (run,),
    ):
        yield {
            "number": number,
            "business": business,
            "stream": stream,
            "key": key,
            "operation": operation,
            "state": state,
            "id": loads(result or "{}").get("id"),
            "sent": sent,
            "content": content,
        }


def last_sent(db: Store, business_id: int, mapped: Mapped) -> dict[str, Any] | None:
    """What was sent for a journal that stands in the ledger; of others nothing is kept."""
    rows = db.execute(
        "SELECT body, result FROM intents WHERE business = ? AND stream = ? AND source_key = ? "
        "AND state = 'done' AND body IS NOT NULL ORDER BY id DESC",
        (business_id, mapped.stream, mapped.source_key),
    )
    for body, result in rows:
        became = loads(result or "{}")
        if became.get("id") == mapped.remote_id and became.get("made"):
            return dict(loads(body))
    return None


def last_written(db: Store) -> list[LastWritten]:
    """The newest run of each stream and business."""
    found: dict[tuple[str, int], LastWritten] = {}
    for stream, business, run, started, exit_code, outcome, number in db.execute(
        "SELECT c.stream, c.business, r.id, r.started, r.exit_code, c.outcome, c.number "
        "FROM counts c JOIN runs r ON r.id = c.run WHERE r.started = "
        "(SELECT max(x.started) FROM runs x JOIN counts y ON y.run = x.id "
        "WHERE y.stream = c.stream AND y.business = c.business) "
        "ORDER BY c.stream, c.business, c.outcome"
    ):
        entry = found.setdefault(
            (stream, business), LastWritten(stream, business, run, started, exit_code, {})
        )
        entry.counts[outcome] = number
    return list(found.values())
