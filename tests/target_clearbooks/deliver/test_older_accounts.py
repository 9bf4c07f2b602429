"""Accounts whose contacts know no `externalId`: it is refused, or silently dropped."""

from __future__ import annotations

import pytest

from clearbooks.errors import RejectedError
from target_clearbooks.deliver.sending import _says_unknown
from tests.target_clearbooks.conftest import record, schema

CONTACTS = [
    *schema("customers"),
    record("customers", "c1", name="Smith & Sons Ltd"),
    record("customers", "c2", name="Jones"),
    *schema("suppliers"),
    record("suppliers", "s1", name="Brown Plc"),
]


@pytest.mark.parametrize("dialect", ["no-external-id", "external-id-ignored"])
def test_contacts_are_written_once_all_the_same(run, dialect):
    run.sandbox.dialects.on(dialect)
    assert run(CONTACTS) == 0
    assert sorted(c["name"] for c in run.customers()) == ["Jones", "Smith & Sons Ltd"]
    before = run.writes()
    assert run(CONTACTS) == 0
    assert run.writes() == before
    assert run([*schema("customers"), record("customers", "c2", name="Jones & Co")]) == 0
    assert sorted(c["name"] for c in run.customers()) == ["Jones & Co", "Smith & Sons Ltd"]


@pytest.mark.parametrize("dialect", ["no-external-id", "external-id-ignored"])
@pytest.mark.parametrize("fault", ["drop-after", "error-after", "drop-before"])
def test_a_lost_reply_is_settled_without_it(run, dialect, fault):
    run.sandbox.dialects.on(dialect)
    for nth in (1, 2, 3, 4):
        run.sandbox.faults.plan(fault, method="POST", path="/accounting/", nth=nth)
    run(CONTACTS)
    assert run(CONTACTS) == 0
    assert sorted(c["name"] for c in run.customers()) == ["Jones", "Smith & Sons Ltd"]
    assert [c["name"] for c in run.listed("listSuppliers")] == ["Brown Plc"]


def test_a_record_that_is_refused_for_another_reason_is_not_sent_twice(run):
    run.sandbox.faults.plan("error", method="POST", status=422)
    assert run([*schema("customers"), record("customers", "c1", name="Smith")]) == 3
    assert run.rejects[0]["class"] == "rejected"
    assert sum(run.writes().values()) == 1


@pytest.mark.parametrize(
    ("status", "words", "unknown"),
    [
        (400, "externalId is not a known field", True),
        (422, "Unknown property: externalid", True),
        (422, "externalId c1 already exists", False),
        (409, "externalId", False),
        (409, "Unknown field externalId", True),
        (400, "name is missing", False),
    ],
)
def test_only_a_field_that_is_named_as_unknown_is_left_out(status, words, unknown):
    error = RejectedError("createCustomer", status, [("field", words)])
    assert _says_unknown(error, "externalId") is unknown
