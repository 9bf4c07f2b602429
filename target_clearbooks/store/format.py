"""Tables of the state store, in the words that SQLite and PostgreSQL share.

Each script brings the format one version on; none is ever changed once it was released. What the
two name differently stands in braces and is filled in from `Dialect`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database names what the scripts need.

    Attributes:
        id: A key that counts by itself.
        blob: Bytes.
        real: A floating point number.
        bare: What follows a table that is found by its key alone.
        append_only: What keeps the audit log from being changed.
    """

    id: str
    blob: str
    real: str
    bare: str
    append_only: str


MIGRATIONS = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, started {real} NOT NULL, ended {real}, kind TEXT NOT NULL,
        businesses TEXT NOT NULL, exit_code BIGINT, message TEXT
    );
    CREATE TABLE counts (
        run TEXT NOT NULL, business BIGINT NOT NULL, stream TEXT NOT NULL, outcome TEXT NOT NULL,
        number BIGINT NOT NULL, PRIMARY KEY (run, business, stream, outcome)
    ){bare};
    CREATE TABLE intents (
        id {id}, run TEXT NOT NULL, business BIGINT NOT NULL, stream TEXT NOT NULL,
        source_key TEXT NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
        params TEXT NOT NULL, remote_id TEXT, body {blob}, content {blob}, hash TEXT,
        record_hash TEXT, record {blob}, marker TEXT, depends TEXT, fence TEXT,
        attempts BIGINT NOT NULL DEFAULT 0, sent {real}, updated {real} NOT NULL, kind TEXT,
        reasons TEXT, candidates TEXT, result TEXT
    );
    CREATE INDEX intents_open ON intents (business, state)
        WHERE state NOT IN ('done', 'rejected', 'superseded');
    CREATE INDEX intents_key ON intents (business, stream, source_key);
    CREATE INDEX intents_run ON intents (run);
    CREATE TABLE waits (
        intent BIGINT NOT NULL, business BIGINT NOT NULL, stream TEXT NOT NULL,
        source_key TEXT NOT NULL, PRIMARY KEY (business, stream, source_key, intent)
    ){bare};
    CREATE INDEX waits_intent ON waits (intent);
    CREATE TABLE map (
        business BIGINT NOT NULL, stream TEXT NOT NULL, source_key TEXT NOT NULL,
        remote_type TEXT NOT NULL, remote_id TEXT NOT NULL, lineage TEXT NOT NULL,
        hash TEXT, record_hash TEXT, voided BIGINT NOT NULL DEFAULT 0, run TEXT,
        updated {real} NOT NULL, PRIMARY KEY (business, stream, source_key)
    ){bare};
    CREATE TABLE lineage (
        business BIGINT NOT NULL, stream TEXT NOT NULL, remote_id TEXT NOT NULL,
        source_key TEXT NOT NULL, PRIMARY KEY (business, stream, remote_id)
    ){bare};
    CREATE TABLE allocated (
        business BIGINT NOT NULL, stream TEXT NOT NULL, source_key TEXT NOT NULL,
        invoice BIGINT NOT NULL, kind TEXT NOT NULL, source BIGINT NOT NULL,
        amount TEXT NOT NULL, PRIMARY KEY (business, stream, source_key)
    ){bare};
    CREATE INDEX allocated_pair ON allocated (business, stream, invoice, kind, source);
    CREATE TABLE marks (
        business BIGINT NOT NULL, stream TEXT NOT NULL, marker TEXT NOT NULL,
        remote_id TEXT NOT NULL, PRIMARY KEY (business, stream, marker, remote_id)
    ){bare};
    CREATE TABLE rebuilt (business BIGINT PRIMARY KEY, at {real} NOT NULL, how TEXT NOT NULL);
    CREATE TABLE audit (
        id {id}, at {real} NOT NULL, run TEXT, business BIGINT, stream TEXT,
        source_key TEXT, event TEXT NOT NULL, detail TEXT
    );
    {append_only}
    """,
    """
    CREATE TABLE ledgers (business BIGINT PRIMARY KEY, host TEXT NOT NULL){bare};
    """,
    """
    CREATE TABLE baselines (
        business BIGINT NOT NULL, stream TEXT NOT NULL, newest BIGINT NOT NULL,
        taken {real} NOT NULL, PRIMARY KEY (business, stream)
    ){bare};
    CREATE TABLE baseline_records (
        business BIGINT NOT NULL, stream TEXT NOT NULL, contact BIGINT NOT NULL,
        date TEXT NOT NULL, remote_id BIGINT NOT NULL,
        PRIMARY KEY (business, stream, contact, date, remote_id)
    ){bare};
    INSERT INTO baselines SELECT business, '*', 0, max(at) FROM (
        SELECT business, updated AS at FROM map
        UNION ALL SELECT business, sent FROM intents WHERE sent IS NOT NULL
    ) AS written WHERE business NOT IN (SELECT business FROM rebuilt) GROUP BY business;
    DROP TABLE rebuilt;
    """,
    """
    ALTER TABLE intents ADD COLUMN ledger_number TEXT;
    ALTER TABLE intents ADD COLUMN outcome TEXT;
    CREATE VIEW results AS
        SELECT i.run, i.business AS business_id, i.stream, i.source_key,
            COALESCE(i.outcome, i.state) AS outcome, m.remote_id AS ledger_id, i.ledger_number,
            i.reasons, i.updated
        FROM intents i LEFT JOIN map m ON m.business = i.business AND m.stream = i.stream
            AND m.source_key = i.source_key
        WHERE i.state <> 'superseded';
    """,
    """
    ALTER TABLE intents ADD COLUMN keys TEXT;
    ALTER TABLE map ADD COLUMN likeness TEXT;
    CREATE TABLE sources (business BIGINT PRIMARY KEY, source TEXT NOT NULL){bare};
    CREATE TABLE overtaken (
        business BIGINT NOT NULL, stream TEXT NOT NULL, source_key TEXT NOT NULL,
        hashes TEXT NOT NULL, PRIMARY KEY (business, stream, source_key)
    ){bare};
    ALTER TABLE lineage RENAME TO lineage_of_one_key;
    CREATE TABLE lineage (
        business BIGINT NOT NULL, stream TEXT NOT NULL, remote_id TEXT NOT NULL,
        source_key TEXT NOT NULL, PRIMARY KEY (business, stream, remote_id, source_key)
    ){bare};
    INSERT INTO lineage SELECT business, stream, remote_id, source_key FROM lineage_of_one_key;
    DROP TABLE lineage_of_one_key;
    """,
    """
    CREATE INDEX IF NOT EXISTS allocated_source ON allocated (business, stream, source);
    """,
    """
    ALTER TABLE runs ADD COLUMN requests BIGINT;
    CREATE TABLE totals (
        run TEXT NOT NULL, business BIGINT NOT NULL, stream TEXT NOT NULL, outcome TEXT NOT NULL,
        currency TEXT NOT NULL, records BIGINT NOT NULL, net TEXT NOT NULL, gross TEXT,
        PRIMARY KEY (run, business, stream, outcome, currency)
    ){bare};
    """,
)

OPEN = "state NOT IN ('done', 'rejected', 'superseded')"
"""Of an intent that has not come to rest; in the words of the index `intents_open`."""


def scripts(dialect: Dialect) -> list[str]:
    """The script of each version, oldest first."""
    return [script.format(**asdict(dialect)) for script in MIGRATIONS]


def marks(values: Sized) -> str:
    """A question mark for each of several values."""
    return ", ".join("?" * len(values))


def upsert(table: str, keys: Sequence[str], rest: Sequence[str]) -> str:
    """A statement that adds a row, or replaces the one with its key; values in that order."""
    columns = (*keys, *rest)
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"VALUES ({marks(columns)}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    )
