"""Net, VAT and gross of a document's lines, and whether their VAT rates are legal.

VAT is worked out and rounded line by line, half a penny away from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting import vat
from clearbooks_sandbox.accounting.accounts import check_account
from clearbooks_sandbox.accounting.chart import CIS_DEDUCTIONS
from clearbooks_sandbox.accounting.features import features_of
from clearbooks_sandbox.accounting.money import amount, decimal, exact_pennies, pennies
from clearbooks_sandbox.reply import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_sandbox.accounting.session import Session

_HUNDRED = Decimal(100)


@dataclass(slots=True)
class Priced:
    """The totals of a document's lines. Amounts are pennies of its currency.

    Attributes:
        notional: VAT that the buyer accounts for; no part of the gross.
        deducted: CIS that the payer of a subcontractor keeps back for HMRC; part of the gross.
        by_account: Net by account code.
    """

    net: int = 0
    vat: int = 0
    notional: int = 0
    deducted: int = 0
    by_account: dict[int, int] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def gross(self) -> int:
        """Net and VAT."""
        return self.net + self.vat

    @property
    def payable(self) -> int:
        """What is paid in the end: the gross without what is deducted."""
        return self.gross - self.deducted


def price(s: Session, side: str, document: Mapping[str, Any]) -> Priced:
    """Work out the lines of a document; faults are noted in the session."""
    priced = Priced()
    treatment, legal = _legal_rates(s, side, document)
    seen: set[int] = set()
    if not document["lineItems"]:
        s.add_fault("lineItems", "lineItems: a document needs at least one line")
    for n, line in enumerate(document["lineItems"]):
        where = f"lineItems[{n}]"
        if line["accountCode"] not in seen:
            check_account(s, f"{where}.accountCode", line["accountCode"], side)
            seen.add(line["accountCode"])
        if line.get("stockItem") is not None and s.row("stock_items", line["stockItem"]) is None:
            s.add_fault("stockItem", f"{where}: there is no stock item {line['stockItem']}")
        try:
            _price_line(s, priced, line, treatment, legal, where)
        except ValueError as error:
            s.add_fault("amount", f"{where}: an amount has {error}")
    if "no-cis-deduction" not in s.dialects:
        priced.deducted = _cis_deduction(priced)
    if priced.gross >= 0 > priced.payable:
        s.add_fault("negativeTotal", "The CIS deduction is more than the total")
    return priced


def _cis_deduction(priced: Priced) -> int:
    """What the accounts of CIS labour have the ledger keep back; they are there with CIS alone."""
    return sum(
        pennies(amount(priced.by_account[account]) * percent / _HUNDRED)
        for account, percent in CIS_DEDUCTIONS.items()
        if account in priced.by_account
    )


def _price_line(
    s: Session,
    priced: Priced,
    line: Mapping[str, Any],
    treatment: vat.Treatment | None,
    legal: dict[str, vat.Rate],
    where: str,
) -> None:
    net = pennies(decimal(line["unitPrice"]) * decimal(line["quantity"]))
    key, notional = line["vatRateKey"], 0
    if key == vat.MANUAL:
        if line.get("vatAmount") is None:
            s.add_fault("vatAmount", f"{where}.vatAmount: is required where vatRateKey is Manual")
        tax = exact_pennies(line.get("vatAmount") or 0)
        if treatment and (treatment.reverse or "Standard" not in treatment.rates):
            s.add_fault(
                "vatRateKey", f"{where}.vatRateKey: not legal with this VAT treatment: Manual"
            )
    else:
        rate = legal.get(key)
        if rate is None and treatment:
            s.add_fault(
                "vatRateKey",
                f"{where}.vatRateKey: {key!r} is not legal for {treatment.key} on this date; "
                f"legal: {', '.join(legal) or 'none'}",
            )
        tax = pennies(amount(net) * rate.percent / _HUNDRED) if rate else 0
        if treatment and treatment.reverse:
            tax, notional = 0, tax
    priced.net += net
    priced.vat += tax
    priced.notional += notional
    account = line["accountCode"]
    priced.by_account[account] = priced.by_account.get(account, 0) + net
    priced.lines.append({**line, "vatAmount": amount(tax)})


def _legal_rates(
    s: Session, side: str, document: Mapping[str, Any]
) -> tuple[vat.Treatment | None, dict[str, vat.Rate]]:
    """The document's treatment and the rates that are legal on its date."""
    key, day = document["vatTreatment"], document["date"]
    had = treatments_of(s, side)
    treatment = next((t for t in had if t.key == key), None)
    known = ", ".join(t.key for t in had if vat.in_force(t, day))
    if treatment is None:
        s.add_fault(
            "vatTreatment",
            f"vatTreatment: the business has no treatment {key!r} for {side}; it has: {known}",
        )
        return None, {}
    if not vat.in_force(treatment, day):
        s.add_fault(
            "vatTreatment", f"vatTreatment: {key} was not in force on {day}; in force: {known}"
        )
        return None, {}
    return treatment, {rate.key: rate for rate in vat.legal_rates([treatment], day)}


def treatment_key(s: Session, side: str, key: str) -> str:
    """The ledger's own key of a VAT treatment that a request names; a fault where it has none."""
    prefix = treatment_prefix(s, side)
    if not key.startswith(prefix):
        s.add_fault("vatTreatment", f"vatTreatment: {key!r} should begin with {prefix}")
    return key.removeprefix(prefix)


def treatment_prefix(s: Session, side: str) -> str:
    """What stands in front of the keys of VAT treatments in lists and requests."""
    return vat.PREFIXES[side] if "prefixed-treatments" in s.dialects else ""


def treatments_of(s: Session, side: str) -> list[vat.Treatment]:
    """The VAT treatments of a side that the business has."""
    text = s.db.execute(
        "SELECT vat_treatments FROM businesses WHERE id = ?", (s.business,)
    ).fetchone()[0]
    allowed = None if text is None else frozenset(decode(text))
    return vat.treatments(side, allowed, features_of(s))
