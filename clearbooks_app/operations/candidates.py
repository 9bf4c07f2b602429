"""What a record that waits may be in the ledger, or what a name in it may mean, field by field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks_app.operations.numbers import whole
from clearbooks_app.operations.plan_view import gross_of
from target_clearbooks.ledger.amounts import decimal
from target_clearbooks.ledger.contact_keys import IDENTITIES, contact_key
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.shapes import folded_keys, from_json
from target_clearbooks.worth import worth
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
RECORD = "record"
"""Stands for the record itself where the field of a name would stand."""

# The field that a reason is about: `lineItems[0].accountCode: …`.
_FIELD = re.compile(r"^(?:.*? row \d+, )?([A-Za-z]\w*(?:\[\d+\])?(?:\.\w+)*): ", re.DOTALL)
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")
# Names that an ID or a key may stand for as it is; others take an object with it.
_BARE = re.compile(r"(account_?code|vat_?rate|vat_?treatment|id)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of a candidate.

    Attributes:
        value: As the ledger has it; None where it has none.
        differs: Whether the record says otherwise; where it says nothing, whether another
            candidate does.
    """

    value: Any
    differs: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record of the ledger.

    Attributes:
        id: What `choose` is given.
        stream: Its stream; None where nobody can tell.
        cells: Its fields, in the order of `Comparison.names`.
    """

    id: str
    stream: str | None
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidates beside what the record says.

    Attributes:
        field: The name in the record that fits several, as a path; `RECORD` where they are what
            the record may be.
        names: The fields.
        mine: What the record says of each; None where it says nothing.
        candidates: What the ledger has.
    """

    field: str
    names: list[str]
    mine: list[Any]
    candidates: list[Candidate]


def comparisons(doubt: Undecided) -> list[Comparison]:
    """The candidates of a record, those of each name by themselves."""
    by_field: dict[str, list[dict[str, Any]]] = {}
    for candidate in doubt.candidates:
        by_field.setdefault(field_of(doubt, candidate), []).append(candidate)
    return [_compared(doubt, field, found) for field, found in by_field.items()]


def field_of(doubt: Undecided, candidate: Mapping[str, Any]) -> str:
    """What a candidate stands for: the path of a name in the record, or `RECORD`."""
    if doubt.sent:
        return RECORD
    # Stores of earlier versions tell it by the reason alone.
    return str(candidate.get("field") or field_of_reason(doubt) or RECORD)


def field_of_reason(doubt: Undecided) -> str | None:
    """The field that the first reason is about, if it names one."""
    match = next(filter(None, map(_FIELD.match, doubt.reasons)), None)
    return match[1] if match else None


def id_of(candidate: Mapping[str, Any]) -> str:
    """What says which of the ledger's records a candidate is."""
    if "transactionId" in candidate:
        return f"transaction:{candidate['transactionId']}"
    return str(candidate.get("id", candidate.get("key", "")))


def with_chosen(record: Mapping[str, Any], field: str, ledger_id: str) -> dict[str, Any]:
    """A record in which a name is replaced by what it means.

    Args:
        record: The record.
        field: The path of the name, such as `lineItems[0].accountCode`.
        ledger_id: The ID or key of what it means.

    Raises:
        SettingError: the record has no such field.
    """
    number = whole(ledger_id)
    value: Any = ledger_id if number is None else number
    if number is not None and not _BARE.search(field):
        # A number alone may be a SKU or the number of a document, too.
        value = {"id": number}
    found: dict[str, Any] = _with(record, _steps(field), value, field)
    return found


def _compared(doubt: Undecided, field: str, candidates: Sequence[Mapping[str, Any]]) -> Comparison:
    rows = [{k: v for k, v in row.items() if k not in ("field", "stream")} for row in candidates]
    names = list(dict.fromkeys(name for row in rows for name in row if name not in ("id", "key")))
    own = _of_record(doubt, names) if field == RECORD else _of_name(doubt, field, names, rows)
    cells = [[_cell(name, own.get(name), row.get(name), rows) for name in names] for row in rows]
    stream = doubt.stream if field == RECORD else LISTS.get(field.rpartition(".")[2])
    return Comparison(
        field,
        names,
        [own.get(name) for name in names],
        [
            Candidate(id_of(given), given.get("stream", stream), found)
            for given, found in zip(candidates, cells, strict=True)
        ],
    )


def _cell(name: str, own: Any, value: Any, rows: Sequence[Mapping[str, Any]]) -> Cell:
    if own is None:
        return Cell(value, any(not _same(name, value, row.get(name)) for row in rows))
    return Cell(value, value is not None and not _same(name, own, value))


def _of_record(doubt: Undecided, names: Sequence[str]) -> dict[str, Any]:
    """What a record says of the fields of a candidate."""
    body = doubt.body if isinstance(doubt.body, dict) else {}
    own = {**folded_keys(doubt.record, names), **{n: body[n] for n in names if n in body}}
    if WRITABLE[doubt.stream].kind is Kind.DOCUMENT:
        net, gross = worth(body) or None, gross_of(doubt.record)
        own |= {n: v for n, v in (("net", net), ("gross", gross)) if v is not None}
    return own


def _of_name(
    doubt: Undecided, field: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a record says of what it names."""
    try:
        value = _value(doubt.record, _steps(field), field)
    except SettingError:
        return {}
    if isinstance(value, dict):
        return folded_keys(value, names)
    # By whatever it was found; what it is not like says nothing.
    return {name: value for name in names if any(_same(name, value, row.get(name)) for row in rows)}


def _same(name: str, one: Any, other: Any) -> bool:
    if name in IDENTITIES:
        return contact_key(name, one) == contact_key(name, other)
    try:
        return decimal(one) == decimal(other)
    except ValueError:
        return fold(as_text(one)) == fold(as_text(other))


def as_text(value: Any) -> str:
    """A value in one line: of an address its lines."""
    if isinstance(value, dict):
        return ", ".join(str(item) for item in value.values() if item not in (None, ""))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _steps(path: str) -> list[str | int]:
    """`lineItems[0].accountCode` as `["lineItems", 0, "accountCode"]`."""
    found: list[str | int] = []
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        if match is not None:
            found += [match[1]] if match[2] is None else [match[1], int(match[2])]
    return found


def _key(value: Any, step: str | int, path: str) -> Any:
    """The key of a step in an object, however it is spelled there, or its place in a list."""
    if isinstance(value, dict):
        keys = [key for key in value if fold(key) == fold(str(step))]
        if keys:
            return keys[0]
    elif isinstance(value, list) and isinstance(step, int) and step < len(value):
        return step
    raise SettingError(f"{path}: is not in the record: correct it, and send it again")


def _value(value: Any, steps: Sequence[str | int], path: str) -> Any:
    for step in steps:
        value = from_json(value)
        value = value[_key(value, step, path)]
    return from_json(value)


def _with(value: Any, steps: Sequence[str | int], new: Any, path: str) -> Any:
    if not steps:
        return new
    value = from_json(value)
    key = _key(value, steps[0], path)
    inner = _with(value[key], steps[1:], new, path)
    if isinstance(value, dict):
        return {**value, key: inner}
    return [*value[:key], inner, *value[key + 1 :]]
