"""Journals: transactions that are posted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting import ledger
from clearbooks_sandbox.accounting.accounts import check_account
from clearbooks_sandbox.accounting.ledger import Line
from clearbooks_sandbox.accounting.money import amount, exact_pennies
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.reply import Reply, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_sandbox.accounting.session import Session


def create_journal(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createJournal`: the lines must sum to 0; none are merged."""
    del params
    lines = []
    for n, line in enumerate(body["lines"]):
        check_account(s, f"lines[{n}].accountCodeId", line["accountCodeId"], None)
        try:
            pence = exact_pennies(line["amount"])
            if not pence:
                s.add_fault("amount", f"lines[{n}].amount: must not be 0")
            lines.append(Line(line["accountCodeId"], pence))
        except ValueError as error:
            s.add_fault("amount", f"lines[{n}].amount: {error}")
    total = sum(line.amount for line in lines)
    if total:
        s.add_fault("unbalanced", f"lines: sum to {amount(total)}, not to 0")
    s.raise_faults()
    journal = s.next_id("journal")
    posting = ledger.post(s.db, s.business, body["accountingDate"], lines, ("journal", journal))
    listed = [{"accountCodeId": line.account, "amount": amount(line.amount)} for line in lines]
    data = encode(without_nulls({"id": journal, **body, "lines": listed}))
    s.db.execute("INSERT INTO journals VALUES (?, ?, ?, ?)", (s.business, journal, posting, data))
    return Reply(201, {}, data)
