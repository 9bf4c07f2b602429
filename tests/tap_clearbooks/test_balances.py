"""Balances of a ledger with gaps: what it costs, and that no posting is missed."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from clearbooks.client import Client
from clearbooks.dates import period_of
from clearbooks.errors import RejectedError
from clearbooks.pacing import Pacer
from clearbooks.replies import Reply
from tests.ledger import ONE

ACCOUNTS = (1001001, 7501001)
TODAY = dt.datetime.now(dt.UTC).date()


def ago(months, day=5):
    """A day of the month so many months before this one."""
    number = TODAY.year * 12 + TODAY.month - 1 - months
    return dt.date(number // 12, number % 12 + 1, day).isoformat()


@pytest.fixture(autouse=True)
def no_pace(monkeypatch):
    """What is counted here are requests, not seconds."""
    monkeypatch.setattr(
        "clearbooks.client.open_pacer", lambda _: Pacer(None, sleep=lambda _s: None)
    )


@pytest.fixture
def ledger(books):
    """A journal in each of the last 12 months."""
    for months in range(12):
        post(books, ago(months))
    return books


@pytest.fixture
def balances(books, run_tap):
    """`balances(state, …)`: the output of a run, and how many requests it made."""

    def run(state=None, **settings):
        before = len(books.server.requests)
        output = run_tap(["account_balances"], state=state, business_ids=[ONE], **settings)
        assert not output.failures
        return output, len(books.server.requests) - before

    return run


def post(books, date, amount=100):
    debit, credit = ACCOUNTS
    lines = [
        {"accountCodeId": debit, "amount": amount},
        {"accountCodeId": credit, "amount": -amount},
    ]
    books.do("createJournal", {"accountingDate": date, "description": "Work", "lines": lines})


def rows(output):
    return [
        (r["accountingDateFrom"], r["accountingDateTo"], r["accountCodeId"], r["balance"])
        for r in output.records("account_balances")
    ]


def asked_one_by_one(books, first, last):
    """The rows of each month from one to another, with a request for each."""
    found, day = [], dt.date.fromisoformat(first)
    while day <= dt.date.fromisoformat(last):
        start, end = period_of(day, "month")
        query = {"accountingDateFrom": str(start), "accountingDateTo": str(end)}
        reply = books.engine.call(
            "listAccountBalances", business_id=ONE, params={}, query=query, body=None
        )
        found += [
            (str(start), str(end), row["accountCodeId"], row["balance"])
            for row in json.loads(reply.body)
        ]
        day = end + dt.timedelta(days=1)
    return found


@pytest.mark.parametrize(("date", "most"), [("2125-06-15", 6), ("1025-06-15", 8)])
def test_a_mistyped_year_costs_a_few_requests(ledger, balances, date, most):
    plain, first = balances()
    _, later = balances(plain.state)
    post(ledger, date)
    far, far_first = balances()
    again, far_later = balances(far.state)
    assert far_first <= first + most
    assert far_later <= later + most
    months = asked_one_by_one(ledger, date, date) + asked_one_by_one(ledger, ago(11), ago(0))
    assert rows(far) == sorted(months)
    assert not [r for r in again.records("account_balances") if r.get("_sdc_deleted_at")]


def test_a_ledger_without_gaps_costs_a_request_for_each_period(ledger, balances):
    _, requests = balances()
    assert requests <= 12 + 4


def test_gaps_between_the_years(ledger, balances):
    for date in ("1970-01-31", "1985-12-01", "1986-01-01", "2001-07-07", "2003-02-28"):
        post(ledger, date)
    output, requests = balances()
    assert rows(output) == asked_one_by_one(ledger, "1970-01-31", ago(0))
    assert requests <= 12 + 4 + 5 * 5


def zeros_left_out(body):
    return json.dumps([row for row in json.loads(body) if row["balance"]]).encode()


def zeros_added(body):
    found = {row["accountCodeId"]: row for row in json.loads(body)}
    for account in ACCOUNTS:
        found.setdefault(account, {"accountCodeId": account, "balance": 0})
    return json.dumps([found[account] for account in sorted(found)]).encode()


@pytest.fixture
def dialect(monkeypatch):
    """`dialect(change, most_days=…)`: another way in which the API may answer."""
    get = Client.get

    def use(change=lambda body: body, most_days=10**6):
        def altered(self, operation, params=None, **kwargs):
            if operation != "listAccountBalances":
                return get(self, operation, params, **kwargs)
            if (params["accountingDateTo"] - params["accountingDateFrom"]).days > most_days:
                raise RejectedError(operation, 400)
            reply = get(self, operation, params, **kwargs)
            return Reply(reply.status, reply.headers, change(reply.body), reply.path)

        monkeypatch.setattr(Client, "get", altered)

    return use


@pytest.mark.parametrize(
    ("change", "unsorted"),
    [(zeros_left_out, False), (zeros_left_out, True), (zeros_added, False), (bytes, True)],
)
def test_what_is_taken_back_within_a_gap_is_found(ledger, balances, dialect, change, unsorted):
    post(ledger, "2001-01-05")
    post(ledger, "2003-03-01", 50)
    post(ledger, "2003-06-01", -50)
    wanted = [row for row in asked_one_by_one(ledger, "2001-01-05", ago(0)) if row[3]]
    dialect(change)
    if unsorted:
        ledger.server.dialects.on("unsorted")
    output, requests = balances()
    assert [row for row in rows(output) if row[3]] == wanted
    if not unsorted:
        assert requests < 12 + 4 + 30


def test_accounts_without_postings_have_rows_in_quiet_periods_where_the_api_lists_them(
    ledger, balances, dialect
):
    post(ledger, "2020-01-05")
    dialect(zeros_added)
    output, _ = balances()
    periods = {row[0] for row in rows(output)}
    assert len(periods) == (TODAY.year - 2020) * 12 + TODAY.month


def test_an_api_that_sums_a_year_at_most_is_asked_year_by_year(ledger, balances, dialect):
    post(ledger, "1990-01-05")
    dialect(most_days=366)
    output, requests = balances()
    assert rows(output) == asked_one_by_one(ledger, "1990-01-05", ago(0))
    assert requests < (TODAY.year - 1990) * 12 / 2


def test_a_server_that_neither_filters_nor_sorts_transactions_hides_no_period(
    ledger, balances, monkeypatch
):
    post(ledger, "2003-03-01", 50)
    call, wanted = ledger.engine.call, asked_one_by_one(ledger, "2003-03-01", ago(0))

    def heedless(operation, **request):
        if operation == "listTransactions":
            query = request["query"].items()
            request["query"] = {name: v for name, v in query if not name.startswith("accounting")}
        return call(operation, **request)

    monkeypatch.setattr(ledger.engine, "call", heedless)
    ledger.server.dialects.on("unsorted")
    output, _ = balances()
    assert [row for row in rows(output) if row[3]] == [row for row in wanted if row[3]]
