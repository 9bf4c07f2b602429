"""Dates at the ends of the calendar, which people and imports use for "unknown" and "for ever"."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest

from clearbooks.errors import SettingError
from tap_clearbooks.inputs import check_state
from tests.ledger import ONE

STREAMS = ["account_balances", "customers", "sales_invoices", "transactions", "transaction_lines"]
TODAY = dt.datetime.now(dt.UTC).date().isoformat()


@pytest.fixture
def run(books, run_tap):
    """`run(state, …)`: a run over one business in which nothing fails."""

    def call(state=None, **settings):
        output = run_tap(STREAMS, state=state, business_ids=[ONE], **settings)
        assert not output.failures
        return output

    return call


def post(books, date):
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    lines = [{"accountCodeId": 1001001, "amount": -7}, {"accountCodeId": 7501001, "amount": 7}]
    books.do("createJournal", {"accountingDate": TODAY, "description": "Work", "lines": lines})
    # Without VAT, which had no rate then.
    line = {
        "description": "Work",
        "unitPrice": 100,
        "quantity": 1,
        "accountCode": 1001001,
        "vatRateKey": "0.00:Zero",
    }
    return books.invoice(customer, date, dateDue=date, lineItems=[line])["id"]


def sums(output, stream, field):
    found = Counter()
    for record in output.records(stream):
        found[record["accountCodeId"]] += Decimal(str(record[field]))
    return {account: total for account, total in found.items() if total}


@pytest.mark.parametrize(
    ("date", "unit"),
    [
        ("9999-12-31", "month"),
        ("9998-06-01", "quarter"),
        ("0202-05-05", "year"),
        ("0001-01-01", "month"),
    ],
)
def test_an_invoice_of_any_day_stops_nothing(books, run, date, unit):
    far = post(books, date)
    first = run(balance_period=unit)
    assert (ONE, far) in first.ids("sales_invoices")
    assert first.records("customers")
    balances = sums(first, "account_balances", "balance")
    assert balances == sums(first, "transaction_lines", "amount")
    assert sorted(map(abs, balances.values())) == [107, 107]
    later = run(first.state, balance_period=unit)
    assert not later.records("transactions")
    assert not [r for r in later.records("account_balances") if r.get("_sdc_deleted_at")]
    assert later.state["bookmarks"].keys() == first.state["bookmarks"].keys()


def test_a_transaction_without_a_date_hides_no_period(books, run):
    post(books, "1999-01-01")
    post(books, "2001-02-03")
    with books.engine.transaction():
        for statement in (
            "UPDATE transactions SET json = CAST(replace(CAST(json AS TEXT), :was, :is) AS BLOB)",
            "UPDATE transactions SET date = :is WHERE date = :was",
            "UPDATE lines SET date = :is WHERE date = :was",
        ):
            books.engine.db.execute(statement, {"was": "1999-01-01", "is": "0000-00-00"})
    output = run()
    assert None in {r["accountingDate"] for r in output.records("transactions")}
    assert "2001-02-28" in {r["accountingDateTo"] for r in output.records("account_balances")}


def test_the_state_of_an_end_date_far_back_is_read_again(books, run):
    post(books, "1000-01-01")
    settings = {"end_date": "1000-01-01", "lookback_days": 36500}
    first = run(**settings)
    assert run(first.state, **settings).records("account_balances")


def test_a_bookmark_at_the_end_of_the_calendar_is_read_from(books, run):
    post(books, "2024-03-01")
    state = run().state
    (partition,) = state["bookmarks"]["account_balances"]["partitions"]
    partition["replication_key_value"] = "9999-12-31"
    assert "2024-03-31" in {r["accountingDateTo"] for r in run(state).records("account_balances")}


def test_a_bookmark_that_is_no_date_is_refused():
    partition = {"context": {"businessId": ONE}, "replication_key_value": "10000-01-01"}
    state = {"bookmarks": {"payments": {"partitions": [partition]}}}
    with pytest.raises(SettingError, match="replication_key_value"):
        check_state(state)
