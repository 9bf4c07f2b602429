"""VAT treatments and rates: which are legal for a side, a treatment, a date and a contact.

The keys of treatments and rates are those of Clear Books' own ledger, as its SOAP interface
documents them; that of the domestic reverse charge is known from nowhere, and `DRC` is the
sandbox's own. Names, and which rates go with which treatment, follow UK law: no text lists them.
Rates are those of UK law since 1991.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from clearbooks_sandbox.accounting.features import REVERSE_CHARGE

if TYPE_CHECKING:
    from collections.abc import Collection

MANUAL = "Manual"
BEGIN, END = "0000-00-00", "9999-99-99"


class Rate(NamedTuple):
    """A VAT rate and the first and last day it was in force."""

    key: str
    name: str
    percent: Decimal
    since: str = BEGIN
    until: str = END


class Treatment(NamedTuple):
    """A VAT treatment of one side.

    Attributes:
        rates: Families of legal rates, such as `Standard`.
        area: Where the contact must be: `GB`, `EU`, `abroad`, or `any`.
        reverse: The VAT of a line is accounted for by the buyer: it is no part of the gross.
        feature: What must be on for a business to have it; None where every business does.
    """

    key: str
    name: str
    rates: tuple[str, ...]
    area: str = "GB"
    reverse: bool = False
    since: str = BEGIN
    until: str = END
    feature: str | None = None


RATES = (
    Rate("17.50:Standard", "Standard 17.5%", Decimal("17.5"), "1991-04-01", "2008-11-30"),
    Rate("15.00:Standard", "Standard 15%", Decimal(15), "2008-12-01", "2009-12-31"),
    Rate("17.50:Standard", "Standard 17.5%", Decimal("17.5"), "2010-01-01", "2011-01-03"),
    Rate("20.00:Standard", "Standard 20%", Decimal(20), "2011-01-04"),
    Rate("5.00:Reduced", "Reduced 5%", Decimal(5), "1997-09-01"),
    Rate("12.50:Reduced", "Reduced 12.5% (hospitality)", Decimal("12.5"), "2021-10-01",
         "2022-03-31"),
    Rate("0.00:Zero", "Zero rated", Decimal(0)),
    Rate("0.00:Exempt", "Exempt", Decimal(0)),
    Rate("0.00:Out", "Outside the scope of VAT", Decimal(0)),
)  # fmt: skip

_ALL = ("Standard", "Reduced", "Zero", "Exempt", "Out")
_GOODS = ("Standard", "Reduced", "Zero")
_SERVICES = ("Standard", "Reduced", "Zero", "Exempt", "Out")
# The last day of EU rules for Great Britain. For goods they go on in Northern Ireland.
_LAST_EU_DAY, _BREXIT = "2020-12-31", "2021-01-01"
_DOMESTIC = Treatment(
    "DRC",
    "Domestic reverse charge",
    ("Standard", "Reduced"),
    reverse=True,
    since="2007-06-01",
    feature=REVERSE_CHARGE,
)
_OUT = Treatment("OUT", "Outside the scope of VAT", ("Out",), "any")
TREATMENTS = {
    "sales": (
        Treatment("UK", "Sale in the UK", _ALL),
        _OUT,
        Treatment("GE", "Goods exported", ("Zero",), "abroad"),
        Treatment("SE", "Services exported", ("Out",), "abroad"),
        Treatment("DSEU", "Digital services to consumers in the EU", ("Out",), "EU",
                  since="2015-01-01"),
        Treatment("GNIEU", "Goods from Northern Ireland to the EU", ("Zero",), "EU", since=_BREXIT),
        Treatment("GEU", "Goods to the EU", ("Zero",), "EU", until=_LAST_EU_DAY),
        Treatment("SEU", "Services to the EU", ("Out",), "EU", until=_LAST_EU_DAY),
        _DOMESTIC,
    ),
    "purchases": (
        Treatment("UK", "Purchase in the UK", _ALL),
        _OUT,
        Treatment("GI", "Goods imported, VAT paid at the border", ("Zero", "Out"), "abroad"),
        Treatment("GIPVA", "Goods imported, postponed VAT accounting", _GOODS, "abroad",
                  reverse=True, since=_BREXIT),
        Treatment("SIRC", "Services from abroad, reverse charge", _SERVICES, "abroad",
                  reverse=True),
        Treatment("GNIEU", "Goods from the EU to Northern Ireland", _GOODS, "EU", reverse=True,
                  since=_BREXIT),
        Treatment("GEU", "Goods from the EU", _GOODS, "EU", reverse=True, until=_LAST_EU_DAY),
        Treatment("SEU", "Services from the EU", _SERVICES, "EU", reverse=True,
                  until=_LAST_EU_DAY),
        _DOMESTIC,
    ),
}  # fmt: skip
TREATMENT_KEYS = tuple(dict.fromkeys(t.key for side in TREATMENTS.values() for t in side))
# What some answers put in front of a treatment's key.
PREFIXES = {"sales": "S", "purchases": "P"}
_EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
_UK = frozenset({"GB", "IM"})


def areas_of(country: str | None) -> frozenset[str]:
    """Areas whose treatments suit a contact in this country; none given means the UK."""
    if country is None or country.upper() in _UK:
        return frozenset({"any", "GB"})
    # Goods sent to the EU are exports like any other since 2021.
    return frozenset({"any", "abroad"} | ({"EU"} if country.upper() in _EU else set()))


def in_force(item: Rate | Treatment, date: str | None) -> bool:
    """Whether a rate or treatment is in force on a date; always when None."""
    return date is None or item.since <= date <= item.until


def treatments(
    side: str, allowed: Collection[str] | None, features: Collection[str]
) -> list[Treatment]:
    """The treatments of a side that a business has; `allowed` is None for all."""
    return [
        t
        for t in TREATMENTS[side]
        if (allowed is None or t.key in allowed) and (t.feature is None or t.feature in features)
    ]


def name_of(side: str, key: str) -> str:
    """The name of a treatment."""
    return next((t.name for t in TREATMENTS[side] if t.key == key), "")


def legal_rates(treatments: list[Treatment], date: str | None) -> list[Rate]:
    """Rates that are legal under any of these treatments on a date, each key once."""
    families = {family for t in treatments if in_force(t, date) for family in t.rates}
    found = {
        rate.key: rate
        for rate in RATES
        if rate.key.partition(":")[2] in families and in_force(rate, date)
    }
    return list(found.values())
