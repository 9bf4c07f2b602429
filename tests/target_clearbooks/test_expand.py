"""Records that stand for several: what they pay, their receipts, and money between accounts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.target_clearbooks.conftest import (
    bill,
    customer,
    invoice,
    journal,
    line,
    payment,
    record,
    supplier,
)


def balances(run):
    books = run.sandbox.engine.books(run.business)
    return {row.name: row.balance for row in books.trial_balance() if row.balance}


def written_once(run, messages, **settings):
    """Write messages, and again; the second time nothing is sent."""
    assert run(messages, **settings) == 0
    before = run.writes()
    assert run(messages, **settings) == 0
    assert run.writes() == before


@pytest.mark.parametrize(
    "paid",
    [
        {"invoice": {"externalId": "I1"}},
        {"invoice": "I1"},
        {"allocate": ["I1"]},
        {"allocate": [{"externalId": "I1"}]},
        {"allocate": [{"invoice": {"externalId": "I1"}, "amount": "120.00"}]},
        {"Allocate": '[{"externalId": "I1"}]'},
    ],
)
def test_a_payment_that_pays(run, paid):
    """More than is due stays with the payment."""
    written_once(run, [customer(), invoice(), payment(amount="150.00", **paid)])
    (document,) = run.invoices()
    assert (document["due"], document["gross"]) == (0, 120)
    (allocated,) = run.listed("listAllocations", invoiceType="sales")
    assert allocated["amount"] == 120


@pytest.mark.parametrize("names", [{"invoice": {"externalId": "I1"}}, {"allocate": ["I1"]}])
def test_a_payment_that_names_an_invoice_alone_is_of_its_customer(run, names):
    """As a line of a bank statement does: in the same run, or later."""
    paid = payment(**names)
    del paid["record"]["customer"]
    written_once(run, [customer(), invoice(), paid])
    (made,) = run.listed("listPayments")
    (document,) = run.invoices()
    assert made["contactId"] == document["customerId"]
    assert document["due"] == 0


def test_money_out_that_names_a_bill_alone_is_of_its_supplier(run):
    paid = payment("P1", amount="-120.00", bill={"externalId": "B1"})
    del paid["record"]["customer"]
    written_once(run, [supplier(), bill(), paid])
    (document,) = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert document["due"] == 0


def test_a_payment_of_an_invoice_that_is_not_there_is_refused(run):
    paid = payment(invoice={"reference": "INV-7"})
    del paid["record"]["customer"]
    assert run([paid]) == 3
    reasons = {reject["stream"]: reject["reasons"][0] for reject in run.rejects}
    assert reasons["payments"].startswith("invoice: none of sales_invoices, bills, expenses match")
    assert set(reasons) == {"payments", "sales_allocations"}


def test_a_payment_of_several_invoices(run):
    paid = [{"externalId": "I2"}, {"externalId": "I1", "amount": "30.00"}]
    messages = [customer(), invoice("I1"), invoice("I2"), payment(amount="150.00", allocate=paid)]
    written_once(run, messages)
    dues = sorted(d["due"] for d in run.invoices())
    assert dues == [0, 90]


def test_a_bill_that_is_paid(run):
    paid = payment("P1", "S1", "-100.00", kind="supplier", bill={"externalId": "B1"})
    written_once(run, [supplier(), bill(), paid])
    (document,) = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert document["due"] == 20


def test_a_credit_note_that_clears_an_invoice(run):
    note = invoice("N1", "C1", line(25), stream="sales_credit_notes", invoice={"externalId": "I1"})
    written_once(run, [customer(), invoice(), note])
    (document,) = run.invoices()
    assert document["due"] == 90


def test_taking_back_a_payment_takes_back_what_it_paid(run):
    paid = payment(invoice={"externalId": "I1"})
    assert run([customer(), invoice(), paid]) == 0
    gone = record("payments", "P1", invoice={"externalId": "I1"}, _operation="void")
    assert run([gone]) == 0
    (document,) = run.invoices()
    assert document["due"] == 120
    assert run.listed("listAllocations", invoiceType="sales") == []


@pytest.mark.parametrize(
    ("match", "text"),
    [
        (["amount", "customer"], "x"),
        (["reference"], "for W-1, thanks"),
        ("amount", "x"),
        (["reference", "amount", "customer"], "your invoice W-1"),
    ],
)
def test_a_payment_that_fits_one_open_invoice(run, match, text):
    documents = [
        customer("C1"),
        customer("C2"),
        invoice("I1", reference="W-1"),
        invoice("I2", "C1", line(50), reference="W-2"),
        invoice("I3", "C2", line(70), reference="W-11"),
    ]
    written_once(run, [*documents, payment(match=match, description=text)])
    due = {d["reference"]: d["due"] for d in run.invoices()}
    assert due == {"W-1": 0, "W-2": 60, "W-11": 84}
    # Told otherwise, it is still the payment of what it was found to pay.
    assert run([payment(match=match, description=f"{text}!")]) == 0
    assert len(run.listed("listAllocations", invoiceType="sales")) == 1


def test_a_payment_that_fits_several_is_set_aside_with_them(run):
    messages = [customer(), invoice("I1"), invoice("I2"), payment(match=["amount", "customer"])]
    assert run(messages) == 4
    (reject,) = run.rejects
    assert reject["stream"] == "sales_allocations"
    assert len(reject["candidates"]) == 2
    assert len(run.listed("listPayments")) == 1


@pytest.mark.parametrize(
    ("match", "words"),
    [
        (["amount"], "invoice: no open document agrees with the 121.00 of this payment in amount"),
        (
            ["colour"],
            "invoice: match: ['colour'] should list reference, amount, customer, supplier",
        ),
        ([], None),
    ],
)
def test_a_payment_that_fits_none(run, match, words):
    code = run([customer(), invoice(), payment(amount="121.00", match=match)])
    assert code == (3 if words else 0)
    assert [reject["reasons"][0] for reject in run.rejects] == ([words] if words else [])


@pytest.mark.parametrize("receipt", ["lunch.png", {"path": "lunch.png", "fileName": "a.png"}])
def test_a_document_with_its_receipt(run, receipt):
    (run.directory / "lunch.png").write_bytes(b"a picture")
    messages = [supplier(), bill(receipt=receipt)]
    written_once(run, messages, attachments_dir=str(run.directory))
    (document,) = run.listed("listPurchaseDocuments", purchaseType="bills")
    (file,) = run.listed("listPurchaseAttachments", purchaseType="bills", purchaseId=document["id"])
    assert file["size"] == 9


def test_a_receipt_of_an_address_is_named_by_it(run):
    messages = [supplier(), bill(receipt="https://files.example/r/lunch.png?sig=1")]
    assert run(messages) == 3
    (reject,) = run.rejects
    assert reject["record"]["fileName"] == "lunch.png"
    assert reject["reasons"] == ["content: host files.example is not in attachment_hosts"]


BANKS = [record("bank_accounts", "stripe", name="Stripe", currency="GBP")]


def test_a_transfer_with_a_fee(run):
    moved = record(
        "transfers",
        "po_1",
        **{
            "from": "Stripe",
            "to": "Current account",
            "date": "2024-05-03",
            "amount": "96.50",
            "fee": "3.50",
            "feeAccount": "Bank charges",
        },
    )
    written_once(run, [*BANKS, moved])
    assert balances(run) == {
        "Stripe": -100,
        "Current account": Decimal("96.50"),
        "Bank charges": Decimal("3.50"),
    }


def test_debits_and_credits(run):
    wages = journal()
    wages["record"]["lines"] = [
        {"accountCode": "Salaries", "debit": "100.00"},
        {"accountCode": "PAYE", "debit": None, "credit": "20.00"},
        {"accountCode": "Pension", "credit": "0.00", "debit": "5.00"},
        {"bankAccount": "Current account", "credit": "85"},
    ]
    written_once(run, [wages])
    assert balances(run) == {
        "Salaries": 100,
        "PAYE": -20,
        "Pension": 5,
        "Current account": -85,
    }


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (payment(allocate=[5.5]), "allocate[0]: should be the externalId or number of an invoice"),
        (payment(allocate={"amount": "5"}), "allocate: should be the externalId"),
        (payment(allocate=[{"invoice": "1", "bill": "2"}]), "allocate[0]: names both invoice"),
        (bill(receipt=7), "receipt: should be a path"),
        (record("transfers", "T", date="2024-05-01"), "from: is required"),
        (
            record(
                "transfers", "T", **{"from": "a", "to": "b", "date": "2024-05-01", "amount": "-1"}
            ),
            "amount: -1 should not be negative",
        ),
        (
            record(
                "transfers", "T", **{"from": "a", "to": "a", "date": "2024-05-01", "amount": "1"}
            ),
            "to: is the account that the money comes from",
        ),
        (
            record(
                "transfers",
                "T",
                **{"from": "Current account", "to": "b", "date": "2024-05-01", "amount": "1"},
            ),
            "lines[0].bankAccount: ",
        ),
        (
            {"type": "RECORD", "stream": "payments", "record": {"invoice": "I1"}},
            "invoice: needs an externalId in the record",
        ),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(run, message, words):
    assert run([customer(), supplier(), message]) == 3
    (reject,) = run.rejects
    assert any(reason.startswith(words) for reason in reject["reasons"]), reject["reasons"]


def test_two_sides_of_a_line(run):
    both = journal()
    both["record"]["lines"][0] |= {"debit": "3.00"}
    both["record"]["lines"][1] |= {"bankAccount": "Nowhere"}
    del both["record"]["lines"][1]["accountCode"]
    assert run([both]) == 3
    (reject,) = run.rejects
    assert reject["reasons"][0].startswith("lines[0].amount: is given as debit, amount")
    assert reject["reasons"][1].startswith("lines[1].bankAccount: ")


def test_reasons_name_the_row_of_the_file(run):
    lines = [line(_sdc_source_lineno=17), line(account="Revnue", _sdc_source_lineno=18)]
    place = {"_sdc_source_file": "orders.csv", "_sdc_source_lineno": 17}
    assert run([customer(), invoice("I1", "C1", *lines, date="2024-13-01", **place)]) == 3
    (reject,) = run.rejects
    assert sorted(reason.partition(":")[0] for reason in reject["reasons"]) == [
        "orders.csv row 17, date",
        "orders.csv row 18, lineItems[1].accountCode",
    ]


def test_a_row_that_moves_is_the_same_record(run):
    place = {"_sdc_source_file": "may.csv", "_sdc_source_lineno": 3}
    assert run([journal(**place)]) == 0
    before = run.writes()
    assert run([journal(**place | {"_sdc_source_lineno": 4, "_sdc_source_file": "all.csv"})]) == 0
    assert run.writes() == before
