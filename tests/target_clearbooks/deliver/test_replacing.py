"""Records that the ledger refuses to change: freed, changed and allocated again in one run."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal

import pytest

from tests.target_clearbooks.conftest import (
    allocation,
    customer,
    invoice,
    line,
    payment,
    record,
    schema,
)

STREAMS = schema(
    "customers", "sales_invoices", "sales_credit_notes", "payments", "sales_allocations"
)
SETTINGS = {"on_change": "replace"}
DIALECTS = (
    (),
    ("revision-renews",),
    ("revision-frees",),
    ("paid-fields", "errors-array"),
    ("voids-remove", "voided-listed"),
    ("paid-changeable", "part-paid"),
    ("string-money", "string-ids", "nulls"),
)


def order(amount, net, **fields):
    """An order that is paid: the three records, as its source has them."""
    return [
        invoice("I1", "C1", line(net), **fields),
        payment(amount=amount),
        allocation(amount=amount),
    ]


HEAD = [*STREAMS, customer()]
FIRST = [*HEAD, *order("120.00", 100)]
SHRUNK = [*HEAD, *order("96.00", 80)]


def standing(run):
    """What the invoices come to and are due, what is paid, and what is allocated."""
    invoices = run.invoices()
    invoices = [row for row in invoices if row["status"] != "voided"]
    payments = run.listed("listPayments")
    allocations = run.listed("listAllocations", invoiceType="sales")
    assert {row["invoiceId"] for row in allocations} <= {row["id"] for row in invoices}
    return (
        [(float(row["gross"]), float(row["due"])) for row in invoices],
        [float(row["amount"]) for row in payments],
        sorted(float(row["amount"]) for row in allocations),
    )


def sends_nothing(run, messages):
    before = run.writes()
    assert run(messages, **SETTINGS) == 0
    assert run.writes() == before
    return True


@pytest.mark.parametrize("dialects", DIALECTS, ids=" ".join)
def test_an_order_that_shrank_after_it_was_paid(run, dialects):
    run.sandbox.dialects.on(*dialects)
    assert run(FIRST) == 0
    assert run(SHRUNK, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(96, 0)], [96], [96])
    assert sends_nothing(run, SHRUNK)
    grown = [*HEAD, *order("144.00", 120)]
    for messages, wanted in ((grown, 144), (FIRST, 120)):
        assert run(messages, **SETTINGS) == 0, run.rejects
        invoices, payments, allocations = standing(run)
        assert (invoices, payments, sum(allocations)) == ([(wanted, 0)], [wanted], wanted)
        assert sends_nothing(run, messages)


@pytest.mark.parametrize("order_of", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("in_flight", [1, 8])
def test_its_records_may_come_in_any_order(run, order_of, in_flight):
    assert run(FIRST) == 0
    records = order("96.00", 80)
    shrunk = [*HEAD, *(records[n] for n in order_of)]
    assert run(shrunk, max_in_flight=in_flight, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(96, 0)], [96], [96])
    assert sends_nothing(run, shrunk)


def test_without_it_each_reject_names_it(run):
    assert run(FIRST) == 0
    assert run(SHRUNK) == 3
    assert {row["stream"] for row in run.rejects} == {
        "sales_invoices",
        "payments",
        "sales_allocations",
    }
    assert all("on_change" in row["reasons"][0] for row in run.rejects)
    assert standing(run) == ([(120, 0)], [120], [120])


def test_each_record_may_ask_for_it(run):
    assert run(FIRST) == 0
    shrunk = [*HEAD, *order("96.00", 80)]
    for message in shrunk[len(HEAD) :]:
        message["record"]["_operation"] = "replace"
    for _ in range(2):
        assert run(shrunk) == 0
        assert standing(run) == ([(96, 0)], [96], [96])


def test_what_the_input_does_not_bring_is_allocated_again_as_far_as_it_is_due(run):
    parts = [
        *HEAD,
        invoice(),
        payment("P1", amount="70.00"),
        payment("P2", amount="50.00"),
        allocation("A1", "I1", "P1", "70.00"),
        allocation("A2", "I1", "P2", "50.00"),
    ]
    # One at a time, so that they stand in the ledger in this order.
    assert run(parts, max_in_flight=1) == 0
    smaller = [*HEAD, invoice("I1", "C1", line(75))]
    assert run(smaller, max_in_flight=1, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(90, 0)], [70, 50], [20, 70])
    assert sends_nothing(run, smaller)
    # Records of the source that have not changed count as known, as does what is left of one.
    assert sends_nothing(run, [*HEAD, *parts[len(HEAD) + 1 :]])
    # Nothing is due for the second any more.
    least = [*HEAD, invoice("I1", "C1", line(50))]
    assert run(least, max_in_flight=1, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(60, 0)], [70, 50], [60])
    # There is room again, and each is raised to what its source wants.
    assert run(parts, max_in_flight=1, **SETTINGS) == 0, run.rejects
    invoices, _, allocations = standing(run)
    assert (invoices, sum(allocations)) == ([(120, 0)], 120)
    assert sends_nothing(run, parts)
    # Taken back for good, and what else stands stays.
    void = [
        *STREAMS,
        record("sales_allocations", "A1", _operation="void"),
        record("sales_allocations", "A2", _operation="void"),
    ]
    assert run(void) == 0
    assert standing(run) == ([(120, 120)], [70, 50], [])


def test_a_payment_that_shrank_alone(run):
    assert run(FIRST) == 0
    less = [*HEAD, payment(amount="100.00")]
    assert run(less, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(120, 20)], [100], [100])
    assert sends_nothing(run, less)


def test_a_credit_note_that_shrank(run):
    note = invoice("N1", stream="sales_credit_notes")
    ends = {"invoice": {"externalId": "I1"}, "creditNote": {"externalId": "N1"}}
    clears = record("sales_allocations", "A1", **ends)
    assert run([*HEAD, invoice(), note, clears]) == 0
    note = invoice("N1", "C1", line(80), stream="sales_credit_notes")
    assert run([*HEAD, note], **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(120, 24)], [], [96])
    assert sends_nothing(run, [*HEAD, note])


def test_an_allocation_that_shrank_or_joins_another(run):
    two = [invoice(), invoice("I2")]
    # One after the other, so that they stand in the ledger in this order.
    assert run([*HEAD, *two, payment(), allocation(amount="50.00")], max_in_flight=1) == 0
    assert run([*HEAD, allocation(amount="70.00")]) == 0
    less = [*HEAD, allocation(amount="30.00")]
    assert run(less) == 3
    assert run(less, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(120, 90), (120, 120)], [120], [30])
    assert sends_nothing(run, less)
    other = [*HEAD, allocation(invoice_key="I2", amount="40.00")]
    assert run(other, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(120, 120), (120, 80)], [120], [40])
    assert sends_nothing(run, other)


def test_another_contact(run):
    assert run([*FIRST, customer("C2")]) == 0
    moved = [
        *HEAD,
        customer("C2"),
        invoice("I1", "C2"),
        payment(contact="C2"),
        allocation(),
    ]
    assert run(moved, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(120, 0)], [120], [120])
    [found] = run.invoices()
    names = {c["id"]: c["name"] for c in run.customers()}
    assert names[found["customerId"]] == "Customer C2"
    assert sends_nothing(run, moved)


def test_what_the_ledger_refuses_all_the_same_stands_as_it_was(run):
    """A change that fails again puts back what was freed for it."""
    assert run(FIRST) == 0
    run.sandbox.faults.plan("error", method="PUT", nth=2, status=422)
    assert run([*HEAD, invoice("I1", "C1", line(80))], **SETTINGS) == 3
    assert standing(run) == ([(120, 0)], [120], [120])
    run.sandbox.engine.finalise_vat(run.business, "2024-06-30")
    assert run([*HEAD, invoice("I1", "C1", line(80))], **SETTINGS) == 3
    assert "finalised" in run.rejects[-1]["reasons"][0]
    assert standing(run) == ([(120, 0)], [120], [120])


def test_what_others_have_allocated_stays(run):
    assert run([*HEAD, invoice(), payment()]) == 0
    by_hand = {"invoiceId": 1, "paymentId": 1, "allocationType": "payment", "amount": 120}
    run.call("createAllocation", by_hand, invoiceType="sales")
    assert run([*HEAD, invoice("I1", "C1", line(80))], **SETTINGS) == 3
    assert standing(run) == ([(120, 0)], [120], [120])


def test_an_allocation_that_cannot_be_voided_is_the_reason(run):
    assert run(FIRST) == 0
    run.sandbox.faults.plan("error", method="DELETE", status=409, times=9)
    assert run([*HEAD, invoice("I1", "C1", line(80))], **SETTINGS) == 3
    assert [(row["stream"], row["class"]) for row in run.rejects] == [("sales_invoices", "blocked")]
    assert "sales_allocations 'A1' could not be written" in run.rejects[0]["reasons"][0]
    assert standing(run) == ([(120, 0)], [120], [120])
    run.sandbox.faults.clear()
    assert run([*HEAD, invoice("I1", "C1", line(80))], **SETTINGS) == 0


def test_an_allocation_of_at_most_so_much(run):
    most = allocation(amount=None, atMost="150.00")
    del most["record"]["amount"]
    books = [*HEAD, invoice(), payment(amount="200.00"), most]
    assert run(books) == 0
    assert standing(run) == ([(120, 0)], [200], [120])
    assert sends_nothing(run, books)
    # Raised once there is room, and no further than it says.
    assert run([*HEAD, invoice("I1", "C1", line(200))], **SETTINGS) == 0, run.rejects
    invoices, _, allocations = standing(run)
    assert (invoices, sum(allocations)) == ([(240, 90)], 150)
    assert run([*HEAD, allocation(amount="10.00", atMost="20.00")]) == 3
    assert run([*HEAD, allocation(amount=None, atMost="-1")]) == 3
    assert [row["reasons"][0].split(":")[0] for row in run.rejects] == ["atMost", "atMost"]


# What a person has voided


@pytest.mark.parametrize("dialects", [(), ("voided-listed",)], ids=str)
def test_what_a_person_voided_is_written_anew(run, dialects):
    run.sandbox.dialects.on(*dialects, "paid-changeable")
    assert run(FIRST) == 0
    run.call("deleteSalesDocument", salesType="invoices", salesId=1)
    run.call("deletePayment", paymentId=1)
    changed = [*HEAD, *order("120.00", 100, description="Again")]
    changed[-2]["record"]["description"] = "Again"
    assert run(changed) == 3
    assert all("map unset" in row["reasons"][0] for row in run.rejects[:2])
    assert run(changed, **SETTINGS) == 0, run.rejects
    assert standing(run) == ([(120, 0)], [120], [120])
    assert sends_nothing(run, changed)
    assert Decimal(str(run.listed("listPayments")[0]["amount"])) == 120


# Plans


def operations(path):
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert not [line for line in lines if line["type"] == "refused"], lines
    return [
        (line["operation"], line["key"], (line["body"] or {}).get("amount"))
        for line in lines
        if line["type"] == "operation"
    ]


PLANS = {
    "order": (
        SHRUNK,
        [("void", "A1", None), ("update", "I1", None), ("update", "P1", 96), ("create", "A1", 96)],
        ([(96, 0)], [96], [96]),
    ),
    "invoice": (
        [*HEAD, invoice("I1", "C1", line(80))],
        [("void", "A1", None), ("update", "I1", None), ("create", "A1", 96)],
        ([(96, 0)], [120], [96]),
    ),
    "payment": (
        [*HEAD, payment(amount="100.00")],
        [("void", "A1", None), ("update", "P1", 100), ("create", "A1", 100)],
        ([(120, 20)], [100], [100]),
    ),
    "allocation": (
        [*HEAD, allocation(amount="30.00")],
        [("void", "A1", None), ("create", "A1", 30)],
        ([(120, 90)], [120], [30]),
    ),
}


@pytest.mark.parametrize("case", PLANS)
@pytest.mark.parametrize("raised", [False, True])
def test_a_plan_shows_all_of_it_and_is_carried_out(run, command, case, raised):
    messages, planned, wanted = PLANS[case]
    if raised:
        assert run([*FIRST[:-1], allocation(amount="70.00")]) == 0
    assert run(FIRST) == 0
    before = run.writes()
    path = run.directory / "plan.jsonl"
    assert run(messages, dry_run=True, plan_path=str(path), **SETTINGS) == 0
    assert sorted(operations(path)) == sorted(planned, key=str)
    assert run.writes() == before
    command("apply", str(path), "--yes")
    assert standing(run) == wanted
    assert sends_nothing(run, messages)


def test_a_plan_of_what_a_person_voided(run, command):
    run.sandbox.dialects.on("paid-changeable")
    assert run(FIRST) == 0
    run.call("deleteSalesDocument", salesType="invoices", salesId=1)
    changed = [*HEAD, invoice(description="Again")]
    path = run.directory / "plan.jsonl"
    assert run(changed, dry_run=True, plan_path=str(path), **SETTINGS) == 0
    assert operations(path) == [("create", "I1", None), ("create", "A1", 120)]
    command("apply", str(path), "--yes")
    assert standing(run) == ([(120, 0)], [120], [120])
    assert sends_nothing(run, changed)


INLINE = [*schema("customers", "payments", "sales_invoices"), customer()]


def paid_inline(amount, net):
    """A payment that says which invoice it is for, before the invoice."""
    paid = payment(amount=amount, invoice={"externalId": "I1"})
    return [*INLINE, paid, invoice("I1", "C1", line(net))]


def test_it_is_allocated_again_to_the_newest_revision(run):
    """The invoice came last and is kept back for a moment: what stands in line waits for it."""
    assert run(paid_inline("120.00", 100)) == 0
    run.sandbox.requests.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("target_clearbooks.session._WINDOW", 2)
        assert run(paid_inline("96.00", 80), max_in_flight=1, **SETTINGS) == 0
    assert standing(run) == ([(96.0, 0.0)], [96.0], [96.0])
    writes = [(r.method, r.path.split("/")[-2]) for r in run.sandbox.requests if r.method != "GET"]
    assert writes.index(("PUT", "invoices")) < writes.index(("POST", "allocations"))


def test_what_is_not_allocated_again_is_allocated_by_the_next_run(run):
    assert run(paid_inline("120.00", 100)) == 0
    run.sandbox.faults.plan(
        "error", method="POST", path="/accounting/allocations", status=422, times=9
    )
    assert run(paid_inline("96.00", 80), **SETTINGS) == 3
    run.sandbox.faults.clear()
    assert run(paid_inline("96.00", 80), **SETTINGS) == 0
    assert standing(run) == ([(96.0, 0.0)], [96.0], [96.0])
