"""Whether a record that a person names stands in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.errors import NotFoundError, SettingError
from target_clearbooks.ledger.matching import is_voided
from target_clearbooks.ledger.records import id_number, records
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.sending import Sender

_TRANSACTION = "transaction:"
_LINES = "listTransactionLines"


def named_record_id(sender: Sender, stream: str, given: str) -> int | str:
    """The ID of the record of the ledger that a person names; of a document, its newest revision.

    A journal is named by its transaction, as `transaction:ID`. Bank feeds and statements cannot be
    looked up, nor attachments without their document: their IDs are taken as they are.

    Raises:
        SettingError: there is no such record.
        ClearBooksError: it cannot be looked up.
    """
    row = WRITABLE[stream]
    if row.kind is Kind.JOURNAL:
        return _transaction(sender, stream, given)
    number = id_number(given)
    operations = sender.resource(stream).operations
    if "get" not in operations or row.kind is Kind.ATTACHMENT:
        return given if number is None else number
    record = None if number is None else _record(sender, stream, number)
    if record is None:
        raise SettingError(f"{stream} {given} is not in business {sender.business_id}")
    if is_voided(record):
        raise SettingError(f"{stream} {given} is voided in business {sender.business_id}")
    found = record.get("id")
    return found if isinstance(found, (int, str)) else given


def _record(sender: Sender, stream: str, number: int) -> Mapping[str, Any] | None:
    """A record by its ID; out of the list where the path of a single one is only assumed."""
    found = sender.get(stream, {}, number)
    if found is not None or not sender.resource(stream).operations["get"].assumed:
        return found
    return next((row for row in sender.listed(stream).whole() if row["id"] == number), None)


def _transaction(sender: Sender, stream: str, given: str) -> str:
    number = id_number(given.removeprefix(_TRANSACTION))
    if number is None or not given.startswith(_TRANSACTION):
        raise SettingError(f"{stream} {given!r} should be {_TRANSACTION}ID")
    try:
        reply = sender.client.get(
            _LINES, {"transactionId": number, "limit": 200}, business_id=sender.business_id
        )
    except NotFoundError:
        return given  # an account without this listing: nothing tells
    lines = records(reply.body, _LINES)
    if not any(str(line.get("transactionId")) == str(number) for line in lines):
        raise SettingError(f"transaction {number} is not in business {sender.business_id}")
    return given
