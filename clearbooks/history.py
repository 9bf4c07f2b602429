"""What runs did, for `clearbooks syncs`.

The target keeps its runs in its state store, with the records. A program without one, the tap,
keeps them beside the tokens: in a file, or in the database that `token_store` names.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from clearbooks.run_database import Table, opened

if TYPE_CHECKING:
    from clearbooks.settings import Connection

TABLE = "clearbooks_runs"
# The kind of a run of the tap.
TAP: Final = "tap"
# Runs that are kept.
MOST = 1000
_TABLE = Table(
    TABLE, "id TEXT PRIMARY KEY, started DOUBLE PRECISION NOT NULL, record TEXT NOT NULL"
)
_SAVE = (
    f"INSERT INTO {TABLE} (id, started, record) VALUES (?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET record = excluded.record"
)
_FORGET = (
    f"DELETE FROM {TABLE} WHERE id NOT IN (SELECT id FROM {TABLE} ORDER BY started DESC LIMIT ?)"
)
_NEWEST = f"SELECT record FROM {TABLE} ORDER BY started DESC LIMIT ?"
_FIND = f"SELECT record FROM {TABLE} WHERE id = ?"


class Run(msgspec.Struct, kw_only=True):
    """A run of a program.

    Attributes:
        id: From `new_run_id`.
        started: Seconds since the epoch.
        ended: The same; None while it runs, or where it was killed.
        kind: `tap`, `target`, `apply`, `undo` …
        businesses: What it read, or where it might write.
        exit_code: None while it runs, or where it was killed.
        message: What ended it early, or what it could not read.
        requests: How many requests it made; None while it runs, or where nobody has counted.
        streams: How many records had which outcome, by stream.
    """

    id: str
    started: float
    ended: float | None = None
    kind: str
    businesses: list[int] = msgspec.field(default_factory=list)
    exit_code: int | None = None
    message: str | None = None
    requests: int | None = None
    streams: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)


_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


def is_run_id(text: str) -> bool:
    """Whether a text has the form of an ID, whole."""
    return _ID.fullmatch(text) is not None


def new_run_id() -> str:
    """Such as `20260401-101500-a1b2c3`; sorted as text, runs are in the order of their start."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(3)


def save_run(connection: Connection, run: Run) -> None:
    """Put a run down, or what has become of it; the newest `MOST` are kept.

    Raises:
        HistoryError: it cannot be written.
    """
    with opened(connection, _TABLE, write=True) as execute:
        execute(_SAVE, (run.id, run.started, msgspec.json.encode(run).decode()))
        execute(_FORGET, (MOST,))


def newest_runs(connection: Connection, limit: int) -> list[Run]:
    """The newest runs, newest first.

    Raises:
        HistoryError: they cannot be read.
    """
    return _read(connection, _NEWEST, limit)


def find_run(connection: Connection, run: str) -> Run | None:
    """A run by its ID.

    Raises:
        HistoryError: it cannot be read.
    """
    return next(iter(_read(connection, _FIND, run)), None)


def _read(connection: Connection, statement: str, value: Any) -> list[Run]:
    with opened(connection, _TABLE, write=False) as execute:
        return [msgspec.json.decode(row[0], type=Run) for row in execute(statement, (value,))]
