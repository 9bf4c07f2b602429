"""Businesses, accounts, bank accounts, contacts and stock items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.prepare.checks import address, currency
from target_clearbooks.source_key import in_namespace, is_generated, spelled
from target_clearbooks.writable import Side

if TYPE_CHECKING:
    from target_clearbooks.prepare.draft import Draft

# Prefix of a stock item's fields, and the side that they belong to.
_SIDES = {"sales": Side.SALES, "purchase": Side.PURCHASES}


def business(draft: Draft) -> None:
    """Check the update of a business."""
    address(draft.body, draft.findings)


def contact(draft: Draft) -> None:
    """Check a customer or supplier."""
    body = draft.body
    if isinstance(body.get("name"), str) and not body["name"].strip():
        body["name"] = ""
    # An older account refuses the field: it is left out where contacts are not matched by it.
    settings = draft.resolver.settings
    own = body.pop("externalId", None)
    if own and "externalId" in settings.match and not is_generated(own):
        # A record of before `source` was set keeps the key that it has in the ledger.
        named = draft.source_key.startswith(f"{settings.source}:")
        body["externalId"] = in_namespace(spelled(own), settings.source if named else "")
    address(body, draft.findings)


def account_code(draft: Draft) -> None:
    """Resolve the VAT rate that an account proposes."""
    body = draft.body
    # The rates of purchases where the account takes purchases alone.
    side = Side.PURCHASES if body.get("purchases") and not body.get("sales") else Side.SALES
    given = body.pop("defaultVatRate", None)
    value = draft.meant("vatRate", given)
    if value is None and given == "":
        body["defaultVatRate"] = ""  # it proposes none, as most accounts
    _vat_rate(draft, "defaultVatRate", side, value)


def bank_account(draft: Draft) -> None:
    """Check a bank account."""
    currency(draft.body, draft.findings)
    draft.findings.warnings.clear()  # an account has no rate


def stock_item(draft: Draft) -> None:
    """Resolve the accounts and VAT rates of a stock item."""
    body = draft.body
    for prefix, side in _SIDES.items():
        name = f"{prefix}AccountCode"
        value = draft.meant("accountCode", body.pop(name, None))
        if value is not None:
            found = draft.account(name, value, side)
            if found is not None:
                body[name] = found
        name = f"{prefix}VatRateKey"
        value = body.pop(f"{prefix}VatRate", body.pop(name, None))
        _vat_rate(draft, name, side, draft.meant("vatRate", value))


def _vat_rate(draft: Draft, name: str, side: Side, value: object) -> None:
    """Put the key of a VAT rate that is only proposed into a field."""
    if value is None:
        return
    rate = draft.findings.attempt(name, draft.resolver.vat.any_rate, side, value)
    if rate is not None:
        draft.body[name] = rate.key
