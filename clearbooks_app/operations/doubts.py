"""What waits for a person: records in doubt, set aside or refused, and what is decided of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks_app.operations.candidates import (
    RECORD,
    field_of,
    field_of_reason,
    id_of,
    with_chosen,
)
from clearbooks_app.operations.identities import drop_open, set_identity, unset_identity
from clearbooks_app.operations.writing import write_records
from clearbooks_app.target_session import state_store
from target_clearbooks.store import NoStoreError
from target_clearbooks.store.undecided import count_undecided, one_undecided, undecided
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from clearbooks_app.config import Settings
    from clearbooks_app.operations.writing import Written
    from target_clearbooks.store.undecided import Undecided


def list_doubts(settings: Settings, *, after: int = 0, limit: int = 200) -> list[Undecided]:
    """What waits for a person, oldest first; nothing where nothing was ever written."""
    try:
        with state_store(settings) as db:
            return undecided(db, after=after, limit=limit)
    except NoStoreError:
        return []


def count_doubts(settings: Settings) -> dict[str, int]:
    """How many there are, by state."""
    try:
        with state_store(settings) as db:
            return count_undecided(db)
    except NoStoreError:
        return {}


def find_doubt(settings: Settings, number: int) -> Undecided:
    """One of them by its number.

    Raises:
        SettingError: it was settled, or never was.
    """
    with state_store(settings) as db:
        found = one_undecided(db, number)
    if found is None:
        raise SettingError(f"record {number} does not wait for anybody: it was settled meanwhile")
    return found


def is_the_record(doubt: Undecided) -> bool:
    """Whether it is the record that is to be found in the ledger, and not a name in it."""
    fields = {field_of(doubt, candidate) for candidate in doubt.candidates}
    if fields:
        return RECORD in fields
    return doubt.sent or (doubt.stream in WRITABLE and WRITABLE[doubt.stream].kind is Kind.CONTACT)


def choose(
    settings: Settings, doubt: Undecided, ledger_id: str, field: str | None = None
) -> Written | None:
    """Say which record of the ledger is meant.

    Where that is the record itself, the map is told, and nothing is sent. Where it is a name in
    the record, the ID takes its place, and the record is sent again.

    Args:
        settings: Of the target.
        doubt: The record.
        ledger_id: Which one.
        field: The name that it stands for, as a path; None for that of the candidate.

    Raises:
        SettingError: there is no such record, or nobody can tell which name is meant.
        BusyError: a run writes into the business.
    """
    if field is None:
        given = [field_of(doubt, c) for c in doubt.candidates if id_of(c) == ledger_id]
        field = given[0] if given else RECORD if is_the_record(doubt) else field_of_reason(doubt)
    if field is None:
        raise SettingError("the reason names no field: correct the record, and send it again")
    if field == RECORD:
        set_identity(settings, doubt.business, doubt.stream, doubt.key, ledger_id)
        return None
    return send(settings, doubt, with_chosen(doubt.record, field, ledger_id))


def create(settings: Settings, doubt: Undecided) -> Written:
    """Say that it is none of the ledger's records, and send it (again).

    Raises:
        BusyError: a run writes into the business.
        ClearBooksError: whatever else ended the run.
    """
    if doubt.state != "rejected":
        unset_identity(settings, doubt.business, doubt.stream, doubt.key)
    return send(settings, doubt, doubt.record)


def drop(settings: Settings, doubt: Undecided) -> None:
    """Leave it out: it is not written unless its source sends it again.

    Raises:
        BusyError: a run writes into the business.
    """
    drop_open(settings, doubt.business, doubt.stream, doubt.key)


def send(settings: Settings, doubt: Undecided, record: dict[str, Any]) -> Written:
    """Send a record in the place of the one that waits.

    Raises:
        SettingError: it lost what identifies it.
        BusyError: a run writes into the business.
        ClearBooksError: whatever else ended the run.
    """
    keys = doubt.key_properties or ["externalId"]
    changed = [name for name in keys if record.get(name) != doubt.record.get(name)]
    if changed:
        raise SettingError(f"{', '.join(changed)}: identifies the record and has to stay as it is")
    message = {
        "type": "RECORD",
        "stream": doubt.stream,
        "record": record,
        "key_properties": doubt.key_properties,
    }
    return write_records(settings, doubt.business, [message])
