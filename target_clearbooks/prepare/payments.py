"""Payments: money received is positive, money paid negative; a refund is the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.contract import HOME_CURRENCY
from target_clearbooks.expand import PAID
from target_clearbooks.ledger.amounts import money
from target_clearbooks.prepare.checks import pennies_only
from target_clearbooks.prepare.shapes import folded_keys
from target_clearbooks.writable import WRITABLE, Kind, Side, streams_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from target_clearbooks.prepare.draft import Draft


def payment(draft: Draft) -> str | None:
    """Resolve and check a payment's body in place; its marker."""
    body = draft.body
    streams = streams_of(Kind.CONTACT)
    _contact_of_paid(draft)
    named = tuple(stream for stream in streams if WRITABLE[stream].noun in body)
    contact = draft.contact(str(draft.row.contact), streams)
    if contact is not None:
        named = named or draft.resolver.contacts.streams_of(contact)
    bank = _bank(draft)
    _method(draft, bank)
    currency = body.pop("currency", None)
    if bank and currency and str(currency).upper() != bank.get("currency", currency):
        draft.fault(
            f"currency: {currency} is not that of the bank account {bank.get('name', '')!r}, "
            f"which is in {bank['currency']}"
        )
    rate = body.get("exchangeRate")
    if rate is not None and rate <= 0:
        draft.fault("exchangeRate: should be above 0")
    if rate == 1 and bank and bank.get("currency") == HOME_CURRENCY:
        del body["exchangeRate"]  # the ledger keeps none of its own currency
    pennies_only(body, "amount", "", draft.findings)
    _sign(draft, named, body.pop("refund", False))
    return _marker(draft)


def _contact_of_paid(draft: Draft) -> None:
    """Find the contact of a payment that names what it pays instead: `contact: {invoice: …}`."""
    value = draft.body.get("contact")
    given = folded_keys(value, PAID) if isinstance(value, dict) else {}
    if not given:
        return
    del draft.body["contact"]
    ((noun, reference), *_) = given.items()
    documents = [s for s in streams_of(Kind.ALLOCATION) for s in WRITABLE[s].invoices]
    streams = tuple(s for s in documents if noun == "invoice" or WRITABLE[s].noun == noun)
    look = draft.resolver.references.document
    found = draft.findings.attempt(noun, look, streams, reference)
    if found is not None:
        draft.body[str(draft.row.contact)] = found[1].get(str(WRITABLE[found[0]].contact))
        draft.findings.found_by(found[2], *streams)


def _bank(draft: Draft) -> Mapping[str, Any] | None:
    body = draft.body
    given = body.pop("bankAccount", None)
    name = "bankAccountId" if "bankAccountId" in body else "bankAccount"
    value = {"id": body[name]} if name in body else draft.meant("bankAccount", given)
    if value is None:
        return None
    bank = draft.bank(name, value)
    if bank is not None:
        body["bankAccountId"] = int(bank["id"])
    return bank


def _method(draft: Draft, bank: Mapping[str, Any] | None) -> None:
    body = draft.body
    given = body.pop("paymentMethod", None)
    name = "paymentMethodId" if "paymentMethodId" in body else "paymentMethod"
    value = body.pop(name) if name in body else draft.meant("paymentMethod", given)
    if value is None or value == "" or bank is None:
        return
    look = draft.resolver.references.payment_method
    found = draft.findings.attempt(name, look, value, bank)
    if found is not None:
        body["paymentMethodId"] = found


def _sign(draft: Draft, streams: tuple[str, ...], refund: bool) -> None:
    """Check the sign by what the contact is; of one that is both, either may be right."""
    amount = draft.body.get("amount")
    if amount is None:
        return
    if not amount:
        draft.fault("amount: should not be 0")
        return
    side = WRITABLE[streams[0]].side if len(streams) == 1 else None
    if side is Side.PURCHASES and (amount > 0) is not refund:
        hint = (
            "; what a supplier gives back is positive"
            if refund
            else f" ({money(-amount)}); a refund from one is positive and carries `refund: true`"
        )
        draft.fault(f"amount: {money(amount)}: money paid to a supplier is negative{hint}")
    if side is Side.SALES and (amount < 0) is not refund:
        hint = (
            "a refund to a customer is negative"
            if refund
            else f"money received of a customer is positive ({money(-amount)}); a refund to one is "
            "negative and carries `refund: true`"
        )
        draft.fault(f"amount: {money(amount)}: {hint}")


def _marker(draft: Draft) -> str | None:
    """The marker stands in the description, as a word of its own at its end."""
    marker = draft.marker()
    words = str(draft.body.get("description", "")).strip()
    if marker and marker not in words.split():
        words = f"{words} {marker}".strip()
    if words:
        draft.body["description"] = words
    return marker
