"""Lines of a document: references, prices net or gross, and what they will sum to.

The API works VAT out line by line, from the net. Where a line is priced gross, the net and VAT
are found that give that gross to the penny: with the rate's own key where it does, else `Manual`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import (
    HUNDRED,
    PENNY,
    ZERO,
    is_pennies,
    money,
    over,
    pennies,
    plain,
    times,
)
from target_clearbooks.prepare.stream_shapes import line_shape
from target_clearbooks.prepare.vat import MANUAL

if TYPE_CHECKING:
    from target_clearbooks.prepare.aliases import Aliases
    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.references import References
    from target_clearbooks.prepare.vat import Rate, Vat

Line = dict[str, Any]

_NET, _GROSS = ("unitPrice", "net"), ("grossUnitPrice", "gross")
_MOST_PLACES = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every line of a document. None where the record's own field is at fault."""

    stream: str
    side: str
    treatment: str | None
    date: str | None


@dataclass(frozen=True, slots=True)
class Rated:
    """A line whose VAT the API works out of its net: `exact` before it is rounded to `vat`."""

    where: str
    line: Line
    exact: Decimal
    vat: Decimal


@dataclass(slots=True)
class Sums:
    """What the lines come to.

    Attributes:
        known: False once a line could not be worked out.
        gross_priced: How many lines are priced by their gross.
        rated: Lines priced by their net that bear VAT at a rate.
    """

    net: Decimal = ZERO
    vat: Decimal = ZERO
    known: bool = True
    gross_priced: int = 0
    rated: list[Rated] = field(default_factory=list)


class Lines:
    """Resolves the lines of documents of one business."""

    def __init__(self, references: References, vat: Vat, aliases: Aliases) -> None:
        self._references = references
        self._vat = vat
        self._aliases = aliases

    def resolve(
        self, lines: list[Line], terms: Terms, findings: Findings
    ) -> tuple[list[Line], Sums]:
        """The lines as they are sent, and their sums."""
        shape = line_shape(terms.stream, "lineItems")
        sums = Sums()
        done = []
        for n, given in enumerate(lines):
            where = f"lineItems[{n}]"
            line = dict(given)
            if not line:
                if not findings.mentions(where):
                    findings.faults.append(f"{where}: is empty")
                sums.known = False
                continue
            self._account(line, terms, where, findings)
            rate = self._rate(line, terms, where, findings)
            self._price(line, terms, rate, where, findings, sums)
            findings.faults.extend(
                f"{where}.{name}: is required"
                for name in shape.missing(line)
                if not findings.mentions(f"{where}.{name}")
                and not (name == "unitPrice" and _priced(given))
            )
            done.append(line)
        return done, sums

    def _account(self, line: Line, terms: Terms, where: str, findings: Findings) -> None:
        value = self._aliases.meant(terms.stream, "accountCode", line.pop("accountCode", None))
        if value is not None and value != "":
            path = f"{where}.accountCode"
            found = findings.attempt(path, self._references.account, value, terms.side)
            if found is not None:
                line["accountCode"] = found
        value = self._aliases.meant(terms.stream, "stockItem", line.pop("stockItem", None))
        if value is not None and value != "":
            item = findings.attempt(f"{where}.stockItem", self._references.stock_item, value)
            if item is not None:
                line["stockItem"] = item[0]
                findings.depend_on(item[1])

    def _rate(self, line: Line, terms: Terms, where: str, findings: Findings) -> Rate | None:
        named = "vatRate" if "vatRate" in line else "vatRateKey"
        value, key = line.pop("vatRate", None), line.pop("vatRateKey", None)
        value = self._aliases.meant(terms.stream, "vatRate", key if value is None else value)
        if value is None or value == "":
            return None
        path = f"{where}.{named}"
        if terms.treatment is None or terms.date is None:
            # Which rates are legal is not known; what is wrong is noted already.
            line["vatRateKey"] = str(value)
            return None
        look = partial(self._vat.rate, terms.side, terms.treatment, terms.date)
        rate = findings.attempt(path, look, value)
        # Only what is noted above is wrong with a field that has a value.
        line["vatRateKey"] = rate.key if rate else str(value)
        return rate

    def _price(
        self,
        line: Line,
        terms: Terms,
        rate: Rate | None,
        where: str,
        findings: Findings,
        sums: Sums,
    ) -> None:
        nets = [name for name in _NET if name in line]
        grosses = [name for name in _GROSS if name in line]
        for several in (nets, grosses):
            if len(several) > 1:
                findings.faults.append(f"{where}: give {' or '.join(several)}, not both")
                sums.known = False
                return
        if ("net" in line or grosses) and "quantity" not in line and "unitPrice" not in line:
            line["quantity"] = Decimal(1)
        if (
            not (nets or grosses)
            or "quantity" not in line
            or findings.mentions(f"{where}.quantity")
        ):
            sums.known = False
            return
        given = self._given_vat(line, rate, where, findings)
        price = self._from_gross if grosses else self._from_net
        tax = price(line, terms, rate, given, where, findings, sums)
        if "unitPrice" not in line or rate is None:
            sums.known = False
            return
        sums.net += pennies(times(line["unitPrice"], line["quantity"]))
        if tax is None:
            sums.known = False
        else:
            sums.vat += tax

    def _from_net(
        self,
        line: Line,
        terms: Terms,
        rate: Rate | None,
        given: Decimal | None,
        where: str,
        findings: Findings,
        sums: Sums,
    ) -> Decimal | None:
        """Price a line by its net; the VAT that it takes, as far as it is known."""
        if "net" in line:
            _unit_price(line, line.pop("net"), where, findings)
        if "unitPrice" not in line or rate is None:
            return None
        if rate.key == MANUAL:
            return given
        net: Decimal = pennies(times(line["unitPrice"], line["quantity"]))
        tax = self._keyed(net, rate, terms)
        if given is not None and given != tax:
            self._check_vat(net, given, line, rate, terms, where, findings)
            set_vat(line, given, tax, where, findings)
            return given
        if tax:
            sums.rated.append(Rated(where, line, self._exact(net, rate), tax))
        return tax

    def _given_vat(
        self, line: Line, rate: Rate | None, where: str, findings: Findings
    ) -> Decimal | None:
        """The VAT that a line itself gives; it stays in the line only beside the rate Manual."""
        if rate is None:
            return None
        given: Decimal | None = line.get("vatAmount")
        if rate.key != MANUAL:
            line.pop("vatAmount", None)
        elif given is None and not findings.mentions(f"{where}.vatAmount"):
            findings.faults.append(f"{where}.vatAmount: is required with the rate Manual")
        if given is not None and not is_pennies(given):
            findings.faults.append(f"{where}.vatAmount: {plain(given)} has parts of a penny")
        return given

    def _check_vat(
        self,
        net: Decimal,
        given: Decimal,
        line: Line,
        rate: Rate,
        terms: Terms,
        where: str,
        findings: Findings,
    ) -> None:
        """Check VAT that is given beside a rate; a penny for each unit may be rounded."""
        usual = self._keyed(net, rate, terms)
        if usual is not None and abs(given - usual) > _rounding(line):
            findings.faults.append(
                f"{where}.vatAmount: {money(given)} does not fit {rate.key}, which gives "
                f"{money(usual)}; give the rate Manual to set the VAT yourself"
            )

    def _keyed(self, net: Decimal, rate: Rate, terms: Terms) -> Decimal | None:
        """The VAT that the API will work out."""
        if rate.percent is None:
            return None
        if terms.treatment is not None and self._vat.reverse(terms.side, terms.treatment):
            return ZERO
        return pennies(self._exact(net, rate))

    def _exact(self, net: Decimal, rate: Rate) -> Decimal:
        return over(times(net, rate.percent or ZERO), HUNDRED)

    def _from_gross(
        self,
        line: Line,
        terms: Terms,
        rate: Rate | None,
        given: Decimal | None,
        where: str,
        findings: Findings,
        sums: Sums,
    ) -> Decimal | None:
        """Price a line so that its gross is the one given; the VAT that it takes."""
        gross = _gross(line, where, findings)
        sums.gross_priced += 1
        if rate is None:
            line.setdefault("unitPrice", ZERO)  # what is wrong is noted with the rate
            return None
        net = line.pop("net", None)
        if "unitPrice" in line:
            net = pennies(times(line["unitPrice"], line["quantity"]))
        tax: Decimal
        if rate.key == MANUAL:
            tax = given or ZERO
        elif given is not None:
            tax = given
            self._check_vat(gross - given, given, line, rate, terms, where, findings)
        elif net is not None:
            tax = gross - net
        else:
            tax = self._within(gross, rate, terms, where, findings)
        if net is not None:
            self._fits(net, gross, tax, line, rate, terms, where, findings)
        if "unitPrice" not in line and is_pennies(gross - tax):
            _unit_price(line, gross - tax, where, findings)
        # Else what has parts of a penny is noted already, by the name that the line has for it.
        line.setdefault("unitPrice", ZERO)
        if rate.key != MANUAL and self._keyed(gross - tax, rate, terms) != tax:
            line |= {"vatRateKey": MANUAL, "vatAmount": tax}
        return tax

    def _fits(
        self,
        net: Decimal,
        gross: Decimal,
        tax: Decimal,
        line: Line,
        rate: Rate,
        terms: Terms,
        where: str,
        findings: Findings,
    ) -> None:
        """Check a line that gives both net and gross; a penny for each unit may be rounded."""
        usual = tax if rate.key == MANUAL else self._keyed(net, rate, terms)
        off = usual is not None and abs(tax - usual) > _rounding(line)
        if net + tax != gross or off:
            findings.faults.append(
                f"{where}: net {money(net)} and gross {money(gross)} do not fit {rate.key}"
                + (f" with VAT {money(tax)}" if rate.key == MANUAL else "")
            )

    def _within(
        self, gross: Decimal, rate: Rate, terms: Terms, where: str, findings: Findings
    ) -> Decimal:
        """The VAT that is part of a gross amount: the VAT fraction, half a penny up."""
        if rate.percent is None:
            findings.faults.append(
                f"{where}: the API does not tell the percentage of {rate.key}, "
                "so a gross price cannot be split"
            )
            return ZERO
        if terms.treatment is not None and self._vat.reverse(terms.side, terms.treatment):
            return ZERO
        return pennies(over(times(gross, rate.percent), HUNDRED + rate.percent))


def _rounding(line: Line) -> Decimal:
    """By how much the VAT of a line may be rounded: a penny for each unit."""
    quantity: Decimal = line["quantity"]
    return PENNY * max(abs(quantity), Decimal(1))


def set_vat(
    line: Line, vat: Decimal, usual: Decimal | None, where: str, findings: Findings
) -> None:
    """Give a line its VAT, which the API would work out otherwise."""
    line |= {"vatRateKey": MANUAL, "vatAmount": vat}
    findings.adjusted.append(
        f"{where}.vatAmount: {money(vat)} is sent with the rate Manual"
        + (f"; the rate would give {money(usual)}" if usual is not None else "")
    )


def _priced(line: Line) -> bool:
    """Whether a line gives a price, whichever way."""
    return any(name in line for name in (*_NET, *_GROSS))


def _gross(line: Line, where: str, findings: Findings) -> Decimal:
    """The gross of a line, whichever way it is given."""
    if "grossUnitPrice" in line:
        return pennies(times(line.pop("grossUnitPrice"), line["quantity"]))
    gross: Decimal = line.pop("gross")
    if not is_pennies(gross):
        findings.faults.append(f"{where}.gross: {plain(gross)} has parts of a penny")
    return gross


def _unit_price(line: Line, net: Decimal, where: str, findings: Findings) -> None:
    """Set the price that gives this net, with the fewest decimals that do."""
    quantity = line["quantity"]
    if not is_pennies(net):
        findings.faults.append(f"{where}.net: {plain(net)} has parts of a penny")
        return
    if not quantity:
        if net:
            findings.faults.append(f"{where}.quantity: is 0, and the line comes to {money(net)}")
        line["unitPrice"] = ZERO
        return
    exact = over(net, quantity)
    for places in range(2, _MOST_PLACES + 1):
        price = round(exact, places)
        if pennies(times(price, quantity)) == net:
            line["unitPrice"] = price
            return
    findings.faults.append(f"{where}.quantity: is too large to be priced by its total")
