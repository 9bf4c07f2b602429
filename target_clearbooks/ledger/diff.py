"""What an update would change in the ledger, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from target_clearbooks.ledger.amounts import decimal, money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Change:
    """A field that an update would change, such as `lineItems[0].unitPrice`.

    `old` and `new` are None where the field was or becomes absent.
    """

    field: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.field}: {_words(self.old)} → {_words(self.new)}"

    def as_json(self) -> dict[str, Any]:
        """For a line of a plan; decimals as strings."""
        return {"field": self.field, "old": _plainly(self.old), "new": _plainly(self.new)}


def diff(old: Mapping[str, Any], body: Mapping[str, Any]) -> list[Change]:
    """What sending `body` would change in the remote record `old`, field by field.

    Fields that the body leaves out stay as they are, and so are no change. Lists are compared
    item by item; what the API alone adds to an item is no change. Numbers compare by value, also
    where the API sent them as strings.
    """
    return list(_changes("", old, body))


def _changes(where: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(new, dict) and isinstance(old, dict):
        for name, value in new.items():
            yield from _changes(f"{where}.{name}" if where else name, old.get(name), value)
    elif isinstance(new, list) and isinstance(old, list):
        for n, value in enumerate(new):
            before = old[n] if n < len(old) else None
            yield from _changes(f"{where}[{n}]", before, value)
        for n in range(len(new), len(old)):
            yield Change(f"{where}[{n}]", old[n], None)
    elif not same(old, new):
        yield Change(where, old, new)


def same(old: Any, new: Any) -> bool:
    """Whether two plain values are the same; empty text and absence are alike."""
    if old == new or (old in (None, "", [], {}) and new in (None, "", [], {})):
        return True
    if isinstance(new, (Decimal, int)) and not isinstance(new, bool) and old is not None:
        try:
            return decimal(old) == decimal(new)
        except ValueError:
            return False
    return False


def _plainly(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plainly(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plainly(v) for v in value]
    return money(value) if isinstance(value, Decimal) else value


def _words(value: Any) -> str:
    if value is None:
        return "nothing"
    return msgspec.json.encode(_plainly(value)).decode()
