"""What the tasks do, without a word of Airflow: any engine that can call a function can run them.

The file that `CLEARBOOKS_FLEET` names holds the warehouse and the applications:

    {"warehouse": "postgresql://…",
     "applications": [{"client_id": "…", "client_secret": "…", "token_store": "postgresql://…"}],
     "target": {"state_store": "postgresql://…"},
     "streams": ["sales_invoices", "customers"]}

An application is settings that tap and target share; its connections are in its token store.
`target` has settings of the target, and `streams` names those to read where not all are wanted.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import psycopg
from psycopg.types.json import Jsonb, set_json_dumps

import tap_clearbooks
import target_clearbooks
from clearbooks.errors import ClearBooksError, exit_code_of
from clearbooks.settings import Connection
from clearbooks.shards import Shard, shards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Records after which those of a large business are committed before it is read to its end.
COMMIT_EVERY = 10_000
BATCH = 1_000
TABLES = """
CREATE SCHEMA IF NOT EXISTS books;
CREATE TABLE IF NOT EXISTS books.records (
    business bigint, stream text, key jsonb, record jsonb NOT NULL,
    PRIMARY KEY (business, stream, key));
CREATE TABLE IF NOT EXISTS books.state (business bigint PRIMARY KEY, state jsonb NOT NULL);
CREATE TABLE IF NOT EXISTS books.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, business bigint NOT NULL,
    stream text NOT NULL, record jsonb NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_of ON books.outbox (business, id);
CREATE TABLE IF NOT EXISTS books.written (business bigint PRIMARY KEY, up_to bigint NOT NULL);
CREATE TABLE IF NOT EXISTS books.done (
    run text, business bigint, code int NOT NULL, requests int NOT NULL, records int NOT NULL,
    seconds real NOT NULL, message text NOT NULL, PRIMARY KEY (run, business));
"""
# The SDK logs some forty lines for a business, which would be most of a task's log.
os.environ.setdefault("TAP_CLEARBOOKS_LOGLEVEL", "WARNING")
# Numbers of a record keep their digits.
set_json_dumps(msgspec.json.Encoder(decimal_format="number").encode)


class Done(NamedTuple):
    """What a task came to for one business; `code` means what the exit codes of target mean."""

    business: int
    code: int
    requests: int = 0
    records: int = 0
    seconds: float = 0.0
    message: str = ""


def fleet() -> dict[str, Any]:
    """The file that `CLEARBOOKS_FLEET` names."""
    found: dict[str, Any] = json.loads(Path(os.environ["CLEARBOOKS_FLEET"]).read_text())
    return found


def warehouse() -> psycopg.Connection:
    """The warehouse; what is done in a `with` block is one transaction."""
    return psycopg.connect(fleet()["warehouse"])


def make_tables() -> None:
    """Make the tables of the warehouse where there are none."""
    with warehouse() as db:
        db.execute("SELECT pg_advisory_xact_lock(hashtext('books'))")
        db.execute(TABLES)


def settings_of(application: str, **more: Any) -> dict[str, Any]:
    """Settings of an application by its client ID."""
    (found,) = (one for one in fleet()["applications"] if one["client_id"] == application)
    return {**found, **more}


def _applications(application: str | None) -> list[Connection]:
    return [
        Connection.from_config(one)
        for one in fleet()["applications"]
        if application in {None, one["client_id"]}
    ]


def reading(size: int, application: str | None = None) -> list[Shard]:
    """The businesses to read, in lists of `size`."""
    make_tables()
    return shards(_applications(application), size)


def writing(size: int, application: str | None = None) -> list[Shard]:
    """The businesses that the outbox has something new for, in lists of `size`."""
    make_tables()
    with warehouse() as db:
        waiting = db.execute(
            "SELECT DISTINCT o.business FROM books.outbox o LEFT JOIN books.written w "
            "USING (business) WHERE o.id > coalesce(w.up_to, 0)"
        ).fetchall()
    only = {business for (business,) in waiting}
    return shards(_applications(application), size, kind="target", only=only)


def read_shard(run: str, shard: Shard, budget_percent: int = 100) -> list[Done]:
    """Read the businesses of a shard that this run has not read yet."""
    return list(_each(run, shard, _read, budget_percent=budget_percent))


def write_shard(run: str, shard: Shard) -> list[Done]:
    """Write what the outbox has for the businesses of a shard, where this run has not yet."""
    return list(_each(run, shard, _write))


def _each(run: str, shard: Shard, work: Any, **more: Any) -> Iterator[Done]:
    with warehouse() as db:
        rows = db.execute("SELECT business FROM books.done WHERE run = %s", [run]).fetchall()
    before = {business for (business,) in rows}
    for connection, business in shard.businesses:
        if business in before:
            continue
        config = settings_of(
            shard.application, connection=connection, business_ids=[business], **more
        )
        try:
            yield work(run, config, business)
        except ClearBooksError as error:
            done = Done(business, exit_code_of(error), message=str(error))
            if done.code != 1:
                # Trying again does not help: this run is over for the business.
                with warehouse() as db:
                    _mark(db, run, done)
            yield done


def _read(run: str, config: Mapping[str, Any], business: int) -> Done:
    """Records, state and the mark that the business is done: one transaction."""
    began = time.monotonic()
    with warehouse() as db:
        found = db.execute("SELECT state FROM books.state WHERE business = %s", [business])
        state = next((row[0] for row in found), None)
        loader = Loader(db, business)
        streams = fleet().get("streams")
        result = tap_clearbooks.read(config, state=state, streams=streams, emit=loader)
        loader.save(result.state)
        refused = "; ".join(str(failure) for failure in result.failures)
        records = sum(result.records.values())
        seconds = time.monotonic() - began
        done = Done(business, 2 if refused else 0, result.requests, records, seconds, refused)
        _mark(db, run, done)
    return done


class Loader:
    """Puts messages of the tap into `books.records`, a row for each key.

    Args:
        db: The warehouse, in a transaction.
        business: ID of the business that is read.
    """

    def __init__(self, db: psycopg.Connection, business: int) -> None:
        self._db, self._business = db, business
        self._keys: dict[str, list[str]] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._gone: list[tuple[Any, ...]] = []
        self._open = 0

    def __call__(self, message: dict[str, Any]) -> None:
        """Take a message."""
        if message["type"] == "SCHEMA":
            self._keys[message["stream"]] = message["key_properties"]
        elif message["type"] == "RECORD":
            self._take(message["stream"], message["record"])
        elif message["type"] == "STATE" and self._open >= COMMIT_EVERY:
            self.save(message["value"])
            self._db.commit()
            self._open = 0

    def _take(self, stream: str, record: dict[str, Any]) -> None:
        key = Jsonb([record[name] for name in self._keys[stream]])
        row = (self._business, stream, key)
        # The order counts where a record comes twice.
        if record.get("_sdc_deleted_at"):
            self._flush()
            self._gone.append(row)
        else:
            self._rows.append((*row, Jsonb(record)))
        self._open += 1
        if len(self._rows) + len(self._gone) >= BATCH:
            self._flush()

    def save(self, state: Mapping[str, Any]) -> None:
        """Write what was taken, and the state that stands for it."""
        self._flush()
        self._db.execute(
            "INSERT INTO books.state VALUES (%s, %s) "
            "ON CONFLICT (business) DO UPDATE SET state = excluded.state",
            [self._business, Jsonb(state)],
        )

    def _flush(self) -> None:
        with self._db.cursor() as cursor:
            cursor.executemany(
                "DELETE FROM books.records WHERE business = %s AND stream = %s AND key = %s",
                self._gone,
            )
            cursor.executemany(
                "INSERT INTO books.records VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (business, stream, key) DO UPDATE SET record = excluded.record",
                self._rows,
            )
        self._rows.clear()
        self._gone.clear()


def _write(run: str, config: Mapping[str, Any], business: int) -> Done:
    """What the outbox has since the last run; what is settled is marked with the run."""
    began = time.monotonic()
    with warehouse() as db:
        rows = db.execute(
            "SELECT id, stream, record FROM books.outbox WHERE business = %s AND id > coalesce("
            "(SELECT up_to FROM books.written WHERE business = %s), 0) ORDER BY id",
            [business, business],
        ).fetchall()
    messages: list[dict[str, Any]] = []
    for number, stream, record in rows:
        messages.append({"type": "RECORD", "stream": stream, "record": record})
        messages.append({"type": "STATE", "value": {"up_to": number}})
    result = target_clearbooks.write({**config, **fleet().get("target", {})}, messages)
    counts = ", ".join(
        f"{stream}: {number} {outcome}"
        for stream, outcomes in result.streams.items()
        for outcome, number in outcomes.items()
        if outcome not in {"written", "updated", "unchanged"}
    )
    with warehouse() as db:
        if result.state is not None:
            db.execute(
                "INSERT INTO books.written VALUES (%s, %s) "
                "ON CONFLICT (business) DO UPDATE SET up_to = excluded.up_to",
                [business, result.state["up_to"]],
            )
        seconds = time.monotonic() - began
        done = Done(business, result.exit_code, result.requests, len(rows), seconds, counts)
        _mark(db, run, done)
    return done


def _mark(db: psycopg.Connection, run: str, done: Done) -> None:
    db.execute(
        "INSERT INTO books.done VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [run, *done],
    )


def summary(run: str) -> dict[str, Any]:
    """What a run came to, of all its tasks."""
    with warehouse() as db:
        businesses, requests, records = db.execute(
            "SELECT count(*), coalesce(sum(requests), 0), coalesce(sum(records), 0) "
            "FROM books.done WHERE run = %s",
            [run],
        ).fetchone() or (0, 0, 0)
        rows = db.execute(
            "SELECT business, code, message FROM books.done WHERE run = %s AND code != 0 "
            "ORDER BY business",
            [run],
        ).fetchall()
    return {
        "businesses": businesses,
        "requests": int(requests),
        "records": int(records),
        "for_a_person": [f"{business}: exit code {code}: {text}" for business, code, text in rows],
    }
