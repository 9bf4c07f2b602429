"""What a second run reads, what it costs, and that nothing falls between two runs."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.ledger import ONE, TWO
from tests.tap_clearbooks.conftest import select

TODAY = dt.datetime.now(dt.UTC).date()


def day(ago):
    return (TODAY - dt.timedelta(days=ago)).isoformat()


@pytest.fixture
def customer(books):
    return books.do("createCustomer", {"name": "Smith"})["id"]


def test_transactions_only_what_is_new_by_id_back_dated_ones_too(books, run_tap, customer):
    for n in range(5):
        books.invoice(customer, day(n))
    both = ["transactions", "transaction_lines"]
    first = run_tap(both)
    assert len(first.records("transactions")) == 5
    books.invoice(customer, "2019-01-01")
    books.invoice(customer, day(0))
    before = len(books.asked("transactions"))
    second = run_tap(both, state=first.state)
    assert [r["accountingDate"] for r in second.records("transactions")] == ["2019-01-01", day(0)]
    assert {r["transactionId"] for r in second.records("transaction_lines")} == {
        r["id"] for r in second.records("transactions")
    }
    assert len(books.asked("transactions")) - before == 2  # one for each business
    third = run_tap(both, state=second.state)
    assert not third.records("transactions")
    assert not third.records("transaction_lines")


def test_both_streams_cost_the_requests_of_one(books, run_tap, customer):
    for n in range(12):
        books.invoice(customer, day(n))
    run_tap(["transactions"], page_size=5)
    one = len(books.asked("transactions"))
    run_tap(["transaction_lines"], page_size=5)
    assert len(books.asked("transactions")) == 2 * one
    run_tap(["transactions", "transaction_lines"], page_size=5)
    assert len(books.asked("transactions")) == 3 * one
    assert not books.asked("transactionLines")


def test_streams_with_different_bookmarks_share_pages_and_get_what_each_lacks(
    books, run_tap, customer
):
    books.invoice(customer)
    first = run_tap(["transactions"])
    books.invoice(customer)
    both = run_tap(["transactions", "transaction_lines"], state=first.state)
    assert len(both.records("transactions")) == 1
    assert len({r["transactionId"] for r in both.records("transaction_lines")}) == 2


def test_full_table_reads_everything_again(books, run_tap, customer):
    books.invoice(customer)
    catalog = select(["transactions"], transactions="FULL_TABLE")
    first = run_tap(catalog)
    second = run_tap(catalog, state=first.state)
    assert first.ids("transactions") == second.ids("transactions") != []


def test_an_update_of_an_old_document_is_found_by_its_new_id(books, run_tap, customer):
    old = books.invoice(customer, day(400))
    books.invoice(customer, day(0))
    first = run_tap(["sales_invoices"])
    newer = books.do(
        "updateSalesDocument", {"description": "Mended"}, salesType="invoices", salesId=old["id"]
    )
    second = run_tap(["sales_invoices"], state=first.state, lookback_days=0)
    assert (ONE, newer["id"]) in second.ids("sales_invoices")


def test_a_bookmark_that_another_program_made_is_not_trusted(books, run_tap, customer):
    for ago in (400, 0):
        books.invoice(customer, day(ago))
    bookmark = {
        "context": {"businessId": ONE},
        "replication_key": "date",
        "replication_key_value": day(0),
    }
    state = {"bookmarks": {"sales_invoices": {"partitions": [bookmark]}}}
    assert len(run_tap(["sales_invoices"], state=state).records("sales_invoices")) == 2


def test_a_document_dated_far_ahead_does_not_hide_today(books, run_tap, customer):
    books.invoice(customer, "2099-01-01")
    today = books.invoice(customer, day(0))
    first = run_tap(["sales_invoices"])
    second = run_tap(["sales_invoices"], state=first.state)
    assert (ONE, today["id"]) in second.ids("sales_invoices")


def test_start_and_end_date(books, run_tap, customer):
    for date in ("2023-12-31", "2024-01-01", "2024-01-31", "2024-02-01"):
        books.invoice(customer, date)
    window = {"start_date": "2024-01-01", "end_date": "2024-01-31"}
    run = run_tap(["sales_invoices", "transactions", "account_balances"], **window)
    assert {r["date"] for r in run.records("sales_invoices")} == {"2024-01-01", "2024-01-31"}
    assert len(run.records("transactions")) == 2
    periods = {
        (r["accountingDateFrom"], r["accountingDateTo"]) for r in run.records("account_balances")
    }
    # All that was posted before comes as one period.
    assert periods == {("0001-01-01", "2023-12-31"), ("2024-01-01", "2024-01-31")}
    whole = run_tap(["sales_invoices", "transactions"], state=run.state)
    assert len(whole.records("sales_invoices")) == 4
    assert len(whole.records("transactions")) == 4


def test_balances_ask_again_only_for_what_may_have_changed(books, run_tap, customer):
    for ago in (200, 100, 0):
        books.invoice(customer, day(ago))
    first = run_tap(["account_balances"])
    months = {r["accountingDateFrom"] for r in first.records("account_balances")}
    assert len(months) == 3
    before = len(books.asked("accountBalances"))
    second = run_tap(["account_balances"], state=first.state)
    assert len(books.asked("accountBalances")) - before <= 4  # two open months, two businesses
    assert {r["accountingDateFrom"] for r in second.records("account_balances")} < months
    books.invoice(customer, day(200))
    third = run_tap(["account_balances"], state=second.state)
    assert {r["accountingDateFrom"] for r in third.records("account_balances")} == months


@pytest.mark.parametrize(
    ("period", "dates"),
    [
        ("quarter", [("2024-01-01", "2024-03-31"), ("2024-04-01", "2024-06-30")]),
        ("year", [("2024-01-01", "2024-12-31")]),
    ],
)
def test_balance_periods(books, run_tap, customer, period, dates):
    books.invoice(customer, "2024-03-31")
    books.invoice(customer, "2024-04-01")
    run = run_tap(["account_balances"], balance_period=period)
    got = {
        (r["accountingDateFrom"], r["accountingDateTo"]) for r in run.records("account_balances")
    }
    assert sorted(got) == dates


def test_each_business_has_its_own_partition(books, run_tap, customer):
    books.invoice(customer)
    other = books.do("createCustomer", {"name": "Jones"}, business=TWO)["id"]
    books.invoice(other, business=TWO)
    run = run_tap(["transactions"])
    partitions = run.state["bookmarks"]["transactions"]["partitions"]
    assert [p["context"] for p in partitions] == [{"businessId": ONE}, {"businessId": TWO}]
    only = run_tap(["transactions", "businesses"], business_ids=[TWO])
    assert {r["businessId"] for r in only.records("transactions")} == {TWO}
    assert [r["id"] for r in only.records("businesses")] == [TWO]


@pytest.mark.parametrize("dialect", ["unsorted", "ascending-only", "no-headers"])
def test_a_server_that_cannot_sort_or_count_is_read_whole_and_nothing_is_missed(
    books, run_tap, customer, dialect
):
    for n in range(12):
        books.invoice(customer, day(n * 20))
    streams = ["transactions", "transaction_lines", "sales_invoices", "customers"]
    books.server.dialects.on(dialect)
    first = run_tap(streams, page_size=5)
    assert len(first.records("transactions")) == 12
    assert len(first.records("sales_invoices")) == 12
    books.invoice(customer, day(300))
    second = run_tap(streams, page_size=5, state=first.state)
    assert [r["accountingDate"] for r in second.records("transactions")] == [day(300)]
    assert day(300) in {r["date"] for r in second.records("sales_invoices")}
