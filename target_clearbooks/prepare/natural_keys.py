"""Records that the ledger holds already, found by their natural keys so as not to be made twice.

What identifies one is declared in `WRITABLE`; the first key that a record has and that matches
decides. One that has the key but differs in a better one (the same name, another SKU) is another
record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.candidates import as_candidates
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.diagnostics import AmbiguousError
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.store.ledger_map import LedgerMap


def find_existing(
    lookups: Lookups,
    ledger_map: LedgerMap,
    stream: str,
    body: Mapping[str, Any],
    own_key: str,
    *,
    by: str | None = None,
) -> tuple[int, str] | None:
    """ID of the record of the ledger that a body describes, and the key that found it.

    Args:
        lookups: Where the lists come from.
        ledger_map: What source keys became.
        stream: Stream of the body.
        body: Fields of the record.
        own_key: Its source key.
        by: The one key that may find it; None for any.

    Raises:
        AmbiguousError: several match on the first key that matches.
    """
    keys = [tuple(key.split("+")) for key in WRITABLE[stream].keys]
    for names in keys:
        value = _value(names, body)
        if value is None or by not in (None, "+".join(names)):
            continue
        found = [
            row
            for row in lookups.table(stream).find(_index(names), _values(names), value)
            if not _differs(keys, names, body, row)
            and ledger_map.owner(stream, row["id"]) in (None, own_key)
        ]
        if len(found) > 1:
            raise AmbiguousError(
                f"{len(found)} of {stream} have the same {' and '.join(names)}",
                as_candidates(found),
            )
        if found:
            return int(found[0]["id"]), "+".join(names)
    return None


def _index(names: tuple[str, ...]) -> str:
    # Not the bare names: other modules keep indexes of other spellings under those.
    return f"natural key {'+'.join(names)}"


def _value(names: tuple[str, ...], row: Mapping[str, Any]) -> tuple[str, ...] | None:
    values = tuple(fold(str(row.get(name) or "")) for name in names)
    return values if all(values) else None


def _values(
    names: tuple[str, ...],
) -> Callable[[Mapping[str, Any]], Iterable[tuple[str, ...]]]:
    def values(row: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
        value = _value(names, row)
        return () if value is None else (value,)

    return values


def _differs(
    keys: list[tuple[str, ...]],
    names: tuple[str, ...],
    body: Mapping[str, Any],
    row: Mapping[str, Any],
) -> bool:
    """Whether a record found by the key `names` has another value of a better key."""
    for other in keys:
        if other == names:
            return False  # what comes after is weaker: a name may have changed
        ours, theirs = _value(other, body), _value(other, row)
        if ours is not None and theirs is not None and ours != theirs:
            return True
    return False
