"""Records of the ledger as a person is asked about them: is it this one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def as_candidate(row: Mapping[str, Any], stream: str | None = None) -> dict[str, Any]:
    """What tells a record from others: all of it but its lines.

    Args:
        row: As the API has it.
        stream: Its stream, where candidates may be of several.
    """
    kept = {
        name: value
        for name, value in row.items()
        if value not in (None, "", {}) and not isinstance(value, list)
    }
    return {"stream": stream, **kept} if stream else kept


def as_candidates(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What tells records of one stream from others."""
    return [as_candidate(row) for row in rows]
