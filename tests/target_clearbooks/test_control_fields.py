"""What a record says of its own writing goes before the settings."""

from __future__ import annotations

import pytest

from target_clearbooks.control_fields import is_plain, matching_keys, mode_of
from target_clearbooks.writable import WRITABLE
from tests.target_clearbooks.conftest import ALL, customer, invoice, payment, schema


@pytest.mark.parametrize(
    ("record", "mode", "plain"),
    [
        ({}, "create", True),
        ({"_operation": None}, "create", True),
        ({"_operation": "Update"}, "update", True),
        ({"_operation": "upsert"}, "upsert", True),
        ({"_operation": "replace"}, "create", False),
        ({"_operation": "void"}, "create", False),
        ({"_operation": "nonsense"}, "create", False),
    ],
)
def test_the_mode_of_a_record(record, mode, plain):
    assert (mode_of(record, "create"), is_plain(record)) == (mode, plain)


def test_every_stream_has_its_source_key_first():
    assert {matching_keys(name)[0] for name in WRITABLE} == {"externalId"}


def phones(run):
    return {c["name"]: c.get("phone") for c in run.listed("listCustomers")}


def test_create_and_update_of_single_records(run):
    messages = [
        *schema("customers"),
        customer("1", name="One", phone="1", _operation="create"),
        customer("2", name="Two", phone="1", _operation="update"),
    ]
    assert run(messages) == 3
    assert phones(run) == {"One": "1"}
    assert "mode is update" in run.rejects[0]["reasons"][0]
    again = [
        *schema("customers"),
        customer("1", name="One", phone="2", _operation="create"),
    ]
    assert run(again) == 0
    assert phones(run) == {"One": "1"}
    again[-1]["record"]["_operation"] = "update"
    assert run(again, mode="create") == 0
    assert phones(run) == {"One": "2"}


def test_what_an_updated_record_carries_may_be_new(run):
    records = [customer(), invoice("I1"), payment("P1")]
    assert run([*schema(*ALL), *records]) == 0
    paid = payment("P1", invoice={"externalId": "I1"}, _operation="update")
    assert run([*schema(*ALL), paid]) == 0
    assert [a["amount"] for a in run.listed("listAllocations", invoiceType="sales")] == [120]


@pytest.mark.parametrize(
    ("given", "names"),
    [("email", ["Bell", "Bell"]), (None, ["Bell"])],
)
def test_a_matching_key_stands_for_all_others(run, given, names):
    """By its name alone the contact of the ledger would be it."""
    run.call("createCustomer", {"name": "Bell"})
    one = customer("1", name="Bell", email="bell@example.com")
    if given:
        one["record"]["_matching_key"] = given
    assert run([*schema("customers"), one]) == 0
    assert [c["name"] for c in run.listed("listCustomers")] == names


def test_a_matching_key_that_is_none(run):
    assert run([*schema("customers"), customer("1", _matching_key="phone")]) == 3
    assert run.rejects[0]["reasons"] == [
        "_matching_key: 'phone' should be one of externalId, vatNumber, companyNumber, email, name"
    ]


def test_a_rejected_record_keeps_what_it_asks_for(run):
    """So that it can be repaired and piped back."""
    asked = {"_operation": "update", "_matching_key": "email"}
    assert run([*schema("customers"), customer("1", email="a@example.com", **asked)]) == 3
    assert asked.items() <= run.rejects[0]["record"].items()
