"""The right to write into a business: one program at a time for each token store and business.

Where tokens lie in a file, a lock file stands beside them. Where they lie in a database, the lock
does too, so that it holds between machines.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import msgspec
from typing_extensions import override

from clearbooks.errors import SettingError
from clearbooks.settings import state_dir
from target_clearbooks.store.database import BusyError

if TYPE_CHECKING:
    from clearbooks.postgres import psycopg
    from clearbooks.settings import Connection


class WriterLocks(ABC):
    """Locks of one program, on one business or more."""

    @abstractmethod
    def acquire(self, business_id: int) -> None:
        """Take the right to write into a business.

        Raises:
            BusyError: another program has it; the text names it.
            SettingError: no lock can be made.
        """

    @abstractmethod
    def check(self) -> None:
        """Make sure that the rights are still ours.

        Raises:
            BusyError: they were lost.
        """

    @abstractmethod
    def release(self) -> None:
        """Let others write."""


def writer_locks(connection: Connection, store: str) -> WriterLocks:
    """Locks beside the tokens of a connection; `store` is the state store, for messages."""
    if connection.token_store.startswith(("postgresql://", "postgres://")):
        return PostgresLocks(connection)
    return FileLocks(connection, store)


def _name(connection: Connection, business_id: int) -> str:
    who = connection.client_id or connection.access_token or ""
    key = f"{connection.api_url} {connection.token_store} {who} {business_id}"
    return hashlib.sha256(key.encode()).hexdigest()[:16]


class _Holder(msgspec.Struct):
    pid: int
    host: str
    since: str
    store: str


class FileLocks(WriterLocks):
    """See `WriterLocks`; a file a business, and a note of who holds it."""

    def __init__(self, connection: Connection, store: str) -> None:
        self._connection = connection
        self._store = store
        self._held: list[filelock.BaseFileLock] = []
        if "://" in connection.token_store:
            self._directory = state_dir()
        else:
            self._directory = Path(connection.token_store).expanduser().parent

    @override
    def acquire(self, business_id: int) -> None:
        path = self._directory / f"writer-{_name(self._connection, business_id)}.lock"
        lock = filelock.FileLock(path, mode=0o600)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise BusyError(
                f"business {business_id} is being written by {_holder(path)}; "
                "one program at a time may write into a business"
            ) from None
        except OSError as error:
            raise SettingError(
                f"token_store: no lock can be made beside it: {path}: {error.strerror}"
            ) from None
        self._held.append(lock)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        holder = _Holder(os.getpid(), socket.gethostname(), since, self._store)
        _note(path).write_bytes(msgspec.json.encode(holder))

    @override
    def check(self) -> None:
        # The system keeps the lock of a file for as long as the process lives.
        pass

    @override
    def release(self) -> None:
        while self._held:
            lock = self._held.pop()
            _note(Path(lock.lock_file)).unlink(missing_ok=True)
            lock.release()


def _note(path: Path) -> Path:
    return path.with_suffix(".json")


def _holder(path: Path) -> str:
    try:
        found = msgspec.json.decode(_note(path).read_bytes(), type=_Holder)
    except (OSError, msgspec.MsgspecError):
        return "another program"
    return (
        f"process {found.pid} on {found.host}, since {found.since}, "
        f"with the state store {found.store}"
    )


class PostgresLocks(WriterLocks):
    """See `WriterLocks`; advisory locks of one open transaction, so a pooler does no harm."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._link: psycopg.Connection | None = None

    @override
    def acquire(self, business_id: int) -> None:
        # Here, since the driver is there only where a database is used.
        from clearbooks.postgres import connect, keep_open, psycopg, reason, shown  # noqa: PLC0415
        from target_clearbooks.store import advisory  # noqa: PLC0415

        url = self._connection.token_store
        try:
            if self._link is None:
                self._link = connect(url, autocommit=False, application_name=advisory.me())
                keep_open(self._link)
            advisory.acquire(self._link, _name(self._connection, business_id), business_id)
        except psycopg.Error as error:
            raise SettingError(
                f"token_store: no lock can be made in {shown(url)}: {reason(error, url)}"
            ) from None

    @override
    def check(self) -> None:
        from clearbooks.postgres import psycopg  # noqa: PLC0415

        try:
            if self._link is not None:
                self._link.execute("SELECT 1")
        except psycopg.Error:
            raise BusyError(
                "the connection to token_store was lost, and with it the lock that keeps others "
                "from writing; nothing more was sent. Run again"
            ) from None

    @override
    def release(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
