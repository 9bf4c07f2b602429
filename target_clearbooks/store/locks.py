"""The right to write into a business: one program at a time.

Two programs that write into one business double its records, whatever each of them remembers. So
a writer holds a lock for each business, at every place where another writer would meet it:

- at its state store (`Store.lock_writer`): beside the file, or in the database. It is named after
  the store and the business, and holds for whoever uses that store, by whatever path, settings or
  application;
- beside the tokens, and in the user's state directory: named after the server and the business,
  for writers with a state store of their own.

Locks are files that the operating system frees when their process ends, or advisory locks of
PostgreSQL. None is waited for: a business that is being written is a `BusyError`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import filelock
import msgspec

from clearbooks.errors import SettingError
from clearbooks.settings import is_loopback, state_dir
from target_clearbooks.store.database import BusyError, UnreachableStoreError

if TYPE_CHECKING:
    from clearbooks.postgres import psycopg
    from clearbooks.settings import Connection

logger = logging.getLogger(__name__)

_PORTS = {"https": 443, "http": 80}


class _Holder(msgspec.Struct):
    pid: int
    host: str
    since: str
    store: str


class FileLocks:
    """Lock files that this program holds, each with a note of who holds it beside it.

    Args:
        store: The state store that is written with, for messages of others.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._held: dict[int, dict[Path, tuple[filelock.BaseFileLock, tuple[int, int]]]] = {}

    def acquire(self, path: Path, business_id: int) -> None:
        """Take a lock; nothing happens where it is held already.

        Raises:
            BusyError: another program has it; the text names it.
            OSError: the file cannot be made.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # One folder may be reached by several paths; its files are locked once.
        held = self._held.setdefault(business_id, {})
        folder = _identity(path.parent)
        if any(path.name == p.name and folder == _identity(p.parent) for p in held):
            return
        lock = filelock.FileLock(path, mode=0o600)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise BusyError.held(business_id, _holder(path)) from None
        held[path] = lock, _identity(path)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        holder = _Holder(os.getpid(), socket.gethostname(), since, self._store)
        _note(path).write_bytes(msgspec.json.encode(holder))

    def check(self, business_id: int) -> None:
        """Make sure that nobody took a lock file away: another program would make a new one.

        Raises:
            BusyError: somebody did.
        """
        for path, (_, identity) in self._held.get(business_id, {}).items():
            try:
                if _identity(path) == identity:
                    continue
            except OSError:
                pass
            raise BusyError(
                f"the lock file {path} was removed while it was held, so that another program may "
                "write; nothing more was sent. Run again"
            )

    def release(self) -> None:
        """Let others write."""
        while self._held:
            for path, (lock, _) in self._held.popitem()[1].items():
                _note(path).unlink(missing_ok=True)
                lock.release()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


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


class WriterLocks:
    """Locks of one program beside its tokens and in the user's state directory.

    Args:
        connection: Whose tokens are used, and which server is written to.
        store: The state store that is written with, for messages of others.
    """

    def __init__(self, connection: Connection, store: str) -> None:
        self._api_url = connection.api_url
        self._tokens, self._database = connection.token_store, connection.database
        self._files = FileLocks(store)
        self._link: psycopg.Connection | None = None

    def acquire(self, business_id: int) -> None:
        """Take the right to write into a business.

        Raises:
            BusyError: another program has it; the text names it.
            SettingError: no lock can be made beside the tokens.
        """
        name = ledger_name(self._api_url, business_id)
        if self._database is not None:
            self._acquire_in_database(self._database, name, business_id)
        elif "://" not in self._tokens:
            path = Path(self._tokens).expanduser().resolve().parent / f"writer-{name}.lock"
            try:
                self._files.acquire(path, business_id)
            except OSError as error:
                raise SettingError(
                    f"token_store: no lock can be made beside it: {path}: {error.strerror}"
                ) from None
        path = state_dir().resolve() / f"writer-{name}.lock"
        try:
            self._files.acquire(path, business_id)
        except OSError as error:
            # A machine without a home directory: the locks at the two stores have to do.
            logger.info("no lock can be made in %s: %s", path.parent, error.strerror)

    def _acquire_in_database(self, url: str, name: str, business_id: int) -> None:
        # Here, since the driver is there only where a database is used.
        from clearbooks.postgres import connect, keep_open, psycopg, reason, shown
        from target_clearbooks.store import advisory

        try:
            if self._link is None:
                # Locks of one open transaction, so a pooler does no harm.
                self._link = connect(url, autocommit=False, application_name=advisory.me())
                keep_open(self._link)
            advisory.acquire(self._link, name, business_id)
        except psycopg.Error as error:
            raise UnreachableStoreError(
                f"token_store: no lock can be made in {shown(url)}: {reason(error, url)}"
            ) from None

    def check(self, business_id: int) -> None:
        """Make sure that the right to write into a business is still ours.

        Raises:
            BusyError: it was lost.
        """
        self._files.check(business_id)
        if self._link is None:
            return
        from clearbooks.postgres import psycopg

        try:
            self._link.execute("SELECT 1")
        except psycopg.Error:
            raise BusyError(
                "the connection to token_store was lost, and with it the lock that keeps others "
                "from writing; nothing more was sent. Run again"
            ) from None

    def release(self) -> None:
        """Let others write."""
        self._files.release()
        if self._link is not None:
            # Only where there is a link has the driver been imported.
            from target_clearbooks.store import advisory

            advisory.close(self._link)
            self._link = None


def server_host(api_url: str) -> str:
    """The host of a server; one word for this machine, whichever of its names is used."""
    host = urlsplit(api_url).hostname or ""
    return "this machine" if is_loopback(host) else host


def ledger_name(api_url: str, business_id: int) -> str:
    """One name for a business of a server, however its address is written."""
    parts = urlsplit(api_url)
    key = f"{server_host(api_url)}:{parts.port or _PORTS.get(parts.scheme)} {business_id}"
    return hashlib.sha256(key.encode()).hexdigest()[:16]
