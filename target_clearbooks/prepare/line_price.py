"""The price of a line: its net, the VAT that the API works out of it, and its gross.

The API works VAT out line by line, from the net. Where a line is priced gross, the net and VAT
are found that give that gross to the penny: with the rate's own key where it does, else `Manual`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
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
from target_clearbooks.prepare.vat import MANUAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.vat import Rate

_NET, _GROSS = ("unitPrice", "net"), ("grossUnitPrice", "gross")
_MOST_PLACES = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every line of a document.

    Attributes:
        stream: The document's stream.
        side: Its side, for which accounts and rates are looked up.
        treatment: Its VAT treatment; None where the record's own field is at fault.
        date: Its date, likewise.
        reverse: Whether the buyer accounts for the VAT, so that no line bears any.
    """

    stream: str
    side: str
    treatment: str | None
    date: str | None
    reverse: bool


@dataclass(slots=True)
class Line:
    """A line on its way to what is sent.

    Attributes:
        where: Its place in the record, such as `lineItems[0]`.
        body: Its fields; they are changed in place.
        terms: Those of its document.
        findings: Those of its document.
        rate: Its VAT rate, once it is found.
        lent: Fields that the record left out, and the field of whose record they were taken.
    """

    where: str
    body: dict[str, Any]
    terms: Terms
    findings: Findings
    rate: Rate | None = None
    lent: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> str:
        """A field by a name that stands in the record."""
        return f"{self.where}.{self.lent.get(name, name)}"

    def lend(self, name: str, value: Any, lender: str) -> None:
        """Give the line a field that it leaves out, out of the record that `lender` names."""
        if value is not None and value != "" and self.body.get(name) in (None, ""):
            self.body[name] = value
            self.lent[name] = lender

    def fault(self, name: str, words: str) -> None:
        """Note what is wrong with a field."""
        self.findings.faults.append(f"{self.path(name)}: {words}")

    def mentions(self, name: str) -> bool:
        """Whether something is noted about a field already."""
        return self.findings.mentions(self.path(name))

    @property
    def net(self) -> Decimal:
        """What the line comes to without VAT, once it has a price of one unit."""
        net: Decimal = pennies(times(self.body["unitPrice"], self.body["quantity"]))
        return net

    def set_vat(self, vat: Decimal, usual: Decimal | None) -> None:
        """Give the line its VAT, where the API would work out `usual`."""
        self.body |= {"vatRateKey": MANUAL, "vatAmount": vat}
        self.findings.adjusted.append(
            f"{self.where}.vatAmount: {money(vat)} is sent with the rate Manual"
            + (f"; the rate would give {money(usual)}" if usual is not None else "")
        )


@dataclass(frozen=True, slots=True)
class Rated:
    """A line whose VAT follows from its price: `exact` before it is rounded to `vat`."""

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
        split: Lines priced by their gross, of which VAT at a rate is a part.
    """

    net: Decimal = ZERO
    vat: Decimal = ZERO
    known: bool = True
    gross_priced: int = 0
    rated: list[Rated] = field(default_factory=list)
    split: list[Rated] = field(default_factory=list)


def is_priced(line: Mapping[str, Any]) -> bool:
    """Whether a line gives a price, whichever way."""
    return any(name in line for name in (*_NET, *_GROSS))


def price(line: Line, sums: Sums) -> None:
    """Work out the price of one unit and the VAT of a line, and add them to the sums."""
    body = line.body
    nets = [name for name in _NET if name in body]
    grosses = [name for name in _GROSS if name in body]
    for several in (nets, grosses):
        if len(several) > 1:
            line.findings.faults.append(f"{line.where}: give {' or '.join(several)}, not both")
            sums.known = False
            return
    if ("net" in body or grosses) and "quantity" not in body and "unitPrice" not in body:
        body["quantity"] = Decimal(1)
    if not (nets or grosses) or "quantity" not in body or line.mentions("quantity"):
        sums.known = False
        return
    given = _given_vat(line)
    tax = (_from_gross if grosses else _from_net)(line, given, sums)
    if "unitPrice" not in body or line.rate is None:
        sums.known = False
        return
    sums.net += line.net
    if tax is None:
        sums.known = False
    else:
        sums.vat += tax


def _from_net(line: Line, given: Decimal | None, sums: Sums) -> Decimal | None:
    """Price a line by its net; the VAT that it takes, as far as it is known."""
    body, rate = line.body, line.rate
    if "net" in body:
        set_net(line, body.pop("net"))
    if "unitPrice" not in body or rate is None:
        return None
    if rate.key == MANUAL:
        return given
    net = line.net
    tax = _keyed(line, rate, net)
    if given is not None and given != tax:
        _check_vat(line, rate, net, given)
        line.set_vat(given, tax)
        return given
    if tax:
        sums.rated.append(Rated(line, _exact(net, rate), tax))
    return tax


def _given_vat(line: Line) -> Decimal | None:
    """The VAT that a line itself gives; it stays in the line only beside the rate Manual."""
    if line.rate is None:
        return None
    given: Decimal | None = line.body.get("vatAmount")
    if line.rate.key != MANUAL:
        line.body.pop("vatAmount", None)
    elif given is None and not line.mentions("vatAmount"):
        line.fault("vatAmount", "is required with the rate Manual")
    if given is not None and not is_pennies(given):
        line.fault("vatAmount", f"{plain(given)} has parts of a penny")
    return given


def _check_vat(line: Line, rate: Rate, net: Decimal, given: Decimal) -> None:
    """Check VAT that is given beside a rate; a penny for each unit may be rounded."""
    usual = _keyed(line, rate, net)
    if usual is not None and abs(given - usual) > _rounding(line):
        line.fault(
            "vatAmount",
            f"{money(given)} does not fit {rate.key}, which gives {money(usual)}; give the rate "
            "Manual to set the VAT yourself",
        )


def _keyed(line: Line, rate: Rate, net: Decimal) -> Decimal | None:
    """The VAT that the API will work out of a net."""
    if rate.percent is None:
        return None
    return ZERO if line.terms.reverse else pennies(_exact(net, rate))


def _exact(net: Decimal, rate: Rate) -> Decimal:
    return over(times(net, rate.percent or ZERO), HUNDRED)


def _from_gross(line: Line, given: Decimal | None, sums: Sums) -> Decimal | None:
    """Price a line so that its gross is the one given; the VAT that it takes."""
    body, rate = line.body, line.rate
    gross = _gross(line)
    sums.gross_priced += 1
    if rate is None:
        body.setdefault("unitPrice", ZERO)  # what is wrong is noted with the rate
        return None
    net = body.pop("net", None)
    if "unitPrice" in body:
        net = line.net
    tax: Decimal
    if rate.key == MANUAL:
        tax = given or ZERO
    elif given is not None:
        tax = given
        _check_vat(line, rate, gross - given, given)
    elif net is not None:
        tax = gross - net
    else:
        exact = _within(line, rate, gross)
        tax = pennies(exact)
        if tax:
            sums.split.append(Rated(line, exact, tax))
    if net is not None:
        _check_fit(line, rate, net=net, gross=gross, tax=tax)
    if "unitPrice" not in body and is_pennies(gross - tax):
        set_net(line, gross - tax)
    # Else what has parts of a penny is noted already, by the name that the line has for it.
    body.setdefault("unitPrice", ZERO)
    if rate.key != MANUAL and _keyed(line, rate, gross - tax) != tax:
        body |= {"vatRateKey": MANUAL, "vatAmount": tax}
    return tax


def _check_fit(line: Line, rate: Rate, *, net: Decimal, gross: Decimal, tax: Decimal) -> None:
    """Check a line that gives both net and gross; a penny for each unit may be rounded."""
    usual = tax if rate.key == MANUAL else _keyed(line, rate, net)
    off = usual is not None and abs(tax - usual) > _rounding(line)
    if net + tax != gross or off:
        line.findings.faults.append(
            f"{line.where}: net {money(net)} and gross {money(gross)} do not fit {rate.key}"
            + (f" with VAT {money(tax)}" if rate.key == MANUAL else "")
        )


def _within(line: Line, rate: Rate, gross: Decimal) -> Decimal:
    """The VAT that is part of a gross amount: the VAT fraction, not rounded yet."""
    if rate.percent is None:
        line.findings.faults.append(
            f"{line.where}: the API does not tell the percentage of {rate.key}, so a gross price "
            "cannot be split"
        )
        return ZERO
    if line.terms.reverse:
        return ZERO
    return over(times(gross, rate.percent), HUNDRED + rate.percent)


def _rounding(line: Line) -> Decimal:
    """By how much the VAT of a line may be rounded: a penny for each unit."""
    quantity: Decimal = line.body["quantity"]
    return PENNY * max(abs(quantity), Decimal(1))


def _gross(line: Line) -> Decimal:
    """The gross of a line, whichever way it is given."""
    if "grossUnitPrice" in line.body:
        return pennies(times(line.body.pop("grossUnitPrice"), line.body["quantity"]))
    gross: Decimal = line.body.pop("gross")
    if not is_pennies(gross):
        line.fault("gross", f"{plain(gross)} has parts of a penny")
    return gross


def set_net(line: Line, net: Decimal) -> None:
    """Set the price of one unit that gives this net, with the fewest decimals that do."""
    quantity = line.body["quantity"]
    if not is_pennies(net):
        line.fault("net", f"{plain(net)} has parts of a penny")
        return
    if not quantity:
        if net:
            line.fault("quantity", f"is 0, and the line comes to {money(net)}")
        line.body["unitPrice"] = ZERO
        return
    exact = over(net, quantity)
    for places in range(2, _MOST_PLACES + 1):
        rounded = round(exact, places)
        if pennies(times(rounded, quantity)) == net:
            line.body["unitPrice"] = rounded
            return
    line.fault("quantity", "is too large to be priced by its total")
