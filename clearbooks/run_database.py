"""Where programs note what they did: beside the tokens, in a file or in their database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from clearbooks.errors import ClearBooksError
from clearbooks.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from clearbooks.settings import Connection

    Execute = Callable[[str, Sequence[Any]], Any]

FILE = "runs.sqlite3"
_PATIENCE = 5.0


class HistoryError(ClearBooksError):
    """What programs did cannot be read or written."""


class Table(NamedTuple):
    """A table, its columns in SQL, and the views of a database server on it."""

    name: str
    columns: str
    views: tuple[str, ...] = ()


@contextmanager
def opened(connection: Connection, table: Table, *, write: bool) -> Iterator[Execute]:
    """Carries out statements with `?` for their values, each by itself.

    Without `write` no table is made, and one that is not there is empty.

    Raises:
        HistoryError: it cannot be read or written.
    """
    url = connection.database
    there = (
        _file(connection.directory / FILE, table, write)
        if url is None
        else _database(url, table, write)
    )
    with there as execute:
        yield execute


@contextmanager
def _file(path: Path, table: Table, write: bool) -> Iterator[Execute]:
    try:
        if write:
            # Made here, so that it never exists readable for others.
            os.close(open_private(path, os.O_RDWR))
        elif not path.is_file():
            yield _nothing
            return
        with closing(sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)) as link:
            if write:
                link.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({table.columns})")
            elif not link.execute(_HAS_TABLE, [table.name]).fetchone():
                yield _nothing
                return
            yield link.execute
    except (OSError, sqlite3.Error) as error:
        raise HistoryError(f"the history of runs, {path}: {error}") from None


_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE name = ?"


@contextmanager
def _database(url: str, table: Table, write: bool) -> Iterator[Execute]:
    # Here, since the driver is an extra.
    from clearbooks.postgres import connect, has_table, make_table, psycopg, reason, shown

    try:
        with closing(connect(url)) as link:
            if write:
                make_table(link, table.name, table.columns, *table.views)
            elif not has_table(link, table.name):
                yield _nothing
                return
            yield lambda statement, values: link.execute(
                statement.replace("?", "%s").encode(), values
            )
    except psycopg.Error as error:
        raise HistoryError(f"the history of runs, {shown(url)}: {reason(error, url)}") from None


def _nothing(_statement: str, _values: Sequence[Any]) -> list[Any]:
    return []
