"""From record to intent: the one place that knows which steps a record goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from target_clearbooks.control_fields import (
    DELETE,
    MATCHING_KEY,
    OPERATION,
    OPERATIONS,
    VOID,
    asked,
    matching_keys,
)
from target_clearbooks.expand import paid_by
from target_clearbooks.intent import (
    DELETED_AT,
    Intent,
    Missing,
    Quarantined,
    Rejected,
    Waiting,
    WriteOperation,
)
from target_clearbooks.ledger.amounts import quoted
from target_clearbooks.ledger.spelling import fold, join_names
from target_clearbooks.map_command import map_set
from target_clearbooks.prepare import file_contents, master_data
from target_clearbooks.prepare.allocations import allocation
from target_clearbooks.prepare.attachments import (
    attached_to,
    check_fields,
    content,
    file_name,
    is_attachment_field,
)
from target_clearbooks.prepare.bank_data import bank_feed, bank_statement
from target_clearbooks.prepare.documents import document
from target_clearbooks.prepare.draft import Draft
from target_clearbooks.prepare.journals import journal
from target_clearbooks.prepare.natural_keys import find_existing
from target_clearbooks.prepare.own_fields import ALTERNATIVES
from target_clearbooks.prepare.payments import payment
from target_clearbooks.prepare.stream_shapes import (
    belongs_to,
    flat_shape,
    shape_of,
    update_fields,
)
from target_clearbooks.source_key import spelled
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from target_clearbooks.intent import Mapped, Outcome, Reference, SourceKey
    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.resolver import Resolver
    from target_clearbooks.prepare.shapes import Body
    from target_clearbooks.writable import Writable

Step = Callable[[Draft], "str | None"]
"""Resolves and checks the body of a draft in place; answers its marker, where it has one."""

_STEPS: Mapping[Kind, Step] = {
    Kind.BUSINESS: master_data.business,
    Kind.ACCOUNT_CODE: master_data.account_code,
    Kind.BANK_ACCOUNT: master_data.bank_account,
    Kind.CONTACT: master_data.contact,
    Kind.STOCK_ITEM: master_data.stock_item,
    Kind.DOCUMENT: document,
    Kind.PAYMENT: payment,
    Kind.ALLOCATION: allocation,
    Kind.BANK_FEED: bank_feed,
    Kind.BANK_STATEMENT: bank_statement,
    Kind.JOURNAL: journal,
}


def _plain(draft: Draft) -> str | None:
    """A record that names nothing else of the ledger: its shape is all that is checked."""
    return draft.mark()


class Preparer:
    """From record to intent, offline but for the lists it looks things up in.

    For one thread at a time.

    Args:
        resolver: Finds what the records of a business name.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def prepare(
        self,
        stream: str,
        record: Mapping[str, Any],
        source_key: SourceKey,
        key_properties: Sequence[str] = (),
    ) -> Intent | Outcome:
        """The intent, or every reason against it at once.

        A record whose source key the map holds becomes an `update` (or `void`) of what it became;
        one that the ledger holds already by its natural keys, or a contact by the setting `match`,
        an `update` with `adopted`; every other a `create`. Documents and payments of the ledger
        are not compared here: `ExistingRecords` finds them before they are sent. Allocations are
        always `create` with the whole sum wanted. Key properties need not be fields of the stream.

        Raises:
            ClearBooksError: a list could not be read; nothing is decided from that.
        """
        row = WRITABLE[stream]
        foreign = {name for name in key_properties if not _is_field(row, name)}
        record = {name: value for name, value in record.items() if name not in foreign}
        draft = Draft(row, source_key, {}, self._resolver)
        wanted = self._wanted(draft, record)
        mapped = self._resolver.map.find(stream, source_key)
        if wanted in (WriteOperation.VOID, WriteOperation.DELETE):
            return self._removal(draft, record, wanted, mapped)
        if row.kind is Kind.ATTACHMENT:
            return self._attachment(draft, record)
        draft.body = _read(draft, record)
        self._check_business(draft, record)
        marker = _STEPS.get(row.kind, _plain)(draft)
        _check_complete(draft)
        operation, remote_id, adopted = self._operation(draft, record, mapped)
        self._keep_first_key(draft, remote_id)
        return _outcome(draft.findings) or Intent(
            business_id=self._resolver.business_id,
            stream=stream,
            operation=operation,
            source_key=source_key,
            body=_sent(draft, operation),
            params=load_contract().resources[stream].fixed,
            remote_id=remote_id,
            marker=marker,
            depends_on=_depends_on(draft),
            looked_in=frozenset(draft.findings.looked_in),
            record=record,
            adopted=adopted,
            warnings=tuple(draft.findings.warnings),
            adjusted=tuple(draft.findings.adjusted),
            expected=draft.findings.expected,
            total=draft.findings.total,
        )

    def _wanted(self, draft: Draft, record: Mapping[str, Any]) -> WriteOperation:
        """What the record asks for by `_operation`: a void, a deletion, or else a create.

        A tap's tombstone asks for the void of what the record became, or for its deletion where
        there is no void.
        """
        if record.get(DELETED_AT):
            if not draft.row.voids and not self._resolver.settings.allow_delete:
                draft.fault(
                    f"{DELETED_AT}: {draft.row.stream} are deleted only where allow_delete is set"
                )
            return WriteOperation.VOID if draft.row.voids else WriteOperation.DELETE
        word = asked(record)
        if word is None and record.get(OPERATION) not in (None, ""):
            words = join_names(OPERATIONS)
            draft.fault(f"{OPERATION}: {quoted(record[OPERATION])} should be one of {words}")
        if word == VOID and not draft.row.voids:
            draft.fault(f"{OPERATION}: {draft.row.stream} cannot be voided")
        if word == DELETE and not self._resolver.settings.allow_delete:
            draft.fault(f"{OPERATION}: delete is done only where allow_delete is set")
        return {VOID: WriteOperation.VOID, DELETE: WriteOperation.DELETE}.get(
            str(word), WriteOperation.CREATE
        )

    def _removal(
        self,
        draft: Draft,
        record: Mapping[str, Any],
        operation: WriteOperation,
        mapped: Mapped | None,
    ) -> Intent | Outcome:
        stream = draft.row.stream
        resource = load_contract().resources[stream]
        params: Mapping[str, Any] = resource.fixed
        if resource.operation("delete") is None and draft.row.kind is not Kind.JOURNAL:
            draft.fault(f"_operation: the API cannot take back {stream}")
        elif mapped is None:
            which = map_set(self._resolver.business_id, stream, draft.source_key)
            draft.fault(
                f"_operation: nothing of {stream} is known by the source key "
                f"{draft.source_key!r}; {which} tells which one is meant"
            )
        if draft.row.kind is Kind.ATTACHMENT and not draft.findings.faults:
            params = attached_to(draft, record)
        outcome = _outcome(draft.findings)
        if outcome is not None or mapped is None:
            return outcome or Rejected(("_operation: nothing to void",))
        allocated = self._resolver.map.allocated.of
        return Intent(
            business_id=self._resolver.business_id,
            stream=stream,
            operation=operation,
            source_key=draft.source_key,
            params=params,
            remote_id=mapped.remote_id,
            record=record,
            depends_on=(
                *_depends_on(draft),
                # A document with allocations may not be voided: those that are taken back go first.
                *((name, key) for name, key, _ in allocated(stream, mapped.remote_id)),
            ),
        )

    def _check_business(self, draft: Draft, record: Mapping[str, Any]) -> None:
        for name in ("businessId", "business_id"):
            value = record.get(name)
            if value is not None and spelled(value) != str(self._resolver.business_id):
                draft.fault(
                    f"businessId: {quoted(value)} is not the business that is written: "
                    f"{self._resolver.business_id}"
                )

    def _operation(
        self, draft: Draft, record: Mapping[str, Any], mapped: Mapped | None
    ) -> tuple[WriteOperation, int | str | None, str | None]:
        """What is to be done to which record, and how that one was found."""
        row, resolver, findings = draft.row, self._resolver, draft.findings
        if row.kind is Kind.BUSINESS:
            return WriteOperation.UPDATE, resolver.business_id, None
        if row.settle is Settle.AGAIN:
            return WriteOperation.POST, None, None
        # What is sent again after a void is made anew.
        if mapped is not None and not mapped.voided and row.kind is not Kind.ALLOCATION:
            return WriteOperation.UPDATE, mapped.remote_id, None
        found = None
        by = _matching_key(draft, record)
        if row.kind is Kind.CONTACT and not findings.faults:
            look = partial(resolver.contacts.find, by=by)
            found = findings.attempt("record", look, row.stream, draft.body, draft.source_key)
        elif row.adopts and not findings.faults:
            look = partial(find_existing, resolver.lookups, resolver.map, by=by)
            found = findings.attempt("record", look, row.stream, draft.body, draft.source_key)
        if found is not None:
            return WriteOperation.UPDATE, *found
        return WriteOperation.CREATE, None, None

    def _keep_first_key(self, draft: Draft, remote_id: int | str | None) -> None:
        """Leave the `externalId` of a contact that several source keys share as it is."""
        if draft.row.kind is Kind.CONTACT and remote_id is not None:
            shared = self._resolver.contacts.is_shared
            if shared(draft.row.stream, remote_id, draft.source_key):
                draft.body.pop("externalId", None)

    def _attachment(self, draft: Draft, record: Mapping[str, Any]) -> Intent | Outcome:
        params = attached_to(draft, record)
        name = file_name(draft, record)
        check_fields(draft, record)
        settings = self._resolver.settings
        data = draft.findings.attempt("content", file_contents.read, content(record), settings)
        outcome = _outcome(draft.findings)
        if outcome is not None or data is None:
            return outcome or Rejected(("content: is required",))
        return Intent(
            business_id=self._resolver.business_id,
            stream=draft.row.stream,
            operation=WriteOperation.CREATE,
            source_key=draft.source_key,
            body=data,
            params={**params, "fileName": name},
            depends_on=_depends_on(draft),
            record=record,
        )


def _is_field(row: Writable, name: str) -> bool:
    """Whether records of a stream may hold a field of this name."""
    if row.kind is Kind.ATTACHMENT:
        return is_attachment_field(row, name)
    return shape_of(row.stream).knows(name) or bool(row.flat and flat_shape(row.stream).knows(name))


def _read(draft: Draft, record: Mapping[str, Any]) -> Body:
    """The record as a body; one that is a single item of a list is put into its list."""
    row, faults = draft.row, draft.findings.faults
    if not row.flat or not any(fold(key) == fold(row.keys[0]) for key in record):
        return shape_of(row.stream).read(record, "", faults)
    shape = flat_shape(row.stream)
    item = shape.read(record, "", faults)
    body = {name: item.pop(name) for name in belongs_to(row.stream) if name in item}
    faults.extend(
        f"{name}: is required" for name in shape.missing(item) if not draft.findings.mentions(name)
    )
    return body | {row.flat: [item]}


def _matching_key(draft: Draft, record: Mapping[str, Any]) -> str | None:
    """The key by which alone the record is looked for in the ledger; None for any."""
    given = record.get(MATCHING_KEY)
    known = matching_keys(draft.row.stream)
    if given not in (None, "", *known):
        draft.fault(f"{MATCHING_KEY}: {quoted(given)} should be one of {join_names(known)}")
    return given if given in known[1:] else None


def _check_complete(draft: Draft) -> None:
    """Note what is required and absent, once references are resolved."""
    shape, findings = shape_of(draft.row.stream), draft.findings
    for name in shape.missing(draft.body):
        names = ALTERNATIVES.get(name, ())
        paid = paid_by(draft.row.stream) if name == draft.row.contact else ()
        noted = any(findings.mentions(n) for n in (name, *names, *paid))
        if noted or (names and findings.missing):
            continue
        hint = f"; name it by {' or '.join(names)}" if names else ""
        draft.fault(f"{name}: is required{hint}")
    lacking = shape.wanting(draft.body)
    if lacking and not findings.mentions("bankAccount"):
        draft.fault(f"record: needs {lacking}")


def _depends_on(draft: Draft) -> tuple[Reference, ...]:
    return tuple(dict.fromkeys(draft.findings.depends_on))


def _sent(draft: Draft, operation: WriteOperation) -> Body:
    if operation is not WriteOperation.UPDATE or not draft.row.updates:
        return {name: value for name, value in draft.body.items() if value is not None}
    takes = update_fields(draft.row.stream)
    return {name: value for name, value in draft.body.items() if name in takes}


def _outcome(findings: Findings) -> Outcome | None:
    """Why nothing is sent, if anything speaks against it. What cannot mend itself comes first."""
    unclear = [f"{where}: {words}: {_list(found)}" for where, words, found in findings.ambiguous]
    waiting = [
        f"{where}: {stream} {keys[0]!r} is not in the ledger"
        for where, stream, keys in findings.waiting
    ]
    if findings.faults:
        return Rejected((*findings.faults, *unclear), on=tuple(findings.rivals))
    if unclear:
        candidates = tuple(
            {"field": where, **c} for where, _, found in findings.ambiguous for c in found
        )
        return Quarantined(tuple(unclear), candidates)
    if waiting:
        on = dict.fromkeys((stream, key) for _, stream, keys in findings.waiting for key in keys)
        return Waiting(tuple(on), tuple(waiting))
    if findings.missing:
        return Missing(tuple(findings.missing))
    return None


def _list(candidates: list[dict[str, Any]]) -> str:
    names = ("stream", "key", "id", "name", "formattedDocumentNumber")
    return join_names(
        [" ".join(str(c[n]) for n in names if c.get(n) is not None) for c in candidates]
    )
