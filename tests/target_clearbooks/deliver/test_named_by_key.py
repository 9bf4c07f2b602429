"""A key that one record explains by a name is known to others that give the key alone."""

import pytest

from tests.target_clearbooks.conftest import customer, invoice, payment, schema

STREAMS = schema("customers", "sales_invoices", "payments")
ACME = {"name": "Acme Ltd", "email": "books@acme.example"}
KEY = {"externalId": "C1"}
INVOICE = invoice("I1", customer={**KEY, "name": "Acme Ltd"})
PAYMENT = payment("P1", "C1")


@pytest.fixture
def acme(run):
    """A customer that the ledger holds, whom no record was written for."""
    run.call("createCustomer", ACME)
    return run.customers()[0]["id"]


def payers(run):
    return [p["contactId"] for p in run.listed("listPayments")]


@pytest.mark.parametrize("order", [(INVOICE, PAYMENT), (PAYMENT, INVOICE)], ids=["after", "before"])
def test_a_payment_by_the_key_of_an_invoice(order, run, acme):
    messages = [*STREAMS, *order]
    assert run(messages) == 0
    assert payers(run) == [acme]
    assert [c["name"] for c in run.customers()] == ["Acme Ltd"]
    before = run.writes()
    assert run(messages) == 0
    assert run.writes() == before


def test_a_payment_in_a_later_run(run, acme):
    assert run([*STREAMS, INVOICE]) == 0
    assert run([*STREAMS, PAYMENT]) == 0
    assert payers(run) == [acme]


def test_a_payment_that_waits_since_an_earlier_run(run, acme):
    assert run([*STREAMS, PAYMENT]) == 4
    assert run([*STREAMS, INVOICE]) == 0
    assert payers(run) == [acme]


def test_a_key_with_a_namespace(run, acme):
    assert run([*STREAMS, INVOICE, PAYMENT], source="shop") == 0
    assert payers(run) == [acme]
    other = [*STREAMS, payment("P2", "C1", amount="1.00")]
    assert run(other, source="till") == 4  # another source's C1 is somebody else
    assert payers(run) == [acme]


def test_a_plan_makes_the_key_known_once_it_is_applied(run, acme, command):
    plan = run.directory / "plan.jsonl"
    assert run([*STREAMS, INVOICE], dry_run=True, plan_path=str(plan)) == 0
    assert run([*STREAMS, PAYMENT]) == 4
    command("apply", str(plan))
    assert run(STREAMS) == 0
    assert payers(run) == [acme]


def test_a_record_of_the_key_counts_more(run, acme):
    """It may be somebody else than the one whose name the invoice bore."""
    assert run([*STREAMS, INVOICE]) == 0
    own = customer("C1", name="Acme Holdings Ltd", email="hello@holdings.example")
    assert run([*STREAMS, own, PAYMENT]) == 0
    found = {c["name"]: c["id"] for c in run.customers()}
    assert set(found) == {"Acme Ltd", "Acme Holdings Ltd"}
    assert payers(run) == [found["Acme Holdings Ltd"]]
    assert run.get("getCustomer", customerId=acme)["email"] == ACME["email"]


def test_a_key_that_meant_two_is_not_guessed(run, acme):
    run.call("createCustomer", {"name": "Bolt Ltd"})
    second = invoice("I2", customer={**KEY, "name": "Bolt Ltd"})
    assert run([*STREAMS, INVOICE, second]) == 0
    assert run([*STREAMS, PAYMENT]) == 4
    assert payers(run) == []


def test_a_name_that_contradicts_is_somebody_else(run, acme):
    assert run([*STREAMS, INVOICE]) == 0
    paid = payment("P1", customer={**KEY, "name": "Bolt Ltd"}, kind="contact")
    del paid["record"]["contact"]
    assert run([*STREAMS, paid], create_missing=[]) == 4
    assert payers(run) == []
