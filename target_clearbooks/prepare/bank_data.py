"""What banks report: feeds of a bank account, and statements in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.ledger.amounts import ZERO, money, plain
from target_clearbooks.ledger.statement_lines import line_marks
from target_clearbooks.prepare.checks import pennies_only
from target_clearbooks.prepare.stream_shapes import shape_of
from target_clearbooks.writable import STATEMENT_TOTALS

if TYPE_CHECKING:
    from target_clearbooks.prepare.draft import Draft


def bank_feed(draft: Draft) -> None:
    """Resolve the bank account of a feed."""
    body = draft.body
    given = body.pop("bankAccount", None)
    name = "accountId" if "accountId" in body else "bankAccount"
    value = {"id": body["accountId"]} if "accountId" in body else draft.meant("bankAccount", given)
    if value is not None:
        bank = draft.bank(name, value)
        if bank is not None:
            body["accountId"] = int(bank["id"])
    elif body.get("sortCode") and body.get("accountNumber") and not body.get("name"):
        # Without a name an account must be there already; the API makes none.
        wanted = {part: body[part] for part in ("sortCode", "accountNumber")}
        draft.bank("name", wanted)


def bank_statement(draft: Draft) -> None:
    """Resolve the feed of a statement, and check its lines."""
    body, lists = draft.body, draft.row.flat
    given = [body.pop(name) for name in ("feed", "bankFeed") if name in body]
    if given and "feedId" not in body:
        found = draft.findings.attempt("feedId", draft.resolver.references.feed, given[0])
        if found is not None:
            body["feedId"] = found[0]
            draft.findings.found_by(found[1])
    seen: dict[str, int] = {}
    for n, line in enumerate(body.get(lists, ())):
        pennies_only(line, "amount", f"{lists}[{n}].", draft.findings)
        number = line.get("transactionId")
        if number in seen:
            draft.fault(f"{lists}[{n}].transactionId: {number!r} stands in line {seen[number]} too")
        elif number is not None:
            seen[number] = n
    _check_totals(draft)
    complete = "feedId" in body and not shape_of(draft.row.stream).missing(body)
    if complete and not draft.findings.faults:
        _check_against_sent(draft)


def _check_totals(draft: Draft) -> None:
    """Check the lines against the balances and the number of lines that the record states."""
    body = draft.body
    opening, closing, count = (body.pop(name, None) for name in STATEMENT_TOTALS)
    lines = body.get(draft.row.flat, ())
    if count is not None and count != len(lines):
        draft.fault(f"count: {plain(count)} is not the number of lines: {len(lines)}")
    if (opening is None) is not (closing is None):
        draft.fault("closingBalance: goes with openingBalance; give both or none")
    elif opening is not None and closing is not None:
        total = sum((line.get("amount") or ZERO for line in lines), ZERO)
        if opening + total != closing:
            draft.fault(
                f"closingBalance: {money(closing)} is not openingBalance {money(opening)} and "
                f"what the lines come to: {money(total)}"
            )


def _check_against_sent(draft: Draft) -> None:
    """Refuse a line that was sent before with other contents: the server keeps the first."""
    lists = draft.row.flat
    for n, (mark, words) in enumerate(line_marks(draft.body)):
        kept = draft.resolver.map.marked(draft.row.stream, mark)
        if kept and words not in kept:
            # Descriptions may name people, and reasons are logged.
            before, now = (text.partition(", ")[0] for text in (kept[0], words))
            draft.fault(
                f"{lists}[{n}].transactionId: was sent before as {before}, which the server "
                f"keeps; now it is {now if now != before else 'the same with another description'}."
                " Give the line an ID of its own, or correct it in Clear Books"
            )
