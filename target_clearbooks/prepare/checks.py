"""Checks of single fields, which several kinds of records share."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from clearbooks.contract import HOME_CURRENCY, country_codes, country_names
from target_clearbooks.ledger.amounts import is_pennies, plain, text
from target_clearbooks.ledger.spelling import normal_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.shapes import Body

_CURRENCY_LETTERS = 3
# What files call a country beside its name in the list of codes.
_ALSO_CALLED = {
    "GB": (
        "UK",
        "G.B.",
        "United Kingdom",
        "Great Britain",
        "England",
        "Scotland",
        "Wales",
        "Northern Ireland",
        "England and Wales",
        "United Kingdom of Great Britain and Northern Ireland",
    ),
    "IE": ("Republic of Ireland", "Eire"),
    "US": ("USA", "United States of America"),
    "NL": ("Holland",),
    "CZ": ("Czechia",),
    "AE": ("UAE",),
    "KR": ("South Korea",),
    "KP": ("North Korea",),
    "TR": ("Türkiye",),
}


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
    if (code is None and rate is None) or (code == HOME_CURRENCY and rate == 1):
        # A null goes only with a currency, like any rate; and the ledger keeps none of its own.
        body.pop("exchangeRate", None)
        rate = None
    if rate is not None and rate <= 0:
        findings.faults.append(f"exchangeRate: {plain(rate)} should be above 0")
    if rate is not None and code is None:
        findings.faults.append("exchangeRate: goes only with currency; name the currency")
    if rate is None and code not in (None, HOME_CURRENCY):
        findings.warnings.append(
            f"exchangeRate: none is given for {code}, so the API provides the rate"
        )


@cache
def _countries() -> Mapping[str, str]:
    """Codes by the names of countries, as `normal_name` has them."""
    listed = [(name, code) for code, name in country_names().items()]
    # "Britain (UK)" is "Britain", too; of two Koreas neither is "Korea".
    short = Counter(name.partition(" (")[0] for name, _ in listed)
    listed += [(name.partition(" (")[0], code) for name, code in listed]
    known = {normal_name(name): code for name, code in listed if short.get(name, 1) == 1}
    return known | {normal_name(n): code for code, names in _ALSO_CALLED.items() for n in names}


def address(body: Body, findings: Findings) -> None:
    """Check the country of an address; a name becomes its code."""
    inside = body.get("address")
    if not isinstance(inside, dict) or not inside.get("countryCode"):
        return
    given = inside["countryCode"]
    code = given.strip().upper()
    if code not in country_codes():
        code = _countries().get(normal_name(given), "")
    if not code:
        findings.faults.append(
            f"address.countryCode: {given!r} should be an ISO 3166 code of two letters, such as "
            "GB, or the English name of a country"
        )
    inside["countryCode"] = code
