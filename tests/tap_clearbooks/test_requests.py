"""How many requests a run makes: the first one, and every later one.

Counted, not timed. The tables of docs/read.md rest on these numbers.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter

import pytest

from clearbooks.client import Client
from tap_clearbooks.streams import STREAMS
from tests.ledger import ONE

LISTINGS = 16  # the listings behind the streams below; lines come out of the transactions
NAMES = [
    name
    for name, spec in STREAMS.items()
    if spec.selected and name not in {"vat_rates", "vat_treatments", "account_balances"}
]
# A ledger of several pages for each listing that grows, with pages this small.
LONG, PAGE = 60, 10


class Ledger:
    """A ledger of invoices, half of them paid."""

    def __init__(self, books, invoices):
        self.books = books
        self.customer = books.do("createCustomer", {"name": "Smith"})["id"]
        bank = {"name": "Current", "currency": "GBP"}
        self.bank = books.do("createBankAccount", bank)["id"]
        self.invoices = [
            books.invoice(self.customer, f"2024-03-{n % 28 + 1:02}")["id"] for n in range(invoices)
        ]
        self.unpaid = list(self.invoices)
        for _ in range(invoices // 2):
            self.pay()

    def pay(self):
        payment = {
            "date": "2024-05-01",
            "description": "Paid",
            "amount": 120,
            "contactId": self.customer,
            "bankAccountId": self.bank,
        }
        number = self.books.do("createPayment", payment)["id"]
        body = {
            "invoiceId": self.unpaid.pop(0),
            "allocationType": "payment",
            "paymentId": number,
            "amount": 120,
        }
        self.books.do("createAllocation", body, invoiceType="sales")

    def revise(self):
        self.books.do(
            "updateSalesDocument",
            {"description": "Revised"},
            salesType="invoices",
            salesId=self.unpaid.pop(),
        )


@pytest.fixture
def cost(books, run_tap):
    """`cost(state, …)`: the state after a run, and its requests by path."""

    def run(state=None, **settings):
        before = len(books.server.requests)
        output = run_tap(NAMES, state=state, **{"business_ids": [ONE], **settings})
        asked = Counter(
            request.path.rpartition("accounting/")[2]
            for request in list(books.server.requests)[before:]
        )
        return output.state, asked

    return run


@pytest.fixture
def many(books):
    """400 invoices, one a day."""
    ledger = Ledger(books, 0)
    for day in range(400):
        date = (dt.date(2023, 1, 1) + dt.timedelta(days=day)).isoformat()
        books.invoice(ledger.customer, date=date)


def test_a_small_business_costs_a_request_for_each_listing(books, cost):
    ledger = Ledger(books, 8)
    state, first = cost()
    assert set(first.values()) == {1}
    assert first.total() == LISTINGS
    for change in (lambda: None, ledger.pay, ledger.revise):
        change()
        state, later = cost(state)
        assert later == first


def test_the_businesses_are_asked_for_once(cost):
    """Also where no setting names them."""
    for chosen in ([], [ONE]):
        assert cost(business_ids=chosen)[1]["/businesses"] == 1


@pytest.mark.parametrize("invoices", [8, LONG])
@pytest.mark.parametrize("start", [{}, {"start_date": "2024-03-10"}])
def test_four_requests_where_lists_may_be_a_day_old(books, cost, invoices, start):
    ledger = Ledger(books, invoices)
    settings = {"refresh_hours": 24, "page_size": PAGE, **start}
    state, first = cost(**settings)
    state, later = cost(state, **settings)
    signs = ("/businesses", "transactions", "allocations/sales", "allocations/purchases")
    assert later == dict.fromkeys(signs, 1)
    ledger.pay()
    _, changed = cost(state, **settings)
    assert later.total() < changed.total() <= first.total()
    assert "customers" not in changed


@pytest.mark.parametrize("start", [{}, {"start_date": "2024-03-10"}])
def test_a_large_ledger_in_which_nothing_happened(books, cost, start):
    Ledger(books, LONG)
    state, first = cost(page_size=PAGE, **start)
    _, later = cost(state, page_size=PAGE, **start)
    followed = later - Counter(accountCodes=later["accountCodes"])
    assert max(followed.values()) <= 2, "two for each list of allocations"
    # Sign and stream are one page where no date is asked for.
    assert later["transactions"] == (2 if start else 1)
    assert later.total() <= first.total() - 20


def test_a_payment_costs_one_request(books, cost):
    """The document that it pays; what else is new came with the signs."""
    ledger = Ledger(books, LONG)
    state, first = cost(page_size=PAGE)
    state, quiet = cost(state, page_size=PAGE)
    for _ in range(3):
        ledger.pay()
    _, paid = cost(state, page_size=PAGE)
    assert (paid - quiet) == {f"sales/invoices/{number}": 1 for number in ledger.invoices[30:33]}
    assert quiet - paid == {}
    assert paid.total() <= first.total()


def test_a_revision_costs_one_reading_of_its_listing(books, cost):
    ledger = Ledger(books, LONG)
    state, first = cost(page_size=PAGE)
    _, quiet = cost(state, page_size=PAGE)
    for _ in range(3):
        ledger.revise()
    _, revised = cost(state, page_size=PAGE)
    whole = {"sales/invoices", "allocations/sales", "transactions"}
    assert {path for path in revised if revised[path] > quiet[path]} <= whole
    assert all(revised[path] <= first[path] for path in ("sales/invoices", "allocations/sales"))
    assert revised.total() <= first.total()


def test_once_in_reread_days_all_is_read(books, cost):
    Ledger(books, LONG)
    state, first = cost(page_size=PAGE)
    _, again = cost(state, page_size=PAGE, reread_days=0)
    for path in ("sales/invoices", "transactions"):
        assert again[path] == first[path]
    assert again.total() <= first.total()


@pytest.mark.usefixtures("many")
def test_a_start_date_older_than_the_books_costs_one_request_a_long_listing(cost):
    """That of the oldest record, which shows that pages by ID do."""
    _, without = cost(page_size=PAGE)
    _, since = cost(page_size=PAGE, start_date="2022-12-31")
    more = since - without
    # Without it, the transactions begin with the page that was read for their sign.
    assert more == {"sales/invoices": 1, "transactions": 1}
    assert without["sales/invoices"] == 400 // PAGE + 2
    assert without["transactions"] == 400 // PAGE + 1


@pytest.mark.usefixtures("many")
def test_questions_before_a_listing_do_not_wait_for_each_other(run_tap, monkeypatch):
    """The three signs, and whether anything is older than `start_date`."""
    together, get, held = threading.Barrier(4), Client.get, []

    def hold(self, operation, params=None, **more):
        if operation in {"listTransactions", "listAllocations"} or (params or {})["limit"] == 1:
            held.append(operation)
            together.wait(timeout=20)
        return get(self, operation, params, **more)

    monkeypatch.setattr(Client, "get", hold)
    settings = {"business_ids": [ONE], "page_size": PAGE, "start_date": "2022-12-31"}
    output = run_tap(["sales_invoices"], **settings)
    assert len(output.records("sales_invoices")) == 400
    assert len(held) == 4


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("start", [{}, {"start_date": "2022-12-31"}])
def test_a_reading_begins_with_a_newest_page_that_is_no_older_than_the_signs(books, run_tap, start):
    """In later runs the signs come first; then the newest page is asked for once."""
    settings = {"business_ids": [ONE], "page_size": PAGE, **start}
    state = run_tap(["sales_invoices"], **settings).state
    first = len(books.asked("/sales/invoices"))
    run_tap(["sales_invoices"], state=state, reread_days=0, **settings)
    assert len(books.asked("/sales/invoices")) - first == first - 1


@pytest.mark.parametrize("bare", [False, True])
def test_documents_that_are_listed_without_lines_take_a_request_each(bare, books, run_tap, caplog):
    if bare:
        books.server.dialects.on("bare-lists")
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    for _ in range(5):
        books.invoice(customer)
    read = run_tap(["sales_invoices"]).records("sales_invoices")
    assert [len(record["lineItems"]) for record in read] == [1] * 5
    assert len(books.asked("/sales/invoices/")) == (5 if bare else 0)
    assert ("lists documents without lineItems" in caplog.text) is bare
