"""A state store that is new to a ledger: what stands there is adopted or set aside, not doubled."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from clearbooks.errors import SettingError
from clearbooks_app import main
from clearbooks_sandbox import AccountingEngine, Options
from clearbooks_sandbox.http import server
from target_clearbooks.store import format as store_format
from tests.target_clearbooks.conftest import (
    Runner,
    allocation,
    bill,
    book,
    check_book,
    customer,
    invoice,
    journal,
    line,
    payment,
    record,
    schema,
    supplier,
)

DOCUMENTS = schema(
    "customers",
    "suppliers",
    "sales_invoices",
    "bills",
    "payments",
    "sales_allocations",
    "sales_attachments",
)
JOURNALS = schema("journals")


def lose(run):
    for path in run.directory.glob("state.sqlite3*"):
        path.unlink()


def documents():
    return [
        *DOCUMENTS,
        customer(),
        invoice(),
        payment(),
        allocation(),
        supplier(),
        bill(),
        bill("B2", "S1", line(50, account=2001001)),
        record(
            "sales_attachments",
            "F1",
            invoice={"externalId": "I1"},
            fileName="a.txt",
            content="aGVsbG8=",
        ),
    ]


def standing(run):
    [sale] = run.invoices()
    return {
        "bills": len(run.listed("listPurchaseDocuments", purchaseType="bills")),
        "payments": len(run.listed("listPayments")),
        "allocations": len(run.listed("listAllocations", invoiceType="sales")),
        "attachments": len(
            run.listed("listSalesAttachments", salesType="invoices", salesId=sale["id"])
        ),
        "transactions": len(run.listed("listTransactions")),
    }


def test_what_carries_a_marker_is_adopted(run, caplog):
    assert run(documents()) == 0
    before = standing(run)
    lose(run)
    run.sandbox.requests.clear()
    assert run(documents()) == 0
    assert not run.writes()
    assert standing(run) == before
    assert "If the old state store still exists" in caplog.text
    # From now on the new store knows them.
    run.sandbox.requests.clear()
    assert run(documents()) == 0
    assert len(run.sandbox.requests) == 1


def test_without_markers_it_is_set_aside(run):
    assert run(documents(), marker="off") == 0
    before = standing(run)
    lose(run)
    run.sandbox.requests.clear()
    assert run(documents(), marker="off") == 4
    assert not run.writes()
    assert standing(run) == before
    refused = {r["stream"]: r for r in run.rejects}
    assert refused.keys() >= {"sales_invoices", "bills", "payments"}
    for row in refused.values():
        assert row["class"] == "blocked"
    [candidate] = refused["sales_invoices"]["candidates"]
    assert candidate["date"] == "2024-05-01"
    assert "clearbooks map set" in refused["bills"]["reasons"][0]


def test_a_person_says_that_it_is_another(run, tmp_path):
    messages = [*documents(), *JOURNALS, journal("J1")]
    assert run(messages, marker="off") == 0
    transactions = len(run.listed("listTransactions"))
    lose(run)
    # What lets the first bank feed through says nothing of documents.
    assert run(messages, marker="off", assume_new=True) == 4
    config = tmp_path / "command.json"
    config.write_text(json.dumps(run.config))
    for stream, key in (("bills", "B2"), ("journals", "J1")):
        words = ["map", "unset", stream, key, "--config", str(config)]
        assert CliRunner().invoke(main, words).exit_code == 0
    assert run(messages, marker="off") == 4
    assert len(run.listed("listPurchaseDocuments", purchaseType="bills")) == 3
    assert len(run.listed("listTransactions")) == transactions + 2
    assert run(messages, marker="off") == 4
    assert len(run.listed("listPurchaseDocuments", purchaseType="bills")) == 3


def test_another_setting_of_the_marker_hides_nothing(run):
    assert run(documents(), marker="off") == 0
    before = standing(run)
    lose(run)
    assert run(documents()) == 4
    assert standing(run) == before


def test_a_reference_and_the_same_contents_are_certain(run):
    sent = [
        *DOCUMENTS,
        customer(),
        invoice(reference="PO-7"),
        supplier(),
        bill(documentNumber="S-99"),
    ]
    assert run(sent, marker="off") == 0
    lose(run)
    run.sandbox.requests.clear()
    assert run(sent, marker="off") == 0
    assert not run.writes()


def test_a_reference_with_other_contents_is_set_aside(run):
    assert run([*DOCUMENTS, customer(), invoice(reference="PO-7")]) == 0
    lose(run)
    changed = [*DOCUMENTS, customer(), invoice("I1", "C1", line(101), reference="PO-7")]
    run.sandbox.requests.clear()
    assert run(changed) == 4
    assert not run.writes()
    # The next month's invoice with that reference is another one.
    later = invoice("I2", "C1", line(101), reference="PO-7", date="2024-06-01")
    assert run([*DOCUMENTS, later]) == 4  # what was set aside before stays so
    assert run.writes() == {("POST", "sales"): 1}


def test_the_books_of_a_business_are_no_hindrance(run):
    """The first run of a customer is an empty store on a full business."""
    for n in range(30):
        contact = run.call("createCustomer", {"name": f"Old customer {n}"}).json()["id"]
        run.call(
            "createSalesDocument",
            {
                "customerId": contact,
                "date": "2024-05-01",
                "vatTreatment": "UK",
                "lineItems": [
                    {
                        "description": "Thing",
                        "unitPrice": 100,
                        "quantity": 1,
                        "accountCode": 1001001,
                        "vatRateKey": "20.00:Standard",
                    }
                ],
            },
            salesType="invoices",
        )
    assert run(book(3)) == 0
    assert len(run.invoices()) == 33


def test_a_sale_that_was_keyed_by_hand(run):
    contact = run.call("createCustomer", {"name": "Customer C1"}).json()["id"]
    by_hand = {
        "customerId": contact,
        "date": "2024-05-01",
        "vatTreatment": "UK",
        "lineItems": [
            {
                "description": "Thing",
                "unitPrice": 100,
                "quantity": 1,
                "accountCode": 1001001,
                "vatRateKey": "20.00:Standard",
            }
        ],
    }
    made = run.call("createSalesDocument", by_hand, salesType="invoices").json()
    assert run([*DOCUMENTS, customer(), invoice()]) == 4
    assert run.rejects[-1]["candidates"][0]["id"] == made["id"]
    # Later ones are not this store's business: it knows what it has written itself.
    second = invoice("I2", date="2024-05-02")
    assert run([*DOCUMENTS, second]) == 4
    assert len(run.invoices()) == 2
    run.call("createSalesDocument", {**by_hand, "date": "2024-05-03"}, salesType="invoices")
    assert run([*DOCUMENTS, invoice("I3", date="2024-05-03")]) == 4
    assert len(run.invoices()) == 4


def test_the_ledger_is_read_once(run):
    many = [invoice(f"I{n}", date=f"2024-05-{n + 10}") for n in range(10, 20)]
    assert run([*DOCUMENTS, customer(), *many]) == 0
    lose(run)
    assert run([*DOCUMENTS, customer("C2"), invoice("I2", "C2")], marker="off") == 0
    run.sandbox.requests.clear()
    assert run([*DOCUMENTS, customer("C3"), invoice("I3", "C3")], marker="off") == 0
    lists = [r for r in run.sandbox.requests if r.operation == "listSalesDocuments"]
    # How far the list goes, just before the create; it is not read whole again.
    assert {r.query for r in lists} == {"sortBy=id&sortDirection=descending&limit=200&page=1"}


def test_journals(run):
    assert run(
        [*JOURNALS, journal("J1"), journal("J2", date="x", accountingDate="2024-06-30")]
    ) in (0, 3)
    count = len(run.listed("listTransactions"))
    lose(run)
    new = journal("J9", ("9501001", "-7.00"), ("9001002", "7.00"))
    assert run([*JOURNALS, journal("J1"), new]) == 4
    assert len(run.listed("listTransactions")) == count + 1
    [refused] = [r for r in run.rejects if r["key"] == "J1"]
    [candidate] = refused["candidates"]
    assert "transaction:ID" in refused["reasons"][0]
    assert candidate["transactionId"] in {t["id"] for t in run.listed("listTransactions")}
    # Two equal ones of this store's own are two.
    assert run([*JOURNALS, journal("J10", *pair(8)), journal("J11", *pair(8))]) == 4
    assert len(run.listed("listTransactions")) == count + 3


def pair(amount):
    return (("9501001", f"-{amount}"), ("9001002", f"{amount}"))


def test_bank_feeds_are_asked_for_once(run):
    streams = schema("bank_feeds")
    one = record("bank_feeds", "F1", bankAccount="Current account")
    assert run([*streams, one]) == 4
    assert "assume_new" in run.rejects[-1]["reasons"][0]
    assert not run.writes()
    assert run([*streams, one], assume_new=True) == 0
    two = record("bank_feeds", "F2", name="Second", sortCode="200000", accountNumber="12345678")
    assert run([*streams, two]) in (0, 3)
    assert not any("assume_new" in r["reasons"][0] for r in run.rejects[1:])


def test_two_stores_in_turn(run):
    """Without markers another store's documents look like anybody's: asked for, not doubled."""
    other = str(run.directory / "other.sqlite3")
    streams = [*DOCUMENTS, customer()]
    assert run([*streams, invoice("I0", date="2024-04-01")], marker="off") == 0
    assert run([*streams, invoice("I1")], marker="off", state_store=other) == 0
    assert run([*streams, invoice("I1")], marker="off") == 4
    assert len(run.invoices()) == 2
    # With markers it is known.
    assert run([*streams, invoice("I2", date="2024-06-01")], state_store=other) == 0
    assert run([*streams, invoice("I2", date="2024-06-01")]) == 4  # I1 is still set aside
    assert len(run.invoices()) == 3


# A ledger that was emptied


def test_a_ledger_begun_anew_is_noticed(run, tmp_path, monkeypatch):
    assert run(book(2)) == 0
    again = AccountingEngine()
    again.add_business("Target Limited")
    with server.running(again, Options(pages=False)) as fresh:
        other = Runner(fresh, tmp_path)
        assert other.business == run.business
        with pytest.raises(SettingError, match=r"holds none of it .*sales_invoices"):
            other(book(2))
        assert not other.writes()
        with pytest.raises(SettingError, match="holds none of it"):
            other(book(2), dry_run=True, plan_path=str(tmp_path / "plan.jsonl"))
        assert other(book(2), state_store=str(tmp_path / "new.sqlite3")) == 0
        check_book(other, 2)
    again.close()


def test_one_record_that_a_person_deleted_is_no_such_thing(run, caplog):
    assert run([*DOCUMENTS, customer()]) == 0
    [found] = run.customers()
    run.call("deleteCustomer", customerId=found["id"])
    assert run([*DOCUMENTS, customer("C2")]) == 0
    assert "is not in the ledger any more" in caplog.text
    [found] = run.customers()
    run.call("deleteCustomer", customerId=found["id"])


# Stores of earlier versions


# What the format of version 0.1 did not have.
TO_VERSION_3 = """
DROP VIEW IF EXISTS results;
ALTER TABLE intents DROP COLUMN ledger_number;
ALTER TABLE intents DROP COLUMN outcome;
ALTER TABLE intents DROP COLUMN keys;
ALTER TABLE map DROP COLUMN likeness;
DROP TABLE sources;
DROP TABLE overtaken;
ALTER TABLE runs DROP COLUMN requests;
DROP TABLE totals;
PRAGMA user_version = 3;
"""


def older(run, monkeypatch, messages):
    """What a store holds that the version before baselines has written."""
    assert run(messages, assume_new=True) == 0
    with closing(sqlite3.connect(run.directory / "state.sqlite3")) as db:
        db.executescript(
            TO_VERSION_3
            + "DROP TABLE baselines; DROP TABLE baseline_records; PRAGMA user_version = 2;"
            "CREATE TABLE rebuilt (business BIGINT PRIMARY KEY, at REAL NOT NULL, "
            "how TEXT NOT NULL) WITHOUT ROWID;"
        )


def test_a_store_of_the_version_before_goes_on(run, monkeypatch):
    feed = [*schema("bank_feeds"), record("bank_feeds", "F1", bankAccount="Current account")]
    older(run, monkeypatch, [*feed, *documents()])
    twin = [*DOCUMENTS, invoice("I2"), *schema("bank_feeds")]
    assert run(twin) == 0
    assert len(run.invoices()) == 2
    with closing(sqlite3.connect(run.directory / "state.sqlite3")) as db:
        assert db.execute("SELECT stream FROM baselines").fetchall() == [("*",)]
        assert db.execute("PRAGMA user_version").fetchone() == (len(store_format.MIGRATIONS),)


def test_a_rebuilt_store_of_the_version_before_is_careful(run, monkeypatch):
    older(run, monkeypatch, documents())
    with closing(sqlite3.connect(run.directory / "state.sqlite3")) as db:
        db.execute("INSERT INTO rebuilt VALUES (?, 1.0, 'rebuild')", (run.business,))
        db.commit()
    feed = [*schema("bank_feeds"), record("bank_feeds", "F1", bankAccount="Current account")]
    assert run(feed) == 4
    assert not [w for w in run.writes() if w[1] == "bankFeeds"]


def test_a_dry_run_of_a_new_store_shows_what_would_be_set_aside(run):
    assert run(documents(), marker="off") == 0
    lose(run)
    plan = run.directory / "plan.jsonl"
    assert run(documents(), marker="off", dry_run=True, plan_path=str(plan)) == 4
    found = [json.loads(text) for text in plan.read_text().splitlines()]
    assert {r["stream"] for r in found if r["type"] == "refused"} >= {"bills", "payments"}


def test_what_carries_the_marker_of_another_record_is_that_one(run):
    """Two equal sales of a day, of which the ledger held one: it is known which."""
    streams = [*DOCUMENTS, customer()]
    assert run([*streams, invoice("I1")]) == 0
    lose(run)
    assert run([*streams, invoice("I2"), invoice("I1")]) == 0
    assert len(run.invoices()) == 2
    lose(run)
    run.sandbox.requests.clear()
    assert run([*streams, invoice("I2"), invoice("I1")], marker="off") == 0
    assert not run.writes()


def test_another_reference_or_description_is_another_record(run):
    streams = [*DOCUMENTS, customer(), invoice("I1", reference="PO-1")]
    assert run([*streams, payment("P1", description="ch_1")], marker="off") == 0
    lose(run)
    twins = [invoice("I2", reference="PO-2"), payment("P2", description="ch_2")]
    assert run([*streams, *twins], marker="off") == 0
    assert len(run.invoices()) == 2
    assert len(run.listed("listPayments")) == 2
