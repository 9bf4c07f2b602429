"""What identifies a record at its source.

A key is the record's `externalId`, else its key properties as a JSON array, with the namespace of
the setting `source` in front, if there is one: `1001`, `["1001"]`, `shop-b:1001`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError

from clearbooks.exact_json import dumps, loads
from target_clearbooks.intent import in_range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_clearbooks.intent import SourceKey

GENERATED = "@"
"""Begins the source key of a contact that `create_missing` makes of a record that gives none."""

_REVERSAL = re.compile(r"undo:[^:]*:(.*)", re.DOTALL)
_WHOLE = re.compile(r"(-?\d+)\.0+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_MOST_SPELLINGS = 64


def source_key(
    record: Mapping[str, Any], key_properties: Sequence[str], source: str = ""
) -> SourceKey | None:
    """The key of a record; None where it has neither an `externalId` nor its key properties.

    >>> source_key({"externalId": 7}, ()), source_key({"order_id": 7}, ["order_id"], "shop-b")
    ('7', 'shop-b:["7"]')
    """
    given = record.get("externalId")
    if given not in (None, ""):
        return in_namespace(spelled(given), source)
    names = [name for name in key_properties if name != "businessId"] or key_properties
    values = [record.get(name) for name in names]
    if not names or any(value is None for value in values):
        return None
    return in_namespace(_array(values), source)


def referred(external_id: Any, source: str = "") -> tuple[SourceKey, ...]:
    """The keys that the `externalId` of a reference may mean: that, or a single key property.

    >>> referred("9001")
    ('9001', '["9001"]')
    """
    keys = (spelled(external_id), _array([external_id]))
    return tuple(in_namespace(key, source) for key in keys)


def reversal_key(key: SourceKey, remote_id: int | str) -> SourceKey:
    """The key of the journal that reverses one that was posted for a key.

    It holds the ID of the journal, so that none is reversed twice, whoever asks for it.
    """
    return f"undo:{str(remote_id).replace(':', '-')}:{key}"


def reversed_key(key: SourceKey) -> SourceKey | None:
    """The key whose journal is reversed by that of this key; None where it is no reversal.

    >>> reversed_key(reversal_key("Wages: May", "transaction:17"))
    'Wages: May'
    """
    found = _REVERSAL.fullmatch(key)
    return found[1] if found else None


def in_namespace(key: SourceKey, source: str) -> SourceKey:
    """A key with the namespace of its source in front; keys that were made up belong to none."""
    return f"{source}:{key}" if source and not is_generated(key) else key


def is_generated(key: SourceKey) -> bool:
    """Whether `create_missing` made up this key, because the record had none."""
    return key.startswith(GENERATED)


def spelled(value: Any) -> str:
    """The one spelling of a value of a key: 7, 7.0 and "7.0" are one key, "007" is another."""
    if isinstance(value, (float, Decimal)):
        number = Decimal(str(value))
        value = f"{number:f}" if in_range(number) else number
        if "." in str(value):
            return str(value).rstrip("0").rstrip(".")
    text = str(value)
    whole = _WHOLE.fullmatch(text)
    return whole.group(1) if whole else text


def earlier_spellings(key: SourceKey) -> Iterator[SourceKey]:
    """How version 0.1 may have spelled a key: it kept the zeros and exponents of numbers.

    >>> list(earlier_spellings("70"))
    ['70.0', '70.00', '7E+1']
    """
    parts = _parts(key)
    each = [(part, *_zeros(part)) if isinstance(part, str) else (part,) for part in parts or [key]]
    for found in islice(product(*each), 1, _MOST_SPELLINGS):
        yield dumps(list(found)) if parts else found[0]


def _zeros(part: str) -> Iterator[str]:
    if _NUMBER.fullmatch(part) and len(part) < _MOST_SPELLINGS:
        yield from (f"{part}{more}" for more in (("0", "00") if "." in part else (".0", ".00")))
        short = str(Decimal(part).normalize())
        if short != part:
            yield short


def _parts(key: SourceKey) -> list[Any]:
    """The values of key properties that a key is made of; none where it is another key."""
    try:
        found = loads(key) if key.startswith("[") else []
    except MsgspecError:
        return []
    return found if isinstance(found, list) else []


def _array(values: Sequence[Any]) -> str:
    return dumps([value if isinstance(value, bool) else spelled(value) for value in values])
