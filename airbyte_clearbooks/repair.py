"""Records as clients mangle them, made whole again by the schema of the catalog.

PyAirbyte's caches write keys in lower case, numbers as text with nine decimals, objects as JSON
text, and add columns of their own.
"""

from __future__ import annotations

import contextlib
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.exact_json import loads
from target_clearbooks.ledger.amounts import day

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = "_airbyte_"
_PENNY = Decimal("0.01")
_WORDS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


class Repair:
    """Makes the records of one stream whole.

    Args:
        schema: JSON Schema of the configured catalog.
        known: The contract's schema of the stream: names that the catalog does not tell.
    """

    def __init__(self, schema: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        properties = {**known.get("properties", {}), **schema.get("properties", {})}
        self._schema = {"type": "object", "properties": properties}

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record with the names and types of the schema; what fits no type stays as it is."""
        kept = {name: value for name, value in record.items() if not name.startswith(_OWN)}
        repaired: dict[str, Any] = _fit(kept, self._schema)
        return repaired


def _fit(value: Any, schema: Mapping[str, Any]) -> Any:
    kinds = _kinds(schema)
    if value is None or not kinds:
        return value
    if isinstance(value, str) and "string" not in kinds:
        return _from_text(value, kinds, schema)
    if isinstance(value, dict) and "object" in kinds:
        return _object(value, schema.get("properties", {}))
    if isinstance(value, list) and "array" in kinds:
        return [_fit(item, schema.get("items", {})) for item in value]
    return _scalar(value, kinds, schema)


def _scalar(value: Any, kinds: set[str], schema: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        if schema.get("format") == "date" and value[10:11] in {"T", " "}:
            with contextlib.suppress(ValueError):
                return day(value)
        return value
    if isinstance(value, Decimal) and "integer" in kinds and value == value.to_integral_value():
        return int(value)
    if kinds == {"string"} and isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    return value


def _object(value: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    names = {name.lower(): name for name in properties}
    found = {}
    for given, item in value.items():
        name = given if given in properties else names.get(given.lower(), given)
        found[name] = _fit(item, properties.get(name, {}))
    return found


def _from_text(text: str, kinds: set[str], schema: Mapping[str, Any]) -> Any:
    if kinds & {"object", "array"} and text.lstrip()[:1] in {"{", "["}:
        try:
            return _fit(loads(text), schema)
        except msgspec.MsgspecError:
            return text
    if "boolean" in kinds:
        return _WORDS.get(text.strip().lower(), text)
    if kinds & {"number", "integer"}:
        try:
            return _number(Decimal(text.strip()), whole="number" not in kinds)
        except InvalidOperation:
            return text
    return text


def _number(number: Decimal, *, whole: bool) -> Any:
    """A number without the zeros that a column of fixed width has added."""
    if whole and number == number.to_integral_value():
        return int(number)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:  # noqa: PLR2004 - pennies stay
        short = number.normalize()
        return short if number != number.quantize(_PENNY) else number.quantize(_PENNY)
    return number


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    kind = schema.get("type", ())
    return set([kind] if isinstance(kind, str) else kind) - {"null"}
