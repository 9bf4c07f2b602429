"""What `on_change: replace` has taken back, so that a record can be written anew.

The functions here compute steps; `business` has them carried out before the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.deliver.decision import First, Step
from target_clearbooks.intent import Rejected
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.reversal import reversal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent, Mapped
    from target_clearbooks.settings import TargetSettings

REPLACE = "replace"


def is_replaced(task: Task, settings: TargetSettings) -> bool:
    """Whether what stands for a record is taken back where it cannot be updated."""
    asked = fold(str(task.record.get("_operation") or "")) == REPLACE
    return settings.mode != "create" and (asked or settings.on_change == REPLACE)


def reversed_first(
    intent: Intent, mapped: Mapped, posted: Mapping[str, Any] | None
) -> First | Rejected:
    """The reversal that goes before a journal is posted anew, or instead of its void.

    Args:
        intent: What the record comes to.
        mapped: What stands for it.
        posted: What was sent for that; None where a person named it, or it is not kept.
    """
    if posted is None:
        words = (
            f"{intent.stream} {intent.source_key!r}: the lines of {mapped.remote_id} are not kept; "
            "reverse it by a journal of its own, then say `clearbooks map unset "
            f"{intent.stream} {intent.source_key}`"
        )
        return Rejected((words,))
    back = reversal(intent.business_id, intent.stream, intent.source_key, posted, mapped.remote_id)
    return First((Step(back.stream, back.source_key, back.record, back, takes_back=True),))
