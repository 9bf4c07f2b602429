"""The one open invoice or bill that a payment fits, where it names none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import decimal, money, quoted
from target_clearbooks.ledger.candidates import as_candidate
from target_clearbooks.ledger.matching import is_voided
from target_clearbooks.ledger.spelling import fold, join_names
from target_clearbooks.prepare.diagnostics import AmbiguousError, NotFoundInLedgerError
from target_clearbooks.prepare.shapes import folded_keys, from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_clearbooks.prepare.draft import Draft

    Row = Mapping[str, Any]
    Found = tuple[str, Row]
    """A document or payment: its stream and its digest."""

CONTACT_IDS = ("customerId", "supplierId", "contactId")
"""Fields of a document or payment that may hold the ID of its contact."""
_WORD = re.compile(r"[\w#/-]+")


def match_open(draft: Draft, source: Found | None) -> None:
    """Put the ID of the document in that `invoice: {"match": ["amount", "customer"]}` fits.

    All that is named has to agree: `reference` is a number or reference of the document among the
    words of the payment, `amount` what is due of it, `customer` (or `supplier`) its contact. What
    was found before stays.
    """
    body, row = draft.body, draft.row
    value = body.get("invoice")
    given = folded_keys(value, ("match",)) if isinstance(value, dict) else {}
    if not given:
        return
    del body["invoice"]
    criteria = from_json(given["match"])
    wanted = [criteria] if isinstance(criteria, str) else criteria
    if not isinstance(wanted, list) or not wanted or not set(wanted) <= _TESTS.keys():
        draft.fault(f"invoice: match: {quoted(criteria)} should list {join_names(_TESTS)}")
        return
    if source is None:
        return
    end = "paymentId" if "amount" in source[1] else "creditNoteId"
    known = draft.resolver.map.find(row.stream, draft.source_key)
    if known is not None and not known.voided:
        rows = draft.resolver.lookups.rows(row.stream, **{end: source[1]["id"]})
        before = next((r for r in rows if r["id"] == known.remote_id), None)
        if before is not None:
            body["invoiceId"] = before["invoiceId"]
            return
    found = draft.findings.attempt("invoice", _the_one, draft, wanted, source[1])
    if found is not None:
        body["invoiceId"] = found["id"]


def _the_one(draft: Draft, wanted: list[str], payment: Row) -> Row:
    found = list(_open(draft, wanted, payment))
    words = join_names(wanted)
    if len(found) > 1:
        raise AmbiguousError(
            f"{len(found)} open documents agree with the payment in {words}",
            [as_candidate(row, stream) for stream, row in found],
        )
    if not found:
        amount = decimal(payment.get("amount", payment.get("due", 0)))
        raise NotFoundInLedgerError(
            f"no open document agrees with the {money(abs(amount))} of this payment in {words}"
        )
    return found[0][1]


def _open(draft: Draft, wanted: list[str], payment: Row) -> Iterator[Found]:
    tests = [_TESTS[name] for name in wanted]
    for stream in draft.row.invoices:
        for row in draft.resolver.lookups.digests(stream):
            is_open = decimal(row.get("due") or 0) > 0 and not is_voided(row)
            if is_open and all(test(row, payment) for test in tests):
                yield stream, row


def _same_contact(document: Row, payment: Row) -> bool:
    contacts = {row.get(name) for row in (document, payment) for name in CONTACT_IDS} - {None}
    return len(contacts) == 1


def _same_amount(document: Row, payment: Row) -> bool:
    amount = payment.get("amount", payment.get("due"))
    return amount is not None and decimal(document["due"]) == abs(decimal(amount))


def _named(document: Row, payment: Row) -> bool:
    """Whether the payment's text holds the document's reference or its number as it is printed."""
    text = f"{payment.get('description') or ''} {payment.get('reference') or ''}"
    words = {fold(word) for word in _WORD.findall(text)}
    names = (document.get("reference"), document.get("formattedDocumentNumber"))
    return any(fold(str(name)) in words for name in names if name)


_TESTS: dict[str, Callable[[Row, Row], bool]] = {
    "reference": _named,
    "amount": _same_amount,
    "customer": _same_contact,
    "supplier": _same_contact,
}
