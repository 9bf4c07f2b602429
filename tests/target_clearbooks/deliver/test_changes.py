"""Records that change: updates, revisions, voids, and what stands already."""

from __future__ import annotations

import pytest

from tests.target_clearbooks.conftest import (
    FOUR,
    TWO,
    allocation,
    customer,
    invoice,
    payment,
)

# Changes


def test_update_makes_a_revision_and_the_map_follows(run):
    full = [
        *FOUR,
        customer(),
        invoice(),
        payment(),
        allocation(),
    ]
    assert run(full) == 0
    old = run.invoices()[0]["id"]
    changed = invoice(description="Now with a summary")
    assert run([*TWO, changed]) == 0
    [new] = run.invoices()
    assert new["id"] != old
    assert (new["description"], new["due"]) == ("Now with a summary", 0)
    run.sandbox.requests.clear()
    assert run([*full[:4], full[4], changed, *full[6:]]) == 0
    assert not run.writes()


@pytest.mark.parametrize("fault", ["drop-after", "drop-before", "error-after", "truncate"])
def test_update_and_void_whose_reply_is_lost(run, fault):
    assert run([*TWO, customer(), invoice()]) == 0
    run.sandbox.faults.plan(fault, method="PUT")
    changed = invoice(description="Changed")
    assert run([*TWO, changed]) == 0
    [now] = run.invoices()
    assert now["description"] == "Changed"
    run.sandbox.faults.plan(fault, method="DELETE")
    assert run([*TWO, invoice(_operation="void")]) == 0
    assert run.invoices() == []
    run.sandbox.requests.clear()
    assert run([*TWO, invoice(_operation="void")]) == 0
    assert not run.writes()


def test_somebody_made_a_newer_revision(run):
    assert run([*TWO, customer(), invoice()]) == 0
    [old] = run.invoices()
    run.call(
        "updateSalesDocument", {"description": "By hand"}, salesType="invoices", salesId=old["id"]
    )
    assert run([*TWO, invoice(description="By the source")]) == 0
    [now] = run.invoices()
    assert now["description"] == "By the source"


def test_document_that_stands_already_is_adopted(run):
    assert run([*TWO, customer()]) == 0
    number = run.customers()[0]["id"]
    items = [
        {
            "description": "Thing",
            "unitPrice": 100,
            "quantity": 1,
            "accountCode": 1001001,
            "vatRateKey": "20.00:Standard",
        }
    ]
    body = {
        "customerId": number,
        "date": "2024-05-01",
        "vatTreatment": "UK",
        "lineItems": items,
        "documentNumber": "77",
        "reference": "PO 1",
    }
    run.call("createSalesDocument", body, salesType="invoices")
    assert run([*TWO, invoice(documentNumber="77", reference="PO 1")]) == 0
    assert len(run.invoices()) == 1


def test_modes(run):
    assert run([*TWO, customer(), invoice()], mode="update") == 3
    assert run.customers() == []
    assert run([*TWO, customer()]) == 0
    assert run([*TWO, customer(name="Other")], mode="create") == 0
    assert [c["name"] for c in run.customers()] == ["Customer C1"]


def test_deletion_only_where_it_is_allowed(run):
    assert run([*TWO, customer()]) == 0
    assert run([*TWO, customer(_operation="delete")]) == 3
    assert run([*TWO, customer(_operation="delete")], allow_delete=True) == 0
    assert run.customers() == []
