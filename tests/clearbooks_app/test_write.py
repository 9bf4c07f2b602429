"""`clearbooks plan` and `clearbooks write`: what a person sees, is asked and is told."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from decimal import Decimal
from types import SimpleNamespace

import pytest

from clearbooks_app import write
from tests.clearbooks_files.conftest import SAMPLES
from tests.terminal import at_terminal

ORDERS = "shopify_orders.csv"


@pytest.fixture
def one(engine, sandbox, settings, home, monkeypatch):
    """The first of two businesses, connected, and the samples beside."""
    monkeypatch.setenv("CLEARBOOKS_ACCESS_TOKEN", "sandbox-access-token")
    monkeypatch.setenv("CLEARBOOKS_BUSINESS_IDS", str(engine.business_ids()[0]))
    monkeypatch.setenv("CLEARBOOKS_SETTLE_SECONDS", "0")
    for name in (ORDERS, "monzo.csv", "payroll.csv", "contacts.csv"):
        shutil.copy(SAMPLES[name], home / name)
    return engine.business_ids()[0]


def writes(sandbox):
    return sum(request.method != "GET" for request in sandbox.requests)


def test_a_plan_says_what_would_be_written_and_sends_nothing(one, sandbox, run, home):
    shown = run(f"plan {ORDERS} --as shopify-orders").output
    assert "5 rows, 1 left out by the mapping; checked: Total of the orders: 75.93" in shown
    assert f"Into First Limited ({one}) at {sandbox.url}" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert ["Stream", "Create", "Net", "VAT", "Gross"] in rows
    assert ["sales_invoices", "3", "65.28", "10.65", "75.93"] in rows
    assert ["sales_credit_notes", "1", "8.33", "1.67", "10.00"] in rows
    assert [
        "sales_invoices",
        "create",
        "shopify:#1001",
        "2026-05-04",
        "Ada",
        "Bell",
        "13.94",
    ] in rows
    assert "`clearbooks apply shopify_orders.plan.jsonl` writes it." in shown
    assert writes(sandbox) == 0
    again = run("plan shopify_orders.plan.jsonl").output
    assert "75.93" in again
    run("apply shopify_orders.plan.jsonl --yes")
    assert writes(sandbox) == 8


def test_a_person_who_stops_it_is_told_how_to_go_on(one, sandbox, run, monkeypatch):
    def stop(session, path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write, "reconcile", stop)
        shown = run(f"write {ORDERS} --as shopify-orders --yes", code=130).output
    assert "stopped; what was sent until then is kept" in shown
    assert "the same command goes on from there" in shown
    assert "130" in run("syncs").output
    sent = writes(sandbox)
    assert sent == 8
    assert "Nothing to write" in run(f"write {ORDERS} --as shopify-orders --yes").output
    assert writes(sandbox) == sent


def test_what_was_written_is_compared_with_the_ledger(one, sandbox, run, home):
    shown = run(f"write {ORDERS} --as shopify-orders --yes").output
    rows = [line.split() for line in shown.splitlines()]
    assert ["sales_invoices", "3", "3", "75.93", "75.93", "0.00"] in rows
    assert "3 written sales_invoices" in shown
    assert not list(home.glob("*.plan.jsonl"))
    sent = writes(sandbox)
    shown = run(f"write {ORDERS} --as shopify-orders --yes").output
    assert "Nothing to write: 5 records stand in the ledger as they are." in shown
    assert writes(sandbox) == sent


def test_a_change_is_shown_field_by_field(one, run, home):
    run("write contacts.csv --yes")
    text = (home / "contacts.csv").read_text("utf-8-sig").replace("496 0000", "496 0001")
    (home / "contacts.csv").write_text(text)
    shown = run("plan contacts.csv").output
    assert "phone: 0113 496 0000 → 0113 496 0001" in shown


def test_without_a_terminal_it_needs_yes(one, sandbox, run, home):
    shown = run(f"write {ORDERS} --as shopify-orders", code=2).output
    assert (
        "give --yes, or carry the plan out: `clearbooks apply shopify_orders.plan.jsonl`" in shown
    )
    assert writes(sandbox) == 0


def test_some_are_refused_and_the_rest_is_written(one, sandbox, run, home):
    lines = [
        {"externalId": "1", "name": "Ada"},
        {"externalId": "2", "name": "Bo", "address": {"countryCode": "Narnia"}},
    ]
    (home / "people.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shown = run("write people.jsonl --stream customers --yes", code=3).output
    assert "Refused: customers 2: address.countryCode: 'Narnia'" in shown
    assert "1 refused: the reasons are in people.plan.jsonl. Correct the file" in shown
    assert writes(sandbox) == 1


def test_a_record_may_have_a_type_of_its_own(one, run, home):
    item = {"externalId": "S-1", "sku": "B-1", "name": "Bell", "type": "sales"}
    (home / "items.jsonl").write_text(json.dumps(item) + "\n")
    shown = json.loads(run("write items.jsonl --stream stock_items --yes --json").stdout)
    assert shown["streams"] == {"stock_items": {"written": 1}}
    assert "name its stream" in run("write items.jsonl --yes", code=2).output


def test_singer_messages(one, sandbox, run, home):
    lines = [
        {"type": "SCHEMA", "stream": "customers", "schema": {}, "key_properties": ["id"]},
        {"type": "RECORD", "stream": "customers", "record": {"id": 7, "name": "Ada"}},
        {"type": "STATE", "value": {}},
    ]
    (home / "people.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shown = json.loads(run("write people.jsonl --yes --json").stdout)
    assert shown["streams"] == {"customers": {"written": 1}}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("write none.csv --yes", 2, "none.csv: No such file or directory"),
        ("write monzo.csv --as lloyds --yes", 2, "monzo.csv: no row holds the columns"),
        ("write monzo.csv --as starling --yes", 2, "'starling' is neither a preset nor a file"),
        (f"write {ORDERS} --yes", 2, "may be read as shopify-daily or shopify-orders"),
        ("write other.csv --yes", 2, "clearbooks mapping guess other.csv"),
        ("write monzo.csv --yes --set till", 2, "--set till: should be NAME=VALUE"),
        ("write monzo.csv --yes --set till=1", 2, "till: is no option of"),
        ("write monzo.csv --yes --stream payments", 2, "--stream: goes with JSON lines"),
        ("write people.jsonl --yes", 2, "people.jsonl line 1: is a record and no Singer message"),
        ("write people.jsonl --yes --stream x", 2, "stream 'x' cannot be written"),
        ("write broken.jsonl --yes --stream customers", 2, "broken.jsonl line 1: "),
        ("write monzo.csv --yes --business 7", 2, "--business: 7 is none of those covered"),
        ("write monzo.csv --yes", 4, "add --assume-new"),
        ("write monzo.csv --yes", 4, "all that the file holds is refused or waits"),
    ],
)
def test_what_is_wrong_is_one_line(one, sandbox, run, home, words, code, said):
    (home / "other.csv").write_text("A,B\n1,2\n")
    (home / "people.jsonl").write_text('{"name": "Ada"}\n')
    (home / "broken.jsonl").write_text("{nonsense\n")
    assert said in run(words, code=code).output
    assert writes(sandbox) == 0


def test_several_businesses(one, run, monkeypatch, engine):
    monkeypatch.delenv("CLEARBOOKS_BUSINESS_IDS")
    shown = run("write contacts.csv --yes", code=2).output
    assert f"--business: say which one is written into: {one} First Limited" in shown
    second = engine.business_ids()[1]
    run(f"write contacts.csv --yes --business {second}")
    assert len(engine.books(second).contacts("customers")) == 3
    assert not engine.books(one).contacts("customers")


def test_not_connected(settings, run, home):
    shutil.copy(SAMPLES["contacts.csv"], home / "contacts.csv")
    said = run("write contacts.csv --yes", code=5).output
    assert "not connected" in said
    assert "`clearbooks connect --write`" in said


@pytest.mark.parametrize(("answer", "sent"), [(b"y\n", 8), (b"\n", 0), (b"n\n", 0)])
def test_at_a_terminal_a_person_is_asked(one, sandbox, home, answer, sent):
    words = ["write", ORDERS, "--as", "shopify-orders"]
    code, screen = at_terminal("clearbooks", *words, answers=[(b"[y/N]", answer)], columns=120)
    assert code == 0
    assert "Write 8 records? Into First Limited" in screen
    assert writes(sandbox) == sent
    if not sent:
        assert "Nothing was written. The plan stays: `clearbooks apply" in screen
        assert (home / "shopify_orders.plan.jsonl").exists()
    assert "not written" not in screen


@pytest.fixture
def read_back(monkeypatch, sandbox):
    """`read_back.before` is called once all is written; `read_back.asked` is what was read then."""
    real, seen = write.reconcile, SimpleNamespace(before=lambda: None, asked=Counter())

    def reconcile(session, path):
        seen.before()
        begun = len(sandbox.requests)
        found = real(session, path)
        paths = (request.path.partition("/accounting/")[2] for request in sandbox.requests)
        seen.asked = Counter(list(paths)[begun:])
        return found

    monkeypatch.setattr(write, "reconcile", reconcile)
    return seen


def test_what_the_ledger_no_longer_holds_is_told(one, engine, run, read_back):
    def void():
        number = engine.books(one).documents("sales", "invoices", limit=10)[-1]["id"]
        gone = {"salesType": "invoices", "salesId": number}
        engine.call("deleteSalesDocument", business_id=one, params=gone, query={}, body=None)

    read_back.before = void
    shown = run(f"write {ORDERS} --as shopify-orders --yes").output
    rows = [line.split() for line in shown.splitlines()]
    (sales,) = [row for row in rows if row[:2] == ["sales_invoices", "3"] and len(row) == 6]
    assert sales[2:4] == ["2", "75.93"]
    assert Decimal(sales[4]) - Decimal(sales[3]) == Decimal(sales[5]) < 0
    assert ["sales_credit_notes", "1", "1", "10.00", "10.00", "0.00"] in rows


def test_many_records_are_read_back_by_the_page(one, home, run, read_back):
    (home / "many.jsonl").write_text(
        "".join(
            json.dumps({"externalId": f"c{n}", "name": f"Customer {n}"}) + "\n" for n in range(9)
        )
    )
    answer = json.loads(run("write many.jsonl --stream customers --yes --json").output)
    assert [row["found"] for row in answer["ledger"]] == [9]
    assert read_back.asked == {"customers": 1}
    answer = json.loads(run("write payroll.csv --as payroll --yes --json").output)
    (journals,) = [row for row in answer["ledger"] if row["stream"] == "journals"]
    assert journals["found"] == journals["records"]
    assert journals["ledger"] == journals["file"]
    assert set(read_back.asked) == {"transactions"}
