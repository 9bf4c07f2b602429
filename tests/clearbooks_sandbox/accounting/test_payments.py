"""Payments, what they post, and what is allocated of them."""

from __future__ import annotations

from decimal import Decimal

from tests.clearbooks_sandbox.conftest import (
    BANK,
    CREDITORS,
    DEBTORS,
    EXCHANGE,
    SALES,
    VAT_SALES,
    allocation,
    line,
)


def body(amount=100, **fields):
    return {"date": "2024-03-05", "description": "Payment", "amount": amount, "contactId": 1,
            "bankAccountId": 1, **fields}  # fmt: skip


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
        422, ["contactId", "paymentMethodId", "amount", "exchangeRate"],
    )  # fmt: skip
    assert ledger.refused("createPayment", body(0, bankAccountId=7)) == (
        422, ["contactId", "bankAccountId", "amount"],
    )  # fmt: skip


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
    assert ledger.balances() == {DEBTORS: 120, SALES: -100, VAT_SALES: -20}


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


def test_realised_exchange_differences(ledger):
    customer = ledger.customer()
    dollars = ledger.do("createBankAccount", {"name": "USD", "currency": "USD"})["id"]
    usd = {"currency": "USD", "exchangeRate": Decimal("1.25")}
    invoice = ledger.sale(customer, line(100, rate="0.00:Zero"), **usd)["id"]
    payment = ledger.pay(customer, 100, dollars, exchangeRate=Decimal("1.6"))
    joined = ledger.allocate(invoice, 100, payment=payment)
    assert ledger.balances() == {SALES: -80, 7502002: Decimal("62.5"), EXCHANGE: Decimal("17.5")}
    revised = ledger.do(
        "updateSalesDocument", {"exchangeRate": 2}, salesType="invoices", salesId=invoice
    )
    assert revised["status"] == "paid"
    assert ledger.balances() == {SALES: -50, 7502002: Decimal("62.5"), EXCHANGE: Decimal("-12.5")}
    ledger.do("deleteAllocation", invoiceType="sales", allocationId=joined["id"])
    assert ledger.balances() == {
        SALES: -50, DEBTORS: Decimal("-12.5"), 7502002: Decimal("62.5"),
    }  # fmt: skip


def test_a_home_payment_may_clear_a_foreign_invoice(ledger):
    customer = ledger.customer()
    usd = {"currency": "USD", "exchangeRate": Decimal("1.25")}
    invoice = ledger.sale(customer, line(100, rate="0.00:Zero"), **usd)["id"]
    payment = ledger.pay(customer, 80)
    ledger.allocate(invoice, 100, payment=payment)
    assert ledger.invoice(invoice)["due"] == 0
    assert ledger.engine.books(ledger.business).payment(payment)["unallocated"] == 0
    assert ledger.balances() == {BANK: 80, SALES: -80}


def test_every_fault_of_an_allocation(ledger):
    customer, other = ledger.customer(), ledger.customer()
    invoice = ledger.sale(customer)["id"]
    payment = ledger.pay(other, 50)
    assert ledger.refused(
        "createAllocation", allocation(invoice, 130, payment), invoiceType="sales"
    ) == (422, ["contact", "due", "unallocated"])
    bad = {"invoiceId": 99, "allocationType": "creditNote", "paymentId": payment, "amount": -1}
    assert ledger.refused("createAllocation", bad, invoiceType="sales") == (
        422, ["invoiceId", "allocation", "required", "amount"],
    )  # fmt: skip
    voided = ledger.do(
        "updateSalesDocument", {"reference": "x"}, salesType="invoices", salesId=invoice
    )
    reply = ledger.call("createAllocation", allocation(invoice, 1, payment), invoiceType="sales")
    assert f"current revision is {voided['id']}" in reply.json()[0]["errorMessage"]


def test_allocations_are_filtered(ledger):
    customer = ledger.customer()
    first, second = ledger.sale(customer)["id"], ledger.sale(customer)["id"]
    note = ledger.sale(customer, line(10), kind="creditNotes")["id"]
    payment = ledger.pay(customer, 100)
    one = ledger.allocate(first, 60, payment=payment)["id"]
    two = ledger.allocate(second, 40, payment=payment)["id"]
    three = ledger.allocate(second, 12, credit_note=note)["id"]

    def found(**query):
        return [a["id"] for a in ledger.do("listAllocations", invoiceType="sales", query=query)]

    assert found() == [one, two, three]
    assert found(paymentId=payment) == [one, two]
    assert found(invoiceId=second) == [two, three]
    assert found(creditNoteId=note) == [three]
    assert found(allocationType="payment", invoiceId=second) == [two]
    assert found(sortBy="amount") == [three, two, one]
    assert ledger.do("listAllocations", invoiceType="purchases") == []
