"""`results_path` and the view `results`: what became of every record of a run."""

from __future__ import annotations

import json

import pytest

from clearbooks.errors import SettingError
from target_clearbooks.store import open_store
from tests.postgres import database, server  # noqa: F401 - fixtures
from tests.target_clearbooks.conftest import (
    FOUR,
    allocation,
    customer,
    invoice,
    line,
    payment,
    record,
)


def results(run):
    path = run.directory / "results.jsonl"
    found = [json.loads(text) for text in path.read_text().splitlines()]
    path.unlink()
    assert len({entry["run"] for entry in found}) == 1
    return {(entry["stream"], entry["source_key"]): entry for entry in found}, len(found)


def asked(run, messages, **settings):
    return run(messages, results_path=str(run.directory / "results.jsonl"), **settings)


def test_every_record_has_one_line(run):
    messages = [
        *FOUR,
        customer(),
        invoice(),
        payment(),
        allocation(),
        invoice("I2", "C1", line(rate="21%")),
        invoice("I3", "C9"),
        {"type": "RECORD", "stream": "customers"},
    ]
    assert asked(run, messages) == 4
    found, number = results(run)
    assert number == 7
    [made] = run.invoices()
    entry = found["sales_invoices", "I1"]
    assert (entry["ledger_id"], entry["ledger_number"]) == (
        made["id"],
        made["formattedDocumentNumber"],
    )
    assert (entry["outcome"], entry["business_id"], entry["reasons"]) == (
        "written",
        run.business,
        [],
    )
    refused = found["sales_invoices", "I2"]
    assert refused["outcome"] == "rejected"
    assert refused["reasons"][0].startswith("lineItems[0].vatRate: '21%' is not legal")
    assert found["sales_invoices", "I3"]["outcome"] == "waiting"
    assert found["input", "line 11"]["outcome"] == "rejected"
    # The same again: nothing is sent, and yet everything is told.
    messages[5] = invoice(description="Changed")
    assert asked(run, messages) == 4
    again, number = results(run)
    assert number == 7
    assert again["customers", "C1"]["outcome"] == "unchanged"
    assert again["customers", "C1"]["ledger_id"] == found["customers", "C1"]["ledger_id"]
    assert again["sales_invoices", "I1"]["outcome"] == "updated"
    assert asked(run, [*FOUR, invoice(description="Changed")]) == 4
    entry = results(run)[0]["sales_invoices", "I1"]
    assert entry["outcome"] == "unchanged"
    assert entry["ledger_number"] == made["formattedDocumentNumber"]


def test_a_void_and_a_quarantine(run):
    twins = [customer(f"T{n}", name="Twin Ltd", email=f"{n}@example.com") for n in range(2)]
    assert asked(run, [*FOUR, *twins, customer(), invoice()]) == 0
    results(run)
    doubt = invoice("I2")
    doubt["record"]["customer"] = "Twin Ltd"
    assert asked(run, [*FOUR, doubt, record("sales_invoices", "I1", _operation="void")]) == 4
    found, number = results(run)
    assert number == 2
    assert found["sales_invoices", "I2"]["outcome"] == "quarantined"
    assert found["sales_invoices", "I2"]["reasons"]
    assert found["sales_invoices", "I1"]["outcome"] == "voided"


def test_a_lost_reply_is_told_once_it_is_settled_or_left(run):
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/customers", times=1)
    assert asked(run, [*FOUR, customer()]) == 0
    assert results(run)[0]["customers", "C1"]["ledger_id"]
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/bankFeeds", times=9)
    feed = record("bank_feeds", "F1", bankAccount="Current account")
    assert asked(run, [feed], assume_new=True) == 4
    assert results(run)[0]["bank_feeds", "F1"]["outcome"] in {"quarantined", "uncertain"}


def test_a_record_that_comes_twice_has_two_lines(run):
    twice = [*FOUR, customer(), invoice(), invoice(), customer("C2"), customer("C2", phone="1")]
    assert asked(run, twice) == 0
    text = (run.directory / "results.jsonl").read_text()
    found = [json.loads(line) for line in text.splitlines()]
    assert len(found) == 5
    [made] = run.invoices()
    lines = [entry for entry in found if entry["source_key"] == "I1"]
    assert [entry["outcome"] for entry in lines] == ["written", "unchanged"]
    assert {entry["ledger_id"] for entry in lines} == {made["id"]}
    assert [e["outcome"] for e in found if e["source_key"] == "C2"] == ["overtaken", "written"]


def test_a_dry_run_has_a_plan_and_no_results(run):
    asked(run, [*FOUR, customer()], dry_run=True, plan_path=str(run.directory / "plan.jsonl"))
    assert not (run.directory / "results.jsonl").exists()


def test_results_that_cannot_be_written_are_a_wrong_setting(run):
    with pytest.raises(SettingError, match=r"results_path: .*directory"):
        run([customer()], results_path=str(run.directory))
    assert not run.writes()


@pytest.mark.parametrize("kind", ["file", "database"])
def test_the_view_joins_what_was_sent_with_what_became_of_it(kind, run, request):
    where = str(run.directory / "s.sqlite3")
    if kind == "database":
        where = request.getfixturevalue("database")
    messages = [*FOUR, customer(), invoice(), invoice("I2", "C1", line(rate="21%"))]
    assert run(messages, state_store=where) == 3
    store = open_store(where)
    rows = store.execute(
        "SELECT run, business_id, stream, source_key, outcome, ledger_id, ledger_number, reasons "
        "FROM results ORDER BY source_key"
    ).fetchall()
    store.close()
    [made] = run.invoices()
    assert [row[2:5] for row in rows] == [
        ("customers", "C1", "written"),
        ("sales_invoices", "I1", "written"),
        ("sales_invoices", "I2", "rejected"),
    ]
    assert rows[1][5:7] == (str(made["id"]), made["formattedDocumentNumber"])
    assert "21%" in rows[2][7]
