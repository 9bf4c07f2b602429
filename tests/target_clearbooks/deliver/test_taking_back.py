"""Taking back what is gone already, or stands in the ledger under other IDs."""

from __future__ import annotations

import pytest

from tests.target_clearbooks.conftest import (
    FOUR,
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
    *STREAMS,
    customer(),
    invoice(),
    invoice("Q1", stream="quotes"),
    payment(),
    allocation(amount="50.00"),
    record("stock_items", "T1", name="Bell", type="both"),
]
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
    # One at a time, so that their numbers are known.
    assert run(BOOKS, allow_delete=True, max_in_flight=1) == 0
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
    run.sandbox.faults.plan("error", method="DELETE", status=409, times=2)
    assert run(void) == 3
    assert run(void) == 0
    assert run.listed("listPayments") == []


# Allocations under other IDs

PART_PAID = [*STREAMS, customer(), invoice(), payment(), allocation(amount="50.00")]
VOID = [*STREAMS, record("sales_allocations", "A1", _operation="void")]
VOID_ALL = [*VOID, record("sales_invoices", "I1", _operation="void")]


def allocations(run):
    return run.listed("listAllocations", invoiceType="sales")


def revised_by_hand(run):
    run.call("updateSalesDocument", {"description": "By hand"}, salesType="invoices", salesId=1)


@pytest.mark.parametrize("revise", [revised_by_hand, None])
def test_an_allocation_that_a_revision_gave_a_new_id(run, revise):
    run.sandbox.dialects.on("revision-renews")
    messages = [*PART_PAID[:-1], allocation(amount="120.00")]
    assert run(messages) == 0
    if revise:
        revise(run)
    else:
        assert run([*STREAMS, invoice(description="Ours")]) == 0
    [renewed] = allocations(run)
    assert renewed["id"] == 2
    plan = run.directory / "plan.jsonl"
    assert run(VOID, dry_run=True, plan_path=str(plan)) == 0
    assert '"id":2' in plan.read_text()
    run.sandbox.requests.clear()
    assert run(VOID_ALL) == 0
    assert allocations(run) == run.invoices() == []
    assert run.writes() == {("DELETE", "allocations"): 2, ("DELETE", "sales"): 1 + bool(revise)}
    assert run(messages) == 0
    assert [row["amount"] for row in allocations(run)] == [120]


@pytest.mark.parametrize("fault", [None, "drop-after"])
@pytest.mark.parametrize("dialects", [(), ("revision-renews",)])
def test_an_allocation_that_was_raised_goes_with_all_its_parts(run, dialects, fault):
    run.sandbox.dialects.on(*dialects)
    assert run(PART_PAID) == 0
    assert run([*STREAMS, allocation(amount="70.00")]) == 0
    assert [row["amount"] for row in allocations(run)] == [50, 20]
    revised_by_hand(run)
    if fault:
        run.sandbox.faults.plan(fault, method="DELETE")
    if fault and dialects:
        # Who took it back, and under which ID, nothing tells: a person looks.
        assert run(VOID) == run(VOID) == 4
        for row in allocations(run):
            run.call("deleteAllocation", invoiceType="sales", allocationId=row["id"])
    assert run(VOID) == 0
    assert allocations(run) == []


def test_what_others_have_allocated_between_the_same_two_stays(run):
    run.sandbox.dialects.on("revision-renews")
    assert run(PART_PAID) == 0
    by_hand = {"invoiceId": 1, "paymentId": 1, "allocationType": "payment", "amount": 30}
    run.call("createAllocation", by_hand, invoiceType="sales")
    revised_by_hand(run)
    assert run(VOID) == 0
    assert [row["amount"] for row in allocations(run)] == [30]


@pytest.mark.parametrize("order", ["I1 P1 A1", "P1 A1 I1", "A1 P1 I1"])
def test_voids_may_come_in_any_order(run, order):
    assert run([*FOUR, customer(), invoice(), payment(), allocation()]) == 0
    stream = {"I1": "sales_invoices", "P1": "payments", "A1": "sales_allocations"}
    voids = [record(stream[key], key, _operation="void") for key in order.split()]
    assert run([*FOUR, *voids]) == 0, run.rejects
    assert run.invoices() == []
    assert run.listed("listPayments") == []


def test_a_void_that_stays_refused_is_told_once(run):
    assert run([*FOUR, customer(), invoice(), payment(), allocation()]) == 0
    run.sandbox.requests.clear()
    assert run([*FOUR, record("sales_invoices", "I1", _operation="void")]) == 3
    assert [row["key"] for row in run.rejects] == ["I1"]
    assert run.writes() == {("DELETE", "sales"): 2}
