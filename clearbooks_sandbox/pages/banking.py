"""Bank accounts, and the statements of their feeds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from clearbooks_sandbox.accounting.money import HOME
from clearbooks_sandbox.pages.filters import Filter
from clearbooks_sandbox.pages.table import Column, Table
from clearbooks_sandbox.pages.view import base_of, books_page, find, listing

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.books import Books
    from clearbooks_sandbox.accounting.reader import Row

_ACCOUNTS = (
    Column("Account", "name", note="foreign", head=True),
    Column("Sort code and number", "numbers"),
    Column("Account code", "accountCode", "code", "account_codes/{accountCode}"),
    Column("ID", "id", "id"),
    Column("Balance £", "balance", "home"),
)
_STATEMENTS = (
    Column("Month", "title", link="statements/{id}", head=True),
    Column("Account", "accountName"),
    Column("Feed", "feedId", "code"),
    Column("Lines", "count", "id", "statements/{id}"),
    Column("In", "in", "money"),
    Column("Out", "out", "money"),
)
_LINES = (
    Column("Date", "transactionDate", "day"),
    Column("Description", "description", head=True),
    Column("Bank's ID", "transactionId", "code"),
    Column("In", "in", "money", total=True),
    Column("Out", "out", "money", total=True),
)


def bank(request: Request, books: Books) -> Response:
    """Bank accounts and the statements of their feeds."""
    del request
    accounts = books.bank_accounts()
    shown = [
        row
        | {
            "numbers": " · ".join(filter(None, (row.get("sortCode"), row.get("accountNumber"))))
            or row.get("iban"),
            "foreign": row["currency"] if row["currency"] != HOME else None,
        }
        for row in accounts
    ]
    return books_page(
        "bank.html",
        books,
        "bank",
        accounts=Table(_ACCOUNTS, shown, base_of(books)),
        statements=Table(
            _STATEMENTS, [_statement(row, accounts) for row in books.statements()], base_of(books)
        ),
    )


def statement(request: Request, books: Books) -> Response:
    """The lines of one bank statement."""
    every = {row["id"]: row for row in books.statements()}
    row = find(every.__getitem__, "statement", request.path_params["id"])
    found = _statement(row, books.bank_accounts())
    lines = [
        line | {"in" if line["amount"] >= 0 else "out": abs(line["amount"])}
        for line in row["lines"]
    ]
    foot = [(f"All {len(lines):,} lines", {name: found[name] for name in ("in", "out")})]
    return books_page(
        "statement.html",
        books,
        "bank",
        statement=found,
        **listing(request, base_of(books), _LINES, lines, Filter((), {}), foot),
    )


def _statement(row: Row, accounts: list[Row]) -> Row:
    account = next((a for a in accounts if a["id"] == row["accountId"]), {})
    amounts = [line["amount"] for line in row["lines"]]
    return row | {
        "title": f"{date.fromisoformat(row['month'] + '-01'):%B %Y}",
        "accountName": account.get("name", ""),
        "currency": account.get("currency"),
        "count": f"{len(amounts):,}",
        "in": sum((a for a in amounts if a > 0), start=Decimal(0)),
        "out": -sum((a for a in amounts if a < 0), start=Decimal(0)),
    }
