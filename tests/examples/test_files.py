"""The page of each use followed command by command, and the ledger to the penny."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter

import duckdb

import tap_clearbooks
from clearbooks_sandbox import AccountingEngine, Options, running
from tests.clearbooks_app.conftest import home  # noqa: F401 - a fixture
from tests.clearbooks_app.test_docs_writing import Reader
from tools.demo.stage import ROOT

EXAMPLES = ROOT / "examples"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SUM = r"-?\d+\.\d\d"
# What each use moves in the trial balance; payouts want the invoices of the first one.
FIGURES = {
    "sales-import": {
        "Revenue": "-1194.99",
        "Other income": "-41.67",
        "Trade debtors": "1474.99",
        "VAT control": "-238.33",
    },
    "daily-sales-summary": {
        "Revenue": "-97.35",
        "Trade debtors": "110.42",
        "VAT control": "-13.07",
    },
    "credit-notes-from-returns": {
        "Revenue": "-56.95",
        "Trade debtors": "65.93",
        "VAT control": "-8.98",
    },
    "marketplace-payout": {
        "Bank charges": "52.70",
        "Trade debtors": "-1669.99",
        "Current account": "1617.29",
    },
    "payroll-journal": {
        "Salaries": "6850.50",
        "PAYE": "-1822.14",
        "NIC employers": "774.22",
        "Pension": "-259.53",
        "Current account": "-5543.05",
    },
    "cis-to-paid-bills": {
        "Materials": "800.00",
        "CIS labour cost 20%": "1000.00",
        "CIS labour cost 30%": "850.55",
        "CIS labour cost gross": "1500.00",
        "Current account": "-3695.38",
        "CIS creditor": "-455.17",
    },
    "card-expenses": {
        "Subscriptions": "10.82",
        "Travel": "84.50",
        "Entertaining staff": "30.00",
        "Company card": "-133.49",
        "VAT control": "8.17",
    },
    "contact-sync": {},
    "bank-statement": {"Trade debtors": "-45.00", "Current account": "45.00"},
}


def commands(page):
    text = page.read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


def test_every_use_can_be_followed(home):  # noqa: F811
    shutil.copytree(EXAMPLES, home / "examples")
    engine = AccountingEngine()
    business = engine.add_business("Sandbox Limited")
    engine.switch_on(business, "cis")
    moved = {}
    with running(engine, Options()) as sandbox:
        reader = Reader(home, sandbox.site)
        for line in commands(EXAMPLES / "README.md"):
            reader.run(line)
        for use in FIGURES:
            before = balances(engine, business)
            for line in commands(EXAMPLES / use / "README.md"):
                # Every sum in the ledger is that of the file.
                written = reader.run(line).partition("\nWritten")[2]
                sums = re.findall(rf"{SUM} +{SUM} +({SUM})$", written, re.MULTILINE)
                assert set(sums) <= {"0.00"}, written
            moved[use] = balances(engine, business)
            moved[use].subtract(before)
        writes = [r for r in sandbox.requests if r.method != "GET"]
        for use in FIGURES:
            for line in commands(EXAMPLES / use / "README.md"):
                # The pay run as it was before it was corrected would come again.
                if "payroll.csv" not in line:
                    reader.run(line)
        assert [r for r in sandbox.requests if r.method != "GET"] == writes
        tables = copy_of(sandbox, business)
    assert {use: {k: str(v) for k, v in by.items() if v} for use, by in moved.items()} == FIGURES
    assert not balances(engine, business).total()
    assert ask(tables, "payment-status/payment_status") == {
        "#1001": ("13.94", "13.94", "open"),
        "#1002": ("49.99", "39.99", "partly paid"),
        "#1003": ("12.00", "12.00", "open"),
        "INV-1001": ("120.00", "0.00", "paid"),
        "INV-1002": ("59.99", "0.00", "paid"),
        "INV-1003": ("1250.00", "0.00", "paid"),
        "INV-1004": ("45.00", "0.00", "paid"),
        "Shopify 2026-05-04": ("45.94", "45.94", "open"),
        "Shopify 2026-05-05": ("50.49", "50.49", "open"),
        "Shopify 2026-05-06": ("13.99", "13.99", "open"),
    }
    contacts = ask(tables, "contact-sync/contacts_to_shop")
    assert contacts["BEL001"] == ("Bell & Co Ltd", "ada@bell.example", "0113 496 0000")


def balances(engine, business):
    return Counter({row.name: row.balance for row in engine.books(business).trial_balance()})


def copy_of(sandbox, business):
    """The two streams that the queries ask, as a loader would have them."""
    found = {"sales_invoices": [], "customers": []}
    tap_clearbooks.read(
        {
            "api_url": sandbox.url,
            "token_url": sandbox.token_url,
            "access_token": "sandbox-access-token",
            "business_ids": [business],
        },
        streams=list(found),
        emit=lambda m: found[m["stream"]].append(m["record"]) if m["type"] == "RECORD" else None,
    )
    return found


def ask(tables, name):
    """What a query answers, by its second column."""
    with duckdb.connect() as db:
        for table, records in tables.items():
            path = f"{table}.jsonl"
            with open(path, "w") as file:  # noqa: PTH123 - in the folder of the test
                file.writelines(json.dumps(r, default=str) + "\n" for r in records)
            db.execute(f"CREATE TABLE {table} AS FROM read_json(?)", [path])
        rows = db.execute((EXAMPLES / f"{name}.sql").read_text(encoding="utf-8")).fetchall()
    return {row[1]: tuple(str(value) for value in row[2:]) for row in rows}
