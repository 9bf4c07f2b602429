"""The state store: intents, map and history, in an SQLite file or a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clearbooks.errors import SettingError
from clearbooks.settings import is_postgres, state_dir
from target_clearbooks.store.database import BusyError, NoStoreError, Store, StoreError
from target_clearbooks.store.locks import WriterLocks, server_host
from target_clearbooks.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.settings import Connection

__all__ = [
    "BusyError",
    "NoStoreError",
    "Store",
    "StoreError",
    "WriterLocks",
    "bind",
    "checked_location",
    "claim",
    "open_locked",
    "open_store",
]


def checked_location(location: str | None) -> str:
    """Where the state store is: a path or a URL; by default a file in the state directory.

    Raises:
        SettingError: it is neither.
    """
    location = location or str(state_dir() / "target.sqlite3")
    scheme, found, _ = location.partition("://")
    if found and not is_postgres(location):
        raise SettingError(
            f"state_store: {scheme}:// is not known; give a file path or a postgresql:// URL"
        )
    return location


def open_store(location: str, *, write: bool = True) -> Store:
    """The state store, brought to this version's format; made with `write` where there is none.

    Raises:
        NoStoreError: there is none, and none may be made.
        SettingError: it cannot be opened, or a newer program has written it.
    """
    if "://" in location:
        # Here, since the driver is there only where a database is used.
        from target_clearbooks.store.postgres import PostgresStore

        return PostgresStore(location, write=write)
    # However a path is spelled, there is one file, one journal beside it and one lock.
    return SqliteStore(Path(location).expanduser().resolve(), write=write)


def open_locked(
    connection: Connection, location: str, businesses: Iterable[int]
) -> tuple[Store, WriterLocks]:
    """The state store with the right to write into these businesses; close it, then release that.

    Raises:
        BusyError: another program writes into one of them.
        SettingError: the store cannot be used, or is that of another ledger.
    """
    store = open_store(location)
    locks = WriterLocks(connection, store.location)
    try:
        for number in businesses:
            claim(store, locks, connection, number)
    except BaseException:
        store.close()
        locks.release()
        raise
    return store, locks


def claim(store: Store, locks: WriterLocks, connection: Connection, business_id: int) -> None:
    """Take the right to write into one business more.

    Raises:
        BusyError: another program writes into it.
        SettingError: no lock can be made, or the store is that of another ledger.
    """
    store.lock_writer(business_id)
    locks.acquire(business_id)
    bind(store, connection, business_id)


def bind(store: Store, connection: Connection, business_id: int) -> None:
    """Note whose ledger a business is: numbers of one server mean nothing on another.

    Raises:
        SettingError: the store knows a business of that number on another server.
    """
    # Without the port: a sandbox may be found at another one the next day.
    host = server_host(connection.api_url)
    with store.transaction():
        store.execute(
            "INSERT INTO ledgers (business, host) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (business_id, host),
        )
        found = store.execute("SELECT host FROM ledgers WHERE business = ?", (business_id,))
        known = (found.fetchone() or (host,))[0]
    if known != host:
        raise SettingError(
            f"state_store: {store.location} is that of business {business_id} on {known}, not "
            f"of the one on {host} (api_url); give each a state_store of its own"
        )
