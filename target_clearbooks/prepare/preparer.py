"""From record to intent: the one place that knows which steps a record goes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from target_clearbooks.intent import Intent, Missing, Operation, Quarantined, Rejected, Waiting
from target_clearbooks.ledger.amounts import shown
from target_clearbooks.ledger.lookups import ALLOCATIONS, PURCHASES, SALES
from target_clearbooks.ledger.spelling import fold, listed
from target_clearbooks.prepare import natural_keys, simple_records
from target_clearbooks.prepare.allocations import Allocations
from target_clearbooks.prepare.attached_files import attached_to, content, file_name, unknown
from target_clearbooks.prepare.contacts import KINDS
from target_clearbooks.prepare.context import Kit
from target_clearbooks.prepare.diagnostics import Findings
from target_clearbooks.prepare.documents import document
from target_clearbooks.prepare.extra_fields import flat_shape, shape_of, update_fields
from target_clearbooks.prepare.payments import payment
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.client import Client
    from target_clearbooks.intent import LedgerMap, Mapped, Outcome, SourceKey
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.prepare.context import Body
    from target_clearbooks.settings import TargetSettings

# Resolves and checks a body in place; answers its marker, where it has one.
Step = Callable[[Kit, str, dict[str, Any], str, Findings], "str | None"]

_STEPS: Mapping[str, Step] = {
    **dict.fromkeys((*SALES, *PURCHASES), document),
    **dict.fromkeys(KINDS, simple_records.contact),
    "payments": payment,
    "journals": simple_records.journal,
    "account_codes": simple_records.account_code,
    "bank_accounts": simple_records.bank_account,
    "stock_items": simple_records.stock_item,
    "bank_feeds": simple_records.bank_feed,
    "bank_statements": simple_records.bank_statement,
    "businesses": simple_records.business,
}
_ATTACHMENTS = ("sales_attachments", "purchase_attachments")
# By which fields else a record may give what the contract requires.
_ELSE = {
    "customerId": ("customer", "contact"),
    "supplierId": ("supplier", "contact"),
    "contactId": ("contact", "customer", "supplier"),
    "bankAccountId": ("bankAccount",),
    "invoiceId": ("invoice", "bill", "expense"),
}
_WORDS = {fold(word): word for word in ("upsert", "void", "delete")}


class Preparer:
    """Implements `target_clearbooks.intent.Preparer`. For one thread at a time."""

    def __init__(
        self,
        client: Client,
        lookups: Lookups,
        ledger_map: LedgerMap,
        settings: TargetSettings,
        business_id: int,
    ) -> None:
        del client  # every read goes through `lookups`
        self._kit = Kit(lookups, ledger_map, settings, business_id)
        self._allocations = Allocations(self._kit)

    def prepare(
        self, stream: str, record: Mapping[str, Any], source_key: SourceKey
    ) -> Intent | Outcome:
        """The intent, or every reason against it at once; see the protocol."""
        note = Findings()
        wanted = self._wanted(stream, record, note)
        mapped = self._kit.map.find(stream, source_key)
        if wanted in (Operation.VOID, Operation.DELETE):
            return self._removal(stream, record, source_key, wanted, mapped, note)
        if stream in _ATTACHMENTS:
            return self._attachment(stream, record, source_key, note)
        body = self._read(stream, record, note)
        self._check_business(body, record, note)
        if stream in ALLOCATIONS:
            marker = None
            self._allocations.allocation(stream, body, source_key, note)
        else:
            marker = _STEPS[stream](self._kit, stream, body, source_key, note)
        self._complete(stream, body, note)
        operation, remote_id, adopted = self._target(stream, body, source_key, mapped, note)
        outcome = _outcome(note)
        if outcome is not None:
            return outcome
        return Intent(
            business_id=self._kit.business_id,
            stream=stream,
            operation=operation,
            source_key=source_key,
            body=_sent(stream, operation, body),
            params=load_contract().resources[stream].fixed,
            remote_id=remote_id,
            marker=marker,
            depends_on=tuple(dict.fromkeys(note.depends)),
            record=record,
            adopted=adopted,
            warnings=tuple(note.warnings),
            expected=note.expected,
        )

    def _wanted(self, stream: str, record: Mapping[str, Any], note: Findings) -> Operation:
        word = record.get("_operation")
        if word is None or word == "":
            return Operation.CREATE
        known = _WORDS.get(fold(str(word)))
        if known is None:
            note.faults.append(
                f"_operation: {shown(word)} should be one of {listed(_WORDS.values())}"
            )
        if known == "void" and not WRITABLE[stream].voids:
            note.faults.append(f"_operation: {stream} cannot be voided")
        if known == "delete" and not self._kit.settings.allow_delete:
            note.faults.append("_operation: delete is done only where allow_delete is set")
        return {"void": Operation.VOID, "delete": Operation.DELETE}.get(
            str(known), Operation.CREATE
        )

    def _removal(
        self, stream: str, record: Mapping[str, Any], source_key: SourceKey,
        operation: Operation, mapped: Mapped | None, note: Findings,
    ) -> Intent | Outcome:  # fmt: skip
        params: Mapping[str, Any] = load_contract().resources[stream].fixed
        if load_contract().resources[stream].operation("delete") is None:
            note.faults.append(f"_operation: the API cannot take back {stream}")
        elif mapped is None:
            note.faults.append(
                f"_operation: nothing of {stream} is known by the source key {source_key!r}; "
                "`clearbooks map set` can tell which one is meant"
            )
        if stream in _ATTACHMENTS and not note.faults:
            params = attached_to(self._kit, stream, record, note)
        outcome = _outcome(note)
        if outcome is not None or mapped is None:
            return outcome or Rejected(("_operation: nothing to void",))
        return Intent(
            business_id=self._kit.business_id,
            stream=stream,
            operation=operation,
            source_key=source_key,
            params=params,
            remote_id=mapped.remote_id,
            record=record,
            depends_on=tuple(dict.fromkeys(note.depends)),
        )

    def _read(self, stream: str, record: Mapping[str, Any], note: Findings) -> Body:
        if stream == "bank_statements" and any(fold(k) == "transactionid" for k in record):
            line = flat_shape().read(record, "", note.faults)
            body: Body = {n: line.pop(n) for n in ("feedId", "feed", "bankFeed") if n in line}
            note.faults.extend(
                f"{name}: is required" for name in flat_shape().missing(line) if not note.open(name)
            )
            return body | {"statementLines": [line]}
        return shape_of(stream).read(record, "", note.faults)

    def _check_business(self, body: Body, record: Mapping[str, Any], note: Findings) -> None:
        del body
        for name in ("businessId", "business_id"):
            value = record.get(name)
            if value is not None and str(value) != str(self._kit.business_id):
                note.faults.append(
                    f"businessId: {shown(value)} is not the business that is written: "
                    f"{self._kit.business_id}"
                )

    def _complete(self, stream: str, body: Body, note: Findings) -> None:
        shape = shape_of(stream)
        for name in shape.missing(body):
            others_ = _ELSE.get(name, ())
            if any(note.open(n) for n in (name, *others_)) or (others_ and note.missing):
                continue
            hint = f"; name it by {' or '.join(others_)}" if others_ else ""
            note.faults.append(f"{name}: is required{hint}")
        lacking = shape.wanting(body)
        if lacking and not note.open("bankAccount"):
            note.faults.append(f"record: needs {lacking}")

    def _target(
        self, stream: str, body: Body, source_key: SourceKey, mapped: Mapped | None, note: Findings
    ) -> tuple[Operation, int | str | None, str | None]:
        """What is to be done to which record, and how it was found."""
        if stream == "businesses":
            return Operation.UPDATE, self._kit.business_id, None
        if stream == "bank_statements":
            return Operation.POST, None, None
        if mapped is not None and stream not in ALLOCATIONS:
            return Operation.UPDATE, mapped.remote_id, None
        found = None
        if stream in KINDS and not note.faults:
            look = self._kit.contacts.find
            found = note.attempt("record", look, stream, body, source_key)
        elif stream in natural_keys.STREAMS and not note.faults:
            kit = self._kit
            found = note.attempt(
                "record", natural_keys.standing, kit.lookups, kit.map, stream, body, source_key
            )
        if found is not None:
            return Operation.UPDATE, *found
        return Operation.CREATE, None, None

    def _attachment(
        self, stream: str, record: Mapping[str, Any], source_key: SourceKey, note: Findings
    ) -> Intent | Outcome:
        params = attached_to(self._kit, stream, record, note)
        name = file_name(record, note)
        # Read where a file is met, and not before: it brings an HTTP client of its own.
        from target_clearbooks.prepare import attachments  # noqa: PLC0415

        unknown(stream, record, note)
        data = note.attempt("content", attachments.read, content(record), self._kit.settings)
        outcome = _outcome(note)
        if outcome is not None or data is None:
            return outcome or Rejected(("content: is required",))
        return Intent(
            business_id=self._kit.business_id,
            stream=stream,
            operation=Operation.CREATE,
            source_key=source_key,
            body=data,
            params={**params, "fileName": name},
            depends_on=tuple(dict.fromkeys(note.depends)),
            record=record,
        )


def _sent(stream: str, operation: Operation, body: Body) -> Body:
    if operation is not Operation.UPDATE:
        return {name: value for name, value in body.items() if value is not None}
    takes = update_fields(stream)
    return {name: value for name, value in body.items() if name in takes}


def _outcome(note: Findings) -> Outcome | None:
    """Why nothing is sent, if anything speaks against it. What cannot mend itself comes first."""
    unclear = [f"{where}: {words}: {_list(found)}" for where, words, found in note.unclear]
    waiting = [
        f"{where}: {stream} {key!r} is not in the ledger" for where, stream, key in note.waiting
    ]
    if note.faults:
        return Rejected((*note.faults, *unclear))
    if unclear:
        candidates = tuple(c for _, _, found in note.unclear for c in found)
        return Quarantined(tuple(unclear), candidates)
    if waiting:
        on = dict.fromkeys((stream, key) for _, stream, key in note.waiting)
        return Waiting(tuple(on), tuple(waiting))
    if note.missing:
        return Missing(tuple(note.missing))
    return None


def _list(candidates: list[dict[str, Any]]) -> str:
    return listed([
        " ".join(str(c[n]) for n in ("stream", "key", "id", "name", "formattedDocumentNumber")
                 if c.get(n) is not None)
        for c in candidates
    ])  # fmt: skip
