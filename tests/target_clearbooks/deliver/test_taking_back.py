"""Taking back what is gone already."""

from __future__ import annotations

import pytest

from tests.target_clearbooks.conftest import (
    allocation,
    customer,
    invoice,
    payment,
    record,
    schema,
)

STREAMS = schema(
    "customers", "sales_invoices", "quotes", "payments", "sales_allocations", "stock_items"
)
BOOKS = [
    *STREAMS, customer(), invoice(), invoice("Q1", stream="quotes"), payment(),
    allocation(amount="50.00"), record("stock_items", "T1", name="Bell", type="both"),
]  # fmt: skip
TAKEN_BACK = [
    *STREAMS,
    record("sales_allocations", "A1", _operation="void"),
    record("sales_invoices", "I1", _operation="void"),
    record("quotes", "Q1", _operation="void"),
    record("payments", "P1", _sdc_deleted_at="2024-06-01T10:00:00Z"),
    record("stock_items", "T1", _operation="delete"),
]


@pytest.mark.parametrize("dialects", [(), ("voided-listed", "errors-array")])
def test_what_a_person_took_back_is_as_wanted(run, dialects):
    run.sandbox.dialects.on(*dialects)
    assert run(BOOKS, allow_delete=True) == 0
    run.call("deleteAllocation", invoiceType="sales", allocationId=1)
    run.call("deleteSalesDocument", salesType="invoices", salesId=1)
    run.call("deleteSalesDocument", salesType="quotes", salesId=2)
    run.call("deletePayment", paymentId=1)
    run.call("deleteStockItem", stockItemId=1)
    plan = run.directory / "plan.jsonl"
    assert run(TAKEN_BACK, allow_delete=True, dry_run=True, plan_path=str(plan)) == 0
    assert '"type":"operation"' not in plan.read_text()
    run.sandbox.requests.clear()
    assert run(TAKEN_BACK, allow_delete=True) == 0
    assert sum(run.writes().values()) == 5
    assert run(TAKEN_BACK, allow_delete=True) == 0
    assert sum(run.writes().values()) == 5  # the store knows by now


def test_what_stands_and_cannot_be_taken_back_is_rejected(run):
    assert run([*STREAMS, customer(), payment()]) == 0
    void = [*STREAMS, record("payments", "P1", _operation="void")]
    run.sandbox.faults.plan("error", method="DELETE", status=409)
    assert run(void) == 3
    assert run(void) == 0
    assert run.listed("listPayments") == []
