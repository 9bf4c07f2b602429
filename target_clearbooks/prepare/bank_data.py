"""What banks report: feeds of a bank account, and statements in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.prepare.checks import pennies_only

if TYPE_CHECKING:
    from target_clearbooks.prepare.draft import Draft


def bank_feed(draft: Draft) -> None:
    """Resolve the bank account of a feed."""
    body, look = draft.body, draft.resolver.references.bank_account
    given = body.pop("bankAccount", None)
    name = "accountId" if "accountId" in body else "bankAccount"
    value = {"id": body["accountId"]} if "accountId" in body else draft.meant("bankAccount", given)
    if value is not None:
        bank = draft.findings.attempt(name, look, value)
        if bank is not None:
            body["accountId"] = int(bank["id"])
    elif body.get("sortCode") and body.get("accountNumber") and not body.get("name"):
        # Without a name an account must be there already; the API makes none.
        wanted = {part: body[part] for part in ("sortCode", "accountNumber")}
        draft.findings.attempt("name", look, wanted)


def bank_statement(draft: Draft) -> None:
    """Resolve the feed of a statement, and check its lines."""
    body = draft.body
    given = [body.pop(name) for name in ("feed", "bankFeed") if name in body]
    if given and "feedId" not in body:
        found = draft.findings.attempt("feedId", draft.resolver.references.feed, given[0])
        if found is not None:
            body["feedId"] = found[0]
            draft.findings.depend_on(found[1])
    lists = draft.row.flat
    seen: dict[str, int] = {}
    for n, line in enumerate(body.get(lists, ())):
        pennies_only(line, "amount", f"{lists}[{n}].", draft.findings)
        number = line.get("transactionId")
        if number in seen:
            draft.fault(f"{lists}[{n}].transactionId: {number!r} stands in line {seen[number]} too")
        elif number is not None:
            seen[number] = n
