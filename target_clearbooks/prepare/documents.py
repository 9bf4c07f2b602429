"""Sales and purchase documents: invoices, bills, credit notes, quotes, expenses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import money
from target_clearbooks.ledger.lookups import CREDIT_NOTES
from target_clearbooks.prepare.context import currency
from target_clearbooks.prepare.extra_fields import TOTALS, side_of
from target_clearbooks.prepare.lines import Terms
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from target_clearbooks.prepare.context import Body, Kit
    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.lines import Sums


def document(kit: Kit, stream: str, body: Body, source_key: str, note: Findings) -> str | None:
    """Resolve and check a document's body in place; its marker."""
    side = side_of(stream)
    note.expected = {name: body.pop(name) for name in TOTALS if name in body}
    field = str(WRITABLE[stream].contact)
    kit.contact(stream, body, field, ("customers" if side == "sales" else "suppliers",), note)
    currency(body, note)
    _bank_account(kit, stream, body, note)
    treatment = _treatment(kit, stream, side, body, note)
    lines = body.get("lineItems")
    if lines is not None:
        terms = Terms(stream, side, treatment, body.get("date"))
        body["lineItems"], sums = kit.lines.resolve(lines, terms, note)
        if lines:
            _totals(stream, sums, len(lines), note)
        else:
            note.faults.append("lineItems: a document needs at least one line")
    return _marker(kit, stream, body, source_key)


def _treatment(kit: Kit, stream: str, side: str, body: Body, note: Findings) -> str | None:
    value: Any = kit.aliases.meant(stream, "vatTreatment", body.pop("vatTreatment", None))
    if value is None or value == "":
        return None
    found = note.attempt("vatTreatment", kit.vat.treatment, side, value)
    if found is not None:
        body["vatTreatment"] = found
    return found


def _bank_account(kit: Kit, stream: str, body: Body, note: Findings) -> None:
    value = body.pop("bankAccount", None)
    if value is not None and "displayBankAccountId" not in body:
        value = kit.aliases.meant(stream, "bankAccount", value)
        bank = note.attempt("bankAccount", kit.references.bank_account, value)
        if bank is not None:
            body["displayBankAccountId"] = int(bank["id"])


def _totals(stream: str, sums: Sums, lines: int, note: Findings) -> None:
    if not sums.known:
        return
    gross = sums.net + sums.vat
    if gross < 0:
        if stream in CREDIT_NOTES.values():
            words = "the amounts of a credit note are positive"
        elif stream == "quotes":
            words = "a quote cannot be negative"
        else:
            words = "a credit note is meant"
        note.faults.append(f"lineItems: the total is {money(gross)}: {words}")
    if sums.gross_priced == lines:
        note.expected.setdefault("gross", gross)


def _marker(kit: Kit, stream: str, body: Body, source_key: str) -> str | None:
    """The record's own reference marks it; one without a reference gets a marker there."""
    marker = kit.marker(stream, source_key)
    own = str(body.get("reference", "")).strip()
    if own:
        body["reference"] = own
        return own if marker else None
    body.pop("reference", None)
    if marker:
        body["reference"] = marker
    return marker
