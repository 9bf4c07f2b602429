"""Bank feeds and bank statements.

A feed has one statement a calendar month. A line that the feed has already, by its bank ID, is not
added again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.accounts import add_bank
from clearbooks_sandbox.accounting.money import exact_pennies
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.reply import Reply, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_sandbox.accounting.session import Session

_BANK_FIELDS = ("name", "accountNumber", "sortCode", "iban", "swift", "currency")


def create_feeds(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createBankFeeds`: for the bank account with an ID or account number, else for a new one."""
    del params
    feeds = []
    for n, item in enumerate(body["items"]):
        bank = _find_or_add_bank(s, f"items[{n}]", item)
        if bank is None:
            continue
        number = s.next_id("bankFeed")
        feed_id = hashlib.sha1(f"{s.business}:{number}".encode()).hexdigest()  # noqa: S324 - a name
        row = s.record("bank_accounts", bank, "bank account")
        feed = {
            "id": feed_id,
            **{name: row[name] for name in _BANK_FIELDS if name in row},
            "accountToken": item.get("accountToken"),
            "accountId": bank,
        }
        data = encode(without_nulls(feed))
        s.db.execute("INSERT INTO feeds VALUES (?, ?, ?, ?)", (s.business, feed_id, bank, data))
        feeds.append(data)
    s.raise_faults()
    return Reply(201, {}, b'{"items":[' + b",".join(feeds) + b"]}")


def _find_or_add_bank(s: Session, where: str, item: Mapping[str, Any]) -> int | None:
    if item.get("accountId") is not None:
        if s.row("bank_accounts", item["accountId"]) is None:
            s.add_fault(
                "accountId", f"{where}.accountId: there is no bank account {item['accountId']}"
            )
            return None
        return int(item["accountId"])
    row = s.db.execute(
        "SELECT id FROM bank_accounts WHERE business = ? AND account_number = ? AND sort_code = ? "
        "AND hidden = 0",
        (s.business, item["accountNumber"], item["sortCode"]),
    ).fetchone()
    if row:
        return int(row[0])
    if not item.get("name"):
        s.add_fault("name", f"{where}.name: is required, since no bank account matches")
        return None
    made = add_bank(s, {name: item[name] for name in _BANK_FIELDS if name in item})
    return int(made["id"])


def create_statements(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createBankStatements`: answers the statements that lines were added to or belong to."""
    del params
    answers: list[dict[str, Any]] = []
    for n, item in enumerate(body["items"]):
        feed = s.db.execute(
            "SELECT account, json FROM feeds WHERE business = ? AND id = ?",
            (s.business, item["feedId"]),
        ).fetchone()
        if feed is None:
            s.add_fault("feedId", f"items[{n}].feedId: there is no bank feed {item['feedId']!r}")
            continue
        found: dict[int, None] = {}
        for m, line in enumerate(item["statementLines"]):
            try:
                found[_add_line(s, item["feedId"], feed[0], line)] = None
            except ValueError as error:
                s.add_fault("amount", f"items[{n}].statementLines[{m}].amount: {error}")
        answers += [
            {"id": statement, "accountId": feed[0], "feedId": item["feedId"]} for statement in found
        ]
    s.raise_faults()
    return Reply(201, {}, encode({"items": answers}))


def _add_line(s: Session, feed: str, account: int, line: Mapping[str, Any]) -> int:
    """Add a bank line unless the feed has it already; ID of its statement."""
    pence = exact_pennies(line["amount"])
    had = s.db.execute(
        "SELECT statement FROM statement_lines WHERE business = ? AND feed = ? AND bank_id = ?",
        (s.business, feed, line["transactionId"]),
    ).fetchone()
    if had:
        return int(had[0])
    month = line["transactionDate"][:7]
    row = s.db.execute(
        "SELECT id FROM statements WHERE business = ? AND feed = ? AND month = ?",
        (s.business, feed, month),
    ).fetchone()
    statement = row[0] if row else s.next_id("bankStatement")
    if not row:
        s.db.execute(
            "INSERT INTO statements VALUES (?, ?, ?, ?, ?)",
            (s.business, statement, feed, account, month),
        )
    s.db.execute(
        "INSERT INTO statement_lines VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            s.business,
            feed,
            line["transactionId"],
            statement,
            line["transactionDate"],
            line["description"],
            pence,
        ),
    )
    return int(statement)
