"""Records that a tap marks as deleted."""

from __future__ import annotations

from tests.target_clearbooks.conftest import (
    TWO,
    customer,
    invoice,
    record,
)


def tombstone(stream, key, **fields):
    """What a tap sends of a record that has left: its key, nulls, and when."""
    nulls = {"date": None, "customerId": None, "lineItems": None, "gross": None, "name": None}
    deleted = {"_sdc_deleted_at": "2026-11-25T10:00:00+00:00"}
    return record(stream, key, **nulls, **deleted, **fields)


def test_a_tombstone_voids_what_stands_and_creates_nothing(run):
    assert run([*TWO, customer(), invoice()]) == 0
    [made] = run.invoices()
    gone = tombstone("sales_invoices", "I1")
    assert run([*TWO, gone, tombstone("sales_invoices", "NEVER-CAME")]) == 0
    assert run.invoices() == []
    run.sandbox.requests.clear()
    assert run([*TWO, gone]) == 0
    assert not run.writes()
    assert run([*TWO, invoice()]) == 0
    [again] = run.invoices()
    assert again["id"] != made["id"]


def test_a_tombstone_of_a_record_that_came_in_the_same_run(run):
    assert run([*TWO, customer(), invoice(), tombstone("sales_invoices", "I1")]) == 0
    assert run.invoices() == []


def test_a_tombstone_of_a_contact_deletes_only_where_that_is_allowed(run):
    assert run([*TWO, customer()]) == 0
    assert run([*TWO, tombstone("customers", "C1")]) == 3
    [refused] = run.rejects
    assert "allow_delete" in refused["reasons"][0]
    assert run([*TWO, tombstone("customers", "C1")], allow_delete=True) == 0
    assert run.customers() == []
