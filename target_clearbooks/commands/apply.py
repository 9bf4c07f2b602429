"""Carrying out a plan: just its operations, and only where the ledger is as the plan saw it."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from clearbooks.contract import load_contract
from target_clearbooks.allocation_ends import allocation_ends
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.intent import Intent, Rejected, WriteOperation, content_hash
from target_clearbooks.ledger.matching import is_voided
from target_clearbooks.plan import PLANNED, PlanError, planned_ids, planned_number, read_plan
from target_clearbooks.prepare import file_contents
from target_clearbooks.source_key import reversed_key
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from target_clearbooks.deliver.business import BusinessWriter
    from target_clearbooks.intent import Mapped
    from target_clearbooks.session import Session

logger = logging.getLogger("target-clearbooks")

_MOST_SHOWN = 20
_MAKES = (WriteOperation.CREATE, WriteOperation.POST, WriteOperation.UPDATE)


class _Planned(NamedTuple):
    """What a negative number in a plan stands for: a field of a record that the plan makes."""

    stream: str
    key: str
    field: str


class _Numbers:
    """What the negative numbers of a plan stand for, as far as it was read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._planned: dict[int, _Planned] = {}
        self._accounts: dict[tuple[int, _Planned], Any] = {}

    def note(self, operation: Mapping[str, Any]) -> None:
        """Later operations may refer to what this one makes."""
        for name, field in PLANNED.items():
            if operation.get(name) is not None:
                made = _Planned(operation["stream"], operation["key"], field)
                self._planned[operation[name]] = made

    def parents(self, operation: Mapping[str, Any]) -> set[_Planned]:
        """The records of the plan that an operation refers to."""
        numbers = planned_ids(operation)
        return {self._planned[number] for number in numbers if number in self._planned}

    def resolved(self, operation: Mapping[str, Any], writer: BusinessWriter) -> dict[str, Any]:
        """The operation with the IDs that its parents came to have.

        Raises:
            LookupError: one of them was not written; the text names it.
        """
        real: dict[int, Any] = {}
        for number in planned_ids(operation):
            parent = self._planned.get(number)
            value = self._value(parent, writer) if parent else None
            if value is None:
                raise LookupError(" ".join(parent[:2]) if parent else "a parent")
            real[number] = value
        return _newest(_real(operation, real), writer)

    def _value(self, planned: _Planned, writer: BusinessWriter) -> Any:
        mapped = writer.became(planned.stream, planned.key)
        if mapped is None or planned.field == "id":
            return mapped and mapped.remote_id
        key = writer.business_id, planned
        if key not in self._accounts:
            # Asked once, however many operations post to the account.
            sender = Sender(self._session.client, writer.business_id)
            record = sender.get(planned.stream, {}, mapped.remote_id) or {}
            self._accounts[key] = record.get(planned.field)
        return self._accounts[key]


def carried_out(session: Session, path: Path) -> Iterator[tuple[dict[str, Any], Mapped]]:
    """The operations of an applied plan that made or changed a record, and what became of each.

    An operation comes as it was sent: with the IDs of what the plan itself has made.
    """
    numbers = _Numbers(session)
    for operation in read_plan(path, session.connection.api_url):
        writer = session.writers[operation["business"]]
        numbers.note(operation)
        mapped = writer.became(operation["stream"], operation["key"])
        if mapped is None or operation["operation"] not in _MAKES:
            continue
        try:
            resolved = numbers.resolved(operation, writer)
        except LookupError:
            # A change that was refused with its parent: what stands is of an earlier run.
            continue
        yield resolved, mapped


def apply(session: Session, path: Path) -> None:
    """Carry out a plan.

    Raises:
        PlanError: the plan cannot be read, or the ledger has moved away from it; nothing was
            written then.
    """
    url = session.connection.api_url
    businesses = {op["business"] for op in read_plan(path, url)}
    foreign = businesses - set(session.businesses)
    if foreign:
        raise PlanError(
            f"{path} writes into business {min(foreign)}, which business_ids leaves out"
        )
    for number in sorted(businesses):
        session.writer(number)
    _refuse_if_moved(session, path)
    numbers = _Numbers(session)
    write_order: int | None = None
    taken_back: set[tuple[int, str, str]] = set()
    for operation in read_plan(path, url):
        writer = session.writers[operation["business"]]
        numbers.note(operation)
        turn = WRITABLE[operation["stream"]].write_order
        if write_order not in (None, turn) or _key(operation) in taken_back:
            # The order of a plan is its maker's: an undo goes from the last to the first, and
            # what is replaced is taken back before it is written anew.
            session.drain()
        taken_back |= _takes_back(operation)
        write_order = turn
        if session.stopped():
            return
        _carry_out(session, writer, operation, numbers)
    session.drain()
    session.check()


def _carry_out(
    session: Session,
    writer: BusinessWriter,
    operation: Mapping[str, Any],
    numbers: _Numbers,
) -> None:
    parents = numbers.parents(operation)
    while any(writer.under_way(parent.stream, parent.key) for parent in parents):
        session.advance(0.1)
        if session.stopped():
            return
    try:
        resolved = numbers.resolved(operation, writer)
    except LookupError as missing:
        writer.reject(
            operation["stream"],
            operation["record"],
            operation["key"],
            Rejected((f"{missing.args[0]} was not written",), "blocked"),
        )
        return
    writer.execute(_intent(resolved, session))
    while session.live >= session.window:
        session.advance(0.1)


def _newest(operation: dict[str, Any], writer: BusinessWriter) -> dict[str, Any]:
    """An allocation with the newest revisions of what it joins: the plan may have made them."""
    body = operation["body"]
    for stream, key in operation["depends_on"]:
        mapped = writer.became(stream, key)
        for allocations, end in allocation_ends(stream):
            if mapped and allocations == operation["stream"] and body.get(end) in mapped.lineage:
                body = {**body, end: mapped.remote_id}
    return {**operation, "body": body}


def _intent(operation: Mapping[str, Any], session: Session) -> Intent:
    body = operation["body"]
    if operation["sha256"]:
        try:
            body = file_contents.read(operation["record"], session.settings)
        except ValueError as error:
            raise PlanError(f"{operation['stream']} {operation['key']}: {error}") from None
        if hashlib.sha256(body).hexdigest() != operation["sha256"]:
            raise PlanError(f"{operation['stream']} {operation['key']}: the file has changed")
    return Intent(
        business_id=operation["business"],
        stream=operation["stream"],
        operation=WriteOperation(operation["operation"]),
        source_key=operation["key"],
        body=body,
        params=operation["params"],
        remote_id=operation["id"],
        marker=operation["marker"],
        depends_on=tuple((s, k) for s, k in operation["depends_on"]),
        record=operation["record"],
    )


def _real(operation: Mapping[str, Any], real: Mapping[int, Any]) -> dict[str, Any]:
    """The operation with the IDs that its parents came to have."""

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: put(item) for name, item in value.items()}
        if isinstance(value, list):
            return [put(item) for item in value]
        number = planned_number(value)
        return value if number is None else real.get(number, value)

    changed = {name: put(operation[name]) for name in ("id", "params", "body")}
    return {**operation, **changed}


def _refuse_if_moved(session: Session, path: Path) -> None:
    """Compare what the plan saw with what stands in the ledger now; reads only."""
    checks = session.executor.map(
        lambda op: _moved(session, op),
        _checkable(session, read_plan(path, session.connection.api_url)),
    )
    moved = [words for words in checks if words]
    taken_back: set[tuple[int, str, str]] = set()
    for operation in read_plan(path, session.connection.api_url):
        words = "" if _key(operation) in taken_back else _stands_already(session, operation)
        if words:
            moved.append(words)
        taken_back |= _takes_back(operation)
    if moved:
        shown = "; ".join(moved[:_MOST_SHOWN])
        raise PlanError(
            f"{path}: the ledger is not as the plan saw it: {shown}. Make the plan anew"
        )


def _key(operation: Mapping[str, Any]) -> tuple[int, str, str]:
    return operation["business"], operation["stream"], operation["key"]


def _takes_back(operation: Mapping[str, Any]) -> set[tuple[int, str, str]]:
    """The key of what an operation takes back, if it does: by a void, or by a reversal."""
    business, stream, key = _key(operation)
    if WriteOperation(operation["operation"]) in (WriteOperation.VOID, WriteOperation.DELETE):
        return {(business, stream, key)}
    is_journal = WRITABLE[stream].kind is Kind.JOURNAL
    reversed_one = reversed_key(key) if is_journal else None
    return set() if reversed_one is None else {(business, stream, reversed_one)}


def _done_already(session: Session, operation: Mapping[str, Any]) -> bool:
    """Whether an earlier, stopped run of this plan has carried the operation out."""
    done = session.outbox.last_done(operation["business"], operation["stream"], operation["key"])
    return done is not None and done == content_hash(operation["record"])


def _checkable(session: Session, operations: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        op
        for op in operations
        if op["seen"] and not planned_ids({**op, "body": None}) and not _done_already(session, op)
    ]


def _moved(session: Session, operation: Mapping[str, Any]) -> str:
    sender = Sender(session.client, operation["business"])
    record = sender.get(operation["stream"], operation["params"], operation["id"])
    if record is not None and content_hash(record) == operation["seen"]:
        return ""
    what = "is gone" if record is None else "has changed"
    return f"{operation['stream']} {operation['id']} {what}"


def _is_gone(session: Session, operation: Mapping[str, Any], mapped: Mapped) -> bool:
    """Whether a person has taken back what stands for a key, so that it is written anew."""
    if "get" not in load_contract().resources[operation["stream"]].operations:
        return False
    sender = Sender(session.client, operation["business"])
    record = sender.get(operation["stream"], operation["params"], mapped.remote_id)
    return record is None or is_voided(record)


def _stands_already(session: Session, operation: Mapping[str, Any]) -> str:
    """Whether what the plan would make was made meanwhile."""
    writer = session.writers[operation["business"]]
    if operation["operation"] != WriteOperation.CREATE or _done_already(session, operation):
        return ""
    mapped = writer.became(operation["stream"], operation["key"])
    if mapped is not None and not mapped.voided and not _is_gone(session, operation, mapped):
        return f"{operation['stream']} {operation['key']} was written meanwhile"
    if not operation["marker"] or planned_ids(operation):
        return ""
    found = writer.existing(_intent({**operation, "sha256": None}, session))
    return f"{operation['stream']} {found[0]['id']} carries {operation['marker']}" if found else ""
