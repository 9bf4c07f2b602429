"""Journals: postings to accounts that sum to 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.ledger.amounts import ZERO, money
from target_clearbooks.prepare.checks import pennies_only
from target_clearbooks.prepare.stream_shapes import line_shape

if TYPE_CHECKING:
    from target_clearbooks.prepare.draft import Draft


def journal(draft: Draft) -> None:
    """Resolve the accounts of a journal, and check its sum."""
    findings = draft.findings
    shape = line_shape(draft.row.stream, "lines")
    total = ZERO
    for n, line in enumerate(draft.body.get("lines", ())):
        where = f"lines[{n}]"
        name = "accountCode" if "accountCode" in line else "accountCodeId"
        value = draft.meant("accountCode", line.pop(name, None))
        if value is not None:
            look = draft.resolver.references.account
            found = findings.attempt(f"{where}.accountCodeId", look, value, None)
            if found is not None:
                line["accountCodeId"] = found
        findings.faults.extend(
            f"{where}.{lacking}: is required"
            for lacking in shape.missing(line)
            if not findings.mentions(f"{where}.{lacking}")
        )
        pennies_only(line, "amount", f"{where}.", findings)
        total += line.get("amount", ZERO)
    if total and not any(f.startswith("lines[") and ".amount" in f for f in findings.faults):
        draft.fault(f"lines: sum to {money(total)}; a journal sums to 0")
