"""Payments and allocations: signs, bank accounts, what is due and what is left."""

from __future__ import annotations

from decimal import Decimal

import pytest

from target_clearbooks.intent import Intent, Quarantined, Waiting, WriteOperation
from tests.ledger import COST, line


def payment(amount="120.00", **fields):
    return {
        "externalId": "P1",
        "date": "2024-03-05",
        "description": "Invoice 1",
        "amount": amount,
        "bankAccount": "Current account",
        **fields,
    }


def test_a_receipt(ledger):
    customer = ledger.customer()
    outcome = ledger.prepare("payments", payment(customer="Acme Ltd", paymentMethod="bacs"))
    assert isinstance(outcome, Intent)
    assert outcome.body["contactId"] == customer
    assert outcome.body["amount"] == Decimal(120)
    assert outcome.body["description"] == f"Invoice 1 {outcome.marker}"
    assert isinstance(outcome.body["paymentMethodId"], int)
    assert ledger.create(outcome)["amount"] == Decimal(120)
    assert (
        ledger.body("payments", payment(customer="Acme Ltd"), marker="off")["description"]
        == "Invoice 1"
    )


def test_money_paid_is_negative(ledger):
    ledger.supplier()
    assert ledger.body("payments", payment("-240", supplier="Supplies Ltd"))["amount"] == -240
    text = ledger.faults("payments", payment("240", supplier="Supplies Ltd"))
    assert "amount: 240.00: money paid to a supplier is negative (-240.00)" in text
    assert isinstance(
        ledger.prepare("payments", payment(5, supplier="Supplies Ltd", refund=True)), Intent
    )
    assert "what a supplier gives back is positive" in ledger.faults(
        "payments", payment(-5, supplier="Supplies Ltd", refund="true")
    )


def test_the_sign_is_known_by_id_too(ledger):
    number = ledger.supplier()
    assert "money paid to a supplier is negative" in ledger.faults(
        "payments", payment(240, contactId=number)
    )


def test_refunds_to_customers_are_negative(ledger):
    ledger.customer()
    refund = payment("-10", customer="Acme Ltd", refund=True)
    assert isinstance(ledger.prepare("payments", refund), Intent)
    assert "a refund to a customer is negative" in ledger.faults(
        "payments", payment("10", customer="Acme Ltd", refund=True)
    )
    assert "money received of a customer is positive (10.00)" in ledger.faults(
        "payments", payment("-10", customer="Acme Ltd")
    )


def test_amounts(ledger):
    ledger.customer()
    for amount, words in (
        ("1.005", "has parts of a penny"),
        (0, "should not be 0"),
        ("NaN", "should be a number"),
        ("£5", "should be a number"),
        (float("inf"), "finite"),
        (True, "should be a number"),
    ):
        assert words in ledger.faults("payments", payment(amount, customer="Acme Ltd")), amount
    body = ledger.body("payments", payment("1,234.50", customer="Acme Ltd"))
    assert str(body["amount"]) == "1234.50"


def test_bank_accounts(ledger):
    ledger.customer()
    bank = ledger.do(
        "createBankAccount",
        {
            "name": "Savings",
            "sortCode": "20-30-40",
            "accountNumber": "12345678",
            "iban": "GB00BARC20304012345678",
        },
    )["id"]
    for value in (
        bank,
        str(bank),
        "savings",
        {"name": "SAVINGS"},
        {"id": bank},
        "20-30-40 12345678",
        {"sort_code": "203040", "accountNumber": "1234 5678"},
        "GB00 BARC 2030 4012 3456 78",
    ):
        body = ledger.body("payments", payment(customer="Acme Ltd", bankAccount=value))
        assert body["bankAccountId"] == bank, value
    text = ledger.faults("payments", payment(customer="Acme Ltd", bankAccount="Saving"))
    assert (
        "there is no bank account 'Saving'; there are Current account, Savings; the setting" in text
    )
    assert "the setting references says which account" in text
    text = ledger.faults("payments", payment(customer="Acme Ltd", paymentMethod="Barter"))
    assert "has no payment method 'Barter'; it has BACS" in text
    record = payment(customer="Acme Ltd", bankAccount=None, bankAccountId=99)
    assert "there is no bank account" in ledger.faults("payments", record)
    record = payment(customer="Acme Ltd", bankAccount=None)
    assert "bankAccountId: is required; name it by bankAccount" in ledger.faults("payments", record)


def test_bank_accounts_of_one_name(ledger):
    ledger.customer()
    for _ in range(2):
        ledger.do("createBankAccount", {"name": "Savings"})
    outcome = ledger.prepare("payments", payment(customer="Acme Ltd", bankAccount="savings"))
    assert isinstance(outcome, Quarantined)
    assert len(outcome.candidates) == 2


def test_a_currency_is_that_of_the_bank_account(ledger):
    ledger.customer()
    text = ledger.faults("payments", payment(customer="Acme Ltd", currency="EUR"))
    assert (
        "currency: EUR is not that of the bank account 'Current account', which is in GBP" in text
    )
    body = ledger.body("payments", payment(customer="Acme Ltd", currency="gbp"))
    assert "currency" not in body


@pytest.fixture
def books(ledger):
    """An invoice of 120 with its payment of 150, known to the map as I1 and P1."""
    ledger.acme = ledger.customer()
    ledger.invoice = ledger.sale(ledger.acme, reference="R-1", documentNumber="501")["id"]
    ledger.receipt = ledger.pay(ledger.acme, 150)
    ledger.map.set("sales_invoices", "I1", ledger.invoice)
    ledger.map.set("payments", "P1", ledger.receipt)
    return ledger


def allocation(amount="120", invoice=None, **fields):
    source = (
        {}
        if {"creditNote", "paymentId", "payment"} & fields.keys()
        else {"payment": {"externalId": "P1"}}
    )
    return {
        "externalId": "A1",
        "invoice": invoice or {"externalId": "I1"},
        "amount": amount,
        **source,
        **fields,
    }


def test_an_allocation(books):
    outcome = books.prepare("sales_allocations", allocation())
    assert outcome.operation is WriteOperation.CREATE
    assert outcome.body == {
        "invoiceId": books.invoice,
        "paymentId": books.receipt,
        "allocationType": "payment",
        "amount": Decimal(120),
    }
    assert set(outcome.depends_on) == {("sales_invoices", "I1"), ("payments", "P1")}
    books.create(outcome)


@pytest.mark.parametrize(
    "reference",
    [
        {"documentNumber": 501},
        {"document_number": "INV501"},
        {"documentNumber": "INV000501"},
        {"documentNumber": "inv-501"},
        {"reference": "R-1"},
        "501",
        "I1",
    ],
)
def test_documents_are_found_by_what_people_know(books, reference):
    body = books.body("sales_allocations", allocation(invoice=reference))
    assert body["invoiceId"] == books.invoice


def test_documents_by_id(books):
    record = allocation(invoice={"id": books.invoice}, paymentId=books.receipt)
    assert books.body("sales_allocations", record)["paymentId"] == books.receipt
    assert "none of sales_invoices matches" in books.faults(
        "sales_allocations", allocation(invoice={"id": 99999})
    )


def test_one_reference_on_two_documents(books):
    books.sale(books.acme, reference="R-1")
    outcome = books.prepare("sales_allocations", allocation(invoice={"reference": "R-1"}))
    assert isinstance(outcome, Quarantined)
    assert {c["id"] for c in outcome.candidates} > {books.invoice}


def test_a_parent_that_is_not_there_yet(books):
    outcome = books.prepare("sales_allocations", allocation(invoice={"externalId": "I9"}))
    assert isinstance(outcome, Waiting)
    assert outcome.on == (("sales_invoices", "I9"), ("sales_invoices", '["I9"]'))


def test_never_more_than_is_due(books):
    text = books.faults("sales_allocations", allocation("130"))
    assert "amount: 130.00 is more than is due: 120.00" in text
    text = books.faults("sales_allocations", allocation("0"))
    assert "should be above 0" in text


def test_never_more_than_the_payment_has_left(books):
    second = books.sale(books.acme)["id"]
    books.allocate(books.invoice, 120, payment=books.receipt)
    text = books.faults("sales_allocations", allocation("40", invoice={"id": second}))
    assert "amount: 40.00 is more than is left of the payment: 30.00" in text
    assert isinstance(
        books.prepare("sales_allocations", allocation("30", invoice={"id": second})), Intent
    )


def test_what_stands_already_counts(books):
    books.allocate(books.invoice, 50, payment=books.receipt)
    assert isinstance(books.prepare("sales_allocations", allocation("120")), Intent)
    books.allocate(books.invoice, 70, payment=books.receipt)
    books.lookups.wrote(
        "sales_allocations",
        {
            "id": 2,
            "invoiceId": books.invoice,
            "paymentId": books.receipt,
            "amount": 70,
        },
    )
    # A second run: everything is there, nothing is over.
    assert isinstance(books.prepare("sales_allocations", allocation("120")), Intent)


def test_part_payments_of_one_run(books):
    second = books.pay(books.acme, 70)
    books.map.set("payments", "P2", second)
    record = allocation("50")
    first = books.create(books.prepare("sales_allocations", record))
    books.lookups.wrote("sales_allocations", first)
    more = allocation("70.01", payment={"externalId": "P2"}) | {"externalId": "A2"}
    text = books.faults("sales_allocations", more)
    assert "70.01 is more than is due: 70.00" in text
    assert isinstance(books.prepare("sales_allocations", more | {"amount": 70}), Intent)


def test_a_stale_due_is_read_again_before_it_refuses(books):
    books.allocate(books.invoice, 120, payment=books.receipt)
    other = books.pay(books.acme, 120)
    books.map.set("payments", "P2", other)
    record = allocation("120", payment={"externalId": "P2"})
    assert "more than is due: 0.00" in books.faults("sales_allocations", record)
    number = books.do("listAllocations", invoiceType="sales")[0]["id"]
    books.do("deleteAllocation", invoiceType="sales", allocationId=number)
    assert isinstance(books.prepare("sales_allocations", record), Intent)


def test_what_is_left_is_read_again_before_it_refuses(books):
    other = books.sale(books.acme)["id"]
    taken = books.allocate(books.invoice, 120, payment=books.receipt)["id"]
    record = allocation("120", invoice={"id": other})
    assert "left of the payment: 30.00" in books.faults("sales_allocations", record)
    books.do("deleteAllocation", invoiceType="sales", allocationId=taken)
    assert isinstance(books.prepare("sales_allocations", record), Intent)


def test_without_an_amount_it_is_what_is_due_or_left(books):
    """120.00 is due of the invoice, 150.00 came in."""
    record = allocation(None)
    assert books.body("sales_allocations", record)["amount"] == 120
    # What is there already counts towards it: the same record means the same sum again.
    books.allocate(books.invoice, 120, payment=books.receipt)
    books.lookups.wrote(
        "sales_allocations",
        {"id": 1, "invoiceId": books.invoice, "amount": 120, "paymentId": books.receipt},
    )
    assert books.body("sales_allocations", record)["amount"] == 120
    other = books.sale(books.acme)["id"]
    rest = allocation(None, invoice={"id": other})
    assert books.body("sales_allocations", rest, "A2")["amount"] == 30
    books.allocate(other, 30, payment=books.receipt)
    books.lookups.wrote(
        "sales_allocations", {"id": 2, "invoiceId": other, "amount": 30, "paymentId": books.receipt}
    )
    third = allocation(None, invoice={"id": books.sale(books.acme)["id"]})
    text = books.faults("sales_allocations", third, "A3")
    assert "amount: none is given, and nothing is left of the payment" in text


def test_one_that_is_refused_blocks_no_other(books):
    assert "more than is due" in books.faults("sales_allocations", allocation("130"), "A1")
    assert books.body("sales_allocations", allocation("120"), "A2")["amount"] == 120
    assert "'A2' allocates the same payment" in books.faults(
        "sales_allocations", allocation("60"), "A3"
    )


def test_a_planned_allocation_counts(books):
    other = books.sale(books.acme)["id"]
    books.lookups.wrote(
        "sales_allocations",
        {
            "id": -1,
            "invoiceId": books.invoice,
            "paymentId": books.receipt,
            "amount": 100,
        },
    )
    record = allocation("60", invoice={"id": other})
    assert "left of the payment: 50.00" in books.faults("sales_allocations", record)
    second = books.pay(books.acme, 70)
    record = allocation("30", paymentId=second) | {"externalId": "A3"}
    assert "more than is due: 20.00" in books.faults("sales_allocations", record)


def test_the_same_pair_twice(books):
    books.body("sales_allocations", allocation("50"))
    books.body("sales_allocations", allocation("50"))
    text = books.faults("sales_allocations", allocation("20") | {"externalId": "A2"})
    assert "the record 'A1' allocates the same payment to it" in text


def test_another_contact_or_currency(books):
    other = books.customer("Other Ltd")
    foreign = books.sale(other, currency="USD", exchangeRate=1.25)["id"]
    text = books.faults("sales_allocations", allocation("10", invoice={"id": foreign}))
    assert "invoice: is of Other Ltd" in text
    euro = books.do("createBankAccount", {"name": "Euro", "currency": "EUR"})["id"]
    paid = books.pay(other, 10, bank=euro)
    text = books.faults(
        "sales_allocations", allocation("10", invoice={"id": foreign}, paymentId=paid)
    )
    assert "invoice: is in USD; a payment in EUR cannot be allocated to it" in text


def test_a_refund_is_not_allocated(books):
    refund = books.pay(books.acme, -20)
    text = books.faults("sales_allocations", allocation("20", paymentId=refund))
    assert "only money received is allocated here" in text


def test_a_credit_note_is_allocated(books):
    credit = books.sale(books.acme, line(25), kind="creditNotes")["id"]
    books.map.set("sales_credit_notes", "C1", credit)
    body = books.body("sales_allocations", allocation("30", creditNote={"externalId": "C1"}))
    assert (body["creditNoteId"], body["allocationType"]) == (credit, "creditNote")
    text = books.faults("sales_allocations", allocation("30.01", creditNote={"id": credit}))
    assert "more than is left of the credit note: 30.00" in text
    text = books.faults(
        "sales_allocations",
        {**allocation("5", creditNote={"id": credit}), "paymentId": books.receipt},
    )
    assert "give a payment or a creditNote" in text


def test_purchases(ledger):
    supplier = ledger.supplier()
    due = ledger.bill(supplier, line(200, COST), documentNumber="9")["id"]
    paid = ledger.pay(supplier, -240)
    record = {"externalId": "A", "bill": {"documentNumber": "9"}, "paymentId": paid, "amount": 240}
    outcome = ledger.prepare("purchase_allocations", record)
    assert outcome.body["invoiceId"] == due
    assert outcome.params == {"invoiceType": "purchases"}
    ledger.create(outcome)


def test_a_bill_and_an_expense_of_one_number(ledger):
    supplier = ledger.supplier()
    ledger.bill(supplier, documentNumber="9")
    expense = ledger.bill(supplier, kind="expenses", documentNumber="9")["id"]
    paid = ledger.pay(supplier, -240)
    record = {"externalId": "A", "paymentId": paid, "amount": 20}
    outcome = ledger.prepare("purchase_allocations", record | {"invoice": {"documentNumber": "9"}})
    assert isinstance(outcome, Quarantined)
    assert {c["stream"] for c in outcome.candidates} == {"bills", "expenses"}
    body = ledger.body("purchase_allocations", record | {"expense": {"documentNumber": "9"}})
    assert body["invoiceId"] == expense


def test_an_earlier_revision_leads_to_the_newest(books):
    newer = books.do(
        "updateSalesDocument",
        {"description": "again"},
        salesType="invoices",
        salesId=books.invoice,
    )["id"]
    assert newer != books.invoice
    assert books.body("sales_allocations", allocation())["invoiceId"] == newer


def test_a_voided_document(books):
    books.do("deleteSalesDocument", salesType="invoices", salesId=books.invoice)
    assert "is voided in the ledger" in books.faults("sales_allocations", allocation())
