"""What a record says of its own writing, beside its contents.

`_operation` says what is done with it, and `_matching_key` which of its fields finds it in a ledger
that may hold it already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.spelling import fold
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATION, MATCHING_KEY = "_operation", "_matching_key"
CONTROL_FIELDS = (OPERATION, MATCHING_KEY)

UPSERT, CREATE, UPDATE = "upsert", "create", "update"
REPLACE, VOID, DELETE = "replace", "void", "delete"
OPERATIONS = (UPSERT, CREATE, UPDATE, REPLACE, VOID, DELETE)
_MODES = (UPSERT, CREATE, UPDATE)
_BY_WORD = {fold(word): word for word in OPERATIONS}


def asked(record: Mapping[str, Any]) -> str | None:
    """The operation that a record asks for; None where it names none, or one that is not known."""
    return _BY_WORD.get(fold(str(record.get(OPERATION) or "")))


def is_plain(record: Mapping[str, Any]) -> bool:
    """Whether a record asks for no more than that the ledger holds its contents."""
    return record.get(OPERATION) in (None, "") or asked(record) in _MODES


def mode_of(record: Mapping[str, Any], usual: str) -> str:
    """Whether a record is created, updated or both: what it asks for, else the setting `mode`."""
    word = asked(record)
    return word if word in _MODES else usual


def matching_keys(stream: str) -> tuple[str, ...]:
    """What may be the matching key of a stream's records; fields joined by `+` go together.

    The source key may be always. Of what is looked for in the whole list of the ledger, any key is.

    >>> matching_keys("stock_items"), matching_keys("bills")
    (('externalId', 'sku', 'name'), ('externalId',))
    """
    row = WRITABLE[stream]
    if row.kind is Kind.BUSINESS:
        return "externalId", "businessId"
    found = row.keys if row.adopts or row.kind is Kind.CONTACT else ()
    return tuple(dict.fromkeys(("externalId", *found)))
