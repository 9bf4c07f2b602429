"""What waits for a person: records in doubt, set aside or refused, and what is decided of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
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

LISTS = {
    "accountCode": "account_codes",
    "bankAccount": "bank_accounts",
    "customer": "customers",
    "supplier": "suppliers",
    "stockItem": "stock_items",
    "vatRate": "vat_rates",
    "vatTreatment": "vat_treatments",
}
"""Kinds of references, and the list of the ledger that each is looked up in."""

# The field that a reason is about: `lineItems[0].accountCode: …`.
_FIELD = re.compile(r"^(?:.*? row \d+, )?([A-Za-z]\w*(?:\[\d+\])?(?:\.\w+)*): ", re.DOTALL)
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


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
    """Whether candidates are what the record may be, and not what a name in it may mean."""
    return doubt.sent or (doubt.stream in WRITABLE and WRITABLE[doubt.stream].kind is Kind.CONTACT)


def stream_of_candidates(doubt: Undecided) -> str | None:
    """The stream that the candidates are records of; None where nobody can tell."""
    if is_the_record(doubt):
        return doubt.stream
    match = next(filter(None, map(_FIELD.match, doubt.reasons)), None)
    return LISTS.get(match[1].rpartition(".")[2]) if match else None


def choose(settings: Settings, doubt: Undecided, ledger_id: str) -> Written | None:
    """Say which record of the ledger is meant.

    Where that is the record itself, the map is told, and nothing is sent. Where it is a name in
    the record, the ID takes its place, and the record is sent again.

    Raises:
        SettingError: there is no such record, or nobody can tell which name is meant.
        BusyError: a run writes into the business.
    """
    if is_the_record(doubt):
        set_identity(settings, doubt.business, doubt.stream, doubt.key, ledger_id)
        return None
    match = next(filter(None, map(_FIELD.match, doubt.reasons)), None)
    if match is None:
        raise SettingError("the reason names no field: correct the record, and send it again")
    value: Any = int(ledger_id) if ledger_id.isdigit() else ledger_id
    return send(settings, doubt, _with(doubt.record, match.group(1), value))


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


def _with(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A record with another value at a path such as `lineItems[0].accountCode`."""
    head, _, rest = path.partition(".")
    match = _STEP.fullmatch(head)
    if match is None or match[1] not in record:
        raise SettingError(f"{path}: is not in the record: correct it, and send it again")
    name, place = match[1], match[2]
    inner = record[name] if place is None else record[name][int(place)]
    new = _with(inner, rest, value) if rest else value
    if place is None:
        return {**record, name: new}
    items = list(record[name])
    items[int(place)] = new
    return {**record, name: items}
