"""Sales and purchase documents: invoices, bills, credit notes, quotes, expenses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.contract import load_contract
from target_clearbooks.allocation_ends import allocation_ends
from target_clearbooks.ledger.amounts import money
from target_clearbooks.prepare.checks import currency
from target_clearbooks.prepare.line_price import Terms
from target_clearbooks.prepare.totals import agree
from target_clearbooks.writable import TOTALS, Kind, Side, streams_of

if TYPE_CHECKING:
    from target_clearbooks.prepare.draft import Draft
    from target_clearbooks.prepare.line_price import Sums


def document(draft: Draft) -> str | None:
    """Resolve and check a document's body in place; its marker."""
    row, body = draft.row, draft.body
    side = str(row.side)
    draft.findings.expected = {name: body.pop(name) for name in TOTALS if name in body}
    draft.contact(str(row.contact), streams_of(Kind.CONTACT, side=row.side))
    currency(body, draft.findings)
    _leave_out(draft)
    _bank_account(draft)
    treatment = _treatment(draft, side)
    lines = body.get("lineItems")
    if lines is not None:
        reverse = treatment is not None and draft.resolver.vat.reverse(side, treatment)
        terms = Terms(row.stream, side, treatment, body.get("date"), reverse)
        body["lineItems"], sums = draft.resolver.lines.resolve(lines, terms, draft.findings)
        if lines:
            _totals(draft, sums, len(lines))
        else:
            draft.fault("lineItems: a document needs at least one line")
    return draft.mark()


def _leave_out(draft: Draft) -> None:
    """Take out what documents of this kind do not take, although others have it."""
    for name in load_contract().resources[draft.row.stream].refused:
        if draft.body.pop(name, None) is not None:
            draft.findings.warnings.append(f"{name}: is not sent: a {draft.row.words} takes none")


def _treatment(draft: Draft, side: str) -> str | None:
    value = draft.meant("vatTreatment", draft.body.pop("vatTreatment", None))
    if value is None:
        return None
    found = draft.findings.attempt("vatTreatment", draft.resolver.vat.treatment, side, value)
    if found is not None:
        draft.body["vatTreatment"] = found
    return found


def _bank_account(draft: Draft) -> None:
    value = draft.body.pop("bankAccount", None)
    if value is None or "displayBankAccountId" in draft.body:
        return
    value = draft.resolver.aliases.meant(draft.row.stream, "bankAccount", value)
    bank = draft.bank("bankAccount", value)
    if bank is not None:
        draft.body["displayBankAccountId"] = int(bank["id"])


def _totals(draft: Draft, sums: Sums, lines: int) -> None:
    if not sums.known:
        return
    gross = sums.net + sums.vat
    instead = _instead(draft) if gross < 0 else ""
    if instead:
        draft.fault(f"lineItems: the total is {money(gross)}: {instead}")
    agree(sums, draft.findings, reject=draft.resolver.settings.on_difference == "reject")
    draft.findings.total = sums.net + sums.vat
    if sums.gross_priced == lines:
        draft.findings.expected.setdefault("gross", gross)


def _instead(draft: Draft) -> str:
    """What would be right where the total of a document is negative; empty where it may be."""
    ends = {name for _, name in allocation_ends(draft.row.stream)}
    if "creditNoteId" in ends:
        return f"the amounts of a {draft.row.words} are positive"
    if "invoiceId" in ends:
        if draft.row.side is Side.PURCHASES:
            return ""  # a supplier's refund is a bill of negative amounts
        return "a credit note is meant"
    return f"a {draft.row.words} cannot be negative"
