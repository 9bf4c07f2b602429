"""The page of `examples/files` followed command by command, and the ledger to the penny."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal

import duckdb

import tap_clearbooks
from clearbooks_sandbox import AccountingEngine, Options, running
from tests.clearbooks_app.conftest import home  # noqa: F401 - a fixture
from tests.clearbooks_app.test_docs_writing import Reader
from tools.demo.stage import ROOT

EXAMPLE = ROOT / "examples" / "files"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines():
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(page) for line in block.splitlines()]


def test_the_page_can_be_followed(home):  # noqa: F811
    shutil.copytree(EXAMPLE, home / "examples" / "files")
    engine = AccountingEngine()
    business = engine.add_business("Sandbox Limited")
    engine.switch_on(business, "cis")
    with running(engine, Options()) as sandbox:
        reader = Reader(home, sandbox.site)
        for line in lines():
            said = reader.run(line)
            if " write " in line:
                # Every sum in the ledger is that of the file.
                written = said.partition("\nWritten")[2]
                sums = re.findall(r"^\w+ +\d+ +\S+ +\S+ +(-?\d+\.\d\d)$", written, re.MULTILINE)
                assert set(sums) <= {"0.00"}, said
        before = sum(r.method != "GET" for r in sandbox.requests)
        for line in lines():
            # The pay run as it was before it was corrected would come again.
            if " write " in line and "payroll.csv" not in line:
                reader.run(line)
        assert sum(r.method != "GET" for r in sandbox.requests) == before
        balances = {row.name: row.balance for row in engine.books(business).trial_balance()}
        tables = copy_of(sandbox, business)
    assert sum(balances.values()) == 0
    # The corrected pay run alone.
    assert balances["Salaries"] == Decimal("6850.50")
    assert balances["Current account"] == (
        Decimal("391.59") + Decimal("1225.70") - Decimal("5543.05") - Decimal("3695.38") + 45
    )
    assert {balances.get(name, 0) for name in ("Stripe", "PayPal")} == {0}
    # Subcontractors are paid; what was kept back of them is owed to HMRC.
    assert (balances.get("Trade creditors", 0), balances["CIS creditor"]) == (
        0, Decimal("-455.17"),
    )  # fmt: skip
    assert ask(tables, "payment_status") == {
        "#1001": ("13.94", "13.94", "open"), "#1002": ("49.99", "39.99", "partly paid"),
        "#1003": ("12.00", "12.00", "open"), "INV-1001": ("120.00", "0.00", "paid"),
        "INV-1002": ("59.99", "0.00", "paid"), "INV-1003": ("1250.00", "0.00", "paid"),
        "INV-1004": ("45.00", "0.00", "paid"),
    }  # fmt: skip
    contacts = ask(tables, "contacts_to_shop")
    assert contacts["BEL001"] == ("Bell & Co Ltd", "ada@bell.example", "0113 496 0000")


def copy_of(sandbox, business):
    """The two streams that the queries ask, as a loader would have them."""
    found = {"sales_invoices": [], "customers": []}
    tap_clearbooks.read(
        {"api_url": sandbox.url, "token_url": sandbox.token_url,
         "access_token": "sandbox-access-token", "business_ids": [business]},
        streams=list(found),
        emit=lambda m: found[m["stream"]].append(m["record"]) if m["type"] == "RECORD" else None,
    )  # fmt: skip
    return found


def ask(tables, name):
    """What a query answers, by its second column."""
    with duckdb.connect() as db:
        for table, records in tables.items():
            path = f"{table}.jsonl"
            with open(path, "w") as file:  # noqa: PTH123 - in the folder of the test
                file.writelines(json.dumps(r, default=str) + "\n" for r in records)
            db.execute(f"CREATE TABLE {table} AS FROM read_json(?)", [path])
        rows = db.execute((EXAMPLE / f"{name}.sql").read_text(encoding="utf-8")).fetchall()
    return {row[1]: tuple(str(value) for value in row[2:]) for row in rows}
