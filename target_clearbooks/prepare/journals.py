"""Journals: postings to accounts that sum to 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.ledger.amounts import ZERO, money
from target_clearbooks.prepare.checks import pennies_only
from target_clearbooks.prepare.stream_shapes import line_shape

if TYPE_CHECKING:
    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.draft import Draft
    from target_clearbooks.prepare.shapes import Body


def journal(draft: Draft) -> None:
    """Resolve the accounts of a journal, and check its sum."""
    findings = draft.findings
    shape = line_shape(draft.row.stream, "lines")
    total = ZERO
    for n, line in enumerate(draft.body.get("lines", ())):
        where = f"lines[{n}]"
        _amount(line, where, findings)
        _bank(draft, line, where)
        name = "accountCode" if "accountCode" in line else "accountCodeId"
        value = draft.meant("accountCode", line.pop(name, None))
        if value is not None:
            found = draft.account(f"{where}.accountCodeId", value, None)
            if found is not None:
                line["accountCodeId"] = found
        findings.faults.extend(
            f"{where}.{lacking}: is required"
            for lacking in shape.missing(line)
            if not findings.mentions(f"{where}.{lacking}")
            and not (lacking == "accountCodeId" and findings.mentions(f"{where}.bankAccount"))
        )
        pennies_only(line, "amount", f"{where}.", findings)
        total += line.get("amount", ZERO)
    if total and not any(f.startswith("lines[") and ".amount" in f for f in findings.faults):
        draft.fault(f"lines: sum to {money(total)}; a journal sums to 0")


def _amount(line: Body, where: str, findings: Findings) -> None:
    """The amount of a line that gives a debit or a credit; one that is negative is the other."""
    sides = {name: line.pop(name) for name in ("debit", "credit") if name in line}
    given = {name: value for name, value in sides.items() if value or len(sides) == 1}
    if len(given) > 1 or (given and "amount" in line):
        names = ", ".join([*given, *(["amount"] if "amount" in line else [])])
        findings.faults.append(f"{where}.amount: is given as {names}: give one of them")
    elif given:
        ((name, value),) = given.items()
        line["amount"] = value if name == "debit" else -value
    elif sides:
        line["amount"] = ZERO


def _bank(draft: Draft, line: Body, where: str) -> None:
    """The account of a line that names a bank account."""
    given = line.pop("bankAccount", None)
    if given is None or "accountCode" in line or "accountCodeId" in line:
        return
    bank = draft.bank(f"{where}.bankAccount", draft.meant("bankAccount", given))
    if bank is not None:
        line["accountCodeId"] = bank["accountCode"]
