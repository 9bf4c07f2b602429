"""Drafts, which have no transaction and leave the ledger without one."""

from __future__ import annotations

import pytest

from tap_clearbooks.signs import ALLOCATIONS, POSTED
from tests.tap_clearbooks.conftest import ONE, select


@pytest.mark.parametrize("without_status", [False, True], ids=["", "bills have no status"])
def test_a_deleted_draft_hides_no_void(books, run_tap, without_status):
    """Where voided documents stay listed, the reversal is the only sign of a void."""
    books.server.dialects.on("voided-listed")
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    supplier = books.do("createSupplier", {"name": "Jones"})["id"]
    bill = {
        "date": "2024-03-01",
        "vatTreatment": "UK",
        "supplierId": supplier,
        "lineItems": [
            {
                "description": "Rent",
                "unitPrice": 10,
                "quantity": 1,
                "accountCode": 2001001,
                "vatRateKey": "20.00:Standard",
            }
        ],
    }
    bills = {"purchaseType": "bills"}
    invoices = []
    for _ in range(24):
        invoices.append(books.invoice(customer)["id"])
        books.do("createPurchaseDocument", bill, **bills)
    draft = books.engine.add_draft(
        "createPurchaseDocument", business_id=ONE, params=bills, body=bill
    ).json()["id"]
    catalog = select([*POSTED, *ALLOCATIONS])
    for stream in catalog["streams"] if without_status else ():
        for entry in stream["metadata"] if stream["stream"] == "bills" else ():
            if list(entry["breadcrumb"]) == ["properties", "status"]:
                entry["metadata"]["selected"] = False
    first = run_tap(catalog, page_size=10)
    assert ("status" in first.records("bills")[0]) is not without_status
    books.do("deletePurchaseDocument", **bills, purchaseId=draft)
    books.do("deleteSalesDocument", salesType="invoices", salesId=invoices[0])
    second = run_tap(catalog, state=first.state, page_size=10)
    read = {record["id"]: record["status"] for record in second.records("sales_invoices")}
    assert read[invoices[0]] == "voided"
