"""Allocations: which payment or credit note clears how much of which invoice or bill.

The amount is the whole sum wanted for the pair; what stands there already counts towards it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import ZERO, decimal, money
from target_clearbooks.ledger.lookups import CREDIT_NOTES, INVOICES
from target_clearbooks.prepare.context import pennies_only
from target_clearbooks.prepare.extra_fields import side_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from target_clearbooks.prepare.context import Body, Kit
    from target_clearbooks.prepare.diagnostics import Findings


class Allocations:
    """Prepares allocations of one business."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def allocation(self, stream: str, body: Body, source_key: str, note: Findings) -> None:
        """Resolve and check an allocation's body in place."""
        names = ("invoice", "bill", "expense")
        invoice = self._end(body, names, "invoiceId", INVOICES[stream], note)
        by_payment = self._end(body, ("payment",), "paymentId", ("payments",), note)
        credit = (CREDIT_NOTES[stream],)
        by_credit = self._end(body, ("creditNote",), "creditNoteId", credit, note)
        sources = [n for n in ("payment", "creditNote") if f"{n}Id" in body or note.open(n)]
        if len(sources) != 1:
            note.faults.append("allocationType: give a payment or a creditNote, one of them")
            body.setdefault("allocationType", "payment")
        elif body.setdefault("allocationType", sources[0]) != sources[0]:
            note.faults.append(
                f"allocationType: {body['allocationType']} does not go with a {sources[0]}"
            )
        pennies_only(body, "amount", "", note)
        amount = body.get("amount")
        if amount is not None and amount <= 0:
            note.faults.append(f"amount: {money(amount)} should be above 0; a refund is not "
                               "allocated")  # fmt: skip
            return
        source = by_payment or by_credit
        if invoice and source and len(sources) == 1:
            self._check_pair(stream, body, invoice, source, source_key, note)

    def _end(
        self, body: Body, names: tuple[str, ...], field: str, streams: tuple[str, ...],
        note: Findings,
    ) -> tuple[str, Mapping[str, Any]] | None:  # fmt: skip
        given = {name: body.pop(name) for name in names if name in body}
        if field in body:
            given[field] = {"id": body.pop(field)}
        if len(given) > 1:
            note.faults.append(f"{field}: give one of {', '.join(given)}")
        if len(given) != 1:
            return None
        name, value = next(iter(given.items()))
        if name in ("bill", "expense"):
            streams = (f"{name}s",)
        found = note.attempt(name, self._kit.references.document, streams, value)
        if found is None:
            # Keeps "is required" silent: the field is given, and what is wrong with it is noted.
            return None
        body[field] = found[1]["id"]
        note.used(found[2])
        return found[0], found[1]

    def _check_pair(
        self, stream: str, body: Body, invoice: tuple[str, Mapping[str, Any]],
        source: tuple[str, Mapping[str, Any]], source_key: str, note: Findings,
    ) -> None:  # fmt: skip
        end = "paymentId" if source[0] == "payments" else "creditNoteId"
        first = self._kit.lookups.first_to_allocate(
            stream, body["invoiceId"], end, body[end], source_key
        )
        if first != source_key:
            note.faults.append(
                f"invoice: the record {first!r} allocates the same {end.removesuffix('Id')} to it: "
                "send one record with the whole sum"
            )
            return
        self._contact_and_currency(invoice[1], source, note)
        amount = body.get("amount")
        if amount is None or note.faults:
            return
        lookups = self._kit.lookups
        faults = self._room(stream, body, invoice, source, lookups.rows(stream, **{end: body[end]}))
        if faults:
            # Somebody else, or a write of this run still under way, may have changed it since.
            invoice, source = self._again(invoice), self._again(source)
            there = lookups.allocations_again(stream, end, body[end])
            faults = self._room(stream, body, invoice, source, there)
        note.faults.extend(faults)

    def _again(self, found: tuple[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
        stream, row = found
        return stream, next(iter(self._kit.lookups.again(stream, row["id"])), row)

    def _contact_and_currency(
        self, invoice: Mapping[str, Any], source: tuple[str, Mapping[str, Any]], note: Findings
    ) -> None:
        ours, theirs = _contact(invoice), _contact(source[1])
        if ours is not None and theirs is not None and ours != theirs:
            words = [self._named(contact) for contact in (ours, theirs)]
            note.faults.append(
                f"invoice: is of {words[0]}, and the {_what(source[0])} of {words[1]}"
            )
        ours, theirs = invoice.get("currency"), self._currency(source[1])
        if ours and theirs and theirs not in (ours, "GBP"):
            note.faults.append(
                f"invoice: is in {ours}; a {_what(source[0])} in {theirs} cannot be allocated to it"
            )

    def _currency(self, row: Mapping[str, Any]) -> Any:
        if "currency" in row or "bankAccountId" not in row:
            return row.get("currency")
        bank = self._kit.lookups.table("bank_accounts").get(row["bankAccountId"])
        return bank.get("currency") if bank else None

    def _named(self, contact: Any) -> str:
        row = self._kit.contacts.row(contact) or {}
        return f"{row.get('name', 'contact')} ({contact})"

    def _room(
        self, stream: str, body: Body, invoice: tuple[str, Mapping[str, Any]],
        source: tuple[str, Mapping[str, Any]], there: Sequence[Mapping[str, Any]],
    ) -> list[str]:  # fmt: skip
        """Why what is missing of the wanted sum cannot be allocated."""
        faults = []
        kind, row = source
        if kind == "payments":
            faults.extend(_sign(stream, row))
        missing = body["amount"] - _sum(a for a in there if a["invoiceId"] == body["invoiceId"])
        if missing <= 0:
            return faults
        due = _due(invoice[1])
        if due is not None and missing > due:
            faults.append(f"amount: {money(missing)} is more than is due: {money(due)}")
        total = row.get("amount")
        left = _due(row)
        if kind == "payments":
            left = None if total is None else abs(total) - _sum(there)
        same = self._currency(row) == invoice[1].get("currency")
        if left is not None and missing > left and same:
            faults.append(
                f"amount: {money(missing)} is more than is left of the {_what(kind)}: {money(left)}"
            )
        return faults


def _sign(stream: str, row: Mapping[str, Any]) -> list[str]:
    amount = row.get("amount")
    if not amount or (amount > 0) is (side_of(stream) == "sales"):
        return []
    words = "received" if side_of(stream) == "sales" else "paid, a negative amount,"
    return [f"payment: is {money(amount)}; only money {words} is allocated here"]


def _sum(allocations: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((decimal(a["amount"]) for a in allocations), ZERO)


def _contact(row: Mapping[str, Any]) -> Any:
    return next((row[n] for n in ("customerId", "supplierId", "contactId") if n in row), None)


def _due(row: Mapping[str, Any]) -> Decimal | None:
    due = row.get("due")
    return None if due is None else decimal(due)


def _what(stream: str) -> str:
    return "payment" if stream == "payments" else "credit note"
