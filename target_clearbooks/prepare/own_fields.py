"""What a record calls a field of the contract: it may name things otherwise than the API does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.shapes import from_json
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

ALTERNATIVES: Mapping[str, tuple[str, ...]] = {
    "customerId": ("customer", "contact"),
    "supplierId": ("supplier", "contact"),
    "contactId": ("contact", "customer", "supplier"),
    "bankAccountId": ("bankAccount",),
    "displayBankAccountId": ("bankAccount",),
    "paymentMethodId": ("paymentMethod",),
    "invoiceId": ("invoice", "bill", "expense"),
    "paymentId": ("payment",),
    "creditNoteId": ("creditNote",),
    "vatRateKey": ("vatRate",),
    "salesVatRateKey": ("salesVatRate",),
    "purchaseVatRateKey": ("purchaseVatRate",),
    "unitPrice": ("grossUnitPrice", "gross", "net"),
    "accountCodeId": ("accountCode", "bankAccount"),
    "accountId": ("bankAccount",),
    "feedId": ("feed", "bankFeed"),
}
"""By which other fields a record may give what the contract calls so."""

_PART = re.compile(r"[^.\[\]]+")
_ITEMS = "items"


def own_path(stream: str, record: Mapping[str, Any], path: str) -> str:
    """A path of the body that was sent, as the record has it; what it does not have stays.

    >>> own_path("bills", {"line_items": [{"vat_rate": "20%"}]}, "lineItems[0].vatRateKey")
    'line_items[0].vat_rate'
    """
    parts = _PART.findall(path)
    for wrapper in (_ITEMS, WRITABLE[stream].flat):
        # The API takes a list where the record is one item of it.
        if parts[:1] == [wrapper] and _key(record, (wrapper,)) is None:
            parts = parts[1 + (len(parts) > 1 and parts[1].isdigit()) :]
    found = ""
    here: Any = record
    while parts:
        here = from_json(here)
        part = parts.pop(0)
        if part.isdigit():
            rows: Sequence[Any] = here if isinstance(here, list) else ()
            found += f"[{part}]"
            here = rows[int(part)] if int(part) < len(rows) else None
            continue
        key = part
        if isinstance(here, Mapping):
            key = _key(here, (part, *ALTERNATIVES.get(part, ()))) or _flattened(here, part, parts)
        found += f".{key}" if found else key
        here = here.get(key) if isinstance(here, Mapping) else None
    return found


def _key(record: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The record's key for the first of some names that it has a value for."""
    keys = {fold(key): key for key, value in record.items() if value not in (None, "")}
    return next((keys[fold(name)] for name in names if fold(name) in keys), None)


def _flattened(record: Mapping[str, Any], part: str, rest: list[str]) -> str:
    """The key of a flattened object such as `address__postcode`, else the name as it is."""
    names = {fold(name) for name in (part, *ALTERNATIVES.get(part, ()))}
    for key in record:
        outer, cut, inner = key.partition("__")
        if cut and fold(outer) in names:
            if not rest:
                return outer
            if fold(inner) == fold(rest[0]):
                rest.pop(0)
                return key
    return part
