"""What payments and credit notes clear, and exchange differences."""

from __future__ import annotations

from decimal import Decimal

from tests.ledger import BANK, DEBTORS, EXCHANGE, SALES, allocation, line


def test_realised_exchange_differences(ledger):
    ledger.engine.dialects.on("paid-changeable")
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
        SALES: -50,
        DEBTORS: Decimal("-12.5"),
        7502002: Decimal("62.5"),
    }


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
    ) == (422, ["CONTACT", "DUE", "UNALLOCATED"])
    bad = {"invoiceId": 99, "allocationType": "creditNote", "paymentId": payment, "amount": -1}
    assert ledger.refused("createAllocation", bad, invoiceType="sales") == (
        422,
        ["INVOICE_ID", "ALLOCATION", "REQUIRED", "AMOUNT"],
    )
    voided = ledger.do(
        "updateSalesDocument", {"reference": "x"}, salesType="invoices", salesId=invoice
    )
    reply = ledger.call("createAllocation", allocation(invoice, 1, payment), invoiceType="sales")
    assert f"current revision is {voided['id']}" in reply.json()["errors"][0]["errorMessage"]


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
