"""From a record to a decision.

`decide` is a generator: it yields what it has to know, gets the answer sent in, and returns the
decision. It reads and writes nothing itself, so that each rule can be tried in a few lines; the
order of its questions is the order in which requests are spent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from target_clearbooks.deliver.collisions import collision, is_compared
from target_clearbooks.deliver.decision import Done, Hold, Leave, Send, Unchanged
from target_clearbooks.deliver.precheck import reading_before, say_which
from target_clearbooks.deliver.replacing import reversed_first
from target_clearbooks.intent import (
    DELETED_AT,
    Intent,
    Missing,
    Outcome,
    Quarantined,
    Rejected,
    WriteOperation,
)
from target_clearbooks.ledger.candidates import as_candidates
from target_clearbooks.ledger.matching import unchanged
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Generator

    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.store.ledger_map import Applied
    from target_clearbooks.store.outbox import Row

_OR_REPLACE = ", or set on_change to replace: it is then reversed and posted anew"


@dataclass(frozen=True, slots=True)
class Prepare:
    """What does the record come to? Answered by an `Intent`, or by why there is none."""


@dataclass(frozen=True, slots=True)
class MayChange:
    """May something that is under way change this outcome? Answered by a truth value."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Claim:
    """May the intent go now, as far as others under way touch the same? A truth value."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Existing:
    """Which records of the ledger bear its marker or number? A list of whole records."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Resembling:
    """Which were there before the store began, and are like it? See `ledger.existing`."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Posted:
    """What was sent for what stands under a key? A body; None where that is not kept."""


Question = Prepare | MayChange | Claim | Existing | Resembling | Posted


@dataclass(frozen=True, slots=True)
class Known:
    """What the state store and the settings say, without a question.

    Attributes:
        left: An earlier write of the key that is still in doubt.
        applied: What was last applied for the key.
        mode: The setting `mode`.
        new: Whether a person has said that the ledger held none like it that is it.
        baseline: Whether the store noted what the ledger held of the stream when it began.
        replaces: Whether what cannot be updated is taken back and written anew.
        keeps_deleted: Whether what has left its source stays in the ledger.
        namespaced: Whether the setting `source` keeps the keys of several sources apart.
    """

    left: Row | None
    applied: Applied | None
    mode: str = "upsert"
    replaces: bool = False
    new: bool = False
    baseline: bool = True
    keeps_deleted: bool = False
    namespaced: bool = False

    @property
    def hash(self) -> str | None:
        """Hash of the content last applied; None where a person named the record."""
        return self.applied.hash if self.applied else None

    @property
    def enough(self) -> bool:
        """Whether an update needs no look at the ledger before."""
        if self.applied is None or self.hash is None:
            return False
        return (
            self.applied.likeness is not None
            or self.namespaced
            or not is_compared(self.applied.mapped.stream)
        )

    @property
    def voided(self) -> bool:
        """Whether what the key became was voided."""
        return self.applied is not None and self.applied.mapped.voided


def decide(task: Task, known: Known) -> Generator[Question, Any, Decision | Missing]:
    """What is to become of a record."""
    settled = _without_preparing(task, known)
    if settled is not None:
        return settled
    outcome: Intent | Outcome = task.wanted if task.fixed else (yield Prepare())
    if isinstance(outcome, Intent):
        return (yield from _of_intent(task, outcome, known))
    if not isinstance(outcome, Missing) and (yield MayChange(outcome)):
        return Hold()
    if known.applied is None and task.record.get(DELETED_AT):
        # It left another ledger, and never came into this one.
        return Unchanged()
    return outcome


def _without_preparing(task: Task, known: Known) -> Decision | None:
    """What is to become of a record that need not even be prepared."""
    if known.left is not None:
        return Leave(known.left)
    if task.failed:
        return Rejected(task.failed, "blocked")
    # What waited on disk may be to be written again, although it came before.
    given = not task.fixed and task.row is None
    same = given and known.applied and known.applied.record_hash == task.hash
    if same or (known.keeps_deleted and task.record.get(DELETED_AT)):
        return Unchanged()
    return None


def _of_intent(task: Task, intent: Intent, known: Known) -> Generator[Question, Any, Decision]:
    """What is to become of a record that can be written."""
    applied = known.applied
    if task.gone and intent.operation is WriteOperation.UPDATE:
        intent = replace(intent, operation=WriteOperation.CREATE, remote_id=None)
    settled = _as_it_stands(task, intent, known)
    if settled is not None:
        return settled
    journal = WRITABLE[intent.stream].kind is Kind.JOURNAL
    if applied and not known.voided and journal and not task.fixed:
        posted = yield Posted()
        if _is_posted(intent, posted):
            return Unchanged(applied)
        if intent.removes or known.replaces:
            return reversed_first(intent, applied.mapped, posted)
    refused = _refused(task, intent, known)
    if refused is not None:
        return refused
    if not (yield Claim(intent)):
        return Hold()
    return (yield from _of_claimed(intent, known))


def _as_it_stands(task: Task, intent: Intent, known: Known) -> Done | Unchanged | None:
    """What is to become of an intent that the ledger is known to be like already."""
    applied = known.applied
    if applied is None:
        return None
    if applied.hash == intent.hash and intent.adopted is None:
        return Unchanged(applied)
    if known.voided and intent.removes:
        gone = Done({"id": applied.mapped.remote_id}, "voided", intent)
        return gone if task.replaced else Unchanged(applied)
    if applied.hash is None and not WRITABLE[intent.stream].updates and not intent.removes:
        # A person has said which one it is. The record stands for its content from now on.
        named = replace(intent, body=dict(task.record))
        return Done({"id": applied.mapped.remote_id}, "adopted", named)
    return None


def _is_posted(intent: Intent, posted: Any) -> bool:
    """Whether a journal says what was posted for it, with its lines in whatever order."""
    return bool(posted) and unchanged(posted, intent.body) and unchanged(intent.body, posted)


def _refused(task: Task, intent: Intent, known: Known) -> Rejected | None:
    """Why an intent is not sent, where something speaks against it."""
    reason = _out_of_mode(intent, known)
    if reason and not (task.step_of or task.replaced):
        return Rejected((reason,))
    applied = known.applied
    if applied is None or known.hash is None or known.voided:
        return None
    return collision(intent, applied.likeness or {}, namespaced=known.namespaced)


def _of_claimed(intent: Intent, known: Known) -> Generator[Question, Any, Decision]:
    """What is to become of an intent that nothing else under way touches."""
    if intent.operation is WriteOperation.CREATE:
        found = yield from _existing(intent, known)
        if isinstance(found, Quarantined):
            return replace(found, intent=intent)
        if isinstance(found, Done):
            return found
        intent = found
    if known.mode == "create" and intent.operation is WriteOperation.UPDATE:
        # What is left as it is is not remembered as written: it may be updated another time.
        return Unchanged() if known.hash else Done({"id": intent.remote_id}, "adopted", intent)
    read_first = reading_before(intent, known=known.enough) is not None
    return Send(intent, None if read_first else {})


def _out_of_mode(intent: Intent, known: Known) -> str:
    """Why the settings or the API do not allow an intent; empty where they do."""
    name = f"{intent.stream} {intent.source_key!r}"
    writable = WRITABLE[intent.stream]
    if not writable.updates and known.applied and not known.voided:
        return (
            f"{name} was written and cannot be changed; send the difference under a key of its "
            f"own{_OR_REPLACE if writable.voids else ''}"
        )
    if known.mode == "update" and intent.operation in (WriteOperation.CREATE, WriteOperation.POST):
        return f"mode is update, and {name} is not there"
    if not writable.creates and intent.operation is WriteOperation.CREATE:
        return f"{intent.stream} can only be updated"
    if load_contract().resources[intent.stream].operation(intent.operation.verb) is None:
        return f"{intent.stream} cannot be changed; void it and send it under a new key"
    return ""


def _existing(
    intent: Intent, known: Known
) -> Generator[Question, Any, Intent | Done | Quarantined]:
    """A create as it is to be carried out, with what stands in the ledger already.

    What carries the marker or the number is it. Before a store knows a business, what is only
    like it may have been written by a store that was lost: one that bears its reference and its
    contents is it, and of others nothing tells.
    """
    found = yield Existing(intent)
    if len(found) > 1:
        words = f"{len(found)} records of the ledger carry {intent.marker or 'its number'}"
        return Quarantined((words,), tuple(as_candidates(found)))
    if not found and not known.new:
        found, certain = yield Resembling(intent)
        if found and not (certain and len(found) == 1):
            words = (
                f"{intent.stream}: the ledger held one like it before this state store began, and "
                f"nothing tells whether it is this one; {say_which(intent)}"
            )
            return Quarantined((words,), tuple(as_candidates(found)))
    if found:
        update = replace(
            intent, operation=WriteOperation.UPDATE, remote_id=found[0]["id"], adopted="marker"
        )
        return Done(found[0], "adopted", update) if unchanged(found[0], intent.body) else update
    unlisted = WRITABLE[intent.stream].settle is Settle.NEVER
    if unlisted and not known.baseline and not known.new:
        words = (
            f"{intent.stream}: this state store has made none in business {intent.business_id} "
            "yet, and the API has no list that tells whether one stands there already; set "
            f"assume_new for one run where there is none, or {say_which(intent)}"
        )
        return Quarantined((words,))
    return intent
