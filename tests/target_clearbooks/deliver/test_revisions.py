"""Updates of documents: each makes a new revision, so none is sent that changes nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from clearbooks.errors import RejectedError
from target_clearbooks.deliver.refusals import newer_revisions
from target_clearbooks.intent import Intent, Mapped, WriteOperation
from tests.target_clearbooks.conftest import (
    TWO,
    allocation,
    customer,
    invoice,
    line,
    payment,
    record,
    schema,
)

LINES = [line("10.00"), line("20.00"), line("20.00", quantity=2)]


@pytest.mark.parametrize(
    ("more", "reads"),
    [
        ({"currency": "GBP"}, [2, 1]),
        ({"dateDue": "2024-03-31"}, [2, 1]),
        ({"lineItems": LINES[::-1]}, [2, 1]),
        # What would be sent is the same.
        ({"lineItems": [{**item, "quantity": f"{item['quantity']}.00"} for item in LINES]}, [1, 1]),
        ({"gross": "84.00"}, [1, 1]),
        ({"currency": "GBP", "exchangeRate": 1}, [2, 1]),
    ],
    ids=["currency", "date due", "order", "zeros", "gross", "rate of pounds"],
)
def test_what_the_ledger_has_already_makes_no_revision(run, more, reads):
    """One reading is to see whether the ledger is still that of the store."""
    first = invoice("I1", date="2024-03-01", lineItems=LINES)
    assert run([*TWO, customer(), first]) == 0
    before = run.invoices()
    again = invoice("I1", date="2024-03-01", **{"lineItems": LINES, **more})
    read = []
    for _ in range(2):
        run.sandbox.requests.clear()
        assert run([*TWO, customer(), again]) == 0
        assert not run.writes()
        path = f"/accounting/sales/invoices/{before[0]['id']}"
        read.append(sum(r.path == path for r in run.sandbox.requests))
    assert run.invoices() == before
    # The other is made once: then the store knows that the record stands for what is there.
    assert read == reads


def test_a_payment_in_pounds_at_the_rate_of_pounds_is_not_sent_again(run):
    first = [*schema("customers", "payments"), customer(), payment()]
    assert run(first) == 0
    run.sandbox.requests.clear()
    assert run([*first[:-1], payment(currency="GBP", exchangeRate="1.00")]) == 0
    assert not run.writes()


@pytest.mark.parametrize(
    "more",
    [
        {"dateDue": "2024-03-02"},
        {"lineItems": LINES[:2]},
        {"lineItems": [*LINES, line("20.00")]},
        {"lineItems": [LINES[0], LINES[1], LINES[1]]},
    ],
    ids=str,
)
def test_what_differs_is_revised(run, more):
    first = invoice("I1", date="2024-03-01", lineItems=LINES)
    assert run([*TWO, customer(), first]) == 0
    (before,) = run.invoices()
    again = invoice("I1", date="2024-03-01", **{"lineItems": LINES, **more})
    assert run([*TWO, customer(), again]) == 0
    (after,) = run.invoices()
    assert after["id"] != before["id"]


def test_an_update_sends_what_differs_and_lists_whole(run, monkeypatch):
    first = invoice("I1", date="2024-03-01", lineItems=LINES, reference="PO 7")
    assert run([*TWO, customer(), first]) == 0
    bodies, call = [], run.sandbox.engine.call

    def noted(operation_id, **request):
        if operation_id == "updateSalesDocument":
            bodies.append(json.loads(request["body"]))
        return call(operation_id, **request)

    monkeypatch.setattr(run.sandbox.engine, "call", noted)
    dearer = [*LINES[:2], line("20.01", quantity=2)]
    for more, sent in (
        ({"description": "New"}, {"description"}),
        ({"description": "Newer", "dateDue": "2024-03-02"}, {"description", "dateDue"}),
        ({"lineItems": dearer}, {"lineItems", "vatTreatment"}),
    ):
        (before,) = run.invoices()
        first["record"] |= more
        assert run([*TWO, first]) == 0
        assert bodies[-1].keys() == sent
        assert len(bodies[-1].get("lineItems", LINES)) == 3
        (after,) = run.invoices()
        ours = {"id", "gross", "net", "vat", "due", *sent}
        assert {k: v for k, v in after.items() if k not in ours} == {
            k: v for k, v in before.items() if k not in ours
        }
        run.sandbox.requests.clear()
        assert run([*TWO, first]) == 0
        # To see whether the ledger is still that of the store.
        assert [r.method for r in run.sandbox.requests] == ["GET"]
    assert len(bodies) == 3


def test_one_that_was_voided_by_hand_is_not_taken_for_unchanged(run):
    run.sandbox.dialects.on("voided-listed")
    first = invoice("I1", date="2024-03-01", lineItems=LINES)
    assert run([*TWO, customer(), first]) == 0
    (made,) = run.invoices()
    run.call("deleteSalesDocument", salesType="invoices", salesId=made["id"])
    again = invoice("I1", date="2024-03-01", lineItems=LINES, currency="GBP")
    assert run([*TWO, customer(), again]) == 3


# What is allocated to a document that is revised

WHOLE = schema("customers", "sales_invoices", "sales_credit_notes", "payments", "sales_allocations")
PART_PAID = [
    *WHOLE,
    customer(),
    invoice(),
    payment(),
    allocation(amount="50.00"),
    invoice("N1", "C1", line("10.00"), stream="sales_credit_notes"),
    allocation("A2", "I1", None, "12.00", creditNote={"externalId": "N1"}),
]


def allocations(run):
    found = run.listed("listAllocations", invoiceType="sales")
    return sorted((row["allocationType"], row["amount"]) for row in found)


@pytest.mark.parametrize("fault", [None, "drop-after"])
def test_what_our_revision_frees_is_allocated_anew(run, fault):
    run.sandbox.dialects.on("revision-frees")
    assert run(PART_PAID) == 0
    before = allocations(run)
    if fault:
        run.sandbox.faults.plan(fault, method="PUT")
    changed = invoice(description="Ours")
    assert run([*WHOLE, changed]) == 0
    assert allocations(run) == before == [("creditNote", 12), ("payment", 50)]
    assert [found["due"] for found in run.invoices()] == [58]
    run.sandbox.requests.clear()
    known = [message for message in PART_PAID if message.get("record") != invoice()["record"]]
    assert run([*known, changed]) == 0
    assert [r.method for r in run.sandbox.requests] == ["GET"]  # is the ledger still the same
    void = [record("sales_allocations", key, _operation="void") for key in ("A1", "A2")]
    assert run([*WHOLE, *void]) == 0
    assert allocations(run) == []


def test_what_is_freed_and_cannot_be_allocated_yet_is_left_to_the_next_run(run):
    run.sandbox.dialects.on("revision-frees")
    assert run(PART_PAID) == 0
    run.sandbox.faults.plan("drop-before", method="POST", times=4)
    assert run([*WHOLE, invoice(description="Ours")]) == 4
    assert run([*WHOLE]) == 0
    assert allocations(run) == [("creditNote", 12), ("payment", 50)]


def test_what_a_person_has_freed_stays_free(run):
    # One at a time, so that their numbers are known.
    assert run(PART_PAID, max_in_flight=1) == 0
    run.call("deleteAllocation", invoiceType="sales", allocationId=1)
    assert run([*WHOLE, invoice(description="Ours")]) == 0
    assert allocations(run) == [("creditNote", 12)]


@pytest.mark.parametrize(("sent", "newer"), [(5, True), (9, False)])
def test_a_revision_of_this_run_is_a_newer_one_for_what_was_under_way(sent, newer):
    """The map may have moved on before the refusal of an older ID comes."""
    body = {"invoiceId": sent, "paymentId": 5, "allocationType": "payment", "amount": 1}
    invoice = ("sales_invoices", "I1")
    intent = Intent(
        101, "sales_allocations", WriteOperation.CREATE, "A1", body, depends_on=(invoice,)
    )
    task = SimpleNamespace(
        retried=False, fixed=False, stream="sales_allocations", source_key="A1", wanted=intent
    )
    known = {invoice: Mapped(*invoice, 9, (5, 9))}
    reconciler = SimpleNamespace(
        map=SimpleNamespace(find=lambda *key: known.get(key)),
        sender=SimpleNamespace(get=lambda *_: {"id": 9}),
    )
    error = RejectedError("createAllocation", 422, [("invoice", "no such invoice")])
    found = newer_revisions(task, error, reconciler)
    assert found == ([(*invoice, 5, {"id": 9})] if newer else [])
