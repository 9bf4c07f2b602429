"""What a document comes to, against the `net`, `vat` and `gross` that its record states.

The API rounds the VAT of each line, many sources that of the whole document. The pennies between
the two are set on the lines whose VAT was rounded furthest, as VAT of the rate `Manual`. Lines
that are priced by their net keep it, those that are priced by their gross keep that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.ledger.amounts import PENNY, money
from target_clearbooks.prepare.line_price import set_net

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.line_price import Line, Rated, Sums


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
    same = {name for name, value in found.items() if findings.expected.get(name, value) == value}
    if "net" in same and abs(missing) <= PENNY * len(sums.rated):
        _spread(missing, sums.rated)
        sums.vat += missing
    elif "gross" in same and abs(missing) <= PENNY * len(sums.split):
        for line in _spread(missing, sums.split):
            set_net(line, line.net - PENNY.copy_sign(missing))
        sums.vat += missing
        sums.net -= missing


def _wanted(expected: Mapping[str, Decimal], found: Mapping[str, Decimal]) -> Decimal:
    """The VAT that the totals of a record ask for."""
    if "vat" in expected:
        return expected["vat"]
    return expected.get("gross", found["gross"]) - expected.get("net", found["net"])


def _spread(missing: Decimal, lines: Sequence[Rated]) -> list[Line]:
    """Add the missing pennies to the VAT of as many lines, which are returned."""
    step = PENNY.copy_sign(missing)
    furthest = sorted(lines, key=lambda rated: (rated.vat - rated.exact) * step)
    changed = furthest[: int(abs(missing) / PENNY)]
    for rated in changed:
        rated.line.set_vat(rated.vat + step, rated.vat)
    return [rated.line for rated in changed]
