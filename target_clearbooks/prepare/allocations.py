"""Allocations: which payment or credit note clears how much of which invoice or bill.

The amount is the whole sum wanted for the pair; what is allocated already counts towards it. Where
none is given it is what is due of the one or left of the other, whichever is less, and no more
than `atMost`, where that is given instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.contract import HOME_CURRENCY
from target_clearbooks.ledger.amounts import ZERO, decimal, money
from target_clearbooks.prepare.checks import pennies_only
from target_clearbooks.prepare.open_documents import CONTACT_IDS, match_open
from target_clearbooks.writable import WRITABLE, Kind, Side, streams_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from target_clearbooks.prepare.draft import Draft
    from target_clearbooks.prepare.open_documents import Found


def allocation(draft: Draft) -> None:
    """Resolve and check an allocation's body in place."""
    body, row = draft.body, draft.row
    by_payment = _end(draft, "payment", streams_of(Kind.PAYMENT))
    by_credit = _end(draft, "creditNote", (row.credit_notes,))
    match_open(draft, by_payment or by_credit)
    invoice = _end(draft, "invoice", row.invoices)
    sources = [
        name
        for name in ("payment", "creditNote")
        if f"{name}Id" in body or draft.findings.mentions(name)
    ]
    if len(sources) != 1:
        draft.fault("allocationType: give a payment or a creditNote, one of them")
        body.setdefault("allocationType", "payment")
    elif body.setdefault("allocationType", sources[0]) != sources[0]:
        draft.fault(f"allocationType: {body['allocationType']} does not go with a {sources[0]}")
    for name in ("amount", "atMost"):
        pennies_only(body, name, "", draft.findings)
        amount = body.get(name)
        if amount is not None and amount <= 0:
            draft.fault(f"{name}: {money(amount)} should be above 0; a refund is not allocated")
            return
    most = body.pop("atMost", None)
    if most is not None and "amount" in body:
        draft.fault("atMost: stands instead of an amount; give one of them")
        return
    source = by_payment or by_credit
    if invoice and source and len(sources) == 1:
        _check_pair(draft, invoice, source, most)
    else:
        # Nothing is sent, for a reason that was noted; that there is no amount is none beside it.
        body.setdefault("amount", ZERO)


def _end(draft: Draft, end: str, streams: tuple[str, ...]) -> Found | None:
    """Resolve one of the two that an allocation joins: `end` in general, or by its own noun."""
    body, name_of_id = draft.body, f"{end}Id"
    by_name = {end: streams} | {WRITABLE[stream].noun: (stream,) for stream in streams}
    given = {name: body.pop(name) for name in by_name if name in body}
    if name_of_id in body:
        by_name[name_of_id] = streams
        given[name_of_id] = {"id": body.pop(name_of_id)}
    if len(given) > 1:
        draft.fault(f"{name_of_id}: give one of {', '.join(given)}")
    if len(given) != 1:
        return None
    name, value = next(iter(given.items()))
    look = draft.resolver.references.document
    found = draft.findings.attempt(name, look, by_name[name], value)
    if found is None:
        return None
    body[name_of_id] = found[1]["id"]
    draft.findings.found_by(found[2], *by_name[name])
    return found[0], found[1]


def _check_pair(draft: Draft, invoice: Found, source: Found, most: Decimal | None) -> None:
    """Check that the two go together, and that there is room for the amount between them."""
    body, stream, lookups = draft.body, draft.row.stream, draft.resolver.lookups
    end = "paymentId" if _is_payment(source) else "creditNoteId"
    pair = (stream, body["invoiceId"], end, body[end])
    first = lookups.first_to_allocate(*pair, draft.source_key)
    if first != draft.source_key:
        draft.fault(
            f"invoice: the record {first!r} allocates the same {end.removesuffix('Id')} to it: "
            "send one record with the whole sum"
        )
        draft.findings.rivals.append((stream, first))
        return
    _check_contact_and_currency(draft, invoice[1], source)
    if not draft.findings.faults:
        allocated = lookups.rows(stream, **{end: body[end]})
        _check_room(draft, invoice, source, allocated, most)
    if draft.findings.faults:
        lookups.give_up_pairs(stream, draft.source_key)


def _check_room(
    draft: Draft,
    invoice: Found,
    source: Found,
    allocated: Sequence[Mapping[str, Any]],
    most: Decimal | None,
) -> None:
    """Check the amount; one that is not given is what is due or left, whichever is less."""
    body, stream = draft.body, draft.row.stream
    given = body.get("amount")
    open_ended = given is None and any(a["invoiceId"] == body["invoiceId"] for a in allocated)
    faults = [] if open_ended else _room(draft, invoice, source, allocated, most)
    if faults or open_ended:
        # Somebody else, or a write of this run still under way, may have changed it since.
        invoice, source = _read_again(draft, invoice), _read_again(draft, source)
        end = "paymentId" if _is_payment(source) else "creditNoteId"
        allocated = draft.resolver.lookups.allocations_again(stream, end, body[end])
        if given is None:
            body.pop("amount", None)
        faults = _room(draft, invoice, source, allocated, most)
    draft.findings.faults.extend(faults)


def _read_again(draft: Draft, found: Found) -> Found:
    stream, row = found
    return stream, next(iter(draft.resolver.lookups.again(stream, row["id"])), row)


def _check_contact_and_currency(draft: Draft, invoice: Mapping[str, Any], source: Found) -> None:
    kind = WRITABLE[source[0]].words
    ours, theirs = _contact(invoice), _contact(source[1])
    if ours is not None and theirs is not None and ours != theirs:
        names = [_named(draft, contact) for contact in (ours, theirs)]
        draft.fault(f"invoice: is of {names[0]}, and the {kind} of {names[1]}")
    ours, theirs = invoice.get("currency"), _currency(draft, source[1])
    if ours and theirs and theirs not in (ours, HOME_CURRENCY):
        draft.fault(f"invoice: is in {ours}; a {kind} in {theirs} cannot be allocated to it")


def _currency(draft: Draft, row: Mapping[str, Any]) -> Any:
    if "currency" in row or "bankAccountId" not in row:
        return row.get("currency")
    bank = draft.resolver.references.bank_accounts.get(row["bankAccountId"])
    return bank.get("currency") if bank else None


def _named(draft: Draft, contact: Any) -> str:
    row = draft.resolver.contacts.row(contact) or {}
    return f"{row.get('name', 'contact')} ({contact})"


def _room(
    draft: Draft,
    invoice: Found,
    source: Found,
    allocated: Sequence[Mapping[str, Any]],
    most: Decimal | None,
) -> list[str]:
    """Why what is missing of the wanted sum cannot be allocated.

    Args:
        draft: The allocation.
        invoice: What is to be cleared.
        source: The payment or credit note.
        allocated: What is allocated of the source already.
        most: What is wanted at most, where no amount is given.
    """
    body, row, kind = draft.body, source[1], WRITABLE[source[0]].words
    faults = _sign(draft, row) if _is_payment(source) else []
    there = _sum(a for a in allocated if a["invoiceId"] == body["invoiceId"])
    due, left = _due(invoice[1]), _due(row)
    if _is_payment(source):
        total = row.get("amount")
        left = None if total is None else abs(total) - _sum(allocated)
    one_currency = _currency(draft, row) == invoice[1].get("currency")
    if body.get("amount") is None:
        if due is None or left is None or not one_currency:
            return [*faults, "amount: is required: what is due, or left, is not known"]
        body["amount"] = there + max(min(due, left), ZERO)
        if most is not None:
            # Where nothing is due any more, none of it is wanted.
            body["amount"] = min(body["amount"], most)
        elif body["amount"] <= 0:
            what = "due" if due <= 0 else f"left of the {kind}"
            faults.append(f"amount: none is given, and nothing is {what}")
        return faults
    missing = body["amount"] - there
    if missing <= 0:
        return faults
    if due is not None and missing > due:
        faults.append(f"amount: {money(missing)} is more than is due: {money(due)}")
    if left is not None and missing > left and one_currency:
        faults.append(f"amount: {money(missing)} is more than is left of the {kind}: {money(left)}")
    return faults


def _sign(draft: Draft, payment: Mapping[str, Any]) -> list[str]:
    amount, sales = payment.get("amount"), draft.row.side is Side.SALES
    if not amount or (amount > 0) is sales:
        return []
    words = "received" if sales else "paid, a negative amount,"
    return [f"payment: is {money(amount)}; only money {words} is allocated here"]


def _is_payment(found: Found) -> bool:
    return WRITABLE[found[0]].kind is Kind.PAYMENT


def _sum(allocations: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((decimal(a["amount"]) for a in allocations), ZERO)


def _contact(row: Mapping[str, Any]) -> Any:
    return next((row[n] for n in CONTACT_IDS if n in row), None)


def _due(row: Mapping[str, Any]) -> Decimal | None:
    due = row.get("due")
    return None if due is None else decimal(due)
