"""A business as a whole and its ledger: overview, listings, accounts, transactions, journals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.accounting.features import FEATURES
from clearbooks_sandbox.pages import sources
from clearbooks_sandbox.pages.filters import SINCE, UNTIL, Field, Filter, within
from clearbooks_sandbox.pages.listing import totals
from clearbooks_sandbox.pages.lists import LISTS
from clearbooks_sandbox.pages.render import link, page
from clearbooks_sandbox.pages.sections import label, page_of
from clearbooks_sandbox.pages.table import Column, Table, sums_of
from clearbooks_sandbox.pages.view import MissingError, base_of, books_page, find, listing

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.books import Books
    from clearbooks_sandbox.accounting.engine import AccountingEngine

_ALL = 10**9
_TRIAL_BALANCE = (
    Column("Code", "account_code", "code", "{account}"),
    Column("Account", "name", link="{account}", head=True),
    Column("Debit £", "debit", "home", total=True),
    Column("Credit £", "credit", "home", total=True),
)
_ACCOUNT = (
    sources.DATE,
    replace(sources.TRANSACTION, head=True),
    sources.POSTED_FOR,
    sources.DEBIT,
    sources.CREDIT,
    Column("Balance £", "balance", "home"),
)
_PERIOD = (SINCE, UNTIL)


def businesses(engine: AccountingEngine) -> Response:
    """Every business with what is owed to and by it."""
    every = [engine.books(number) for number in engine.business_ids()]
    shown = [{"record": books.business(), **_owed(books)} for books in every]
    return page("businesses.html", businesses=shown)


def overview(request: Request, books: Books) -> Response:
    """Overview of a business: bank accounts, what is owed, counts."""
    del request
    return books_page(
        "business.html",
        books,
        "",
        bank_accounts=books.bank_accounts(),
        counts=[(page_of(k), label(k), number) for k, number in books.counts().items()],
        features=[FEATURES[name] for name in books.features()],
        **_owed(books),
    )


def stream(request: Request, books: Books) -> Response:
    """A listing that is named by its stream."""
    name = request.path_params["stream"]
    if name not in LISTS:
        raise MissingError(f"page {name}")
    found = LISTS[name]
    entered = Filter(found.fields, request.query_params)
    rows = found.read(books, entered.values)
    added = [column.field for column in found.columns if column.total]
    foot = sums_of(totals(rows, *added)) if added else ()
    return books_page(
        "records.html",
        books,
        name,
        title=found.title,
        lead=found.lead,
        empty=f"No {found.title.lower().replace('vat', 'VAT')}.",
        **listing(request, base_of(books), found.columns, rows, entered, foot),
    )


def account(request: Request, books: Books) -> Response:
    """An account: its postings over time, with the balance after each."""
    code = request.path_params["id"]
    name = find(books.names("account_codes").__getitem__, "account code", code)
    entered = Filter(_PERIOD, request.query_params)
    every = books.general_ledger.account(code)
    before = [row for row in every if row["accountingDate"] < entered.values["since"]]
    rows = [row for row in every if within(row["accountingDate"], entered.values)]
    opening = before[-1]["balance"] if before else Decimal(0)
    sums = sources.sums(rows)
    closing = opening + sums["debit"] - sums["credit"]
    foot = [(f"All {len(rows):,}", sums | {"balance": closing})]
    return books_page(
        "account.html",
        books,
        "account_codes",
        code=code,
        name=name,
        opening=opening,
        closing=closing,
        sums=sums,
        **listing(
            request, base_of(books), _ACCOUNT, rows, entered, foot, complete=sources.with_source
        ),
    )


def transaction(request: Request, books: Books) -> Response:
    """A transaction with its lines."""
    number = request.path_params["id"]
    lines = find(books.general_ledger.transaction, "transaction", number)
    return books_page(
        "transaction.html",
        books,
        "transactions",
        transaction=sources.with_source(lines[0]),
        postings=sources.postings(lines, base_of(books)),
    )


def journals(request: Request, books: Books) -> Response:
    """Journals with their lines: all of them, or the one that the path names."""
    number = request.path_params.get("id")
    if number is None:
        rows = books.journals(limit=_ALL)
    else:
        rows = [find(books.journal, "journal", number)]
    entered = Filter((), {})
    return books_page(
        "journals.html", books, "journals", **listing(request, base_of(books), (), rows, entered)
    )


def trial_balance(request: Request, books: Books) -> Response:
    """Every account's balance on a date."""
    entered = Filter((Field("date", "Up to", "date"),), request.query_params)
    at = entered.values["date"]
    rows = [
        {
            "account_code": row.account_code,
            "name": row.name,
            "debit": row.debit,
            "credit": row.credit,
            "account": link(f"account_codes/{row.account_code}", until=at),
        }
        for row in books.trial_balance(date.fromisoformat(at) if at else None)
        if row.balance
    ]
    sums = sources.sums(rows)
    return books_page(
        "trial_balance.html",
        books,
        "trial_balance",
        status=entered.status,
        filter=entered,
        at=at,
        sums=sums,
        table=Table(_TRIAL_BALANCE, rows, base_of(books), [("Total", sums)]),
    )


def _owed(books: Books) -> dict[str, Decimal]:
    """What customers owe and what is owed to suppliers."""
    balances = {row.account_code: row.balance for row in books.trial_balance()}
    return {
        "debtors": balances.get(ROLES["debtors"], Decimal(0)),
        "creditors": -balances.get(ROLES["creditors"], Decimal(0)),
    }
