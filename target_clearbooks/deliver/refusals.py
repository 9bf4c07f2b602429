"""What the API's refusal of a write may mean besides that the record is wrong."""

from __future__ import annotations

import contextlib
import enum
import re
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from clearbooks.errors import ApiError, Fault, NotFoundError, RejectedError
from target_clearbooks.deliver.precheck import OR_REPLACE, gone_words
from target_clearbooks.deliver.replacing import allocated_to, is_kept
from target_clearbooks.intent import WriteOperation
from target_clearbooks.ledger.matching import is_paid, is_voided
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.own_fields import own_path
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from target_clearbooks.deliver.reconcile import Reconciler
    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.store.ledger_map import LedgerMap

    Revision = tuple[str, str, int | str, dict[str, Any]]

_CHANGES = (WriteOperation.UPDATE, WriteOperation.VOID)
_STAYS_FREE = "reference, description, project, theme and accounts"
_PATH = re.compile(r"(\w+)(?:\[\d+\])?(?:\.\w+(?:\[\d+\])?)*")


def words_of(task: Task, error: ApiError) -> tuple[str, ...]:
    """The API's own words, each after the record's field that it is about, if it names one.

    Without any of its words, what the client says.
    """
    return tuple(_in_words(task, fault) for fault in error.faults) or (str(error),)


class Kept(enum.Enum):
    """What keeps a record of the ledger as it is."""

    FINALISED = "it is on a VAT return that is finalised"
    PAID = "it is paid"
    ALLOCATED = "more of it is allocated than there would be"
    GONE = "a person has voided or deleted it"


def kept_by(task: Task, error: ApiError, sender: Sender, ledger_map: LedgerMap) -> Kept | None:
    """What a refused change of a record is kept by, if it is; the ledger is asked.

    Nobody has shown the codes of the API for these, so that its words and the ledger tell.
    """
    intent = task.wanted
    if intent.operation not in _CHANGES or not isinstance(error, (RejectedError, NotFoundError)):
        return None
    document = WRITABLE[task.stream].kind is Kind.DOCUMENT
    if document and "vatreturn" in fold("".join(words_of(task, error))):
        return Kept.FINALISED
    update = intent.operation is WriteOperation.UPDATE
    with contextlib.suppress(ApiError):
        record = sender.get(task.stream, intent.params, intent.remote_id)
        if record is None or is_voided(record):
            return Kept.GONE if update else None
        if document and is_paid(record):
            return Kept.PAID
        if update and is_kept(intent, record, allocated_to(task, ledger_map)):
            return Kept.ALLOCATED
    return None


def reasons(task: Task, error: ApiError, kept: Kept | None) -> tuple[str, ...]:
    """Why a record was refused: in plain words where they are known, then in the API's."""
    words = words_of(task, error)
    row, update = WRITABLE[task.stream], task.wanted.operation is WriteOperation.UPDATE
    change = "be changed" if update else "be voided"
    plain = {
        Kept.FINALISED: (
            f"record: the {row.words} is on a VAT return that is finalised and cannot {change}; "
            "correct it by a document of its own, such as a credit note"
        ),
        Kept.PAID: (
            f"record: the {row.words} is paid and cannot {change}"
            + (f", but for its {_STAYS_FREE}" if update else "")
            + "; void what is allocated to it first"
            + (OR_REPLACE if update else "")
        ),
        Kept.ALLOCATED: (
            f"record: the {row.words} is allocated, and cannot change so; void what is allocated "
            f"to it first{OR_REPLACE}"
        ),
        Kept.GONE: gone_words(task.wanted),
    }
    return (plain[kept], *words) if kept else words


def _in_words(task: Task, fault: Fault) -> str:
    source, message = fault.source, fault.message
    start, colon, rest = message.partition(": ")
    # A message may begin with the path, with or without a source of its own.
    if colon and (start == source or (not source and _is_path(task.stream, start))):
        source, message = start, rest
    if not source:
        return fault.words
    words = Fault(fault.code, message).words
    return f"{own_path(task.stream, task.record, source)}: {words}"


def _is_path(stream: str, text: str) -> bool:
    """Whether text is the path of a field of the stream."""
    path, schema = _PATH.fullmatch(text), load_contract().resources[stream].schema
    return path is not None and path[1] in schema["properties"]


def newer_revisions(task: Task, error: ApiError, reconciler: Reconciler) -> list[Revision]:
    """Documents that an intent names and that were revised since, asked for once a task.

    An update voids the old revision and makes one with a new ID: somebody else's, or one of this
    run while the intent was under way.

    Returns:
        Stream, source key, old ID, and the newest revision of each.
    """
    if task.retried or task.fixed or not isinstance(error, (RejectedError, NotFoundError)):
        return []
    task.retried = True
    found: list[Revision] = []
    body = task.wanted.body if isinstance(task.wanted.body, dict) else {}
    named = {task.wanted.remote_id, *(v for k, v in body.items() if k.endswith("Id"))}
    for stream, key in ((task.stream, task.source_key), *task.wanted.depends_on):
        mapped = reconciler.map.find(stream, key)
        if mapped is None or WRITABLE[stream].kind is not Kind.DOCUMENT:
            continue
        record = reconciler.sender.get(stream, {}, mapped.remote_id)
        old = next((n for n in reversed(mapped.lineage) if n in named), mapped.remote_id)
        if record is not None and record["id"] != old:
            found.append((stream, key, old, record))
    return found


def is_gone(task: Task, error: ApiError, sender: Sender) -> bool:
    """Whether a void or deletion is refused because the record is no longer in the ledger.

    An earlier request whose reply was lost may have taken it back, or a person. A plan is carried
    out as it stands, or not at all.
    """
    intent = task.wanted
    sent_before = task.sends + task.recovered > 1
    if not intent.removes or (task.fixed and not sent_before):
        return False
    if not isinstance(error, (RejectedError, NotFoundError)):
        return False
    record = sender.get(task.stream, intent.params, intent.remote_id)
    return record is None or is_voided(record)
