"""What runs did, for `clearbooks syncs`.

The target keeps its runs in its state store, with the records. A program without one, the tap,
keeps them beside the tokens: in a file, or in the database that `token_store` names.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import ClearBooksError
from clearbooks.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from clearbooks.settings import Connection

    Execute = Callable[[str, Sequence[Any]], Any]

FILE = "runs.sqlite3"
TABLE = "clearbooks_runs"
# The kind of a run of the tap.
TAP = "tap"
# Runs that are kept.
MOST = 1000
_PATIENCE = 5.0
_COLUMNS = "id TEXT PRIMARY KEY, started DOUBLE PRECISION NOT NULL, record TEXT NOT NULL"
_SAVE = (
    f"INSERT INTO {TABLE} (id, started, record) VALUES (?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET record = excluded.record"
)
_FORGET = (
    f"DELETE FROM {TABLE} WHERE id NOT IN (SELECT id FROM {TABLE} ORDER BY started DESC LIMIT ?)"
)
_NEWEST = f"SELECT record FROM {TABLE} ORDER BY started DESC LIMIT ?"
_FIND = f"SELECT record FROM {TABLE} WHERE id = ?"


class HistoryError(ClearBooksError):
    """The history cannot be read or written."""


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
        streams: How many records had which outcome, by stream.
    """

    id: str
    started: float
    ended: float | None = None
    kind: str
    businesses: list[int] = msgspec.field(default_factory=list)
    exit_code: int | None = None
    message: str | None = None
    streams: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)


def new_run_id() -> str:
    """Such as `20260401-101500-a1b2c3`; sorted as text, runs are in the order of their start."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(3)


def save_run(connection: Connection, run: Run) -> None:
    """Put a run down, or what has become of it; the newest `MOST` are kept.

    Raises:
        HistoryError: it cannot be written.
    """
    with _opened(connection, write=True) as execute:
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
    with _opened(connection, write=False) as execute:
        return [msgspec.json.decode(row[0], type=Run) for row in execute(statement, (value,))]


@contextmanager
def _opened(connection: Connection, *, write: bool) -> Iterator[Execute]:
    """Carries out statements with `?` for their values; without `write` nothing is made."""
    url = connection.database
    opened = _file(connection.directory / FILE, write) if url is None else _database(url, write)
    with opened as execute:
        yield execute


@contextmanager
def _file(path: Path, write: bool) -> Iterator[Execute]:
    try:
        if write:
            # Made here, so that it never exists readable for others.
            os.close(open_private(path, os.O_RDWR))
        elif not path.is_file():
            yield _nothing
            return
        with closing(sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)) as link:
            if write:
                link.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({_COLUMNS})")
            yield link.execute
    except (OSError, sqlite3.Error) as error:
        raise HistoryError(f"the history of runs, {path}: {error}") from None


@contextmanager
def _database(url: str, write: bool) -> Iterator[Execute]:
    # Here, since the driver is an extra.
    from clearbooks.postgres import connect, has_table, make_table, psycopg, reason, shown

    try:
        with closing(connect(url)) as link:
            if write:
                make_table(link, TABLE, _COLUMNS)
            elif not has_table(link, TABLE):
                yield _nothing
                return
            yield lambda statement, values: link.execute(
                statement.replace("?", "%s").encode(), values
            )
    except psycopg.Error as error:
        raise HistoryError(f"the history of runs, {shown(url)}: {reason(error, url)}") from None


def _nothing(_statement: str, _values: Sequence[Any]) -> list[Any]:
    return []
