"""Doubts that the ledger cannot settle, and kinds of records that may be sent again."""

from __future__ import annotations

import threading

from tests.target_clearbooks.conftest import (
    TWO,
    customer,
    invoice,
    journal,
    record,
    schema,
    state,
)

# Doubts that a person decides


def test_equal_journals_are_quarantined(run):
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/journals")
    lines = [{"accountCodeId": 9501001, "amount": -10}, {"accountCodeId": 9001002, "amount": 10}]
    body = {"accountingDate": "2024-05-31", "description": "By hand", "lines": lines}
    settings = {"settle_seconds": 2}
    threading.Timer(0.9, lambda: run.call("createJournal", body)).start()
    assert run([*schema("journals"), journal(), state({"n": 1})], **settings) == 4
    [row] = run.rejects
    assert (row["class"], len(row["candidates"])) == ("blocked", 2)
    assert run([*schema("journals"), journal()]) == 4
    assert run.writes()["POST", "journals"] == 1


def test_a_write_that_lands_after_it_was_sent_again_is_told(run):
    assert run([*TWO, customer()]) == 0
    run.sandbox.faults.plan("slow", method="POST", seconds=3.2)
    assert run([*TWO, invoice()], request_timeout=1, settle_seconds=2) == 4
    assert len(run.invoices()) == 2
    assert "was sent twice: 2 records of the ledger may be it" in run.rejects[-1]["reasons"][0]
    assert len(run.rejects[-1]["candidates"]) == 2


def test_a_bank_feed_is_made_once_or_a_person_decides(run):
    feed = record("bank_feeds", "F1", bankAccount="Current account")
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/bankFeeds")
    assert run([*schema("bank_feeds"), feed], assume_new=True) == 4
    assert run([*schema("bank_feeds"), feed]) == 4
    assert run.writes()["POST", "bankFeeds"] == 1


def test_bank_statements_are_just_sent_again(run):
    messages = [
        *schema("bank_feeds", "bank_statements"),
        record("bank_feeds", "F1", bankAccount="Current account"),
        record(
            "bank_statements",
            "L1",
            feed={"externalId": "F1"},
            transactionId="t1",
            transactionDate="2024-05-03",
            description="Card",
            amount="-4.99",
        ),
    ]
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/bankStatements")
    assert run(messages, assume_new=True) == 0
    rows = run.sandbox.engine.db.execute("SELECT amount FROM statement_lines").fetchall()
    assert rows == [(-499,)]
