"""Plans and the commands of the target."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

from clearbooks_app import main
from tests.target_clearbooks.conftest import (
    ALL,
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


@pytest.fixture
def command(run):
    config = run.directory / "command.json"

    def call(*words, code=0):
        config.write_text(json.dumps(run.config))
        result = CliRunner().invoke(main, [*words, "--config", str(config)])
        assert result.exit_code == code, result.output
        return result.output

    return call


def plan_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_dry_run_writes_a_plan_and_nothing_else(run, command):
    path = run.directory / "plan.jsonl"
    wrong = invoice("bad", "C0", date="2024-13-01")
    assert run([*book(2), wrong], dry_run=True, plan_path=str(path)) == 3
    assert not run.writes()
    assert run.states == []
    lines = plan_of(path)
    assert [line["type"] for line in (lines[0], lines[-1])] == ["plan", "end"]
    assert lines[-1]["totals"]["sales_invoices"] == {"create": 2, "invalid": 1}
    [refused] = [line for line in lines if line["type"] == "refused"]
    assert refused["key"] == "bad"
    assert not run.rejects
    # Nothing of it is remembered.
    assert json.loads(command("map", "show", "customers", "--json")) == []

    command("apply", str(path), "--yes")
    check_book(run, 2)
    run.sandbox.requests.clear()
    assert run(book(2)) == 0
    assert not run.writes()


def test_plan_shows_what_an_update_changes(run, command):
    assert run([*schema("customers"), customer(email="old@example.com")]) == 0
    path = run.directory / "plan.jsonl"
    changed = [*schema("customers"), customer(email="new@example.com")]
    assert run(changed, dry_run=True, plan_path=str(path)) == 0
    [operation] = [line for line in plan_of(path) if line["type"] == "operation"]
    assert operation["diff"] == [
        {"field": "email", "old": "old@example.com", "new": "new@example.com"}
    ]
    command("apply", str(path), "--yes")
    assert run.customers()[0]["email"] == "new@example.com"


def test_apply_refuses_what_moved(run, command):
    assert run([*schema("customers"), customer(email="old@example.com")]) == 0
    path = run.directory / "plan.jsonl"
    changed = [*schema("customers"), customer(email="new@example.com"), customer("C2")]
    assert run(changed, dry_run=True, plan_path=str(path)) == 0
    number = run.customers()[0]["id"]
    body = {"name": "Somebody else's change"}
    run.call("updateCustomer", body, customerId=number)
    run.sandbox.requests.clear()
    assert "has changed" in command("apply", str(path), "--yes", code=2)
    assert not run.writes()


def test_apply_refuses_a_plan_that_was_changed(run, command):
    path = run.directory / "plan.jsonl"
    assert run(book(1), dry_run=True, plan_path=str(path)) == 0
    path.write_text(path.read_text().replace("Customer C0", "Customer CX"))
    assert "changed since it was made" in command("apply", str(path), "--yes", code=2)
    head = path.read_text().splitlines()[0]
    for end in ("[1]", "[" * 3000, '{"type": "operation"}', "1e99999999999999999999", ""):
        path.write_text(f"{head}\n{end}\n")
        assert "plan" in command("apply", str(path), "--yes", code=2)
    assert not run.writes()


def test_undo_takes_a_run_back(run, command):
    assert run([*schema("customers"), customer("kept")]) == 0
    assert run(book(2)) == 0
    number = json.loads(command("syncs", "--json"))[0]["run"]
    path = run.directory / "undo.jsonl"
    found = json.loads(command("undo", number, "--plan", str(path), "--json"))
    assert found["operations"] == 10
    assert len(found["left"]) == 4  # the contacts stay
    command("apply", str(path), "--yes")
    assert run.invoices() == []
    assert run.listed("listPurchaseDocuments", purchaseType="bills") == []
    assert run.listed("listPayments") == []
    sums = {}
    for transaction in run.listed("listTransactions"):
        for row in transaction["lines"]:
            sums[row["accountCodeId"]] = sums.get(row["accountCodeId"], 0) + row["amount"]
    assert set(sums.values()) == {0}
    # What the source still has, it may send again.
    assert run(book(2)) == 0


def test_undo_says_that_a_raised_allocation_stays(run, command):
    books = [*schema(*ALL), customer(), invoice(), payment()]
    for amount in ("50.00", "70.00"):
        assert run([*books, allocation(amount=amount)]) == 0
    path = run.directory / "undo.jsonl"
    found = json.loads(command("undo", "latest", "--plan", str(path), "--json"))
    assert found["operations"] == 0
    [left] = found["left"]
    assert "sales_allocations 'A1': was raised" in left


def test_a_journal_that_was_undone_may_come_again(run, command):
    """Once as it was, then corrected: a payroll that is run again."""

    def sums():
        found = {}
        for transaction in run.listed("listTransactions"):
            for row in transaction["lines"]:
                found[row["accountCodeId"]] = found.get(row["accountCodeId"], 0) + row["amount"]
        return {account: amount for account, amount in found.items() if amount}

    plan = run.directory / "undo.jsonl"
    for amount in ("10.00", "10.00", "12.50"):
        wages = journal("Wages", ("9501001", f"-{amount}"), ("9001002", amount))
        for _ in range(2):
            assert run([*schema("journals"), wages]) == 0
        assert sums() == {9501001: -Decimal(amount), 9001002: Decimal(amount)}
        runs = json.loads(command("syncs", "--json"))
        number = next(row["run"] for row in runs if "written" in row["streams"]["journals"])
        command("undo", number, "--plan", str(plan))
        command("apply", str(plan), "--yes")
        assert sums() == {}


def test_syncs_and_map(run, command):
    assert (
        run(
            [
                *schema("customers", "sales_invoices"),
                customer(),
                invoice(),
                invoice("I2", lineItems=[]),
            ]
        )
        == 3
    )
    [newest] = json.loads(command("syncs", "--json"))
    assert newest["exit_code"] == 3
    assert newest["streams"]["sales_invoices"] == {"rejected": 1, "written": 1}
    shown = json.loads(command("syncs", "show", newest["run"], "--json"))
    assert [(row["key"], row["class"]) for row in shown["open"]] == [("I2", "invalid")]
    assert "I2" in command("syncs", "show", newest["run"])
    for name in ("latest", newest["run"][-6:]):
        assert newest["run"] in command("syncs", "show", name)
        assert newest["run"] in command("syncs", "show", name, "--html")
        assert "operations" in command("undo", name, "--plan", str(run.directory / "undo.jsonl"))
    run([*schema("customers"), customer("C9", name="Nine")])
    assert "is part of 2 runs" in command("syncs", "show", newest["run"][:8], code=2)
    assert "there is no run 'x'" in command("syncs", "show", "x", code=2)
    [row] = json.loads(command("map", "show", "sales_invoices", "I1", "--json"))
    assert row["lineage"] == [row["id"]]
    assert "belongs to" in command("map", "set", "sales_invoices", "I9", str(row["id"]), code=2)
    command("map", "unset", "sales_invoices", "I1")
    command("map", "set", "sales_invoices", "I9", str(row["id"]))
    assert json.loads(command("map", "show", "sales_invoices", "--json"))[0]["external_id"] == "I9"


def test_a_person_decides_what_became_of_a_feed(run, command):
    feed = [*schema("bank_feeds"), record("bank_feeds", "F1", bankAccount="Current account")]
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/bankFeeds")
    assert run(feed, assume_new=True) == 4
    [number] = run.sandbox.engine.db.execute("SELECT id FROM feeds").fetchone()
    command("map", "set", "bank_feeds", "F1", number)
    assert run([]) == 0
    line = record(
        "bank_statements",
        "L1",
        feed={"externalId": "F1"},
        transactionId="t1",
        transactionDate="2024-05-03",
        description="Card",
        amount="-4.99",
    )
    assert run([*schema("bank_statements"), line]) == 0


def test_plan_of_everything(run, command, monkeypatch):
    path = run.directory / "plan.jsonl"
    messages = [
        *schema("bank_feeds", "bank_statements", "sales_attachments"),
        *book(1),
        record(
            "sales_attachments",
            "F",
            invoice={"externalId": "I0"},
            fileName="a.txt",
            content="aGVsbG8=",
        ),
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
    assert run(messages, dry_run=True, plan_path=str(path)) == 4  # the first bank feed
    config = {**run.config, "assume_new": True}
    monkeypatch.setattr(Runner, "config", property(lambda _: config))
    assert run(messages, dry_run=True, plan_path=str(path)) == 0
    assert not run.writes()
    command("apply", str(path), "--yes")
    check_book(run, 1)
    [made] = run.invoices()
    assert len(run.listed("listSalesAttachments", salesType="invoices", salesId=made["id"])) == 1
    run.sandbox.requests.clear()
    assert run(messages) == 0
    assert not run.writes()
    # What was carried out already is not carried out again.
    command("apply", str(path), "--yes")
    assert not run.writes()


@pytest.mark.parametrize("names_first", [True, False])
def test_a_plan_has_what_needs_the_account_of_a_new_bank_account(run, command, names_first):
    """The bank account's code is read before it is planned, or after."""
    path = run.directory / "plan.jsonl"
    entries = [("Current account", "47.57"), ("Stripe", "-47.57")]
    messages = [
        *schema("bank_accounts", "journals", "bills", "suppliers"),
        *([journal("J0", ("9501001", "-1.00"), ("9001002", "1.00"))] if names_first else []),
        record("bank_accounts", "STRIPE", name="Stripe"),
        journal("po_1", *entries),
        journal("po_2", ("Stripe", "5.00"), ("Current account", "-5.00")),
    ]
    assert run(messages, dry_run=True, plan_path=str(path)) == 0
    assert not run.writes()
    assert plan_of(path)[-1]["totals"]["journals"] == {"create": 2 + names_first}
    command("apply", str(path), "--yes")
    banks = {b["name"]: b["accountCode"] for b in run.listed("listBankAccounts")}
    posted = [
        {line["accountCodeId"]: str(line["amount"]) for line in t["lines"]}
        for t in run.listed("listTransactions")
    ]
    current, stripe = banks["Current account"], banks["Stripe"]
    assert {current: "47.57", stripe: "-47.57"} in posted
    assert {current: "-5.00", stripe: "5.00"} in posted
    run.sandbox.requests.clear()
    assert run(messages) == 0
    assert not run.writes()


def test_a_plan_refers_to_whatever_it_makes(run, command):
    path = run.directory / "plan.jsonl"
    item = {
        "sku": "CH-1",
        "name": "Chair",
        "type": "both",
        "salesUnitPrice": 10,
        "salesAccountCode": "Workshops",
        "salesVatRate": "20%",
        "purchaseUnitPrice": 4,
        "purchaseAccountCode": 2001001,
        "purchaseVatRate": "20%",
    }
    messages = [
        *schema(*ALL, "account_codes", "stock_items", "bank_accounts"),
        record("account_codes", "W", name="Workshops", heading=1001, sales=True, purchases=False),
        record("stock_items", "CH", **item),
        customer(),
        supplier(),
        record("bank_accounts", "M", name="Monzo", sortCode="040004", accountNumber="12345678"),
        invoice("I1", "C1", {"stockItem": "CH-1", "quantity": 2}),
        invoice("I2", "C1", line(account="Workshops"), bankAccount="Monzo"),
        bill("B1", "S1", {"stockItem": "Chair", "quantity": 5}),
        payment("P1", "C1", "30.00", bankAccount="Monzo"),
        allocation("A1", "I1", "P1", None),  # all that is due
        allocation("A2", "I2", "P1", None),  # what is left
        journal("J1", ("Monzo", "5.00"), ("Workshops", "-5.00")),
    ]
    assert run(messages, dry_run=True, plan_path=str(path)) == 0
    planned = {op["key"]: op["body"] for op in plan_of(path) if op["type"] == "operation"}
    assert [planned[key]["amount"] for key in ("A1", "A2")] == [24, 6]
    assert not run.writes()
    command("apply", str(path), "--yes")
    sales = run.invoices()
    assert sorted((d["gross"], d["due"]) for d in sales) == [(24, 0), (120, 114)]
    [bought] = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert bought["gross"] == 24
    run.sandbox.requests.clear()
    assert run(messages) == 0
    assert not run.writes()


def test_lost_store(run, command):
    assert run(book(2)[:-9]) == 0
    check_book(run, 1)
    (run.directory / "state.sqlite3").unlink()
    assert "sales_invoices" in command("rebuild")
    run.sandbox.requests.clear()
    assert run(book(1)[:-2]) == 0  # all but the journal, which has no marker
    assert not run.writes()
    check_book(run, 1)
    assert run([*schema("journals"), journal("J0", ("9501001", "-1.00"), ("9001002", "1.00"))]) == 4
    assert run.rejects[-1]["class"] == "blocked"
    check_book(run, 1)


def test_assume_new(run):
    messages = [*schema("customers", "sales_invoices"), customer(), invoice()]
    assert run(messages) == 0
    (run.directory / "state.sqlite3").unlink()
    assert run(messages, assume_new=True) == 0
    assert len(run.invoices()) == 1
    assert len(run.customers()) == 1


def test_rebuild_leaves_the_others_out(run, command):
    assert (
        run(
            [
                *schema("suppliers", "bills", "payments"),
                supplier(),
                bill(),
                payment("P1", "S1", "-120.00", "supplier"),
            ]
        )
        == 0
    )
    assert run([*schema("sales_allocations"), allocation()]) == 4  # its invoice is missing
    assert "nothing is known" in command("map", "unset", "customers", "nobody", code=2)


def test_a_feed_that_a_person_has_named_is_left_alone(run, command):
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/bankFeeds")
    messages = [*schema("bank_feeds"), record("bank_feeds", "F1", bankAccount="Current account")]
    assert run(messages, assume_new=True) == 4
    command("map", "set", "bank_feeds", "F1", "1")
    run.sandbox.requests.clear()
    assert run(messages) == 0
    assert run(messages) == 0
    assert not run.writes()
    changed = record("bank_feeds", "F1", bankAccount="Current account", name="Another")
    assert run([*schema("bank_feeds"), changed]) == 3
