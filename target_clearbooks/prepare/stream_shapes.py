"""The shapes of each stream's records: the contract's fields, and what the table adds to them."""

from __future__ import annotations

from functools import cache

from clearbooks.contract import load_contract
from target_clearbooks.control_fields import CONTROL_FIELDS
from target_clearbooks.prepare.shapes import Shape
from target_clearbooks.writable import WRITABLE, Extras, FieldType

# Fields that every record may hold, read elsewhere.
_EVERY = frozenset({"externalId", "businessId", *CONTROL_FIELDS})


@cache
def shape_of(stream: str) -> Shape:
    """How records of a stream become bodies: those of a create, which an update's are part of."""
    resource = load_contract().resources[stream]
    row = WRITABLE[stream]
    schema = resource.write_schema("create" if row.creates else "update")
    known = {name for name in resource.schema["properties"] if name not in row.extras.fields}
    readonly = frozenset(known - set(schema["properties"]))
    return Shape(schema, row.extras, _EVERY | readonly)


@cache
def line_shape(stream: str, name: str) -> Shape:
    """Shape of the items of a list field, for what they need once references are resolved."""
    schema = load_contract().resources[stream].write_schema("create")
    return Shape(schema["properties"][name]["items"])


@cache
def flat_shape(stream: str) -> Shape:
    """Shape of a record that is one item of the stream's list field `flat`.

    Beside the item's fields it holds those that tell which body the item belongs to.
    """
    row = WRITABLE[stream]
    schema = load_contract().resources[stream].write_schema("create")
    items = schema["properties"][row.flat]["items"]
    fields = dict.fromkeys(belongs_to(stream), FieldType.REFERENCE)
    fields |= dict.fromkeys(schema["properties"].keys() & fields.keys(), FieldType.TEXT)
    return Shape(items, Extras(fields), _EVERY)


def belongs_to(stream: str) -> tuple[str, ...]:
    """Fields of a body beside its list field `flat`."""
    row = WRITABLE[stream]
    names = load_contract().resources[stream].write_schema("create")["properties"]
    return (*(name for name in names if name != row.flat), *row.extras.fields)


@cache
def update_fields(stream: str) -> frozenset[str]:
    """Fields that an update takes."""
    resource = load_contract().resources[stream]
    if resource.operation("update") is None:
        return frozenset()
    return frozenset(resource.write_schema("update")["properties"])
