"""Sales and purchase documents: numbering, posting, revisions and voids.

Status: `draft` (and every quote), `approved`, `paid`, `voided`; only `due` tells of a part that is
paid. A document made through the API is approved at once. Updating it voids it and makes a copy
under a new ID that takes over its number and its allocations; the old ID redirects to the copy for
good. Voiding frees what was allocated. `changes` says what may still be changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from clearbooks_sandbox.accounting import allocations, contacts, ledger
from clearbooks_sandbox.accounting.balances import (
    DRAFT,
    VOIDED,
    current,
    mark_voided,
    refresh,
)
from clearbooks_sandbox.accounting.changes import check_update, check_void
from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.accounting.exchange import exchange_rate
from clearbooks_sandbox.accounting.ledger import Line
from clearbooks_sandbox.accounting.money import HOME, amount, to_home
from clearbooks_sandbox.accounting.paging import ListQuery, sortable
from clearbooks_sandbox.accounting.pricing import Priced, price, treatment_key
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.options import API_PATH
from clearbooks_sandbox.reply import (
    Fault,
    RefusedError,
    Reply,
    conflict,
    decode,
    encode,
    not_found,
)
from clearbooks_sandbox.validation import resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clearbooks_sandbox.accounting.session import Handler, Session

PREFIXES = {
    ("sales", "invoices"): "INV",
    ("sales", "creditNotes"): "SCN",
    ("sales", "quotes"): "QTE",
    ("purchases", "bills"): "PUR",
    ("purchases", "creditNotes"): "PCN",
    ("purchases", "expenses"): "EXP",  # no source tells it
}
_DIGITS = 9
_PRINTED_DIGITS = 6
_TERMS = 30
# Kinds that are due by the terms of their contact; of the others it is not known.
_ON_TERMS = frozenset({"invoices", "bills"})
_NEVER_NEGATIVE = frozenset({"creditNotes", "quotes"})


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A document that passed every check: its record without ID and status, its lines, its rate."""

    record: dict[str, Any]
    priced: Priced
    rate: Decimal


class Documents:
    """Handlers of one side, `sales` or `purchases`."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.title = side.removesuffix("s").capitalize() if side == "purchases" else "Sales"
        self.kind_name = "salesType" if side == "sales" else "purchaseType"
        self.id_name = "salesId" if side == "sales" else "purchaseId"
        self.contact_name = "customerId" if side == "sales" else "supplierId"
        self.contacts = "customers" if side == "sales" else "suppliers"

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation id."""
        return {
            f"list{self.title}Documents": self.list,
            f"get{self.title}Document": self.get,
            f"create{self.title}Document": self.create,
            f"update{self.title}Document": self.update,
            f"delete{self.title}Document": self.delete,
        }

    def list(self, s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
        """A page of documents; voided ones are not listed."""
        where = {"business": s.business, "side": self.side, "kind": params[self.kind_name]}
        ranges = {}
        if "voided-listed" in s.dialects:
            ranges["coalesce(successor, 0) = ?"] = 0
        else:
            where["hidden"] = 0
        fields = sortable(resource_of(f"list{self.title}Documents")[0].schema)
        listing = ListQuery("documents", where, fields, {"id": "id", "date": "date"}, ranges)
        if "part-paid" in s.dialects:
            listing = replace(listing, select="json, settled", render=_with_part_paid)
        return s.pager.page(listing, query)

    def find(self, s: Session, params: Mapping[str, Any]) -> tuple[Any, ...]:
        """Status, successor, settled, posting, JSON and hidden of a document.

        Raises:
            RefusedError: 404.
        """
        row: tuple[Any, ...] | None = s.db.execute(
            "SELECT status, successor, settled, posting, json, hidden FROM documents "
            "WHERE business = ? AND id = ? AND side = ? AND kind = ?",
            (s.business, params[self.id_name], self.side, params[self.kind_name]),
        ).fetchone()
        # Voiding hides a document from lists only; anything else that is hidden is gone.
        if row is None or (row[5] and row[0] != VOIDED):
            raise not_found(
                f"document under {params[self.kind_name]} with ID", params[self.id_name]
            )
        return row

    def get(self, s: Session, params: Mapping[str, Any]) -> Reply:
        """A document, or a redirect from an earlier revision to the current one."""
        row = self.find(s, params)
        if row[1]:
            return Reply(303, {"Location": self._path(params, current(s, row[1]))})
        return Reply(200, {}, self._shown(s, row[4], row[2]))

    def _shown(self, s: Session, data: bytes, settled: int) -> bytes:
        return _with_part_paid((data, settled)) if "part-paid" in s.dialects else data

    def _path(self, params: Mapping[str, Any], document: int) -> str:
        return f"{API_PATH}/accounting/{self.side}/{params[self.kind_name]}/{document}"

    def _find_changeable(self, s: Session, params: Mapping[str, Any]) -> tuple[Any, ...]:
        """As `find`, for what may still be changed; 409 for voided and earlier revisions."""
        row = self.find(s, params)
        if row[1]:
            raise conflict(
                f"The document {params[self.id_name]} is an earlier revision; "
                f"the current one is {current(s, row[1])}."
            )
        if row[0] == VOIDED:
            raise conflict(f"The document {params[self.id_name]} is voided.")
        return row

    def create(self, s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
        """Make a document and post it."""
        kind = params[self.kind_name]
        ready = self._prepare(s, kind, self._with_own_key(s, body))
        s.raise_faults()
        number = self._number(s, kind, body.get("documentNumber"))
        status = DRAFT if s.draft or kind == "quotes" else "approved"
        document = s.next_id("document")
        return Reply(201, {}, self._write(s, kind, document, ready, number, status))

    def update(self, s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
        """Change the fields that are sent; all but drafts get a new ID."""
        kind, old_id = params[self.kind_name], params[self.id_name]
        status, _, settled, posting, data, _ = self._find_changeable(s, params)
        old = decode(data)
        merged = _merged(old, self._with_own_key(s, body))
        ready = self._prepare(s, kind, merged)
        check_update(s, old, ready.record, body)
        if settled:
            self._check_settled(s, old, ready, settled)
        s.raise_faults()
        number = old["documentNumber"]
        if body.get("documentNumber") is not None:
            number = self._number(s, kind, body["documentNumber"])
        if status == DRAFT:
            s.db.execute(
                "DELETE FROM documents WHERE business = ? AND id = ?", (s.business, old_id)
            )
            return Reply(200, {}, self._write(s, kind, old_id, ready, number, DRAFT))
        if "revision-frees" in s.dialects:
            allocations.delete_all(s, "document", old_id)
        ledger.cancel(s, posting)
        new_id = s.next_id("document")
        self._write(s, kind, new_id, ready, number, "approved", previous=old_id)
        mark_voided(s, old, successor=new_id)
        allocations.move_to_revision(s, old_id, new_id)
        s.db.execute(
            "UPDATE attachments SET document = ? WHERE business = ? AND document = ?",
            (new_id, s.business, old_id),
        )
        return Reply(200, {}, self._shown(s, refresh(s, new_id), settled))

    def delete(self, s: Session, params: Mapping[str, Any]) -> Reply:
        """Void a document; a draft or quote is deleted."""
        status, _, _, posting, data, _ = self._find_changeable(s, params)
        document = params[self.id_name]
        if status == DRAFT:
            s.db.execute(
                "DELETE FROM documents WHERE business = ? AND id = ?", (s.business, document)
            )
            return Reply(204)
        record = decode(data)
        check_void(s, record)
        allocations.delete_all(s, "document", document)
        ledger.cancel(s, posting)
        mark_voided(s, record, successor=None)
        return Reply(204)

    def approve(self, s: Session, params: Mapping[str, Any]) -> None:
        """Post a draft, which keeps its ID; the API has no operation for it.

        Raises:
            RefusedError: it is not there, or no draft.
        """
        kind, document = params[self.kind_name], params[self.id_name]
        status, _, _, _, data, _ = self._find_changeable(s, params)
        if status != DRAFT or kind == "quotes":
            raise conflict(f"The document {document} is no draft.")
        old = decode(data)
        ready = self._prepare(s, kind, _merged(old, {}))
        s.raise_faults()
        s.db.execute("DELETE FROM documents WHERE business = ? AND id = ?", (s.business, document))
        self._write(s, kind, document, ready, old["documentNumber"], "approved")

    def _with_own_key(self, s: Session, body: dict[str, Any]) -> dict[str, Any]:
        """The body with the ledger's own key of the VAT treatment, if it names one."""
        if "vatTreatment" not in body:
            return body
        return body | {"vatTreatment": treatment_key(s, self.side, body["vatTreatment"])}

    def _number(self, s: Session, kind: str, wanted: str | None) -> str:
        name = f"number:{self.side}:{kind}"
        if wanted is None or not wanted.strip():
            return str(s.next_id(name))
        if wanted.isascii() and wanted.isdigit() and len(wanted) <= _DIGITS:
            # Numbers given out later go on after the highest that a caller brought.
            s.db.execute(
                "INSERT INTO sequences VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
                (s.business, name, int(wanted)),
            )
        return wanted

    def _prepare(self, s: Session, kind: str, document: Mapping[str, Any]) -> _Prepared:
        never = _refused(self.kind_name, kind)
        refused = [name for name in never if document.get(name) is not None]
        if refused:
            words = f"is not taken on {kind} of {self.side}"
            raise RefusedError(400, [Fault("unknownField", f"{n}: {words}") for n in refused])
        if not contacts.exists(s, self.contacts, document[self.contact_name]):
            s.add_fault(
                self.contact_name,
                f"{self.contact_name}: there is no {self.contacts[:-1]} "
                f"{document[self.contact_name]}",
            )
        for bank in (
            document.get("displayBankAccountId"),
            *document.get("internetPaymentAccountIds", ()),
        ):
            if bank is not None and s.row("bank_accounts", bank) is None:
                s.add_fault("bankAccount", f"there is no bank account {bank}")
        rate = _rate(s, document)
        priced = price(s, self.side, document)
        if priced.gross < 0 and (kind in _NEVER_NEGATIVE or "no-negative-totals" in s.dialects):
            s.add_fault("negativeTotal", "The total is negative")
        record = {**document, "lineItems": priced.lines}
        record["currency"] = document.get("currency", HOME)
        record["exchangeRate"] = None if record["currency"] == HOME else rate
        if kind in _ON_TERMS and not record.get("dateDue"):
            days = contacts.terms(s, document[self.contact_name], _TERMS)
            record["dateDue"] = str(date.fromisoformat(document["date"]) + timedelta(days))
        return _Prepared(record, priced, rate)

    def _check_settled(
        self, s: Session, old: Mapping[str, Any], ready: _Prepared, settled: int
    ) -> None:
        for name, words in ((self.contact_name, "contact"), ("currency", "currency")):
            if old[name] != ready.record[name]:
                s.add_fault(name, f"{name}: the {words} cannot change while something is allocated")
        if ready.priced.payable < settled:
            s.add_fault(
                "allocated",
                f"The total would be {amount(ready.priced.payable)}, "
                f"and {amount(settled)} is allocated already",
            )

    def _write(
        self,
        s: Session,
        kind: str,
        document: int,
        ready: _Prepared,
        number: str,
        status: str,
        previous: int | None = None,
    ) -> bytes:
        priced, record = ready.priced, ready.record
        posting = None
        if status != DRAFT:
            posting = ledger.post(
                s.db,
                s.business,
                record.get("dateAccrual") or record["date"],
                self._lines(kind, ready),
                ("document", document),
            )
        open_item = kind != "quotes"
        whole = {
            "id": document,
            "documentNumber": number,
            "formattedDocumentNumber": PREFIXES[self.side, kind] + _printed(number),
            "date": record["date"],
            "status": status,
            "gross": amount(priced.gross),
            "net": amount(priced.net),
            "vat": amount(priced.vat),
            "due": amount(priced.payable) if open_item else None,
        }
        if status != DRAFT and not priced.payable:
            whole |= {"status": "paid", "datePaid": record["date"]}
        data = encode(
            without_nulls({**whole, **{k: v for k, v in record.items() if k not in whole}})
        )
        s.db.execute(
            "INSERT INTO documents (business, id, side, kind, status, contact, date, currency, "
            "rate, payable, posting, previous, json) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                s.business,
                document,
                self.side,
                kind,
                whole["status"],
                record[self.contact_name],
                record["date"],
                record["currency"],
                str(ready.rate),
                priced.payable,
                posting,
                previous,
                data,
            ),
        )
        return data

    def _lines(self, kind: str, ready: _Prepared) -> Sequence[Line]:
        """Postings in home currency; the control account balances the others."""
        priced, rate = ready.priced, ready.rate
        # A sale credits its accounts, a purchase debits them; a credit note the other way round.
        sign = (-1 if self.side == "sales" else 1) * (-1 if kind == "creditNotes" else 1)
        rest = [Line(code, sign * to_home(net, rate)) for code, net in priced.by_account.items()]
        rest.append(Line(ROLES["vat"], sign * to_home(priced.vat, rate)))
        kept_back = to_home(priced.deducted, rate)
        rest.append(Line(ROLES[f"cis_{self.side}"], -sign * kept_back))
        if priced.notional and self.side == "purchases":
            notional = sign * to_home(priced.notional, rate)
            rest += [Line(ROLES["vat"], notional), Line(ROLES["vat"], -notional)]
        control = ROLES["debtors" if self.side == "sales" else "creditors"]
        total = -sum(line.amount for line in rest)
        return [Line(control, total, ready.record[self.contact_name]), *rest]


@cache
def _refused(kind_name: str, kind: str) -> tuple[str, ...]:
    """Fields that the contract has and that documents of this kind do not take."""
    resources = load_contract().resources.values()
    return next(found.refused for found in resources if found.fixed == {kind_name: kind})


def _with_part_paid(row: tuple[bytes, int]) -> bytes:
    """A document whose status tells that a part is paid. Of a CIS deduction nothing is paid."""
    data, settled = row
    if not settled:
        return data
    record = decode(data)
    return encode(record | {"status": "part paid"}) if record["status"] == "approved" else data


def _printed(number: str) -> str:
    return number.zfill(_PRINTED_DIGITS) if number.isdecimal() else number


def _merged(old: Mapping[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    readonly = {"id", "formattedDocumentNumber", "datePaid", "status", "gross", "net", "vat", "due"}
    merged = {k: v for k, v in old.items() if k not in readonly} | body
    if "currency" in body and "exchangeRate" not in body and body["currency"] != old["currency"]:
        merged.pop("exchangeRate", None)
    return merged


def _rate(s: Session, document: Mapping[str, Any]) -> Decimal:
    """Units of the document's currency for one pound."""
    currency, rate = document.get("currency"), document.get("exchangeRate")
    if currency is None and rate is not None:
        s.add_fault("exchangeRate", "exchangeRate: may be sent only with currency")
        return Decimal(1)
    return exchange_rate(s, currency or HOME, rate)
