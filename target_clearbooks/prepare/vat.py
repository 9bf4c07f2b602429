"""VAT treatments by key or name; VAT rates by key, name or percentage, legal on their date."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import HUNDRED, decimal, plain, quoted
from target_clearbooks.ledger.candidates import as_candidates
from target_clearbooks.ledger.spelling import fold, join_names, same_treatment
from target_clearbooks.prepare.diagnostics import AmbiguousError, NotFoundInLedgerError
from target_clearbooks.writable import Side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_clearbooks.ledger.lookups import Lookups

MANUAL = "Manual"

# Days on which UK rates or treatments changed. A list read for one day serves the others of the
# same year up to the next of these days; before a rate is refused, its exact day is asked for.
CHANGES = (
    *("2007-06-01", "2008-12-01", "2010-01-01", "2011-01-04", "2020-07-15"),
    *("2021-01-01", "2021-03-01", "2021-10-01", "2022-04-01"),
)

# Treatments of purchases whose VAT the buyer accounts for, so that it is no part of the gross:
# postponed accounting, services and, from the EU, goods.
_REVERSED = ("GIPVA", "SIRC", "GNIEU", "GEU", "SEU")

_PERCENT = re.compile(r"([+-]?\d+(?:\.\d+)?|\.\d+)\s*(%|per\s?cent)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rate:
    """A legal VAT rate. `percent` is None where the API did not tell it."""

    key: str
    name: str
    percent: Decimal | None

    @property
    def family(self) -> str:
        """The word in the key, such as `Standard` of `20.00:Standard`."""
        return self.key.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Percentage:
    """A percentage as it was written; `fraction` where 0.2 may stand for 20 %."""

    value: Decimal
    fraction: bool


def percentage(value: Any) -> Percentage | None:
    """The percentage that a value means, if it means one.

    "20%", "20", 20 and 20.0 are 20 %. A plain number between 0 and 1, such as 0.2, is a fraction:
    no VAT rate is below 1 % but 0 itself. "0.2%" stays what it says.
    """
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number, sign = decimal(value), ""
    elif isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())):
        number, sign = Decimal(match.group(1)), match.group(2) or ""
    else:
        return None
    if not sign and 0 < number < 1:
        return Percentage(number * HUNDRED, fraction=True)
    return Percentage(number, fraction=False)


class Vat:
    """VAT of one business, out of its lists."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._treatments: dict[tuple[str, Any], str] = {}
        self._rates: dict[tuple[str, str | None, str | None], tuple[Rate, ...]] = {}
        self._reverse: dict[tuple[str, str], bool] = {}
        self._found: dict[tuple[str, str, str, Any], Rate] = {}

    def treatment(self, side: str, value: Any) -> str:
        """Key of the treatment of a side, `sales` or `purchases`.

        Raises:
            NotFoundInLedgerError, AmbiguousError: the business has none, or several, of that name.
        """
        known = self._treatments.get((side, value)) if isinstance(value, str) else None
        if known:
            return known
        rows = self._lookups.rows("vat_treatments", vatType=side)
        wanted = fold(str(value))
        found = [r for r in rows if r["key"] == value]
        found = found or [r for r in rows if fold(str(r["key"])) == wanted]
        found = found or [r for r in rows if same_treatment(str(r["key"]), wanted, side)]
        found = found or [r for r in rows if fold(str(r.get("name", ""))) == wanted]
        if not found:
            raise NotFoundInLedgerError(
                f"the business has no VAT treatment {quoted(value)} for {side}; it has "
                + join_names([str(r["key"]) for r in rows], 20)
            )
        if len(found) > 1:
            raise AmbiguousError(
                f"{quoted(value)} is the name of several VAT treatments", as_candidates(found)
            )
        key = str(found[0]["key"])
        self._treatments[side, value] = key
        return key

    def legal(self, side: str, treatment: str | None, date: str | None) -> tuple[Rate, ...]:
        """Rates that are legal for a side, treatment and date, as the API lists them."""
        key = (side, treatment, date)
        if key not in self._rates:
            params = {"vatType": side}
            params |= {"vatTreatment": treatment} if treatment is not None else {}
            params |= {"date": date} if date is not None else {}
            self._rates[key] = tuple(map(_rate, self._lookups.rows("vat_rates", **params)))
        return self._rates[key]

    def rate(self, side: str, treatment: str, date: str, value: Any) -> Rate:
        """The rate that a line names; `Manual` has no percentage.

        Raises:
            NotFoundInLedgerError: not legal there; the text names the legal keys.
            ValueError: several legal rates have that percentage or name.
        """
        if isinstance(value, str) and fold(value) == fold(MANUAL):
            return Rate(MANUAL, MANUAL, None)
        era = _era(date)
        kept = (
            (side, treatment, era, value) if isinstance(value, (str, int, float, Decimal)) else None
        )
        if kept in self._found:
            return self._found[kept]
        first = self._eras(side, treatment, date, era)
        found = _matching(first, value)
        if len(found) != 1:
            # Refused only by the list of the very day.
            legal = self.legal(side, treatment, date)
            found = _matching(legal, value)
            if not found:
                raise NotFoundInLedgerError(
                    f"{quoted(value)} is not legal for the treatment {treatment} on {date}; legal "
                    f"are {join_names([r.key for r in legal], 20)}{_say_which(value)}"
                    if legal
                    else f"the treatment {treatment} has no VAT rates on {date}: it was not in "
                    "force then (GEU and SEU ended with 2020, GIPVA and GNIEU began with 2021)"
                )
            if len(found) > 1:
                raise ValueError(
                    f"{quoted(value)} fits several legal rates: name one by its key "
                    f"({join_names([r.key for r in found])}), or give the setting references an "
                    'entry such as {"vatRate": {"0%": "0.00:Zero"}}'
                )
        elif kept:
            self._found[kept] = found[0]
        return found[0]

    def any_rate(self, side: str, value: Any) -> Rate:
        """A rate with neither treatment nor date, as an account or stock item proposes it.

        Raises:
            NotFoundInLedgerError, ValueError: as for `rate`.
        """
        known = self.legal(side, None, None)
        found = _matching(known, value)
        if not found:
            raise NotFoundInLedgerError(
                f"there is no VAT rate {quoted(value)}; there are "
                + join_names([r.key for r in known])
            )
        if len(found) > 1:
            raise ValueError(
                f"{quoted(value)} fits several VAT rates: name one by its key "
                f"({join_names([r.key for r in found])})"
            )
        return found[0]

    def reverse(self, side: str, treatment: str) -> bool:
        """Whether the buyer accounts for the VAT: the treatment's key or name says so."""
        kept = self._reverse.get((side, treatment))
        if kept is None:
            rows = self._lookups.rows("vat_treatments", vatType=side)
            names = [fold(str(r.get("name", ""))) for r in rows if r["key"] == treatment]
            own = any(same_treatment(treatment, key, side) for key in _REVERSED)
            kept = (own and side == Side.PURCHASES) or any(
                "reversecharge" in word or "postponed" in word for word in (fold(treatment), *names)
            )
            self._reverse[side, treatment] = kept
        return kept

    def _eras(self, side: str, treatment: str, date: str, era: str) -> tuple[Rate, ...]:
        key = (side, treatment, era)
        if key not in self._rates:
            self._rates[key] = self.legal(side, treatment, date)
        return self._rates[key]


def _era(date: str) -> str:
    """A name for the days on which the same rates are taken to be legal."""
    return f"era {date[:4]}/{bisect_right(CHANGES, date)}"


def _rate(row: Mapping[str, Any]) -> Rate:
    percent = row.get("rate")
    return Rate(
        str(row.get("key")),
        str(row.get("name", "")),
        None if percent is None else _percent(decimal(percent)),
    )


def _percent(rate: Decimal) -> Decimal:
    """A rate as a percentage, also where the API gives a fraction: none is below 1 % but 0."""
    return rate * HUNDRED if 0 < rate < 1 else rate


def _matching(legal: Sequence[Rate], value: Any) -> list[Rate]:
    found = [rate for rate in legal if rate.key == value]
    if not found and (meant := percentage(value)):
        found = [rate for rate in legal if rate.percent == meant.value]
    elif not found:
        wanted = fold(str(value))
        for name in ("key", "name", "family"):
            found = found or [rate for rate in legal if fold(getattr(rate, name)) == wanted]
    return found


def _say_which(value: Any) -> str:
    """The way out, where a source has names of its own for VAT rates, such as T1."""
    if not isinstance(value, str) or ":" in value or percentage(value):
        return ""
    return "; the setting references says which rate a name of yours stands for"


def describe(rate: Rate) -> str:
    """A rate for a message."""
    return rate.key if rate.percent is None else f"{rate.key} ({plain(rate.percent)} %)"
