"""Documents that are paid or on a finalised VAT return, and what the target makes of statuses."""

from __future__ import annotations

import json

import pytest

from target_clearbooks.ledger.matching import is_paid, is_voided
from tests.target_clearbooks.conftest import (
    FOUR,
    allocation,
    bill,
    customer,
    invoice,
    line,
    payment,
    record,
    schema,
    supplier,
)

PAID = [*FOUR, customer(), invoice(), payment(), allocation()]


@pytest.mark.parametrize("dialects", [(), ("part-paid", "errors-array", "string-money", "nulls")])
def test_a_change_of_a_paid_document_is_rejected_in_plain_words(run, dialects):
    run.sandbox.dialects.on(*dialects)
    assert run(PAID) == 0
    assert run([*FOUR, invoice("I1", "C1", line(90))]) == 3
    (reject,) = run.rejects
    assert reject["class"] == "rejected"
    plain, words = reject["reasons"][0], reject["reasons"][1]
    assert plain.startswith("record: the invoice is paid and cannot be changed, but for its ref")
    assert words.startswith("lineItems[0].unitPrice: DOCUMENT_PAID: the document is paid")
    assert run([*FOUR, record("sales_invoices", "I1", _operation="void")]) == 3
    assert run.rejects[-1]["reasons"][0] == (
        "record: the invoice is paid and cannot be voided; void what is allocated to it first"
    )
    assert run([*FOUR, invoice(description="On account")]) == 0
    [found] = run.invoices()
    assert (found["description"], found["due"]) == ("On account", 0)


def test_a_paid_document_is_sent_no_field_that_stays_as_it_is(run):
    run.sandbox.dialects.on("paid-fields")
    assert run(PAID) == 0
    for fault in (None, "drop-before", "error-after"):
        if fault:
            run.sandbox.faults.plan(fault, method="PUT")
        assert run([*FOUR, invoice(description=f"After {fault}")]) == 0
        [found] = run.invoices()
        assert (found["description"], found["due"]) == (f"After {fault}", 0)
    assert run([*FOUR, invoice(description="Cheaper", lineItems=[line(90)])]) == 3


def test_one_that_is_paid_in_part_is_changed(run):
    assert run([*FOUR, customer(), invoice(), payment(), allocation(amount="50.00")]) == 0
    assert run([*FOUR, invoice("I1", "C1", line(90))]) == 0
    [found] = run.invoices()
    assert (found["status"], found["due"]) == ("approved", 58)


def test_a_document_on_a_finalised_vat_return_is_rejected_in_plain_words(run):
    messages = [*schema("suppliers", "bills"), supplier(), bill()]
    assert run(messages) == 0
    run.sandbox.engine.finalise_vat(run.business, "2024-06-30")
    assert run([*messages, bill("B1", "S1", line(90, account=2001001))]) == 3
    plain = run.rejects[-1]["reasons"][0]
    assert plain.startswith("record: the bill is on a VAT return that is finalised and cannot be c")
    assert run([*messages[:2], record("bills", "B1", _operation="void")]) == 3
    plain = run.rejects[-1]["reasons"][0]
    assert "finalised and cannot be voided; correct it by a document of its own" in plain


def test_a_refusal_for_another_reason_has_no_words_but_those_of_the_api(run):
    assert run([*FOUR, customer(), invoice()]) == 0
    run.sandbox.faults.plan("error", method="PUT", status=422)
    assert run([*FOUR, invoice("I1", "C1", line(90))]) == 3
    assert run.rejects[0]["reasons"] == ["SERVER_ERROR: A fault made on purpose"]


@pytest.mark.parametrize(
    ("fields", "voided"),
    [
        ({"status": "voided"}, True),
        ({"status": "Void", "formattedDocumentNumber": "INV000001"}, True),
        ({"status": "approved", "formattedDocumentNumber": "VINV000001"}, True),
        ({"formattedDocumentNumber": "VPUR000001"}, True),
        ({"status": "approved", "formattedDocumentNumber": "INV000001"}, False),
        ({"status": "approved", "formattedDocumentNumber": "INVV7"}, False),
        ({"status": "paid", "formattedDocumentNumber": "VAN-7"}, False),
        ({}, False),
    ],
)
def test_which_documents_are_voided(fields, voided):
    assert is_voided(fields) is voided


@pytest.mark.parametrize(
    ("fields", "paid"),
    [
        ({"status": "approved", "gross": 120, "due": 0}, True),
        ({"status": "approved", "gross": "120.00", "due": "0.00"}, True),
        ({"status": "paid", "gross": 120, "due": 70}, False),
        ({"status": "part_paid", "gross": 120, "due": 70}, False),
        ({"status": "paid", "gross": 0, "due": 0}, False),
        ({"status": "paid", "gross": 120}, False),
    ],
)
def test_amounts_tell_whether_a_document_is_paid(fields, paid):
    assert is_paid(fields) is paid


# One entity under one ID

BOTH = [
    *schema(
        "customers",
        "suppliers",
        "sales_invoices",
        "bills",
        "payments",
        "sales_allocations",
        "purchase_allocations",
    ),
    record("customers", "C1", name="Both Ltd", email="sales@example.com"),
    record("suppliers", "S1", name="Both Ltd", email="accounts@example.com"),
    invoice("I1", "C1"),
    bill("B1", "S1"),
    payment("P1", "C1"),
    payment("P2", "S1", "-120.00", kind="supplier"),
    allocation("A1", "I1", "P1"),
    record(
        "purchase_allocations",
        "A2",
        bill={"externalId": "B1"},
        payment={"externalId": "P2"},
        amount="120.00",
    ),
]


def test_a_customer_that_is_a_supplier_under_the_same_id(run):
    run.sandbox.dialects.on("one-entity")
    assert run(BOTH) == 0
    before = run.writes()
    assert run(BOTH) == 0
    assert run.writes() == before
    [one], [other] = run.customers(), run.listed("listSuppliers")
    assert one["id"] == other["id"]
    assert (one["email"], other["email"]) == ("sales@example.com", "accounts@example.com")
    changed = [*schema("suppliers"), record("suppliers", "S1", name="Both plc")]
    assert run(changed) == 0
    assert run.customers()[0]["name"] == "Both Ltd"
    assert run.listed("listSuppliers")[0]["name"] == "Both plc"
    for operation, params in (
        ("listSalesDocuments", {"salesType": "invoices"}),
        ("listPurchaseDocuments", {"purchaseType": "bills"}),
    ):
        assert [d["due"] for d in run.listed(operation, **params)] == [0]


def test_a_payment_of_one_that_is_both_may_go_either_way(run):
    run.sandbox.dialects.on("one-entity")
    assert run(BOTH[:4] + BOTH[7:9]) == 0
    either = [
        *schema("payments"),
        payment("P3", "C1", "10.00", kind="contact"),
        payment("P4", "C1", "-10.00", kind="contact"),
    ]
    for message in either[1:]:
        message["record"]["contact"] = {"name": "Both Ltd"}
    assert run(either) == 0
    wrong = payment("P5", "S1", "10.00", kind="supplier")
    assert run([*schema("payments"), wrong]) == 3
    assert "money paid to a supplier is negative" in json.dumps(run.rejects[-1]["reasons"])
