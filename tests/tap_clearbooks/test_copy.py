"""After every run the loaded tables equal the ledger, whatever a bookkeeper did before it.

A loader that upserts by key, and marks what a tombstone names, is compared with a first read of
the same ledger: every stream, every row, every field.
"""

from __future__ import annotations

import datetime as dt
import random

import pytest

from clearbooks.errors import ClearBooksError
from clearbooks_sandbox import AccountingEngine, Options, running
from tap_clearbooks.streams import STREAMS, resource
from tap_clearbooks.tap import TapClearbooks
from tests.tap_clearbooks.conftest import ONE, TWO, Books, Collector, Output, json, select

TODAY = dt.datetime.now(dt.UTC).date()
NAMES = [name for name, spec in STREAMS.items() if spec.selected]
PAGE = 10


class Warehouse:
    """Tables that several runs load: upserts by key; a tombstone marks the row."""

    def __init__(self):
        self.rows = {name: {} for name in NAMES}

    def load(self, messages):
        for message in messages:
            if message["type"] == "RECORD":
                name, record = message["stream"], message["record"]
                key = tuple(record[field] for field in resource(name).key)
                self.rows[name][key] = record

    def live(self, name):
        return {
            key: {k: v for k, v in row.items() if v is not None}
            for key, row in self.rows[name].items()
            if not row.get("_sdc_deleted_at")
        }


class Bookkeeper:
    """Does what bookkeepers do, at random, to new and old records."""

    def __init__(self, books, dice):
        self.books, self.dice = books, dice
        self.invoices = {ONE: [], TWO: []}
        self.bills = {ONE: [], TWO: []}
        self.quotes = {ONE: [], TWO: []}
        self.payments = {ONE: [], TWO: []}
        self.allocations = {ONE: [], TWO: []}
        self.banks, self.customers, self.suppliers = {}, {ONE: [], TWO: []}, {ONE: [], TWO: []}
        for business in (ONE, TWO):
            bank = {"name": "Current", "currency": "GBP"}
            self.banks[business] = books.do("createBankAccount", bank, business=business)["id"]
            for n in range(3):
                self.contact(business, f"Contact {n}")

    def contact(self, business, name="New"):
        made = self.books.do("createCustomer", {"name": name}, business=business)
        self.customers[business].append(made["id"])
        made = self.books.do("createSupplier", {"name": name}, business=business)
        self.suppliers[business].append(made["id"])

    def day(self):
        return (TODAY - dt.timedelta(days=self.dice.choice([0, 1, 20, 45, 400, 900]))).isoformat()

    def body(self, contact):
        line = {"description": "Work", "unitPrice": self.dice.randint(1, 99), "quantity": 1,
                "accountCode": 1001001 if contact == "customerId" else 2001001,
                "vatRateKey": "20.00:Standard"}  # fmt: skip
        return {"date": self.day(), "vatTreatment": "UK", "lineItems": [line]}

    def invoice(self, business):
        who = self.dice.choice(self.customers[business])
        body = {**self.body("customerId"), "customerId": who}
        made = self.books.do("createSalesDocument", body, business=business, salesType="invoices")
        self.invoices[business].append(made["id"])

    def bill(self, business):
        who = self.dice.choice(self.suppliers[business])
        body = {**self.body("supplierId"), "supplierId": who}
        made = self.books.do(
            "createPurchaseDocument", body, business=business, purchaseType="bills"
        )
        self.bills[business].append(made["id"])

    def quote(self, business):
        who = self.dice.choice(self.customers[business])
        body = {**self.body("customerId"), "customerId": who}
        made = self.books.do("createSalesDocument", body, business=business, salesType="quotes")
        self.quotes[business].append(made["id"])

    def edit_a_quote_in_place(self, business):
        number = self.dice.choice(self.quotes[business])
        body = {"description": f"Edited {self.dice.random()}"}
        made = self.books.do("updateSalesDocument", body, business=business, salesType="quotes",
                             salesId=number)  # fmt: skip
        self.quotes[business][self.quotes[business].index(number)] = made["id"]

    def revise(self, business):
        number = self.dice.choice(self.invoices[business])
        body = {"description": f"Revised {self.dice.random()}"}
        made = self.books.do("updateSalesDocument", body, business=business, salesType="invoices",
                             salesId=number)  # fmt: skip
        self.invoices[business][self.invoices[business].index(number)] = made["id"]

    def void(self, business):
        number = self.dice.choice(self.invoices[business])
        self.books.do("deleteSalesDocument", business=business, salesType="invoices",
                      salesId=number)  # fmt: skip
        self.invoices[business].remove(number)

    def void_a_bill(self, business):
        number = self.dice.choice(self.bills[business])
        self.books.do("deletePurchaseDocument", business=business, purchaseType="bills",
                      purchaseId=number)  # fmt: skip
        self.bills[business].remove(number)

    def pay(self, business):
        number = self.dice.choice(self.invoices[business])
        invoice = self.books.do("getSalesDocument", business=business, salesType="invoices",
                                salesId=number)  # fmt: skip
        payment = {
            "date": self.day(),
            "description": "Paid",
            "amount": invoice["due"] or 1,
            "contactId": invoice["customerId"],
            "bankAccountId": self.banks[business],
        }
        made = self.books.do("createPayment", payment, business=business)
        self.payments[business].append(made["id"])
        if not invoice["due"]:
            return
        amount = round(invoice["due"] * self.dice.choice([0.5, 1]), 2)
        body = {"invoiceId": number, "allocationType": "payment", "paymentId": made["id"],
                "amount": amount}  # fmt: skip
        made = self.books.do("createAllocation", body, business=business, invoiceType="sales")
        self.allocations[business].append(made["id"])

    def un_allocate(self, business):
        number = self.dice.choice(self.allocations[business])
        self.books.do("deleteAllocation", business=business, invoiceType="sales",
                      allocationId=number)  # fmt: skip
        self.allocations[business].remove(number)

    def delete_a_payment(self, business):
        number = self.dice.choice(self.payments[business])
        self.books.do("deletePayment", business=business, paymentId=number)
        self.payments[business].remove(number)

    def journal(self, business):
        lines = [{"accountCodeId": 4001001, "amount": 5}, {"accountCodeId": 8001001, "amount": -5}]
        self.books.do("createJournal", {"accountingDate": self.day(), "description": "J",
                                        "lines": lines}, business=business)  # fmt: skip

    def rename(self, business):
        number = self.dice.choice(self.customers[business])
        body = {"name": f"Renamed {self.dice.random()}"}
        self.books.do("updateCustomer", body, business=business, customerId=number)

    def delete_a_contact(self, business):
        self.contact(business)
        self.books.do(
            "deleteCustomer", business=business, customerId=self.customers[business].pop()
        )
        self.books.do(
            "deleteSupplier", business=business, supplierId=self.suppliers[business].pop()
        )

    ALL = (invoice, invoice, bill, quote, edit_a_quote_in_place, revise, revise, void, void_a_bill,
           pay, pay, un_allocate, delete_a_payment, journal, rename, delete_a_contact)  # fmt: skip

    def act(self, times):
        done = []
        while len(done) < times:
            step, business = self.dice.choice(self.ALL), self.dice.choice([ONE, TWO])
            try:
                step(self, business)
            except (AssertionError, IndexError):
                # The ledger refused it, or there is nothing to do it to.
                continue
            done.append((step.__name__, business))
        return done


def dice_of(seed):
    return random.Random(seed)  # noqa: S311 - no secret


@pytest.fixture
def place(tmp_path):
    engine = AccountingEngine(None)
    assert [engine.add_business("One"), engine.add_business("Two")] == [ONE, TWO]
    with running(engine, Options()) as server:
        yield Books(server), tmp_path


def read(place, state=None, stop_after=None, **settings):
    """Messages of a run, and the error that ended it."""
    books, directory = place
    writer = Collector()
    if stop_after is not None:
        out = writer._out

        def limited(data):
            if len(writer.data) > stop_after:
                raise ClearBooksError("killed")
            out(data)

        writer._out = limited
    tap = TapClearbooks(
        config=books.config(directory, page_size=PAGE, **settings),
        state=state or {}, catalog=select(NAMES), message_writer=writer,
    )  # fmt: skip
    try:
        tap.sync_all()
    except ClearBooksError:
        if stop_after is None:
            raise
    finally:
        tap.close()
    return Output([json.loads(line) for line in writer.data.splitlines()], tap)


def differences(warehouse, place, **settings):
    whole = Warehouse()
    whole.load(read(place, **settings).messages)
    return {
        name: (warehouse.live(name), whole.live(name))
        for name in NAMES
        if warehouse.live(name) != whole.live(name)
    }


@pytest.mark.parametrize("dialects", [(), ("voided-listed",), ("no-headers",), ("unsorted",)])
@pytest.mark.parametrize("seed", range(3))
def test_the_copy_is_the_ledger_after_every_run(place, seed, dialects):
    books = place[0]
    dice = dice_of(f"{seed} {dialects}")
    books.engine.dialects.on("paid-changeable", *dialects)
    keeper, warehouse, state = Bookkeeper(books, dice), Warehouse(), {}
    for business in (ONE, TWO):
        for _ in range(14):
            keeper.invoice(business)
            keeper.bill(business)
        for _ in range(12):
            keeper.pay(business)
            keeper.quote(business)
    for round_ in range(5):
        killed = round_ == 2
        output = read(place, state, stop_after=dice.randint(500, 60_000) if killed else None)
        warehouse.load(output.messages)
        state = output.state or state
        done = []
        if not killed:
            found = differences(warehouse, place)
            assert not found, (round_, done, found)
        done = keeper.act(dice.randint(1, 5))


def test_with_start_date(place):
    books, dice = place[0], dice_of(7)
    keeper, warehouse, state = Bookkeeper(books, dice), Warehouse(), {}
    since = {"start_date": (TODAY - dt.timedelta(days=30)).isoformat()}
    for _ in range(25):
        keeper.invoice(ONE)
    for _ in range(4):
        output = read(place, state, **since)
        warehouse.load(output.messages)
        state = output.state
        assert not differences(warehouse, place, **since)
        keeper.act(4)


def test_two_runs_load_one_table(place):
    """Each has its own business and state: what one does not send is not gone."""
    books, dice = place[0], dice_of(3)
    keeper, warehouse, states = Bookkeeper(books, dice), Warehouse(), {ONE: {}, TWO: {}}
    for _ in range(3):
        keeper.act(6)
        for business in (ONE, TWO):
            output = read(place, states[business], business_ids=[business])
            warehouse.load(output.messages)
            states[business] = output.state
        assert not differences(warehouse, place)
