"""Which source record is which record of the ledger: shown, set, forgotten and restored."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks.client import Client
from clearbooks.errors import SettingError
from clearbooks_app.target_session import state_store, target_connection
from target_clearbooks.commands.named_record import named_record_id
from target_clearbooks.commands.rebuild import rebuild as restore
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.settings import TargetSettings, check_source
from target_clearbooks.store import open_locked
from target_clearbooks.store.ledger_map import LedgerMap
from target_clearbooks.store.outbox import close_open, close_refused
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from clearbooks_app.config import Settings
    from target_clearbooks.store import Store


@dataclass(frozen=True, slots=True)
class Identity:
    """A source record and what it is in the ledger.

    Attributes:
        stream: The stream.
        external_id: Its source key.
        id: The ledger's record.
        lineage: Every revision of that.
        voided: Whether it was taken back.
        run: The run that wrote it; None where a person named it.
        updated: When, in seconds since 1970.
    """

    stream: str
    external_id: str
    id: int | str
    lineage: list[Any]
    voided: bool
    run: str | None
    updated: float


def known(
    settings: Settings, business: int, stream: str, external_id: str | None = None
) -> list[Identity]:
    """What is known of a stream of a business, or of one source key of it.

    Raises:
        ClearBooksError: the state store cannot be read.
    """
    with state_store(settings) as db:
        ledger_map = _map(settings, db, business)
        key = None if external_id is None else _key(ledger_map, stream, external_id)
        return [Identity(stream, *row) for row in ledger_map.rows(stream, key)]


def set_identity(
    settings: Settings, business: int, stream: str, external_id: str, given: str
) -> int | str:
    """Say which record of the ledger a source key is; what was in doubt about it is settled.

    Returns:
        The ID of the newest revision of what was given.

    Raises:
        SettingError: there is no such record, or it belongs to another key.
        BusyError: a run writes into the business.
        ClearBooksError: the ledger or the store cannot be read.
    """
    with _locked(settings, business) as db, Client(target_connection(settings)) as client:
        remote_id = named_record_id(Sender(client, business), stream, given)
        with db.transaction():
            ledger_map = _map(settings, db, business)
            external_id = _key(ledger_map, stream, external_id)
            others = [key for key in ledger_map.owners(stream, remote_id) if key != external_id]
            if others and WRITABLE[stream].kind is not Kind.CONTACT:
                raise SettingError(f"{stream} {given} belongs to {others[0]!r}; unset that first")
            ledger_map.set(stream, external_id, remote_id, run=None)
            close_open(db, business, stream, external_id)
    return remote_id


def unset_identity(settings: Settings, business: int, stream: str, external_id: str) -> None:
    """Forget a source key, and what was in doubt about it: the next run may send it (again).

    What was set aside since the ledger held something like it is another record then.

    Raises:
        SettingError: nothing is known of it.
        BusyError: a run writes into the business.
    """
    with _locked(settings, business) as db, db.transaction():
        ledger_map = _map(settings, db, business)
        key = _key(ledger_map, stream, external_id)
        gone = ledger_map.unset(stream, key)
        if close_open(db, business, stream, key):
            ledger_map.say_new(stream, key)
            gone = True
    if not gone:
        raise SettingError(f"nothing is known of {stream} {external_id!r}")


def drop_open(settings: Settings, business: int, stream: str, external_id: str) -> None:
    """Close what is open or refused of a source key: it is not written unless it comes again.

    Raises:
        SettingError: nothing of it is open.
        BusyError: a run writes into the business.
    """
    with _locked(settings, business) as db, db.transaction():
        key = _key(_map(settings, db, business), stream, external_id)
        closed = close_open(db, business, stream, key)
        if not closed + close_refused(db, business, stream, key):
            raise SettingError(f"nothing is open of {stream} {external_id!r}")


def name_source(settings: Settings, business: int, source: str) -> None:
    """Say that what was written without the setting `source` is of this source.

    Raises:
        SettingError: that cannot be a namespace.
        BusyError: a run writes into the business.
    """
    check_source(source)
    with _locked(settings, business) as db, db.transaction():
        LedgerMap(db, business).own_keys_of(source)


def rebuild(settings: Settings, business: int) -> Counter[str]:
    """Read the ledger's markers into the state store; how many were found by stream.

    Raises:
        BusyError: a run writes into the business.
        ClearBooksError: the ledger cannot be read.
    """
    with _locked(settings, business) as db, Client(target_connection(settings)) as client:
        return restore(db, Sender(client, business))


def _map(settings: Settings, db: Store, business: int) -> LedgerMap:
    return LedgerMap(db, business, TargetSettings.from_config(settings.values).source)


def _key(ledger_map: LedgerMap, stream: str, external_id: str) -> str:
    """The source key that a person means: as it is stored, or as the record gives it."""
    return ledger_map.known_as(stream, *ledger_map.keys_of(external_id), external_id)


@contextmanager
def _locked(settings: Settings, business: int) -> Iterator[Store]:
    """The state store, with the lock that keeps runs from writing into the business."""
    location = TargetSettings.from_config(settings.values).state_store
    store, locks = open_locked(settings.connection(), location, [business])
    try:
        yield store
    finally:
        store.close()
        locks.release()
