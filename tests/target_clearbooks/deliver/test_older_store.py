"""A state store of version 0.1 and its markers are known."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from target_clearbooks.intent import make_marker
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
from tests.target_clearbooks.store.test_lost_store import TO_VERSION_3, lose


def without_key(message):
    fields = {k: v for k, v in message["record"].items() if k != "externalId"}
    return {**message, "record": fields}


# A store of version 0.1


def test_a_store_of_version_0_1_knows_what_it_wrote(run):
    number = [
        *TWO,
        *schema("payments", "sales_allocations"),
        customer("1"),
        invoice("7.x", "1"),
        payment("P1", "1"),
    ]
    columns = without_key(record("sales_invoices", "", **invoice("x", "1")["record"]))
    columns["record"]["documentNumber"] = "55"
    assert run([*number, *schema("sales_invoices", keys=("documentNumber",)), columns]) == 0
    with closing(sqlite3.connect(run.directory / "state.sqlite3")) as db:
        db.execute("UPDATE map SET source_key = '7.0' WHERE source_key = '7.x'")
        db.execute("UPDATE lineage SET source_key = '7.0' WHERE source_key = '7.x'")
        db.commit()
        db.executescript(TO_VERSION_3)
    before = run.writes()
    seven = invoice("", "1", description="Changed")
    seven["record"]["externalId"] = 7
    columns["record"]["description"] = "Changed too"
    paid = allocation(invoice_key="7")
    messages = [
        *TWO,
        *schema("payments", "sales_allocations"),
        seven,
        paid,
        *schema("sales_invoices", keys=("documentNumber",)),
        columns,
    ]
    assert run(messages) == 0
    assert run.writes() - before == {("PUT", "sales"): 2, ("POST", "allocations"): 1}
    assert {d["description"] for d in run.invoices()} == {"Changed", "Changed too"}
    # A second shop's record under the key of one that version 0.1 has written.
    with closing(sqlite3.connect(run.directory / "state.sqlite3")) as db:
        db.execute("UPDATE map SET likeness = NULL")
        db.commit()
    other = [*TWO, customer("9", name="Other"), invoice("7", "9", line(5, description="Other"))]
    plan = run.directory / "plan.jsonl"
    assert run(other, dry_run=True, plan_path=str(plan)) == 3
    planned = [json.loads(text) for text in plan.read_text().splitlines()]
    assert [p["key"] for p in planned if p["type"] == "refused"] == ["7.0"]
    assert run(other) == 3
    assert "another one" in run.rejects[-1]["reasons"][0]


def test_a_lost_store_finds_the_markers_of_version_0_1(run):
    """Its marker of the key 7.0 is that of 7; that of another source's 7 is not certain."""
    messages = [*TWO, customer("1"), invoice("I7", "1")]
    assert run(messages) == 0
    [found] = run.invoices()
    body = {k: found[k] for k in ("customerId", "date", "vatTreatment", "lineItems", "dateDue")}
    marker = make_marker(run.business, "sales_invoices", "7.0")
    reply = run.call(
        "updateSalesDocument",
        {**body, "reference": marker},
        salesType="invoices",
        salesId=found["id"],
    )
    assert reply.status == 200
    lose(run)
    before = run.writes()
    assert run([*TWO, customer("1"), invoice("7", "1")]) == 0
    assert len(run.invoices()) == 1
    lose(run)
    assert run([*TWO, customer("1"), invoice("7", "1")], source="shop-b") == 4
    assert len(run.invoices()) == 1
    assert (run.writes() - before).keys() <= {("PUT", "sales"), ("PUT", "customers")}
