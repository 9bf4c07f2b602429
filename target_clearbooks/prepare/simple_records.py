"""Contacts, accounts, stock items, journals, and what banks send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import ZERO, money
from target_clearbooks.prepare.contacts import is_generated
from target_clearbooks.prepare.context import currency, pennies_only
from target_clearbooks.prepare.extra_fields import line_shape

if TYPE_CHECKING:
    from target_clearbooks.prepare.context import Body, Kit
    from target_clearbooks.prepare.diagnostics import Findings

_COUNTRY = 2
_SIDES = {"sales": "sales", "purchase": "purchases"}


def contact(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Check a customer or supplier."""
    del stream, source_key
    if isinstance(body.get("name"), str) and not body["name"].strip():
        body["name"] = ""
    # An older account refuses the field: it is left out where contacts are not matched by it.
    if "externalId" not in kit.settings.match or is_generated(str(body.get("externalId", ""))):
        body.pop("externalId", None)
    address(body, note)


def address(body: Body, note: Findings) -> None:
    """Check the country of an address."""
    inside = body.get("address")
    if not isinstance(inside, dict) or not inside.get("countryCode"):
        return
    code = inside["countryCode"].strip().upper()
    if not (len(code) == _COUNTRY and code.isascii() and code.isalpha()) or code == "UK":
        hint = "GB" if code == "UK" else "a code of two letters, such as GB"
        note.faults.append(f"address.countryCode: {inside['countryCode']!r} should be {hint}")
    inside["countryCode"] = code


def business(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Check the update of a business."""
    del kit, stream, source_key
    address(body, note)


def account_code(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Resolve the VAT rate that an account proposes."""
    del source_key
    value = kit.aliases.meant(stream, "vatRate", body.pop("defaultVatRate", None))
    if value is not None and value != "":
        rate = note.attempt("defaultVatRate", kit.vat.any_rate, body_side(body), value)
        if rate is not None:
            body["defaultVatRate"] = rate.key


def body_side(body: Body) -> str:
    """Which side's VAT rates an account code proposes."""
    return "purchases" if body.get("purchases") and not body.get("sales") else "sales"


def bank_account(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Check a bank account."""
    del kit, stream, source_key
    currency(body, note)
    note.warnings.clear()  # an account has no rate


def stock_item(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Resolve the accounts and VAT rates of a stock item."""
    del source_key
    for prefix, side in _SIDES.items():
        name = f"{prefix}AccountCode"
        value = kit.aliases.meant(stream, "accountCode", body.pop(name, None))
        if value is not None and value != "":
            found = note.attempt(name, kit.references.account, value, side)
            if found is not None:
                body[name] = found
        name = f"{prefix}VatRateKey"
        value = body.pop(f"{prefix}VatRate", body.pop(name, None))
        value = kit.aliases.meant(stream, "vatRate", value)
        if value is not None and value != "":
            rate = note.attempt(name, kit.vat.any_rate, side, value)
            if rate is not None:
                body[name] = rate.key


def journal(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Resolve the accounts of a journal; its lines must sum to 0."""
    del source_key
    shape = line_shape(stream, "lines")
    total = ZERO
    for n, line in enumerate(body.get("lines", ())):
        where = f"lines[{n}]"
        name = "accountCode" if "accountCode" in line else "accountCodeId"
        value = kit.aliases.meant(stream, "accountCode", line.pop(name, None))
        if value is not None and value != "":
            found = note.attempt(f"{where}.accountCodeId", kit.references.account, value, None)
            if found is not None:
                line["accountCodeId"] = found
        note.faults.extend(
            f"{where}.{lacking}: is required"
            for lacking in shape.missing(line)
            if not note.open(f"{where}.{lacking}")
        )
        pennies_only(line, "amount", f"{where}.", note)
        total += line.get("amount", ZERO)
    if total and not any(f.startswith("lines[") and ".amount" in f for f in note.faults):
        note.faults.append(f"lines: sum to {money(total)}; a journal sums to 0")


def bank_feed(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Resolve the bank account of a feed."""
    del source_key
    value: Any = {"id": body["accountId"]} if "accountId" in body else None
    name = "accountId" if value else "bankAccount"
    value = value or kit.aliases.meant(stream, "bankAccount", body.pop("bankAccount", None))
    body.pop("bankAccount", None)
    if value is not None and value != "":
        bank = note.attempt(name, kit.references.bank_account, value)
        if bank is not None:
            body["accountId"] = int(bank["id"])
    elif body.get("sortCode") and body.get("accountNumber") and not body.get("name"):
        # Without a name an account must be there already; the API makes none.
        wanted = {n: body[n] for n in ("sortCode", "accountNumber")}
        note.attempt("name", kit.references.bank_account, wanted)


def bank_statement(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> None:
    """Resolve the feed of a statement, and check its lines."""
    del stream, source_key
    given = [body.pop(name) for name in ("feed", "bankFeed") if name in body]
    if given and "feedId" not in body:
        found = note.attempt("feedId", kit.references.feed, given[0])
        if found is not None:
            body["feedId"] = found[0]
            note.used(found[1])
    seen: dict[str, int] = {}
    for n, line in enumerate(body.get("statementLines", ())):
        pennies_only(line, "amount", f"statementLines[{n}].", note)
        number = line.get("transactionId")
        if number in seen:
            note.faults.append(
                f"statementLines[{n}].transactionId: {number!r} stands in line {seen[number]} too"
            )
        elif number is not None:
            seen[number] = n
