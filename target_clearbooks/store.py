"""The state store: one SQLite file with a versioned format, and one writer for each business."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import msgspec

from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.settings import state_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.settings import Connection

# Each script brings the format one version on; none is ever changed once it was released.
MIGRATIONS = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, started REAL NOT NULL, ended REAL, kind TEXT NOT NULL,
        businesses TEXT NOT NULL, exit_code INTEGER, message TEXT
    );
    CREATE TABLE counts (
        run TEXT NOT NULL, business INTEGER NOT NULL, stream TEXT NOT NULL, outcome TEXT NOT NULL,
        number INTEGER NOT NULL, PRIMARY KEY (run, business, stream, outcome)
    ) WITHOUT ROWID;
    CREATE TABLE intents (
        id INTEGER PRIMARY KEY, run TEXT NOT NULL, business INTEGER NOT NULL, stream TEXT NOT NULL,
        source_key TEXT NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
        params TEXT NOT NULL, remote_id TEXT, body BLOB, content BLOB, hash TEXT, record_hash TEXT,
        record BLOB, marker TEXT, depends TEXT, fence TEXT, attempts INTEGER NOT NULL DEFAULT 0,
        sent REAL, updated REAL NOT NULL, kind TEXT, reasons TEXT, candidates TEXT, result TEXT
    );
    CREATE INDEX intents_open ON intents (business, state)
        WHERE state NOT IN ('done', 'rejected', 'superseded');
    CREATE INDEX intents_key ON intents (business, stream, source_key);
    CREATE INDEX intents_run ON intents (run);
    CREATE TABLE waits (
        intent INTEGER NOT NULL, business INTEGER NOT NULL, stream TEXT NOT NULL,
        source_key TEXT NOT NULL, PRIMARY KEY (business, stream, source_key, intent)
    ) WITHOUT ROWID;
    CREATE INDEX waits_intent ON waits (intent);
    CREATE TABLE map (
        business INTEGER NOT NULL, stream TEXT NOT NULL, source_key TEXT NOT NULL,
        remote_type TEXT NOT NULL, remote_id TEXT NOT NULL, lineage TEXT NOT NULL,
        hash TEXT, record_hash TEXT, voided INTEGER NOT NULL DEFAULT 0, run TEXT,
        updated REAL NOT NULL, PRIMARY KEY (business, stream, source_key)
    ) WITHOUT ROWID;
    CREATE TABLE lineage (
        business INTEGER NOT NULL, stream TEXT NOT NULL, remote_id TEXT NOT NULL,
        source_key TEXT NOT NULL, PRIMARY KEY (business, stream, remote_id)
    ) WITHOUT ROWID;
    CREATE TABLE allocated (
        business INTEGER NOT NULL, stream TEXT NOT NULL, source_key TEXT NOT NULL,
        invoice INTEGER NOT NULL, kind TEXT NOT NULL, source INTEGER NOT NULL,
        amount TEXT NOT NULL, PRIMARY KEY (business, stream, source_key)
    ) WITHOUT ROWID;
    CREATE INDEX allocated_pair ON allocated (business, stream, invoice, kind, source);
    CREATE TABLE marks (
        business INTEGER NOT NULL, stream TEXT NOT NULL, marker TEXT NOT NULL,
        remote_id TEXT NOT NULL, PRIMARY KEY (business, stream, marker, remote_id)
    ) WITHOUT ROWID;
    CREATE TABLE rebuilt (business INTEGER PRIMARY KEY, at REAL NOT NULL, how TEXT NOT NULL);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, run TEXT, business INTEGER, stream TEXT,
        source_key TEXT, event TEXT NOT NULL, detail TEXT
    );
    CREATE TRIGGER audit_kept BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    """,
)


def default_path() -> Path:
    """Where the state store lives unless `state_store` says otherwise."""
    return state_dir() / "target.sqlite3"


def store_path(location: str | None) -> Path:
    """The file of a state store.

    Raises:
        SettingError: the location is no file.
    """
    if location and "://" in location:
        raise SettingError(
            f"state_store: {location.partition('://')[0]}:// is not supported; give a file path"
        )
    return Path(location).expanduser() if location else default_path()


def open_database(path: Path, *, write: bool = True) -> sqlite3.Connection:
    """The database of a state store, brought to this version's format.

    Raises:
        SettingError: it cannot be opened, or a newer program has written it.
    """
    try:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made here, so that it never exists readable for others.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        elif not path.is_file():
            raise SettingError(f"state_store: there is no file {path}; has the target run yet?")
        db = sqlite3.connect(path, isolation_level=None, timeout=30)
    except (OSError, sqlite3.Error) as error:
        raise SettingError(f"state_store: {path} cannot be opened: {error}") from None
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        _migrate(db, path)
    except sqlite3.Error as error:
        db.close()
        raise SettingError(f"state_store: {path} is not a state store: {error}") from None
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    newest = len(MIGRATIONS)
    if version_of(db) < newest:
        with transaction(db):
            # Read again: another program may have been faster.
            for script in MIGRATIONS[version_of(db) :]:
                for statement in _statements(script):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {newest}")
    if version_of(db) > newest:
        raise SettingError(
            f"state_store: {path} has format {version_of(db)}, this program knows up to {newest}; "
            "update clearbooks-connectors"
        )


def _statements(script: str) -> Iterator[str]:
    text = ""
    for part in script.split(";"):
        text += part + ";"
        if sqlite3.complete_statement(text):
            yield text
            text = ""


def version_of(db: sqlite3.Connection) -> int:
    """Version of the store's format."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is on disk when the block ends, or nothing is."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


class _Holder(msgspec.Struct):
    pid: int
    host: str
    since: str
    store: str


class BusyError(ClearBooksError):
    """Another program writes into this business."""


class WriterLock:
    """The right to write into one business through one application.

    Raises:
        BusyError: from `acquire`, naming who has it.
    """

    def __init__(self, connection: Connection, business_id: int, store: Path) -> None:
        who = connection.client_id or connection.access_token or ""
        key = f"{connection.api_url} {connection.token_store} {who} {business_id}"
        self.business_id = business_id
        self.store = store
        if "://" in connection.token_store:
            directory = state_dir()
        else:
            directory = Path(connection.token_store).expanduser().parent
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        self.path = directory / f"writer-{name}.lock"
        self._lock = filelock.FileLock(self.path, mode=0o600)

    def acquire(self) -> None:
        """Take the lock, or say who holds it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise BusyError(
                f"business {self.business_id} is being written by {self._holder()}; "
                "one program at a time may write into a business"
            ) from None
        except OSError as error:
            raise SettingError(
                f"token_store: no lock can be made beside it: {self.path}: {error.strerror}"
            ) from None
        holder = _Holder(
            os.getpid(),
            socket.gethostname(),
            time.strftime("%Y-%m-%d %H:%M:%S"),
            str(self.store.absolute()),
        )
        self._note.write_bytes(msgspec.json.encode(holder))

    @property
    def _note(self) -> Path:
        return self.path.with_suffix(".json")

    def _holder(self) -> str:
        try:
            found = msgspec.json.decode(self._note.read_bytes(), type=_Holder)
        except (OSError, msgspec.MsgspecError):
            return "another program"
        return (
            f"process {found.pid} on {found.host}, since {found.since}, "
            f"with the state store {found.store}"
        )

    def release(self) -> None:
        """Let others write."""
        if self._lock.is_locked:
            self._note.unlink(missing_ok=True)
            self._lock.release()
