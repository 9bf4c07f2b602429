"""Payments, and what they post."""

from __future__ import annotations

from decimal import Decimal

from tests.ledger import BANK, CREDITORS, DEBTORS, SALES, VAT


def body(amount=100, **fields):
    return {
        "date": "2024-03-05",
        "description": "Payment",
        "amount": amount,
        "contactId": 1,
        "bankAccountId": 1,
        **fields,
    }


def test_control_accounts_by_contact(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    ledger.pay(customer, 10)
    ledger.pay(supplier, -4)
    assert ledger.balances() == {BANK: 6, DEBTORS: -10, CREDITORS: 4}
    books = ledger.engine.books(ledger.business)
    assert books.contact(customer)["balance"] == -10
    assert books.contact(supplier)["balance"] == -4


def test_every_fault_of_a_payment(ledger):
    bad = body(Decimal("1.005"), contactId=9, bankAccountId=1, paymentMethodId=99, exchangeRate=2)
    assert ledger.refused("createPayment", bad) == (
        422,
        ["CONTACT_ID", "PAYMENT_METHOD_ID", "AMOUNT", "EXCHANGE_RATE"],
    )
    assert ledger.refused("createPayment", body(0, bankAccountId=7)) == (
        422,
        ["CONTACT_ID", "BANK_ACCOUNT_ID", "AMOUNT"],
    )


def test_update_corrects_the_ledger_only_where_it_is_concerned(ledger):
    ledger.customer()
    payment = ledger.pay(1, 100)
    changed = ledger.do("updatePayment", body(description="other"), paymentId=payment)
    assert changed["id"] == payment
    assert len(ledger.transactions()) == 1
    ledger.do("updatePayment", body(80, description="other"), paymentId=payment)
    assert len(ledger.transactions()) == 3
    assert ledger.balances() == {BANK: 80, DEBTORS: -80}


def test_update_of_an_allocated_payment(ledger):
    customer, _ = ledger.customer(), ledger.customer()
    invoice = ledger.sale(customer)["id"]
    payment = ledger.pay(customer, 100)
    ledger.allocate(invoice, 90, payment=payment)
    for change in ({"amount": 80}, {"amount": -100}, {"contactId": 2}):
        wrong = body() | change
        assert ledger.refused("updatePayment", wrong, paymentId=payment)[0] == 422, change
    ledger.do("updatePayment", body(95, date="2024-06-01"), paymentId=payment)
    assert ledger.invoice(invoice)["due"] == 30


def test_date_paid_follows_the_payment(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    payment = ledger.pay(customer, 120)
    ledger.allocate(invoice, 120, payment=payment)
    ledger.do("updatePayment", body(120, date="2024-06-01"), paymentId=payment)
    assert ledger.invoice(invoice)["datePaid"] == "2024-06-01"


def test_delete_frees_the_invoice(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    payment = ledger.pay(customer, 120)
    joined = ledger.allocate(invoice, 120, payment=payment)
    ledger.do("deletePayment", paymentId=payment)
    found = ledger.invoice(invoice)
    assert (found["due"], found["status"], found.get("datePaid")) == (120, "approved", None)
    assert ledger.refused("getPayment", paymentId=payment)[0] == 404
    assert ledger.refused("deletePayment", paymentId=payment)[0] == 404
    params = {"invoiceType": "sales", "allocationId": joined["id"]}
    assert ledger.refused("getAllocation", **params)[0] == 404
    assert ledger.balances() == {DEBTORS: 120, SALES: -100, VAT: -20}


def test_exchange_rates_of_payments(ledger):
    ledger.customer()
    dollars = ledger.do("createBankAccount", {"name": "USD", "currency": "USD"})["id"]
    provided = ledger.do("createPayment", body(127, bankAccountId=dollars))
    assert (provided["currency"], provided["exchangeRate"]) == ("USD", Decimal("1.27"))
    own = ledger.do("createPayment", body(150, bankAccountId=dollars, exchangeRate=Decimal("1.5")))
    params = {"paymentId": own["id"]}
    kept = ledger.do("updatePayment", body(150, bankAccountId=dollars), **params)
    assert kept["exchangeRate"] == Decimal("1.5")
    dropped = ledger.do(
        "updatePayment", body(150, bankAccountId=dollars, exchangeRate=None), **params
    )
    assert dropped["exchangeRate"] == Decimal("1.27")
    home = ledger.do("updatePayment", body(150, bankAccountId=1), **params)
    assert (home["currency"], home.get("exchangeRate")) == ("GBP", None)
    assert ledger.balances() == {BANK: 150, 7502002: 100, DEBTORS: -250}
