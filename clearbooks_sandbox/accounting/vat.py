"""VAT treatments and rates: which are legal for a side, a treatment, a date and a contact.

The keys of the treatments are the sandbox's own; no published text lists those of the API.
Rates are those of UK law since 1991.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

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
        area: Where the contact must be: `GB`, `EU` or `world`.
        reverse: The VAT of a line is accounted for by the buyer: it is no part of the gross.
    """

    key: str
    name: str
    rates: tuple[str, ...]
    area: str = "GB"
    reverse: bool = False
    since: str = BEGIN
    until: str = END


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
_LAST_EU_DAY = "2020-12-31"  # EU rules ended with the transition period
TREATMENTS = {
    "sales": (
        Treatment("UK", "Sale in the UK", _ALL),
        Treatment("ReverseCharge", "Domestic reverse charge", ("Standard", "Reduced"),
                  reverse=True, since="2007-06-01"),
        Treatment("EUGoods", "Goods to a VAT-registered customer in the EU", ("Zero",), "EU",
                  until=_LAST_EU_DAY),
        Treatment("EUServices", "Services to a business customer in the EU", ("Out",), "EU"),
        Treatment("EUConsumer", "Sale to a consumer in the EU", _ALL, "EU", until=_LAST_EU_DAY),
        Treatment("Export", "Goods outside the UK", ("Zero",), "world"),
        Treatment("WorldServices", "Services outside the UK", ("Out",), "world"),
    ),
    "purchases": (
        Treatment("UK", "Purchase in the UK", _ALL),
        Treatment("ReverseCharge", "Domestic reverse charge", ("Standard", "Reduced"),
                  reverse=True, since="2007-06-01"),
        Treatment("EUGoods", "Goods acquired from the EU", ("Standard", "Reduced", "Zero"), "EU",
                  reverse=True, until=_LAST_EU_DAY),
        Treatment("EUServices", "Services from the EU", ("Standard", "Exempt", "Out"), "EU",
                  reverse=True),
        Treatment("Import", "Goods from outside the UK, postponed accounting",
                  ("Standard", "Reduced", "Zero"), "world", reverse=True, since="2021-01-01"),
        Treatment("WorldGoods", "Goods from outside the UK, VAT paid at the border",
                  ("Zero", "Out"), "world"),
        Treatment("WorldServices", "Services from outside the UK",
                  ("Standard", "Exempt", "Out"), "world", reverse=True),
    ),
}  # fmt: skip
TREATMENT_KEYS = tuple(dict.fromkeys(t.key for side in TREATMENTS.values() for t in side))
_EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
_UK = frozenset({"GB", "IM"})


def area_of(country: str | None) -> frozenset[str]:
    """Areas whose treatments suit a contact in this country; none given means the UK."""
    if country is None or country.upper() in _UK:
        return frozenset({"GB"})
    # Goods sent to the EU are exports like any other since 2021.
    return frozenset({"EU", "world"} if country.upper() in _EU else {"world"})


def in_force(item: Rate | Treatment, date: str | None) -> bool:
    """Whether a rate or treatment is in force on a date; always when None."""
    return date is None or item.since <= date <= item.until


def treatments(side: str, allowed: frozenset[str] | None) -> list[Treatment]:
    """The treatments of a side that a business has."""
    return [t for t in TREATMENTS[side] if allowed is None or t.key in allowed]


def legal_rates(treatments: list[Treatment], date: str | None) -> list[Rate]:
    """Rates that are legal under any of these treatments on a date, each key once."""
    families = {family for t in treatments if in_force(t, date) for family in t.rates}
    found = {
        rate.key: rate
        for rate in RATES
        if rate.key.partition(":")[2] in families and in_force(rate, date)
    }
    return list(found.values())
