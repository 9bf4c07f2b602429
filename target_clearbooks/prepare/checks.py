"""Checks of single fields, which several kinds of records share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.contract import country_codes
from target_clearbooks.ledger.amounts import is_pennies, plain, text
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.countries import COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.shapes import Body

_CURRENCY_LETTERS = 3


def pennies_only(body: Mapping[str, Any], name: str, where: str, findings: Findings) -> None:
    """Note an amount with parts of a penny."""
    value: Decimal | None = body.get(name)
    if value is not None and not is_pennies(value):
        findings.faults.append(f"{where}{name}: {plain(value)} has parts of a penny")


def currency(body: Body, findings: Findings) -> None:
    """Check a currency and its rate."""
    code = body.get("currency")
    if code is not None:
        code = text(code).strip().upper()
        if not code:
            del body["currency"]
            code = None
        elif not (len(code) == _CURRENCY_LETTERS and code.isascii() and code.isalpha()):
            findings.faults.append(f"currency: {body['currency']!r} should be a code such as EUR")
        else:
            body["currency"] = code
    rate = body.get("exchangeRate")
    if code is None and rate is None:
        body.pop("exchangeRate", None)  # a null goes only with a currency, like any rate
    if rate is not None and rate <= 0:
        findings.faults.append(f"exchangeRate: {plain(rate)} should be above 0")
    if rate is not None and code is None:
        findings.faults.append("exchangeRate: goes only with currency; name the currency")
    if rate is None and code not in (None, "GBP"):
        findings.warnings.append(
            f"exchangeRate: none is given for {code}, so the API provides the rate"
        )


def address(body: Body, findings: Findings) -> None:
    """Check the country of an address."""
    inside = body.get("address")
    if not isinstance(inside, dict) or not inside.get("countryCode"):
        return
    given = inside["countryCode"]
    code = COUNTRIES.get(fold(given), given.strip().upper())
    if code not in country_codes():
        findings.faults.append(
            f"address.countryCode: {given!r} should be an ISO 3166 code of two letters, such as GB"
        )
    inside["countryCode"] = code
