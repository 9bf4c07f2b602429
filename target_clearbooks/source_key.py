"""What identifies a record at its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.store.outbox import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_clearbooks.intent import SourceKey


def source_key(record: Mapping[str, Any], key_properties: Sequence[str]) -> SourceKey | None:
    """`externalId`, else the key properties as a JSON array; None where there is neither."""
    given = record.get("externalId")
    if given not in (None, ""):
        return str(given)
    names = [name for name in key_properties if name != "businessId"]
    values = [record.get(name) for name in names]
    if not names or any(value is None for value in values):
        return None
    return dumps([value if isinstance(value, (str, bool)) else str(value) for value in values])
