"""What the records of a stream may hold, as JSON Schema, for programs that offer it for mapping.

It is made of what the target reads by: the contract's fields, what the table of writable streams
adds to them, and what `expand` takes apart.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from target_clearbooks.expand import carried, paid_by
from target_clearbooks.prepare.attachments import CONTENT, NAMES, documents, parameters
from target_clearbooks.prepare.own_fields import ALTERNATIVES
from target_clearbooks.writable import CONTACT_KEYS, WRITABLE, FieldType, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from clearbooks.contract import JsonSchema
    from target_clearbooks.writable import Extras, Writable

Need = tuple[tuple[str, ...], ...]
"""Sets of fields, one of which a record has to give."""

_SAID = ("type", "format", "enum", "title", "description")
_TEXT: JsonSchema = {"type": "string"}
_WHOLE: JsonSchema = {"type": "integer"}
_NAMED = ["string", "integer"]
_SIMPLE: Mapping[FieldType, JsonSchema] = {
    FieldType.NAME: {"type": _NAMED, "description": "A name, key or number of the ledger."},
    FieldType.AMOUNT: {"type": "number"},
    FieldType.TEXT: _TEXT,
    FieldType.BOOLEAN: {"type": "boolean"},
}
_EVERY: Mapping[str, JsonSchema] = {
    "externalId": {**_TEXT, "description": "What identifies the record at its source."},
    "businessId": {**_WHOLE, "description": "The business; needed where there are several."},
}


@cache
def record_schema(stream: str) -> JsonSchema:
    """Properties of the records of a stream; what they need says `needs_of`."""
    row = WRITABLE[stream]
    if row.kind is Kind.ATTACHMENT:
        own = _attachment(row)
    else:
        own = _properties(_write_schema(row), row.extras)
        if row.flat:
            own |= _properties(_write_schema(row)["properties"][row.flat]["items"], None)
        own |= {name: _carried(name) for name in carried(stream)}
    return {"type": "object", "properties": {**_EVERY, **own}, "additionalProperties": False}


@cache
def needs_of(stream: str) -> tuple[Need, ...]:
    """What a record that is created has to give beside its source key."""
    row = WRITABLE[stream]
    if row.kind is Kind.ATTACHMENT:
        document = (*((name,) for name in (*documents(row), "document")), parameters(row))
        return document, _each(*NAMES, "path"), _each(*CONTENT)
    if not row.creates:
        return ()
    schema, known = _write_schema(row), record_schema(stream)["properties"]
    choices = schema.get("anyOf")
    found = [_ways(row, (name,), known) for name in schema.get("required", ())]
    if choices:
        found.append(tuple(way for c in choices for way in _ways(row, tuple(c["required"]), known)))
    return tuple(need for need in found if need)


def _ways(row: Writable, names: tuple[str, ...], known: Iterable[str]) -> Need:
    """Fields that may be given for some that the contract requires; none where they are made."""
    if len(names) > 1:
        return (names,)
    name = names[0]
    if name in row.made:
        return tuple((field,) for made in row.made[name] for field in (made, f"{made}Id"))
    others = (*ALTERNATIVES.get(name, ()), *(paid_by(row.stream) if name == row.contact else ()))
    found = _each(name, *(other for other in others if other in known))
    if name == row.flat:
        item = _write_schema(row)["properties"][name]["items"]
        found = (*found, tuple(item["required"]))
    return found


def _each(*names: str) -> Need:
    return tuple((name,) for name in dict.fromkeys(names))


def _write_schema(row: Writable) -> JsonSchema:
    return load_contract().resources[row.stream].write_schema("create" if row.creates else "update")


def _properties(schema: JsonSchema, extras: Extras | None) -> dict[str, JsonSchema]:
    inside = extras.inside if extras else {}
    found = {name: _plain(sub, inside.get(name)) for name, sub in schema["properties"].items()}
    if extras:
        found |= {name: {**found[name], "type": _NAMED} for name in extras.named & found.keys()}
        for name, holds in extras.fields.items():
            found[name] = dict(_SIMPLE.get(holds) or _reference(name))
    return found


def _plain(schema: JsonSchema, extras: Extras | None = None) -> JsonSchema:
    """A part of the contract with the keywords that a mapping has to do with."""
    found: dict[str, Any] = {word: schema[word] for word in _SAID if word in schema}
    if found.get("format") not in {"date", None}:
        del found["format"]  # that of a number is what a machine keeps it in
    if "properties" in schema:
        found |= {"type": "object", "properties": _properties(schema, extras)}
    if "items" in schema:
        found["items"] = _plain(schema["items"], extras)
    return found


def _reference(name: str) -> JsonSchema:
    """A name, an ID, or an object of fields by which the ledger is searched."""
    rows = [row for row in WRITABLE.values() if row.noun == name]
    if name == "contact" or any(row.kind is Kind.CONTACT for row in rows):
        fields: Iterable[str] = CONTACT_KEYS
    else:
        fields = ("externalId", *(rows[0].found_by if rows and rows[0].found_by else ("name",)))
    properties = {**dict.fromkeys(fields, _TEXT), "id": _WHOLE}
    return {
        "type": [*_NAMED, "object"],
        "description": "A name, an ID, or an object of fields by which it is found.",
        "properties": properties,
    }


def _carried(name: str) -> JsonSchema:
    """A field that becomes a record of its own."""
    if name in ("allocate", "match"):
        items = {"type": [*_NAMED, "object"] if name == "allocate" else "string"}
        return {"type": ["array", "string"], "items": items}
    if name in ("attachment", "receipt"):
        words = "A path, an https address, or an object as in a record of attachments."
        return {"type": ["string", "object"], "description": words}
    return _reference(name)


def _attachment(row: Writable) -> dict[str, JsonSchema]:
    type_name, id_name = parameters(row)
    texts: Iterator[str] = (name for name in (*NAMES, *CONTENT, type_name))
    nouns = {name: _reference(name) for name in (*documents(row), "document")}
    return {**nouns, **dict.fromkeys(texts, _TEXT), id_name: _WHOLE}
