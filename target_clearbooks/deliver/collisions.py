"""A source key that stands for two records: why the second does not take the place of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.intent import Rejected, WriteOperation
from target_clearbooks.ledger.likeness import is_another, likeness
from target_clearbooks.map_command import map_set
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from target_clearbooks.intent import Intent

_WHAT = {
    Kind.CONTACT: "its name and every other field that tells who it is",
    Kind.PAYMENT: "its contact, date and amount",
    Kind.DOCUMENT: "its contact and every line",
}


def is_compared(stream: str) -> bool:
    """Whether records of a stream are compared with what was written under their key."""
    return WRITABLE[stream].kind in _WHAT


def collision(intent: Intent, before: Mapping[str, Any], *, namespaced: bool) -> Rejected | None:
    """Why an update is of another record than the one that was written under its key, if it is.

    Args:
        intent: The update.
        before: The likeness of what was written.
        namespaced: Whether the setting `source` keeps the keys of several sources apart.
    """
    if namespaced or intent.operation is not WriteOperation.UPDATE or intent.adopted:
        return None
    if not is_another(intent.stream, before, likeness(intent.stream, intent.body)):
        return None
    row = WRITABLE[intent.stream]
    words = (
        f"externalId: {intent.source_key!r} is the {row.words} {intent.remote_id} of the ledger, "
        f"and {_WHAT[row.kind]} differ here: another one. Where a second source writes into this "
        "business, set `source` for it; where it is the same, say so by "
        + map_set(intent.business_id, intent.stream, intent.source_key, intent.remote_id)
    )
    return Rejected((words,))


def other_lines(source_key: str, first: int, second: int) -> Rejected:
    """Why two documents of one key and one run, of these lines of the input, are refused."""
    words = (
        f"externalId: {source_key!r} came twice in this run (lines {first} and {second}), and the "
        "two have no line in common; where each line of a document is a record, put them into the "
        "lineItems of one"
    )
    return Rejected((words,))
