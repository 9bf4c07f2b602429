"""The state store as one SQLite file."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from clearbooks.errors import SettingError
from clearbooks.private_files import open_private
from target_clearbooks.store.database import NoStoreError, Store, StoreError
from target_clearbooks.store.format import Dialect, scripts
from target_clearbooks.store.locks import FileLocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_PATIENCE = 30.0
DIALECT = Dialect(
    id="INTEGER PRIMARY KEY",
    blob="BLOB",
    real="REAL",
    bare=" WITHOUT ROWID",
    append_only="""
    CREATE TRIGGER audit_kept BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    """,
)


class SqliteStore(Store):
    """See `Store`. Opened in write-ahead mode, each commit with an fsync.

    Args:
        path: The file, with its links resolved, made where there is none; None for a temporary
            database.
        write: Whether the file may be made.

    Raises:
        NoStoreError: there is no file, and none may be made.
        SettingError: it cannot be opened, or a newer program has written it.
    """

    def __init__(self, path: Path | None, *, write: bool = True) -> None:
        self.location = str(path) if path else "temporary"
        self._path = path
        self._locks = FileLocks(self.location)
        try:
            if path is not None and write:
                # Made here, so that it never exists readable for others.
                os.close(open_private(path, os.O_RDWR))
            elif path is not None and not path.is_file():
                raise NoStoreError(f"state_store: there is no file {path}; has the target run yet?")
            self.db = sqlite3.connect(path or "", isolation_level=None, timeout=_PATIENCE)
        except (OSError, sqlite3.Error) as error:
            raise SettingError(f"state_store: {path} cannot be opened: {error}") from None
        try:
            self._write_ahead()
            self.db.execute("PRAGMA synchronous = FULL")
            self._migrate()
        except sqlite3.Error as error:
            self.db.close()
            raise SettingError(f"state_store: {path} is not a state store: {error}") from None
        except BaseException:
            self.db.close()
            raise

    def _write_ahead(self) -> None:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self.db.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                # Where another program is changing it just now, SQLite does not wait by itself.
                if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _migrate(self) -> None:
        known = scripts(DIALECT)
        if self._version() < len(known):
            with self.transaction():
                # Read again: another program may have been faster.
                for script in known[self._version() :]:
                    for statement in _statements(script):
                        self.db.execute(statement)
                self.db.execute(f"PRAGMA user_version = {len(known)}")
        self._check_version(self._version(), len(known))

    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    @override
    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self.db.execute(statement, values)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    @override
    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            self.db.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    @override
    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself.
            if self.db.in_transaction:
                self.execute("ROLLBACK")
            raise

    @override
    def lock_writer(self, business_id: int) -> None:
        if self._path is None:
            return
        path = self._path.with_name(f"{self._path.name}.{business_id}.lock")
        try:
            self._locks.acquire(path, business_id)
        except OSError as error:
            raise SettingError(
                f"state_store: no lock can be made beside it: {path}: {error.strerror}"
            ) from None

    @override
    def check_writer(self, business_id: int) -> None:
        self._locks.check(business_id)

    @override
    def copy(self) -> SqliteStore:
        copy = SqliteStore(None)
        self.db.backup(copy.db)
        return copy

    @override
    def close(self) -> None:
        self.db.close()
        self._locks.release()

    def _failed(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"state_store: {self.location}: {error}")


def _statements(script: str) -> Iterator[str]:
    text = ""
    for part in script.split(";"):
        text += part + ";"
        if sqlite3.complete_statement(text):
            yield text
            text = ""
