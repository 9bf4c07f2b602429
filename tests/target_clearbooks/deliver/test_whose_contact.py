"""Each document on the right contact, whatever two contacts have in common."""

from __future__ import annotations

import json
import time

import pytest

from target_clearbooks import write
from tests.target_clearbooks.conftest import (
    bill,
    customer,
    invoice,
    line,
    payment,
    schema,
    supplier,
)

STREAMS = schema("customers", "suppliers", "sales_invoices", "bills", "payments")


def names(run, operation="listCustomers"):
    return {c["id"]: c["name"] for c in run.listed(operation)}


def owed(run):
    """Who owes what: the names of the customers of all invoices."""
    found = names(run)
    return sorted(
        found[d["customerId"]] for d in run.listed("listSalesDocuments", salesType="invoices")
    )


@pytest.mark.parametrize("dialect", ["nulls", "string-ids", "unsorted", "pretty"])
def test_a_shared_mailbox(run, dialect):
    run.sandbox.dialects.on(dialect)
    run.call("createCustomer", {"name": "North Hall Ltd", "email": "accounts@agent.example"})
    messages = [
        *STREAMS,
        customer("B", name="South Hall Ltd", email="accounts@agent.example"),
        invoice("1", "B"),
    ]
    assert run(messages) == 0
    assert sorted(names(run).values()) == ["North Hall Ltd", "South Hall Ltd"]
    assert owed(run) == ["South Hall Ltd"]
    before = run.writes()
    assert run(messages) == 0
    assert run.writes() == before


def test_a_bill_and_its_payment_stay_with_their_supplier(run):
    run.call("createSupplier", {"name": "Group Services plc", "vatNumber": "GB111222333"})
    mine = {"name": "Group Cleaning Ltd", "vatNumber": "111 2223 33"}
    messages = [
        *STREAMS,
        bill("B1", lineItems=[line(500, account=2001001)], supplier=mine),
        payment("P1", amount="-600.00", contact=None, kind="supplier"),
    ]
    messages[-1]["record"]["supplier"] = mine
    assert run(messages) == 3
    assert "has another name" in run.rejects[0]["reasons"][0]
    assert not run.writes()
    assert run(messages, create_missing=["suppliers"]) == 0
    [made] = [i for i, name in names(run, "listSuppliers").items() if name == mine["name"]]
    [found] = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert found["supplierId"] == made
    assert [p["contactId"] for p in run.listed("listPayments")] == [made]


@pytest.mark.parametrize("setting", ["quarantine", "create", "adopt"])
def test_two_of_one_run_that_match_one_contact(run, setting):
    """The ledger holds a John Smith, keyed by hand; the source has two."""
    run.call("createCustomer", {"name": "John Smith"})
    messages = [
        *STREAMS,
        customer("1", name="John Smith"),
        customer("2", name="JOHN SMITH"),
        invoice("I1", "1"),
        invoice("I2", "2"),
    ]
    code = run(messages, on_ambiguous_contact=setting)
    assert code == (4 if setting == "quarantine" else 0)
    assert len(names(run)) == (2 if setting == "create" else 1)
    assert len(owed(run)) == (1 if setting == "quarantine" else 2)
    if setting == "quarantine":
        [row] = run.rejects
        [candidate] = row["candidates"]
        assert (row["key"], candidate["id"], candidate["name"]) == ("2", 1, "John Smith")
    before = run.writes()
    assert run(messages, on_ambiguous_contact=setting) == code
    assert run.writes() == before


def test_two_new_ones_of_one_name_are_not_made_silently(run):
    same = [customer("1", name="Jo Blogs"), customer("2", name="Jo Blogs")]
    assert run([*STREAMS, *same]) == 4
    assert list(names(run).values()) == ["Jo Blogs"]


def test_guest_checkouts_of_one_person_share_a_contact(run):
    jo = {"name": "Jo Blogs", "email": "jo@example.com"}
    messages = [
        *STREAMS,
        *(customer(f"order-{n}", **jo) for n in range(4)),
        *(invoice(f"I{n}", f"order-{n}") for n in range(4)),
    ]
    assert run(messages) == 0
    assert list(names(run).values()) == ["Jo Blogs"]
    assert [c["externalId"] for c in run.customers()] == ["order-0"]
    assert owed(run) == ["Jo Blogs"] * 4
    before = run.writes()
    assert run(messages) == 0
    assert run.writes() == before
    # Another key is no way to take the contact by its name alone.
    assert run([*STREAMS, customer("order-9", name="Jo Blogs")]) == 4


@pytest.mark.parametrize("placeholder", ["N/A", "none", "-"])
def test_placeholders_join_nobody(run, placeholder):
    many = [supplier(f"S{n}", vatNumber=placeholder, email=placeholder) for n in range(3)]
    bills = [bill(f"B{n}", f"S{n}") for n in range(3)]
    assert run([*STREAMS, *many, *bills]) == 0
    assert len(names(run, "listSuppliers")) == 3
    found = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert len({d["supplierId"] for d in found}) == 3


def test_contacts_that_records_make_are_told_apart(run):
    """Of one mailbox, and with `create_missing`: a contact for each name."""
    mailbox = {"email": "accounts@agent.example"}
    messages = [
        *STREAMS,
        *(
            invoice(f"{name}{n}", customer={"name": f"{name} Hall Ltd", **mailbox})
            for name in ("North", "South", "West")
            for n in range(2)
        ),
    ]
    assert run(messages, create_missing=["customers"]) == 0
    assert sorted(names(run).values()) == ["North Hall Ltd", "South Hall Ltd", "West Hall Ltd"]
    assert owed(run) == sorted(["North Hall Ltd", "South Hall Ltd", "West Hall Ltd"] * 2)


def test_a_plan_says_who_is_set_aside(run):
    run.call("createCustomer", {"name": "John Smith"})
    plan = run.directory / "plan.jsonl"
    two = [customer("1", name="John Smith"), customer("2", name="John Smith")]
    assert run([*STREAMS, *two], dry_run=True, plan_path=str(plan)) == 4
    found = [json.loads(text) for text in plan.read_text().splitlines()]
    assert [r["key"] for r in found if r["type"] == "refused"] == ["2"]
    assert not run.writes()


def test_a_name_waits_for_contacts_that_may_bear_it(run):
    """Two of a run have one name: an invoice by it is set aside, however far they are."""

    def messages():
        yield from STREAMS
        yield customer("1", name="Twin Ltd", email="one@twin.example")
        for n in range(8):
            yield customer(f"other {n}", name=f"Other {n}")
        # The first one is in the ledger; the second is on its way when the invoice comes.
        deadline = time.monotonic() + 20
        while not names(run) and time.monotonic() < deadline:
            time.sleep(0.02)
        run.sandbox.faults.plan("slow", method="POST", times=3, seconds=0.5)
        yield customer("2", name="Twin Ltd", email="two@twin.example")
        yield invoice("I", customer={"name": "Twin Ltd"})
        yield invoice("J", customer={"externalId": "1"})

    done = write({**run.config, "max_in_flight": 2}, messages())
    assert done.exit_code == 4
    assert owed(run) == ["Twin Ltd"]
    [reject] = run.rejects
    assert reject["key"] == "I"
    assert "2 customers have the name 'Twin Ltd'" in reject["reasons"][0]
