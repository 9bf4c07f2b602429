"""What is kept of a record that was written, to notice that its key now stands for another one.

A second source without a namespace of its own sends other records under a known key. Kept are
hashes: nothing of the record can be read in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.intent import content_hash
from target_clearbooks.ledger.amounts import decimal
from target_clearbooks.ledger.contact_keys import IDENTITIES, contact_key, is_somebody_else
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    Likeness = Mapping[str, Any]

_LENGTH = 12
# Of more lines the smallest hashes are kept: two documents that share lines share some of these.
MOST_LINES = 64
_AMOUNTS = ("unitPrice", "quantity")


def likeness(stream: str, body: Any) -> dict[str, Any]:
    """What is compared of a body or a record of the ledger; empty where nothing is."""
    row = WRITABLE[stream]
    if not isinstance(body, dict):
        return {}
    if row.kind is Kind.CONTACT:
        known = {field: contact_key(field, body.get(field)) for field in IDENTITIES}
        return {field: _hash(key) for field, key in known.items() if key}
    if row.kind is Kind.PAYMENT:
        names = [name for name in ("date", "amount") if body.get(name) is not None]
        parts = {"lines": [_hash([name, _amount(body[name])]) for name in names]}
    elif row.kind is Kind.DOCUMENT:
        found = {_hash(_values(line)) for line in body.get("lineItems") or ()}
        parts = {"lines": sorted(found)[:MOST_LINES]}
    else:
        return {}
    contact = body.get(str(row.contact))
    return {"contact": contact, **{name: part for name, part in parts.items() if part}}


def is_another(stream: str, before: Likeness, now: Likeness) -> bool:
    """Whether a record is another one than the one that was written under its key.

    Of a document or payment: it is of another contact, and each line, or the date and the amount,
    differs. Of a contact: name and another field contradict, and none agrees.
    """
    if WRITABLE[stream].kind is Kind.CONTACT:
        both = [field for field in IDENTITIES if field in before and field in now]
        agreeing = [field for field in both if before[field] == now[field]]
        return is_somebody_else(agreeing, [field for field in both if field not in agreeing])
    contacts = before.get("contact"), now.get("contact")
    here, there = set(before.get("lines", ())), set(now.get("lines", ()))
    other = None not in contacts and contacts[0] != contacts[1]
    return other and bool(here and there) and here.isdisjoint(there)


def _values(line: Mapping[str, Any]) -> list[Any]:
    """What is compared of a line; amounts may have come as text."""
    return [fold(str(line.get("description") or "")), *map(_amount, map(line.get, _AMOUNTS))]


def _amount(value: Any) -> Any:
    try:
        return decimal(value)
    except ValueError:
        return value


def _hash(value: Any) -> str:
    return content_hash(value)[:_LENGTH]
