"""Records as aggregators of accounting APIs have them, to and from the fields of Clear Books.

IDs are those of the dbt package's `models/unified`, so that what is read here joins what is loaded
there; of the contact of a payment the API does not tell the side. What a model does not name passes
as it is when it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks_app.operations.numbers import whole
from clearbooks_app.operations.unified_models import MODELS

if TYPE_CHECKING:
    from clearbooks_app.operations.unified_models import Field, Part


def unify(part: Part, business: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the API in the words of its model."""
    number = record.get("id")
    found: dict[str, Any] = {
        "id": f"{business}-{part.kind}-{number}" if part.kind else business,
        **part.constants,
        **_read(part.fields, business, record),
        "company": business,
    }
    if "total_amount" in found and "due" in record:
        found["status"] = "open" if Decimal(str(record["due"])) else "paid"
    if "is_customer" in part.constants:
        found["status"] = "archived" if record.get("archived") else "active"
    if part.stream == "payments":
        found["type"] = "received" if Decimal(str(record.get("amount", 0))) > 0 else "paid"
    if part.lines is not None:
        name, source, fields = part.lines
        found[name] = [
            _read(fields, business, line, _rate_prefix(part, record))
            for line in record.get(source) or ()
        ]
    return found


def _rate_prefix(part: Part, record: Mapping[str, Any]) -> str:
    """What stands before the key of a VAT rate in its ID."""
    return f"{part.kind.partition('-')[0]}-{record.get('vatTreatment') or ''}-"


def _read(
    fields: tuple[Field, ...], business: int, record: Mapping[str, Any], rate: str = ""
) -> dict[str, Any]:
    found = {}
    for each in fields:
        value: Any = record
        for step in each.source.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if each.kind and value is not None:
            prefix = rate if each.kind == "tax_rate" else ""
            value = f"{business}-{each.kind}-{prefix}{value}"
        found[each.name] = value
    return found


def part_for(name: str, record: Mapping[str, Any]) -> Part:
    """The part of a model that a record is written into.

    Raises:
        SettingError: the model cannot be written, or the record does not tell.
    """
    model = MODELS[name]
    parts = [part for part in model.parts if part.written]
    if not parts:
        raise SettingError(f"{name}: Clear Books' API only reads them")
    for part in parts if len(parts) > 1 else ():
        marks = {k: v for k, v in part.constants.items() if k in model.by and v is not False}
        if all(record.get(k) == v for k, v in marks.items()):
            return part
    if len(parts) > 1:
        raise SettingError(f"{model.by}: should say which of {name} it is")
    return parts[0]


def to_record(part: Part, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of a model as the target takes it, with `remote_id` as its source key."""
    found = _write(part.fields, record)
    for name in (*part.constants, "id", "company", "status"):
        found.pop(name, None)
    if "remote_id" in found:
        found["externalId"] = found.pop("remote_id")
    if part.lines is not None:
        name, source, fields = part.lines
        lines = found.pop(name, None)
        if isinstance(lines, list):
            found[source] = [
                _write(fields, line) if isinstance(line, Mapping) else line for line in lines
            ]
        elif lines is not None:
            found[source] = lines
    return found


def in_words(part: Part, reason: str) -> str:
    """A reason of the target, with the field that it begins with as the model calls it.

    >>> in_words(part_for("invoices", {"type": "invoice"}), "lineItems[0].accountCode: is required")
    'line_items[0].account: is required'
    """
    path, colon, words = reason.partition(": ")
    name, source, fields = part.lines or ("", "", ())
    line = re.fullmatch(rf"{source}\[(\d+)\](?:\.(.+))?", path) if source else None
    if line is None:
        found = _names(part.fields).get(path, name if path == source and name else path)
    else:
        rest = f".{_names(fields).get(line[2], line[2])}" if line[2] else ""
        found = f"{name}[{line[1]}]{rest}"
    return f"{found}{colon}{words}"


def _names(fields: tuple[Field, ...]) -> dict[str, str]:
    return {each.write: each.name for each in fields if each.write}


def _write(fields: tuple[Field, ...], record: Mapping[str, Any]) -> dict[str, Any]:
    by_name = {each.name: each for each in fields}
    found: dict[str, Any] = {}
    for name, value in record.items():
        each = by_name.get(name)
        if each is None:
            found[name] = value
        elif each.write and value is not None:
            target, value = _meant(each, value)  # noqa: PLW2901 - what the target calls it
            head, _, inner = target.partition(".")
            if inner:
                found.setdefault(head, {})[inner] = value
            else:
                found[target] = value
    return found


def _meant(each: Field, value: Any) -> tuple[str, Any]:
    """What a field is called, and its value, with an ID of a model as the ledger's own."""
    if not each.kind or not isinstance(value, str):
        return each.write, value
    business, _, rest = value.partition("-")
    if not business.isdigit() or not rest.startswith(each.kind):
        return each.write, value
    own = rest.removeprefix(f"{each.kind}-")
    if each.kind == "tax_rate":
        return "vatRateKey", own.split("-", 2)[-1]
    last = own.rpartition("-")[2]
    number = whole(last)
    return each.write, own if number is None else number
