"""A record brought into the shape of a body: names, types, and every fault of them.

A shape is compiled once from the contract's write schema into plain closures, since it runs for
every record; a test compares what it accepts with a JSON Schema validator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger import amounts
from target_clearbooks.ledger.spelling import closest, digits, fold, join_names
from target_clearbooks.writable import Extras, FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.contract import JsonSchema

Body = dict[str, Any]
"""A record as it is sent: JSON-like, with `Decimal` amounts."""

# Reads one value: (value, where it stands, faults to add to) -> value.
Reader = Callable[[Any, str, list[str]], Any]

# Keywords that this compiler understands; any other in a schema is refused when compiling.
_SAID = {
    *("description", "title", "readOnly", "writeOnly", "$schema", "default"),
    *("x-assumed", "x-also", "x-digits"),
}
_KNOWN = _SAID | {
    *("type", "properties", "additionalProperties", "required", "items", "enum", "format"),
    *("minItems", "anyOf"),
}
_FORMATS = {"date", "int32", "double", None}
_ABSENT = object()
# Powers of ten that no amount has to be checked for.
_USUAL = range(-15, 14)


def _reference(value: Any, where: str, faults: list[str]) -> Any:
    """A reference: a name, a number, or an object; resolved later."""
    value = from_json(value)
    if not isinstance(value, (str, int, float, Decimal, dict)) or isinstance(value, bool):
        faults.append(f"{where}: {amounts.quoted(value)} should be a name, a number or an object")
        return _ABSENT
    return value


def _named(value: Any, where: str, faults: list[str]) -> Any:
    """A reference by one value: a name, a key or a number; also inside an object."""
    value = _reference(value, where, faults)
    if isinstance(value, dict):
        found = folded_keys(value, ("key", "id", "name"))
        if not found:
            faults.append(f"{where}: {amounts.quoted(value)} should be a name, a key or a number")
            return _ABSENT
        return _named(next(iter(found.values())), where, faults)
    return value


class Shape:
    """How records of one object become bodies.

    Args:
        schema: Write schema of the object.
        extras: What a record may hold besides.
        ignored: Fields that are known and not sent.
    """

    def __init__(
        self,
        schema: JsonSchema,
        extras: Extras | None = None,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        extras = extras or Extras()
        _understood(schema)
        self.required: tuple[str, ...] = tuple(schema.get("required", ()))
        self.choices = [tuple(choice["required"]) for choice in schema.get("anyOf", ())]
        self.strict = schema.get("additionalProperties") is False or "properties" in schema
        self.readers: dict[str, Reader | None] = {}
        for name, sub in schema.get("properties", {}).items():
            inner = extras.inside.get(name)
            self.readers[name] = _named if name in extras.named else _reader(sub, inner)
        # Null says something of its own there: it is kept.
        self.nullable = frozenset(
            name
            for name, sub in schema.get("properties", {}).items()
            if "null" in sub.get("type", "")
        )
        self.readers |= {name: _READERS[holds] for name, holds in extras.fields.items()}
        self.readers |= dict.fromkeys(ignored - set(self.readers))
        self.folded: dict[str, str] = {}
        self._hints: dict[str, str] = {}
        for name in self.readers:
            self.folded.setdefault(fold(name), name)

    def read(self, record: Any, where: str, faults: list[str]) -> dict[str, Any]:
        """The record's fields by the contract's names, with the contract's types.

        Nulls and empty strings where a number, date or object belongs count as absent.
        """
        record = from_json(record)
        if not isinstance(record, dict):
            faults.append(f"{where or 'record'}: {amounts.quoted(record)} should be an object")
            return {}
        found: dict[str, Any] = {}
        readers = self.readers
        given: dict[str, str] = {}
        for key, value in record.items():
            name = key if key in readers else self._name(key)
            if name is None:
                if value is not None or key == "":
                    self._unknown(key, value, where, faults, found)
                continue
            reader = readers[name]
            if value is None or reader is None:
                if name in self.nullable:
                    found[name] = None
                continue
            path = f"{where}.{name}" if where else name
            if name in given:
                if record[given[name]] != value:
                    faults.append(f"{path}: given twice, as {given[name]!r} and {key!r}")
                continue
            read = reader(value, path, faults)
            if read is not _ABSENT and read is not None:
                found[name] = read
                given[name] = key
        return found

    def missing(self, body: Mapping[str, Any]) -> list[str]:
        """Names of what is required and absent. Asked once references are resolved.

        A description may be empty; what names or identifies something may not.
        """
        return [
            name
            for name in self.required
            if body.get(name) is None or (body[name] == "" and name != "description")
        ]

    def wanting(self, body: Mapping[str, Any]) -> str | None:
        """Of several sets of fields one is required: the sets in words, where none is whole."""
        if not self.choices or any(all(n in body for n in choice) for choice in self.choices):
            return None
        return ", or ".join(" with ".join(choice) for choice in self.choices)

    def knows(self, key: str) -> bool:
        """Whether a record may hold a field of this name, also one of a flattened object."""
        return key in self.readers or self._name(key.partition("__")[0]) is not None

    def _name(self, key: str) -> str | None:
        return self.folded.get(fold(key))

    def _unknown(
        self, key: str, value: Any, where: str, faults: list[str], found: dict[str, Any]
    ) -> None:
        if key.startswith("_sdc_"):
            return
        outer, cut, inner = key.partition("__")
        name = outer if outer in self.readers else self._name(outer)
        reader = self.readers.get(name) if name else None
        if cut and inner and name and reader is not None and name not in found:
            # A flattened object: customer__name, address__postcode.
            found[name] = reader({inner: value}, f"{where}.{name}" if where else name, faults)
            return
        if cut and inner and name and isinstance(found.get(name), dict) and reader is not None:
            more = reader({inner: value}, f"{where}.{name}" if where else name, faults)
            found[name] = {**more, **found[name]}
            return
        hint = self._hints.get(key)
        if hint is None:
            meant = closest(key, self.readers)
            known = join_names(sorted(self.readers), 40)
            hint = f"did you mean {meant}?" if meant else f"known are {known}"
            self._hints[key] = hint
        path = f"{where}.{key}" if where else key
        faults.append(f"{path}: unknown field; {hint}")


def _understood(schema: JsonSchema) -> None:
    unknown = set(schema) - _KNOWN
    if unknown or schema.get("format") not in _FORMATS:
        raise NotImplementedError(f"the contract uses {sorted(unknown) or schema['format']}")


def _reader(schema: JsonSchema, extras: Extras | None) -> Reader:
    _understood(schema)
    kinds = schema.get("type", "object" if "properties" in schema else None)
    kind = kinds if isinstance(kinds, str) else next((k for k in kinds or () if k != "null"), None)
    if "enum" in schema:
        return _choice(tuple(schema["enum"]))
    if "x-digits" in schema:
        return _digits(schema["x-digits"])
    if kind == "string":
        return _day if schema.get("format") == "date" else _text
    if kind == "array":
        return _array(schema, extras)
    if kind == "object":
        return _object(schema, extras)
    return {"number": _number, "integer": _integer, "boolean": _truth}[str(kind)]


def _simple(read: Callable[[Any], Any]) -> Reader:
    def reader(value: Any, where: str, faults: list[str]) -> Any:
        if isinstance(value, str) and not value.strip():
            return _ABSENT
        try:
            return read(value)
        except ValueError as error:
            faults.append(f"{where}: {error}")
            return _ABSENT

    return reader


_day = _simple(amounts.day)
_integer = _simple(amounts.integer)
_truth = _simple(amounts.truth)


def _text(value: Any, where: str, faults: list[str]) -> Any:
    if type(value) is str:
        return value
    try:
        return amounts.text(value)
    except ValueError as error:
        faults.append(f"{where}: {error}")
        return _ABSENT


def _digits(number: int) -> Reader:
    """Reads text of so many digits; one that came as a number has lost its zeros in front."""

    def read(value: Any) -> str:
        given = amounts.text(value)
        found = given if isinstance(value, str) else given.zfill(number)
        bare = digits(found)
        if len(bare) == number and bare.isascii() and bare.isdigit():
            return found
        hint = ""
        if bare.isdigit() and len(bare) < number:
            hint = f"; if zeros in front were lost, it is {bare.zfill(number)!r}"
        raise ValueError(f"{amounts.quoted(value)} should have {number} digits{hint}")

    return _simple(read)


_read_number = _simple(lambda value: amounts.without_noise(amounts.decimal(value)))


def _number(value: Any, where: str, faults: list[str]) -> Any:
    # The usual case, quickly.
    if type(value) is Decimal and value.is_finite() and value.adjusted() in _USUAL:
        return amounts.without_noise(value)
    return _read_number(value, where, faults)


_READERS: Mapping[FieldType, Reader] = {
    FieldType.REFERENCE: _reference,
    FieldType.NAME: _named,
    FieldType.AMOUNT: _number,
    FieldType.TEXT: _text,
    FieldType.BOOLEAN: _truth,
}


def _choice(known: tuple[str, ...]) -> Reader:
    by_fold = {fold(k): k for k in known}

    def reader(value: Any, where: str, faults: list[str]) -> Any:
        if value in known:
            return value
        found = by_fold.get(fold(value)) if isinstance(value, str) else None
        if found is None:
            faults.append(f"{where}: {amounts.quoted(value)} should be one of {', '.join(known)}")
            return _ABSENT
        return found

    return reader


def _array(schema: JsonSchema, extras: Extras | None) -> Reader:
    least = schema.get("minItems", 0)
    items = schema.get("items", {})
    one = _object(items, extras) if "properties" in items else _reader(items, None)

    def reader(value: Any, where: str, faults: list[str]) -> Any:
        value = from_json(value)
        if isinstance(value, str) and not value.strip():
            return _ABSENT
        if not isinstance(value, (list, tuple)):
            faults.append(f"{where}: {amounts.quoted(value)} should be a list")
            return _ABSENT
        read = [one(item, f"{where}[{n}]", faults) for n, item in enumerate(value)]
        kept = [item for item in read if item is not _ABSENT]
        if len(kept) < least:
            faults.append(f"{where}: has {len(kept)} items, needs at least {least}")
        return kept

    return reader


def _object(schema: JsonSchema, extras: Extras | None) -> Reader:
    shape = Shape(schema, extras)
    # What an object needs may still be made from references, where it may hold some.
    whole = extras is None

    def reader(value: Any, where: str, faults: list[str]) -> Any:
        if isinstance(value, str) and not value.strip():
            return _ABSENT
        found = shape.read(value, where, faults)
        if whole:
            known = len(faults)
            faults.extend(
                f"{where}.{name}: is required"
                for name in shape.missing(found)
                if not any(f.startswith(f"{where}.{name}:") for f in faults[:known])
            )
        return found

    return reader


def from_json(value: Any) -> Any:
    """A list or object that came as JSON text, as warehouses without such types hold it."""
    if isinstance(value, str) and value[:1] in "[{" and value.strip()[-1:] in "]}":
        try:
            return json.loads(value, parse_float=Decimal)
        except ValueError:
            return value
    return value


def folded_keys(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """An object with its keys in the spelling of `names`; empty values and other keys left out.

    >>> folded_keys({"external_id": 5, "name": None}, ("externalId", "name"))
    {'externalId': 5}
    """
    known = {fold(name): name for name in names}
    found = {known.get(fold(key)): item for key, item in value.items() if item not in (None, "")}
    return {name: item for name, item in found.items() if name is not None}
