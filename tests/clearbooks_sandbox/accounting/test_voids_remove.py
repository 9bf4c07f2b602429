"""A ledger in which what is voided, deleted or changed takes its transaction away."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.ledger import BANK, DEBTORS, EXCHANGE, SALES, VAT, line

ONE = {"salesType": "invoices"}


@pytest.fixture(autouse=True)
def removing(engine):
    engine.dialects.on("voids-remove")


def totals(ledger):
    """What the headers count: transactions, and their lines."""
    listings = ("listTransactions", "listTransactionLines")
    return [int(ledger.call(name).headers["X-Pagination-Total-Count"]) for name in listings]


def sums(ledger):
    """Balances from the lines of the transactions, which the API's own sums have to equal."""
    found = {}
    for transaction in ledger.transactions():
        for entry in transaction["lines"]:
            account = entry["accountCodeId"]
            found[account] = found.get(account, 0) + entry["amount"]
    found = {account: whole for account, whole in found.items() if whole}
    assert found == ledger.balances()
    query = {"accountingDateFrom": "2000-01-01", "accountingDateTo": "2099-12-31"}
    rows = ledger.do("listAccountBalances", query=query)
    assert found == {row["accountCodeId"]: row["balance"] for row in rows if row["balance"]}
    return found


def test_a_void_takes_the_transaction_and_its_lines_away(ledger):
    customer = ledger.customer()
    first, second = ledger.sale(customer)["id"], ledger.sale(customer, line(50))["id"]
    assert totals(ledger) == [2, 6]
    kept = ledger.transactions()[1]
    ledger.do("deleteSalesDocument", **ONE, salesId=first)
    assert totals(ledger) == [1, 3]
    assert ledger.transactions() == [kept]
    assert sums(ledger) == {DEBTORS: 60, SALES: -50, VAT: -10}
    ledger.do("deleteSalesDocument", **ONE, salesId=second)
    assert (totals(ledger), sums(ledger)) == ([0, 0], {})


def test_a_revision_is_a_new_transaction_in_place_of_the_old(ledger):
    number = ledger.sale(ledger.customer())["id"]
    [old] = ledger.transactions()
    made = ledger.do("updateSalesDocument", {"lineItems": [line(90)]}, **ONE, salesId=number)
    [new] = ledger.transactions()
    assert new["id"] > old["id"]
    assert sums(ledger) == {DEBTORS: 108, SALES: -90, VAT: -18}
    ledger.do("deleteSalesDocument", **ONE, salesId=made["id"])
    # An ID that was given out once is not given out again.
    ledger.sale(ledger.customer())
    assert ledger.transactions()[0]["id"] > new["id"]


def test_payments(ledger):
    customer = ledger.customer()
    payment = ledger.pay(customer, 10)
    [old] = ledger.transactions()
    change = {"amount": 12, "date": "2024-03-05", "description": "x"}
    change |= {"bankAccountId": 1, "contactId": customer}
    ledger.do("updatePayment", change, paymentId=payment)
    [new] = ledger.transactions()
    assert new["id"] > old["id"]
    assert sums(ledger) == {BANK: 12, DEBTORS: -12}
    ledger.do("deletePayment", paymentId=payment)
    assert (totals(ledger), sums(ledger)) == ([0, 0], {})


def test_the_exchange_difference_of_an_allocation(ledger):
    dollars = ledger.do("createBankAccount", {"name": "Dollars", "currency": "USD"})["id"]
    customer = ledger.customer()
    rates = {"currency": "USD", "exchangeRate": Decimal("1.25")}
    invoice = ledger.sale(customer, line(100, rate="0.00:Zero"), **rates)["id"]
    payment = ledger.pay(customer, 100, dollars, exchangeRate=Decimal("1.6"))
    made = ledger.allocate(invoice, 100, payment=payment)["id"]
    assert totals(ledger)[0] == 3
    assert EXCHANGE in sums(ledger)
    ledger.do("deleteAllocation", invoiceType="sales", allocationId=made)
    assert totals(ledger)[0] == 2
    assert EXCHANGE not in sums(ledger)


def test_reversals_of_before_stay(ledger, engine):
    engine.dialects.off("voids-remove")
    customer = ledger.customer()
    first, second = ledger.sale(customer)["id"], ledger.sale(customer)["id"]
    ledger.do("deleteSalesDocument", **ONE, salesId=first)
    engine.dialects.on("voids-remove")
    ledger.do("deleteSalesDocument", **ONE, salesId=second)
    assert (totals(ledger)[0], sums(ledger)) == (2, {})
