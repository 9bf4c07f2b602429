"""The outbox: every write as it stands on disk, and the append-only audit log.

States: `planned` (nothing was sent), `approved` (of a plan that a person let through), `sending`,
`done`, `rejected`, `uncertain` (sent, and no answer told), `waiting` (a parent is missing),
`quarantined` (a person has to decide), `superseded` (a newer record took its place).
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clearbooks.exact_json import dumps, encode, loads
from target_clearbooks.intent import Intent, WriteOperation
from target_clearbooks.store.format import OPEN, marks
from target_clearbooks.store.run_log import RunLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from target_clearbooks.store import Store

DOUBTFUL = ("sending", "uncertain")
LEFT = (*DOUBTFUL, "quarantined", "waiting")
"""What a run leaves for a person to see to. As text, such a tuple is a list of SQL."""
# What a newer record of the same source key replaces.
_REPLACEABLE = ("waiting", "quarantined", "planned")


@dataclass(slots=True)
class Row:
    """An intent on disk; `intent` is None for a record that waits or was refused before one.

    `id`, `run` and `state` are those of `Outbox.add`.
    """

    business_id: int
    stream: str
    source_key: str
    record: dict[str, Any]
    record_hash: str
    intent: Intent | None = None
    id: int = 0
    run: str = ""
    state: str = "planned"
    snapshot: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    sent: float | None = None
    kind: str | None = None
    reasons: tuple[str, ...] = ()
    candidates: tuple[dict[str, Any], ...] = ()
    result: dict[str, Any] = field(default_factory=dict)
    key_properties: tuple[str, ...] = ()


_COLUMNS = (  # the snapshot stands in `fence`
    "id, run, business, stream, source_key, state, record, record_hash, operation, params, "
    "remote_id, body, content, marker, depends, fence, attempts, sent, kind, reasons, "
    "candidates, result, keys"
)


def _row(found: tuple[Any, ...]) -> Row:
    (number, run, business, stream, key, state, record, record_hash, operation, params, remote_id,
     body, content, marker, depends, snapshot, attempts, sent, kind, reasons, candidates,
     result, keys) = found  # fmt: skip
    given = loads(record) if record else {}
    intent = None
    if operation:
        intent = Intent(
            business_id=business,
            stream=stream,
            operation=WriteOperation(operation),
            source_key=key,
            body=content if content is not None else (loads(body) if body else None),
            params=loads(params),
            remote_id=loads(remote_id) if remote_id else None,
            marker=marker,
            depends_on=tuple((s, k) for s, k in loads(depends or "[]")),
            record=given,
        )
    return Row(
        business, stream, key, given, record_hash, intent, number, run, state,
        loads(snapshot) if snapshot else {}, attempts, sent, kind, tuple(loads(reasons or "[]")),
        tuple(loads(candidates or "[]")), loads(result) if result else {},
        tuple(loads(keys or "[]")),
    )  # fmt: skip


class Outbox:
    """Writes of one run.

    Every method but `transaction` and `drop_planned` belongs inside a transaction.

    Args:
        db: An open state store.
        kind: What the run is: `target`, `apply` …
        businesses: Where it may write.
        guard: Raises where the right to write into a business was lost; asked before anything is
            sent.

    Attributes:
        run: What this run did.
    """

    def __init__(
        self, db: Store, kind: str, businesses: Sequence[int],
        guard: Callable[[int], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.db = db
        self._guard = guard
        self.run = RunLog(db, kind, businesses)

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is on disk when the block ends, or nothing is."""
        return self.db.transaction()

    def add(
        self, row: Row, *, state: str, snapshot: Mapping[str, Any] | None = None, sent: bool = False
    ) -> Row:
        """Put a record on disk, with its intent where it has one."""
        if sent:
            self._guard(row.business_id)
        intent = row.intent
        now = time.time()
        row.run, row.state, row.snapshot = self.run.id, state, dict(snapshot or {})
        row.sent, row.attempts = (now, 1) if sent else (None, 0)
        raw = isinstance(intent.body, bytes) if intent else False
        added = self.db.execute(
            "INSERT INTO intents (run, business, stream, source_key, state, record, record_hash, "
            "operation, params, remote_id, body, content, marker, depends, hash, fence, "
            "attempts, sent, updated, kind, reasons, candidates, keys) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "RETURNING id",
            (
                row.run, row.business_id, row.stream, row.source_key, state,
                encode(row.record), row.record_hash,
                intent.operation if intent else "",
                dumps(dict(intent.params)) if intent else "{}",
                dumps(intent.remote_id) if intent and intent.remote_id is not None else None,
                None if intent is None or raw or intent.body is None
                else encode(intent.body),
                intent.body if intent and raw else None,
                intent.marker if intent else None,
                dumps(list(intent.depends_on)) if intent else None,
                intent.hash if intent else None,
                dumps(row.snapshot), row.attempts, row.sent, now,
                row.kind, dumps(list(row.reasons)), dumps(list(row.candidates)),
                dumps(list(row.key_properties)) if row.key_properties else None,
            ),
        )  # fmt: skip
        row.id = int(added.fetchall()[0][0])
        return row

    def send_again(self, row: Row, snapshot: Mapping[str, Any]) -> None:
        """Note, before any byte leaves, that the intent is sent once more."""
        self._guard(row.business_id)
        row.state, row.sent, row.snapshot = "sending", time.time(), dict(snapshot)
        row.attempts += 1
        intent = row.intent
        body = intent.body if intent and not isinstance(intent.body, bytes) else None
        self.db.execute(
            "UPDATE intents SET state = 'sending', sent = ?, updated = ?, fence = ?, run = ?, "
            "attempts = ?, body = ? WHERE id = ?",
            (row.sent, row.sent, dumps(row.snapshot), self.run.id, row.attempts,
             None if body is None else encode(body), row.id),
        )  # fmt: skip

    def doubt(self, row: Row, reason: str) -> None:
        """Note that no answer told whether the intent was carried out."""
        row.state = "uncertain"
        row.reasons = (reason,)
        self._set(row)

    def close(
        self,
        row: Row,
        state: str,
        *,
        kind: str | None = None,
        reasons: Iterable[str] = (),
        candidates: Iterable[Mapping[str, Any]] = (),
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring an intent to rest; what it held of the record goes once nobody needs it."""
        row.state, row.kind, row.reasons = state, kind, tuple(reasons)
        row.candidates = tuple(dict(c) for c in candidates)
        row.result = dict(result or {})
        self._set(row)
        if state in ("done", "superseded"):
            # Of a journal the lines stay: no list of the API would tell them to an undo.
            self.db.execute(
                "UPDATE intents SET content = NULL, record = NULL, "
                "body = CASE stream WHEN 'journals' THEN body END WHERE id = ?",
                (row.id,),
            )
        self.db.execute("DELETE FROM waits WHERE intent = ?", (row.id,))

    def _set(self, row: Row) -> None:
        self.db.execute(
            "UPDATE intents SET state = ?, kind = ?, reasons = ?, candidates = ?, result = ?, "
            "updated = ?, outcome = ?, ledger_number = ? WHERE id = ?",
            (row.state, row.kind, dumps(list(row.reasons)), dumps(list(row.candidates)),
             dumps(row.result), time.time(), row.result.get("outcome"), row.result.get("number"),
             row.id),
        )  # fmt: skip

    def wait(self, row: Row, on: Iterable[tuple[str, str]]) -> None:
        """Note which parents a waiting record waits for."""
        self.db.executemany(
            "INSERT INTO waits VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(row.id, row.business_id, stream, key) for stream, key in on],
        )

    def rows(self, business_id: int, *states: str) -> Iterator[Row]:
        """Open rows in these states, oldest first, one at a time; none that come meanwhile."""
        found = self.db.execute(
            f"SELECT id FROM intents WHERE business = ? AND state IN ({marks(states)}) "
            f"AND {OPEN} ORDER BY id",
            (business_id, *states),
        )
        return self._in_states([number for (number,) in found.fetchall()], states)

    def _in_states(self, numbers: Iterable[int], states: Sequence[str]) -> Iterator[Row]:
        """The rows among these that are in one of the states when their turn comes."""
        for number in numbers:
            query = f"SELECT {_COLUMNS} FROM intents WHERE id = ?"
            found = self.db.execute(query, (number,)).fetchone()
            if found is not None and (row := _row(found)).state in states:
                yield row

    def drop_planned(self, business_id: int) -> None:
        """Drop what was not sent: no STATE went out behind it, so the source sends it again."""
        with self.transaction():
            for row in self.rows(business_id, "planned"):
                self.close(row, "superseded")

    def last_state(self, business_id: int, stream: str, source_key: str) -> str | None:
        """How the newest record of a source key ended in this run, if it came."""
        return self._text(
            "SELECT state FROM intents WHERE business = ? AND stream = ? AND source_key = ? "
            "AND run = ? ORDER BY id DESC LIMIT 1",
            (business_id, stream, source_key, self.run.id),
        )

    def last_done(self, business_id: int, stream: str, source_key: str) -> str | None:
        """Hash of the record that a source key was last settled with."""
        return self._text(
            "SELECT record_hash FROM intents WHERE business = ? AND stream = ? "
            "AND source_key = ? AND state = 'done' ORDER BY id DESC LIMIT 1",
            (business_id, stream, source_key),
        )

    def number_of(self, business_id: int, stream: str, source_key: str) -> str | None:
        """Number in the ledger of what a source key became, as far as an answer has told it."""
        return self._text(
            "SELECT ledger_number FROM intents WHERE business = ? AND stream = ? "
            "AND source_key = ? AND ledger_number IS NOT NULL ORDER BY id DESC LIMIT 1",
            (business_id, stream, source_key),
        )

    def _text(self, statement: str, values: Sequence[Any]) -> str | None:
        found = self.db.execute(statement, values).fetchone()
        return str(found[0]) if found else None

    def waiting_for(self, business_id: int, stream: str, source_key: str) -> Iterator[Row]:
        """Records that wait for a parent, oldest first, one at a time."""
        found = self.db.execute(
            "SELECT DISTINCT w.intent FROM waits w JOIN intents i ON i.id = w.intent "
            "WHERE w.business = ? AND w.stream = ? AND w.source_key = ? "
            "AND i.state = 'waiting' ORDER BY w.intent",
            (business_id, stream, source_key),
        )
        return self._in_states([number for (number,) in found.fetchall()], ("waiting",))

    def supersede(self, business_id: int, stream: str, source_key: str) -> None:
        """Let a newer record take the place of what waits or was quarantined."""
        _supersede(self.db, business_id, stream, source_key, _REPLACEABLE)

    def businesses_left(self) -> list[int]:
        """Businesses of which something is open."""
        rows = self.db.execute(
            f"SELECT DISTINCT business FROM intents WHERE {OPEN} ORDER BY business"
        )
        return [number for (number,) in rows]

    def left(self, business_id: int) -> Counter[tuple[str, str]]:
        """How much is open of a business, by stream and state."""
        rows = self.db.execute(
            "SELECT stream, state, count(*) FROM intents WHERE business = ? "
            f"AND {OPEN} GROUP BY stream, state",
            (business_id,),
        )
        return Counter({(stream, state): number for stream, state, number in rows})

    def unsettled(self, business_id: int) -> int:
        """How much of a business a run ends unsettled for.

        A write in doubt counts in every run, also one that was set aside since it may have been
        written already, and a record that waits for a parent. A name that fits several counts in
        the run that set it aside, and so does what waits for that.
        """
        found = self.db.execute(
            f"SELECT count(*) FROM intents i WHERE business = ? AND {OPEN} "
            f"AND (state IN {DOUBTFUL} OR (state IN {LEFT} AND run = ?) "
            "OR (state = 'quarantined' AND operation != '') "
            "OR (state = 'waiting' AND NOT EXISTS (SELECT 1 FROM waits w JOIN intents parent "
            "ON parent.business = w.business AND parent.stream = w.stream "
            "AND parent.source_key = w.source_key "
            "WHERE w.intent = i.id AND parent.state = 'quarantined')))",
            (business_id, self.run.id),
        ).fetchone()
        return int(found[0]) if found else 0

    def audit(self, row: Row, event: str, **detail: Any) -> None:
        """Append to the audit log: identities and outcomes, never the record itself."""
        self.db.execute(
            "INSERT INTO audit (at, run, business, stream, source_key, event, detail) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (time.time(), self.run.id, row.business_id, row.stream, row.source_key, event,
             dumps({k: v for k, v in detail.items() if v is not None})),
        )  # fmt: skip


def carried_out(db: Store, run: str) -> list[Row]:
    """What a run carried out, in that order; of the bodies only those of journals are kept."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM intents WHERE run = ? AND state = 'done' ORDER BY id",
        (run,),
    )
    return [_row(row) for row in rows]


def close_open(db: Store, business_id: int, stream: str, source_key: str) -> int:
    """Close what is open of a source key, since a person has decided; how many records it was."""
    return _supersede(db, business_id, stream, source_key, (*_REPLACEABLE, *DOUBTFUL))


def close_refused(db: Store, business_id: int, stream: str, source_key: str) -> int:
    """Close what was refused of a source key; how many records it was."""
    return _supersede(db, business_id, stream, source_key, ("rejected",))


def _supersede(
    db: Store, business_id: int, stream: str, source_key: str, states: Sequence[str]
) -> int:
    found = db.execute(
        "UPDATE intents SET state = 'superseded', record = NULL, body = NULL, content = NULL "
        "WHERE business = ? AND stream = ? AND source_key = ? "
        f"AND state IN ({marks(states)}) RETURNING id",
        (business_id, stream, source_key, *states),
    ).fetchall()
    db.executemany("DELETE FROM waits WHERE intent = ?", found)
    return len(found)
