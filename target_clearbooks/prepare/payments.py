"""Payments: money received is positive, money paid negative; a refund is the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.ledger.amounts import money
from target_clearbooks.prepare.contacts import KINDS
from target_clearbooks.prepare.context import pennies_only

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from target_clearbooks.prepare.context import Body, Kit
    from target_clearbooks.prepare.diagnostics import Findings


def payment(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> str | None:
    """Resolve and check a payment's body in place; its marker."""
    contact = kit.contact(stream, body, "contactId", KINDS, note)
    bank = _bank(kit, stream, body, note)
    _method(kit, stream, body, bank, note)
    currency = body.pop("currency", None)
    if bank and currency and str(currency).upper() != bank.get("currency", currency):
        note.faults.append(
            f"currency: {currency} is not that of the bank account {bank.get('name', '')!r}, "
            f"which is in {bank['currency']}"
        )
    rate = body.get("exchangeRate")
    if rate is not None and rate <= 0:
        note.faults.append("exchangeRate: should be above 0")
    pennies_only(body, "amount", "", note)
    _sign(kit, body, contact, body.pop("refund", False), note)
    return _marker(kit, stream, body, source_key)


def _bank(kit: Kit, stream: str, body: Body, note: Findings) -> Mapping[str, Any] | None:
    name = "bankAccountId" if "bankAccountId" in body else "bankAccount"
    value = {"id": body["bankAccountId"]} if name in body and name == "bankAccountId" else None
    value = value or kit.aliases.meant(stream, "bankAccount", body.pop("bankAccount", None))
    if value is None or value == "":
        return None
    body.pop("bankAccount", None)
    bank = note.attempt(name, kit.references.bank_account, value)
    if bank is not None:
        body["bankAccountId"] = int(bank["id"])
    return bank


def _method(
    kit: Kit, stream: str, body: Body, bank: Mapping[str, Any] | None, note: Findings
) -> None:
    name = "paymentMethodId" if "paymentMethodId" in body else "paymentMethod"
    value = body.pop(name, None)
    body.pop("paymentMethod", None)
    if name == "paymentMethod":
        value = kit.aliases.meant(stream, "paymentMethod", value)
    if value is None or value == "" or bank is None:
        return
    found = note.attempt(name, kit.references.payment_method, value, bank)
    if found is not None:
        body["paymentMethodId"] = found


def _sign(kit: Kit, body: Body, contact: int | None, refund: bool, note: Findings) -> None:
    amount = body.get("amount")
    if amount is None:
        return
    if not amount:
        note.faults.append("amount: should not be 0")
        return
    kind = kit.contacts.kind_of(contact) if contact is not None else None
    if kind == "suppliers" and (amount > 0) is not refund:
        note.faults.append(
            f"amount: {money(amount)}: money paid to a supplier is negative"
            + ("; what a supplier gives back is positive" if refund else
               f" ({money(-amount)}); a refund from one is positive and carries `refund: true`")
        )  # fmt: skip
    if kind == "customers" and refund and amount > 0:
        note.faults.append(f"amount: {money(amount)}: a refund to a customer is negative")


def _marker(kit: Kit, stream: str, body: Body, source_key: str) -> str | None:
    """The marker stands in the description, as a word of its own at its end."""
    marker = kit.marker(stream, source_key)
    words = str(body.get("description", "")).strip()
    if marker and marker not in words.split():
        words = f"{words} {marker}".strip()
    if words:
        body["description"] = words
    return marker
