"""What the status of a document says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The reference leaves the words open.
_GONE = frozenset({"voided", "void", "deleted", "cancelled", "canceled"})


def is_voided(record: Mapping[str, Any]) -> bool:
    """Whether a document no longer counts, although the API still shows it."""
    return str(record.get("status") or "").strip().casefold() in _GONE
