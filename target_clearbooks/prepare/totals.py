"""What a document comes to, against the `net`, `vat` and `gross` that its record states.

The API rounds the VAT of each line, many sources that of the whole document. The pennies between
the two are set on the lines whose VAT was rounded furthest, as VAT of the rate `Manual`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.ledger.amounts import PENNY, money

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.line_price import Sums


def agree(sums: Sums, findings: Findings, *, reject: bool) -> None:
    """Make the lines come to the totals that a record states, as far as VAT was rounded.

    Args:
        sums: What the lines come to; those with VAT of a rate are changed.
        findings: Those of the document, with the totals in `expected`.
        reject: Whether every difference is a fault instead.
    """
    if not sums.known or findings.faults:
        return
    found = {"net": sums.net, "vat": sums.vat, "gross": sums.net + sums.vat}
    if reject:
        findings.faults.extend(
            f"{name}: {money(value)} is not what the lines come to: {money(found[name])}"
            for name, value in findings.expected.items()
            if value != found[name]
        )
        return
    missing = _wanted(findings.expected, found) - sums.vat
    same_net = findings.expected.get("net", sums.net) == sums.net
    if same_net and abs(missing) <= PENNY * len(sums.rated):
        _spread(missing, sums)


def _wanted(expected: Mapping[str, Decimal], found: Mapping[str, Decimal]) -> Decimal:
    """The VAT that the totals of a record ask for."""
    if "vat" in expected:
        return expected["vat"]
    return expected.get("gross", found["gross"]) - found["net"]


def _spread(missing: Decimal, sums: Sums) -> None:
    step = PENNY if missing > 0 else -PENNY
    pennies = int(abs(missing) / PENNY)
    furthest = sorted(sums.rated, key=lambda rated: (rated.vat - rated.exact) * step)
    for rated in furthest[:pennies]:
        rated.line.set_vat(rated.vat + step, rated.vat)
    sums.vat += missing
