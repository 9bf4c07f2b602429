"""Allocations: which payment or credit note clears which invoice or bill.

An allocation cannot exceed what is due, nor what is left of the payment or credit note, and both
must be of one contact. A payment or credit note in a foreign currency clears documents of that
currency only; one in home currency also clears a foreign document, at the document's rate. Where
rates differ, the realised exchange gain or loss is posted, so that a cleared document has no
balance on the control account.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting import balances, ledger
from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.accounting.ledger import Line
from clearbooks_sandbox.accounting.money import HOME, amount, exact_pennies, to_home
from clearbooks_sandbox.accounting.paging import ListQuery
from clearbooks_sandbox.reply import Reply, decode, encode, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_sandbox.accounting.session import Session

_COLUMNS = {
    "id": "id",
    "invoiceId": "invoice",
    "paymentId": "payment",
    "creditNoteId": "credit_note",
    "allocationType": "type",
    "amount": "amount",
}


@dataclass(frozen=True, slots=True)
class _OpenItem:
    """An invoice, bill, credit note or payment. Amounts are pennies of its currency, unsigned."""

    contact: int
    currency: str
    rate: Decimal
    date: str
    total: int
    settled: int

    @property
    def open(self) -> int:
        """What is not allocated yet."""
        return self.total - self.settled


def list_allocations(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listAllocations`."""
    where = {
        "business": s.business,
        "side": params["invoiceType"],
        "hidden": 0,
        "type": query.get("allocationType"),
        "payment": query.get("paymentId"),
        "credit_note": query.get("creditNoteId"),
        "invoice": query.get("invoiceId"),
    }
    return s.pager.page(ListQuery("allocations", where, _COLUMNS, _COLUMNS), query)


def _find(s: Session, params: Mapping[str, Any]) -> tuple[Any, ...]:
    row = s.row("allocations", params["allocationId"], "side, json")
    if row is None or row[0] != params["invoiceType"]:
        raise not_found("allocation", params["allocationId"])
    return row


def get_allocation(s: Session, params: Mapping[str, Any]) -> Reply:
    """`getAllocation`."""
    return Reply(200, {}, _find(s, params)[1])


def delete_allocation(s: Session, params: Mapping[str, Any]) -> Reply:
    """`deleteAllocation`: what it cleared is due again."""
    _find(s, params)
    _delete(s, params["allocationId"])
    return Reply(204)


def create_allocation(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createAllocation`."""
    side = params["invoiceType"]
    invoice = _document(s, side, body["invoiceId"], credit=False)
    source = _source(s, side, body)
    try:
        wanted = exact_pennies(body["amount"])
        if wanted <= 0:
            s.add_fault("amount", "amount: must be above 0")
    except ValueError as error:
        s.add_fault("amount", f"amount: {error}")
    s.raise_faults()
    assert invoice  # noqa: S101 - raise_faults() has refused otherwise
    assert source  # noqa: S101
    used = _check(s, invoice, source, wanted)
    s.raise_faults()
    record = {"id": s.next_id("allocation"), "invoiceId": body["invoiceId"]}
    name = "paymentId" if body["allocationType"] == "payment" else "creditNoteId"
    record |= {name: body[name], "allocationType": body["allocationType"]}
    record["amount"] = amount(wanted)
    data = encode(record)
    s.db.execute(
        "INSERT INTO allocations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, ?)",
        (
            s.business,
            record["id"],
            side,
            record["allocationType"],
            record["invoiceId"],
            record.get("paymentId"),
            record.get("creditNoteId"),
            wanted,
            used,
            data,
        ),
    )
    _post_exchange(s, record["id"])
    _refresh(s, record["invoiceId"], record.get("paymentId"), record.get("creditNoteId"))
    return Reply(201, {}, data)


def _source(s: Session, side: str, body: Mapping[str, Any]) -> _OpenItem | None:
    by_payment = body["allocationType"] == "payment"
    name, other = ("paymentId", "creditNoteId") if by_payment else ("creditNoteId", "paymentId")
    if other in body:
        s.add_fault(
            "allocation", f"{other}: does not go with allocationType {body['allocationType']}"
        )
    if body.get(name) is None:
        s.add_fault("required", f"{name}: is required with allocationType {body['allocationType']}")
        return None
    if by_payment:
        return _payment(s, side, body[name])
    return _document(s, side, body[name], credit=True)


def _check(s: Session, invoice: _OpenItem, source: _OpenItem, wanted: int) -> int:
    """Note faults; pennies used of the payment or credit note, in its own currency."""
    if invoice.contact != source.contact:
        s.add_fault(
            "contact",
            f"The invoice is of contact {invoice.contact}, "
            f"the payment or credit note of contact {source.contact}",
        )
    if source.currency not in (invoice.currency, HOME):
        s.add_fault(
            "currency",
            f"A payment or credit note in {source.currency} cannot be allocated to an invoice "
            f"in {invoice.currency}",
        )
        return 0
    same = source.currency == invoice.currency
    used = wanted if same else to_home(wanted, invoice.rate)
    if wanted > invoice.open:
        s.add_fault("due", f"amount: {amount(wanted)} is more than is due: {amount(invoice.open)}")
    if used > source.open:
        s.add_fault(
            "unallocated",
            f"amount: {amount(used)} is more than is left of the payment or credit note: "
            f"{amount(source.open)}",
        )
    return used


def _document(s: Session, side: str, document: int, *, credit: bool) -> _OpenItem | None:
    row = s.row(
        "documents",
        document,
        "side, kind, status, contact, currency, rate, date, payable, settled",
    )
    name = "creditNoteId" if credit else "invoiceId"
    what = "credit note" if credit else "invoice or bill"
    if (
        row is None
        or row[0] != side
        or (row[1] == "creditNotes") is not credit
        or row[1] == "quotes"
        or row[2] == balances.DRAFT
    ):
        now = balances.current(s, document)
        hint = f"; the current revision is {now}" if now != document else ""
        s.add_fault(name, f"{name}: there is no {what} {document} under {side}{hint}")
        return None
    return _OpenItem(row[3], row[4], Decimal(row[5]), row[6], row[7], row[8])


def _payment(s: Session, side: str, payment: int) -> _OpenItem | None:
    row = s.row("payments", payment, "contact, currency, rate, date, amount, settled")
    if row is None:
        s.add_fault("paymentId", f"paymentId: there is no payment {payment}")
        return None
    if (row[4] > 0) is not (side == "sales"):
        words = "money received" if side == "sales" else "money paid (a negative amount)"
        s.add_fault("sign", f"paymentId: only {words} is allocated under {side}")
        return None
    return _OpenItem(row[0], row[1], Decimal(row[2]), row[3], abs(row[4]), row[5])


# When a document or payment that is allocated changes


def _refresh(s: Session, invoice: int, payment: int | None, credit_note: int | None) -> None:
    balances.refresh(s, invoice)
    if credit_note is not None:
        balances.refresh(s, credit_note)
    if payment is not None:
        s.db.execute(
            "UPDATE payments SET settled = (SELECT coalesce(sum(used), 0) FROM allocations "
            "WHERE business = ?1 AND payment = ?2 AND hidden = 0) WHERE business = ?1 AND id = ?2",
            (s.business, payment),
        )


def _allocations_of(s: Session, kind: str, record: int) -> list[tuple[Any, ...]]:
    """Allocations of a `payment`, or of a `document` as invoice or as credit note."""
    ends = "payment = ?2" if kind == "payment" else "(invoice = ?2 OR credit_note = ?2)"
    return s.db.execute(
        "SELECT id, invoice, payment, credit_note, posting FROM allocations "
        f"WHERE business = ?1 AND {ends} AND hidden = 0",
        (s.business, record),
    ).fetchall()


def _delete(s: Session, allocation: int) -> None:
    row = s.row("allocations", allocation, "invoice, payment, credit_note, posting")
    assert row  # noqa: S101 - the caller has found it
    ledger.cancel(s, row[3])
    s.hide("allocations", allocation)
    _refresh(s, *row[:3])


def delete_all(s: Session, kind: str, record: int) -> None:
    """Delete every allocation of a document or payment that is voided or deleted."""
    for row in _allocations_of(s, kind, record):
        _delete(s, row[0])


def move_to_revision(s: Session, old: int, new: int) -> None:
    """Move the allocations of a voided revision to the one that replaces it."""
    renews = "revision-renews" in s.dialects
    for allocation, invoice, _, _, _ in _allocations_of(s, "document", old):
        column, name = (
            ("invoice", "invoiceId") if invoice == old else ("credit_note", "creditNoteId")
        )
        s.db.execute(
            f"UPDATE allocations SET {column} = ? WHERE business = ? AND id = ?",
            (new, s.business, allocation),
        )
        record = decode(s.row("allocations", allocation)[0])  # type: ignore[index]
        s.put_json("allocations", record | {name: new})
        if renews:
            number = s.next_id("allocation")
            s.db.execute(
                "UPDATE allocations SET id = ?, json = ? WHERE business = ? AND id = ?",
                (number, encode(record | {name: new, "id": number}), s.business, allocation),
            )
    recalculate(s, "document", new)


def recalculate(s: Session, kind: str, record: int) -> None:
    """Post exchange differences and work out what is due again, after a change of either."""
    for allocation, invoice, payment, credit_note, posting in _allocations_of(s, kind, record):
        ledger.cancel(s, posting)
        _post_exchange(s, allocation)
        _refresh(s, invoice, payment, credit_note)


def _post_exchange(s: Session, allocation: int) -> None:
    row = s.row("allocations", allocation, "side, invoice, payment, credit_note, amount, used")
    assert row  # noqa: S101 - written by the caller
    side, invoice_id, payment, credit_note, cleared, used = row
    invoice = _document(s, side, invoice_id, credit=False)
    source = _payment(s, side, payment) if payment else _document(s, side, credit_note, credit=True)
    assert invoice  # noqa: S101 - an allocation joins two that are there
    assert source  # noqa: S101
    difference = to_home(cleared, invoice.rate) - to_home(used, source.rate)
    sign = 1 if side == "sales" else -1
    control = ROLES["debtors" if side == "sales" else "creditors"]
    posting = ledger.post(
        s.db,
        s.business,
        max(invoice.date, source.date),
        [
            Line(control, -sign * difference, invoice.contact),
            Line(ROLES["exchange"], sign * difference),
        ],
        ("allocation", allocation),
    )
    s.db.execute(
        "UPDATE allocations SET posting = ? WHERE business = ? AND id = ?",
        (posting, s.business, allocation),
    )
