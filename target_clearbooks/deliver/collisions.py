"""A source key that stands for two records: why the second does not take the place of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.intent import Operation, Rejected
from target_clearbooks.ledger.likeness import is_another, is_other_line, likeness
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent

_WHAT = {
    Kind.CONTACT: "its name and every other field that tells who it is",
    Kind.PAYMENT: "its contact, date and amount",
    Kind.DOCUMENT: "its contact and every line",
}


def is_compared(stream: str) -> bool:
    """Whether records of a stream are compared with what was written under their key."""
    return WRITABLE[stream].kind in _WHAT


def collision(
    task: Task, intent: Intent, before: Mapping[str, Any], *, namespaced: bool
) -> Rejected | None:
    """Why an update is of another record than the one that was written under its key, if it is.

    Args:
        task: The record.
        intent: What it came to.
        before: The likeness of what was written.
        namespaced: Whether the setting `source` keeps the keys of several sources apart.
    """
    if intent.operation is not Operation.UPDATE or intent.adopted:
        return None
    now = likeness(intent.stream, intent.body)
    if task.repeats and is_other_line(before, now):
        return other_line(task)
    if not namespaced and is_another(intent.stream, before, now):
        row = WRITABLE[intent.stream]
        words = (
            f"externalId: {intent.source_key!r} is the {row.words} {intent.remote_id} of the "
            f"ledger, and {_WHAT[row.kind]} differ here: another one. Where a second source writes "
            "into this business, set `source` for it; where it is the same, say so by `clearbooks "
            f"map set {intent.stream} {intent.source_key} {intent.remote_id}`"
        )
        return Rejected((words,))
    return None


def other_line(task: Task) -> Rejected:
    """Why two documents of one key and one run are refused."""
    words = (
        f"externalId: {task.source_key!r} came twice in this run ({task.repeats}), and the two "
        "have no line in common; where each line of a document is a record, put them into the "
        "lineItems of one"
    )
    return Rejected((words,))
