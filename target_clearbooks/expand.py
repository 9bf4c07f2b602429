"""Records that say more than one thing: a payment and what it pays, a document and its receipt.

Each becomes several records of the streams that the API knows, in one place and before anything
else looks at them: each of those is written once, and has its own key, reasons and results.

- `allocate`, or `invoice`, `bill`, `expense`, on a payment or credit note: an allocation each. A
  payment that names no contact is one of the contact of what it pays.
- `match` on a payment: an allocation to the one open document that it fits.
- `attachment` or `receipt` on a document: an attachment.
- A record of `transfers`, money that moves between two bank accounts: a journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.control_fields import OPERATION, UPDATE, asked, is_plain
from target_clearbooks.intent import DELETED_AT
from target_clearbooks.ledger.amounts import ZERO, decimal, plain
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.shapes import folded_keys, from_json
from target_clearbooks.source_key import source_key, spelled
from target_clearbooks.writable import WRITABLE, Kind, Side, streams_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    Part = tuple[str, dict[str, Any]]
    """A stream and a record of it."""

TRANSFERS = "transfers"
_ALLOCATE = "allocate"
_MATCH = "match"
_FILES = ("attachment", "receipt")
PAID = ("invoice", "bill", "expense")
_REFERENCE = ("externalId", "documentNumber", "reference", "id")
_CONTACTS = ("customer", "supplier", "contact", "contactId")
_TRANSFER = ("date", "from", "to", "amount", "fee", "feeAccount", "description")
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_KEPT = ("businessId", "business_id", OPERATION, DELETED_AT)


def expanded(stream: str, record: Mapping[str, Any], keys: Sequence[str]) -> list[Part]:
    """The records that a record stands for, itself first; most stand for themselves alone.

    Args:
        stream: Its stream, or `transfers`.
        record: The record.
        keys: The key properties of the stream.

    Raises:
        ValueError: what it says cannot be understood; the text names the field.
    """
    if stream == TRANSFERS:
        return [(written_as(stream), _transfer(record))]
    row = WRITABLE[stream]
    names = carried(stream)
    given = {name: value for name, value in _given(record, names).items() if value not in _EMPTY}
    folded = {fold(name) for name in names}
    own = {name: value for name, value in record.items() if fold(name) not in folded}
    if not given:
        return [(stream, own)]
    key = _key_of(record, keys, next(iter(given)))
    parts: list[Part] = [(stream, own)]
    kept = {name: record[name] for name in (*_KEPT, *_source(record)) if name in record}
    if asked(record) == UPDATE:
        # What it carries may be new all the same.
        del kept[OPERATION]
    for name, value in given.items():
        if name in _FILES:
            if is_plain(record) and not kept.get(DELETED_AT):
                parts.append(_attachment(row.side, WRITABLE[stream].noun, key, name, value, kept))
        elif name == _MATCH:
            side = _side(stream, record, {})
            found = {"payment": {"externalId": key}, "invoice": {_MATCH: value}, **kept}
            parts.append(
                (streams_of(Kind.ALLOCATION, side=side)[0], found | {"externalId": f"{key}|match"})
            )
        else:
            parts += _allocations(stream, record, key, name, value, kept)
    paid = [part for name, part in parts if WRITABLE[name].kind is Kind.ALLOCATION]
    paid = [part for part in paid if not _is_match(part)]
    if paid and WRITABLE[stream].kind is Kind.PAYMENT and not _given(record, _CONTACTS):
        # Of the customer or supplier whose invoice or bill it pays.
        noun = next(noun for noun in PAID if noun in paid[0])
        own["contact"] = {noun: paid[0][noun]}
    return parts


def _is_match(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("invoice"), dict) and _MATCH in part["invoice"]


def written_as(stream: str) -> str:
    """The stream of the API under which records of a stream are written.

    >>> written_as("transfers"), written_as("bills")
    ('journals', 'bills')
    """
    return streams_of(Kind.JOURNAL)[0] if stream == TRANSFERS else stream


def carried(stream: str) -> tuple[str, ...]:
    """The fields of a stream that make records of their own."""
    kind = WRITABLE[stream].kind
    if kind is Kind.PAYMENT:
        return (_ALLOCATE, _MATCH, *PAID)
    if kind is Kind.DOCUMENT:
        return (*_FILES, *((_ALLOCATE, *_paid_from(stream)) if _is_credit_note(stream) else ()))
    return ()


def _paid_from(stream: str) -> tuple[str, ...]:
    """What a credit note may pay, as allocations of its side call it."""
    (allocations,) = streams_of(Kind.ALLOCATION, side=WRITABLE[stream].side)
    return tuple(name for name in PAID if name in WRITABLE[allocations].extras.fields)


def paid_by(stream: str) -> tuple[str, ...]:
    """The fields by which a payment that names no contact says whose it is."""
    return (_ALLOCATE, *PAID) if WRITABLE[stream].kind is Kind.PAYMENT else ()


def _is_credit_note(stream: str) -> bool:
    return any(WRITABLE[name].credit_notes == stream for name in streams_of(Kind.ALLOCATION))


def _given(record: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return folded_keys(record, names) if names else {}


def _source(record: Mapping[str, Any]) -> list[str]:
    return [name for name in record if name.startswith("_sdc_source_")]


def _key_of(record: Mapping[str, Any], keys: Sequence[str], field: str) -> str:
    """What the parts of a record call it."""
    if record.get("externalId") not in (None, ""):
        return spelled(record["externalId"])
    if len(keys) == 1 and source_key(record, keys) is not None:
        return spelled(record[keys[0]])
    raise ValueError(f"{field}: needs an externalId in the record")


def _allocations(
    stream: str, record: Mapping[str, Any], key: str, name: str, value: Any, kept: Mapping[str, Any]
) -> Iterator[Part]:
    """The allocations of a payment or credit note; without an amount, of what is due or left."""
    value = from_json(value)
    items = value if isinstance(value, list) else [value]
    source = "payment" if WRITABLE[stream].kind is Kind.PAYMENT else "creditNote"
    for n, item in enumerate(items):
        where = f"{name}[{n}]" if isinstance(value, list) else name
        paid, amount = _paid(where, name, from_json(item))
        side = _side(stream, record, paid)
        (noun, reference), *more = paid.items()
        if more:
            raise ValueError(f"{where}: names both {noun} and {more[0][0]}; give one")
        found = {source: {"externalId": key}, noun: reference, **kept}
        if amount is not None:
            found["amount"] = amount
        yield (
            streams_of(Kind.ALLOCATION, side=side)[0],
            found | {"externalId": f"{key}|{_word(reference)}"},
        )


def _paid(where: str, name: str, item: Any) -> tuple[dict[str, Any], Any]:
    """What is paid, by what it is called, and how much of it."""
    noun = name if name in PAID else "invoice"
    if isinstance(item, dict):
        inside = folded_keys(item, (*PAID, *_REFERENCE, "amount"))
        paid = {noun: inside[noun] for noun in PAID if noun in inside}
        by_itself = {part: inside[part] for part in _REFERENCE if part in inside}
        if paid or by_itself:
            return paid or {noun: by_itself}, inside.get("amount")
    elif isinstance(item, (str, int)) and not isinstance(item, bool):
        return {noun: item}, None
    raise ValueError(f"{where}: should be the externalId or number of an invoice, or an object")


def _side(stream: str, record: Mapping[str, Any], paid: Mapping[str, Any]) -> Side:
    """The side of the ledger: that of the document, of the contact, or of the sign."""
    side = WRITABLE[stream].side
    if side is not None:
        return side
    given = _given(record, ("customer", "supplier", "amount"))
    if "supplier" in given or {"bill", "expense"} & paid.keys():
        return Side.PURCHASES
    negative = str(given.get("amount", "")).strip().startswith("-")
    return Side.SALES if "customer" in given or not negative else Side.PURCHASES


def _word(reference: Any) -> str:
    """A reference as a part of a key."""
    if isinstance(reference, dict):
        return "|".join(dict.fromkeys(spelled(value) for value in reference.values()))
    return spelled(reference)


def _attachment(
    side: Side | None, noun: str, key: str, name: str, value: Any, kept: Mapping[str, Any]
) -> Part:
    """The attachment of a document: an object as in its own record, a path or an address."""
    value = from_json(value)
    if isinstance(value, str):
        value = {"url" if value.startswith("https:") else "path": value.strip()}
    if not isinstance(value, dict):
        raise ValueError(f"{name}: should be a path, an https address or an object")  # noqa: TRY004
    found = {**value, noun: {"externalId": key}, **kept, "externalId": f"{key}|{name}"}
    url = str(folded_keys(value, ("url",)).get("url", ""))
    if url and not folded_keys(value, ("fileName", "name")):
        found["fileName"] = url.partition("?")[0].rpartition("/")[2]
    return streams_of(Kind.ATTACHMENT, side=side)[0], found


def _transfer(record: Mapping[str, Any]) -> dict[str, Any]:
    """The journal of a transfer: `amount` arrives, and a `fee` leaves beside it."""
    given = {name: from_json(value) for name, value in _given(record, _TRANSFER).items()}
    lacking = [name for name in ("date", "from", "to", "amount") if given.get(name) in _EMPTY]
    if lacking and is_plain(record):
        raise ValueError(f"{lacking[0]}: is required")
    if given.get("to") == given.get("from") and not lacking:
        raise ValueError("to: is the account that the money comes from; name the other one")
    amounts = {name: _amount(name, given.get(name)) for name in ("amount", "fee")}
    lines = [
        {"bankAccount": given.get("to"), "debit": plain(amounts["amount"])},
        {"bankAccount": given.get("from"), "credit": plain(amounts["amount"] + amounts["fee"])},
    ]
    if amounts["fee"]:
        if given.get("feeAccount") in _EMPTY:
            raise ValueError("feeAccount: is required where there is a fee")
        lines.append({"accountCode": given["feeAccount"], "debit": plain(amounts["fee"])})
    rest = {
        name: value
        for name, value in record.items()
        if fold(name) not in {fold(own) for own in _TRANSFER}
    }
    return rest | {
        "accountingDate": given.get("date"),
        "description": given.get("description")
        or f"Transfer from {_called(given.get('from'))} to {_called(given.get('to'))}",
        "lines": lines,
    }


def _called(bank: Any) -> str:
    return str(bank.get("name") or "a bank account") if isinstance(bank, dict) else str(bank)


def _amount(name: str, value: Any) -> Decimal:
    try:
        amount = decimal(value) if value not in _EMPTY else ZERO
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if amount < 0:
        raise ValueError(f"{name}: {plain(amount)} should not be negative")
    return amount
