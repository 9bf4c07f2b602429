"""Drafts, which have no transaction and leave the ledger without one."""

from __future__ import annotations

import pytest

from tap_clearbooks.signs import ALLOCATIONS
from tap_clearbooks.streams import POSTED
from tests.ledger import ONE
from tests.tap_clearbooks.conftest import select


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


LINE = {
    "description": "Work",
    "quantity": 1,
    "accountCode": 1001001,
    "vatRateKey": "20.00:Standard",
}


def sale(customer, price=100, **fields):
    lines = [{**LINE, "unitPrice": price, "quantity": 1}]
    day = {"date": "2024-03-01", "vatTreatment": "UK", "customerId": customer}
    return {**day, "lineItems": lines, **fields}


@pytest.mark.parametrize("dialect", ["voided-listed", "other-statuses"])
@pytest.mark.parametrize("what", ["quote", "draft", "nothing"])
def test_what_changes_without_a_sign_is_read_again(what, dialect, books, run_tap):
    """A quote and a draft keep their ID, and a document of 0.00 has no transaction."""
    books.server.dialects.on("voided-listed", dialect)
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    kind = {"salesType": "quotes" if what == "quote" else "invoices"}
    name = "quotes" if what == "quote" else "sales_invoices"
    made = [
        books.do("createSalesDocument", sale(customer, 0 if n < 2 else 100), **kind)["id"]
        for n in range(24)
    ]
    if what == "draft":
        made[:2] = [
            books.engine.add_draft(
                "createSalesDocument", business_id=ONE, params=kind, body=sale(customer)
            ).json()["id"]
            for _ in range(2)
        ]
    voided = books.invoice(customer)["id"]
    books.do("deleteSalesDocument", salesType="invoices", salesId=voided)
    streams = [*POSTED, "quotes", *ALLOCATIONS]
    first = run_tap(streams, page_size=10)
    if what == "nothing":
        books.do("deleteSalesDocument", **kind, salesId=made[0])
    else:
        books.do("updateSalesDocument", sale(customer, 7), **kind, salesId=made[0])
    second = run_tap(streams, state=first.state, page_size=10)
    read = {record["id"]: record for record in second.records(name)}[made[0]]
    if what == "nothing":
        assert read["status"] == ("VOID" if dialect == "other-statuses" else "voided")
    else:
        assert read["net"] == 7
