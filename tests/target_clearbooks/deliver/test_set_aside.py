"""What was set aside by one run, and what a person says of it."""

from __future__ import annotations

import json

import pytest

from target_clearbooks.deliver.sending import Sender
from tests.target_clearbooks.conftest import (
    TWO,
    customer,
    invoice,
    journal,
    record,
    schema,
)


def keyed(stream, **fields):
    return {"type": "RECORD", "stream": stream, "record": fields}


# Exit code 4, and businesses that are not there


def test_exit_code_4_is_about_this_run(run):
    twins = [*TWO, customer("A", name="Twin"), customer("B", name="Twin"), invoice("I1", "B")]
    assert run(twins) == 4
    assert run([*TWO, customer("C")]) == 0
    assert run([*TWO, invoice("I2", "C")]) == 0
    assert run(twins) == 4
    # One that waits for what never came is tried again in each run.
    assert run([*TWO, invoice("I3", "nobody")]) == 4
    assert run([*TWO, invoice("I4", "C")]) == 4


def test_what_depends_on_one_that_was_set_aside_waits(run, command):
    twins = [*TWO, customer("A", name="Twin"), customer("B", name="Twin"), invoice("I1", "B")]
    assert run(twins) == 4
    assert run.invoices() == []
    assert [c["name"] for c in run.customers()] == ["Twin"]
    assert [r["key"] for r in run.rejects] == ["B"]
    command("map", "set", "customers", "B", "1")
    assert run([]) == 0
    assert [d["customerId"] for d in run.invoices()] == [1]


def test_a_person_says_that_one_that_was_set_aside_is_new(run, command):
    twins = [*TWO, customer("A", name="Twin"), customer("B", name="Twin"), invoice("I1", "B")]
    assert run(twins) == 4
    command("map", "unset", "customers", "B")
    assert run(twins) == 0
    assert [d["customerId"] for d in run.invoices()] == [2]


@pytest.mark.parametrize("name", ["businessId", "id", "externalId"])
def test_a_business_that_is_not_there_is_not_written(run, name):
    messages = schema("businesses", keys=(name,))
    assert run([*messages, keyed("businesses", **{name: 99999, "name": "Other Name"})]) == 3
    assert f"{name}: 99999 is none of" in run.rejects[0]["reasons"][0]
    assert not run.writes()
    one = keyed("businesses", **{name: float(run.business), "name": "New Name"})
    assert run([*messages, one]) == 0
    assert run.get("getBusiness", businessId=run.business)["name"] == "New Name"


@pytest.mark.parametrize("stream", ["customers", "sales_invoices", "payments", "stock_items"])
def test_a_record_that_is_not_there_is_not_named(run, command, stream):
    assert run([*TWO, customer()]) == 0
    for wrong in ("99999", "²", "abc", "9" * 30):
        assert command("map", "set", stream, "X", wrong, fails=2).endswith("not in business 101\n")
    assert "nothing" in command("map", "unset", stream, "X", fails=2)


def test_a_journal_is_named_by_its_transaction(run, command):
    assert run([*schema("journals"), journal()]) == 0
    number = max(row["id"] for row in run.listed("listTransactions"))
    command("map", "unset", "journals", "J1")
    for wrong in (str(number), f"transaction:{number + 1}", "transaction:x"):
        assert "transaction" in command("map", "set", "journals", "J1", wrong, fails=2)
    command("map", "set", "journals", "J1", f"transaction:{number}")


def test_one_is_looked_for_in_the_list_where_it_has_no_path_of_its_own(run, command, monkeypatch):
    item = record("stock_items", "S", sku="S", name="Saddle", type="sales")
    assert run([*schema("stock_items"), item]) == 0
    command("map", "unset", "stock_items", "S")
    monkeypatch.setattr(Sender, "get", lambda *_: None)
    assert "not in business" in command("map", "set", "stock_items", "S", "2", fails=2)
    command("map", "set", "stock_items", "S", "1")


def test_a_voided_document_is_not_named_and_a_revision_leads_to_the_newest(run, command):
    # One at a time, so that their numbers are known.
    assert run([*TWO, customer(), invoice("I1"), invoice("I2")], max_in_flight=1) == 0
    assert (
        run(
            [
                *TWO,
                record("sales_invoices", "I2", _operation="void"),
                invoice("I1", description="x"),
            ]
        )
        == 0
    )
    [current] = run.invoices()
    assert "voided" in command("map", "set", "sales_invoices", "X", "2", fails=2)
    command("map", "unset", "sales_invoices", "I1")
    found = json.loads(command("map", "set", "sales_invoices", "I1", "1", "--json"))
    assert found["id"] == current["id"]
