"""Each kind of damage to a load is caught, and by a test that is meant for it.

The demo's books are in one file many times, each copy as a business of its own with one kind of
damage, and once as they are: which businesses a test names says what it catches.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.dbt.warehouse import DuckDB, Ledger, shared

WHOLE = 100
KEYED = "businessid = {business}"
# An invoice that nothing is allocated to, one that is paid, and so on: chosen from the books.
OPEN = (
    "SELECT id FROM sales_invoices WHERE businessid = {business} AND due = gross AND vat > 0 "
    "ORDER BY id LIMIT 1"
)
PAID = (
    "SELECT id FROM sales_invoices WHERE businessid = {business} AND due = 0 AND gross > 0 "
    "ORDER BY id LIMIT 1"
)


@dataclass(frozen=True)
class Damage:
    """What is done to a copy of the books, and the tests that must name it."""

    name: str
    statement: str
    caught: tuple[str, ...]


BALANCES = "lines_equal_the_ledgers_balances"
ZERO = "transactions_sum_to_zero"
CONTROL, AGED = "control_accounts_agree", "ageing_equals_control_accounts"
VAT, ALLOCATIONS = "vat_agrees", "allocations_resolve"
DUE, ACCOUNTS = "due_is_what_was_not_allocated", "lines_have_accounts"

DAMAGES = (
    Damage(
        "a ledger line is gone",
        "DELETE FROM transaction_lines WHERE {keyed} AND transactionid = 2 AND linenumber = 1",
        (ZERO, BALANCES, CONTROL),
    ),
    Damage(
        "a whole transaction is gone, which leaves the rest balanced",
        "DELETE FROM transaction_lines WHERE {keyed} AND transactionid = 2; "
        "DELETE FROM transactions WHERE {keyed} AND id = 2",
        (BALANCES, CONTROL, VAT),
    ),
    Damage(
        "a penny moved between two accounts",
        "UPDATE transaction_lines SET amount = amount + 0.01 WHERE {keyed} AND transactionid = 2 "
        "AND accountcodeid = 1001001; "
        "UPDATE transaction_lines SET amount = amount - 0.01 WHERE {keyed} AND transactionid = 2 "
        "AND accountcodeid = 7501001",
        (BALANCES,),
    ),
    Damage(
        "a page of 200 transactions is gone",
        "DELETE FROM transaction_lines WHERE {keyed} AND transactionid BETWEEN 2 AND 201; "
        "DELETE FROM transactions WHERE {keyed} AND id BETWEEN 2 AND 201",
        (BALANCES, CONTROL, VAT),
    ),
    Damage(
        "a date slipped over a month end",
        "UPDATE transaction_lines SET accountingdate = '2011-01-02' WHERE {keyed} "
        "AND transactionid = 2",
        (BALANCES, CONTROL, VAT),
    ),
    Damage(
        "another business is mixed into this one",
        "INSERT INTO transaction_lines SELECT * REPLACE ({business} AS businessid, "
        "transactionid + 100000 AS transactionid) FROM transaction_lines WHERE businessid = 100",
        (BALANCES, CONTROL, VAT),
    ),
    Damage(
        "an open invoice is gone",
        f"DELETE FROM sales_invoices WHERE {{keyed}} AND id = ({OPEN})",
        (CONTROL, AGED, VAT),
    ),
    Damage(
        "a paid invoice is gone",
        f"DELETE FROM sales_invoices WHERE {{keyed}} AND id = ({PAID})",
        (ALLOCATIONS, VAT),
    ),
    Damage(
        "a payment is gone",
        "DELETE FROM payments WHERE {keyed} AND id = (SELECT min(paymentid) FROM sales_allocations "
        "WHERE {keyed})",
        (ALLOCATIONS,),
    ),
    Damage(
        "an allocation is gone",
        "DELETE FROM sales_allocations WHERE {keyed} AND id = (SELECT min(id) "
        "FROM sales_allocations WHERE {keyed})",
        (DUE,),
    ),
    Damage(
        "what is due is out of date",
        f"UPDATE sales_invoices SET due = due + 5 WHERE {{keyed}} AND id = ({OPEN})",
        (DUE,),
    ),
    Damage(
        "an account is gone from the chart",
        "DELETE FROM account_codes WHERE {keyed} AND id = 1001001",
        (ACCOUNTS,),
    ),
    Damage(
        "an invoice has another total",
        f"UPDATE sales_invoices SET gross = gross + 1 WHERE {{keyed}} AND id = ({OPEN})",
        ("documents_equal_their_lines",),
    ),
    Damage(
        "a bill came twice, under another ID",
        "INSERT INTO bills SELECT * REPLACE (id + 900000 AS id, documentnumber || 'b' AS "
        "documentnumber, gross + 7 AS gross, net + 7 AS net, "
        "list_value(json_object('unitPrice', net + 7, 'quantity', 1, 'accountCode', 4001006, "
        "'vatRateKey', '0.00:Out', 'vatAmount', 0)) AS lineitems) FROM bills "
        "WHERE {keyed} AND due = 0 AND vat = 0 ORDER BY id LIMIT 1",
        (CONTROL, AGED),
    ),
    Damage(
        "an account's heading fits no range",
        "UPDATE account_codes SET heading = 77 WHERE {keyed} AND id = 1001001",
        ("accounts_are_mapped",),
    ),
    Damage(
        "a VAT treatment that nobody knows",
        f"UPDATE sales_invoices SET vattreatment = 'MOON' WHERE {{keyed}} AND id = ({OPEN})",
        ("vat_treatments_are_mapped",),
    ),
)


def make(folder):
    """Build a damaged warehouse; `named.json` has the businesses that each test names."""
    ledger = Ledger(folder.with_name("whole-ledger"), changes=0)
    folder.mkdir()
    warehouse = DuckDB(folder)
    warehouse.load(ledger.runs[:1])
    _, tables = warehouse.ask("SELECT table_name FROM duckdb_tables()", "main")
    statements = [f"DELETE FROM {table} WHERE businessid <> 101" for (table,) in tables]
    statements += [f"UPDATE {table} SET businessid = {WHOLE}" for (table,) in tables]
    for n, damage in enumerate(DAMAGES, WHOLE + 1):
        statements += [
            f"INSERT INTO {table} SELECT * REPLACE ({n} AS businessid) FROM {table} "
            f"WHERE businessid = {WHOLE}"
            for (table,) in tables
        ]
        statements.append(damage.statement.format(business=n, keyed=KEYED.format(business=n)))
    warehouse.write(*statements)
    # With its tests `dbt build` would stop behind the first that fails.
    warehouse.dbt("build", "--exclude-resource-type", "test")
    warehouse.dbt("test", "--store-failures", check=False)
    (folder / "named.json").write_text(json.dumps(dict(businesses_named(warehouse))))


def businesses_named(warehouse):
    results = json.loads((warehouse.folder / "target" / "run_results.json").read_text())["results"]
    assert {r["status"] for r in results} <= {"pass", "fail", "warn"}
    for result in results:
        if result["status"] != "pass":
            name = result["unique_id"].split(".")[2]
            _, rows = warehouse.ask(
                f'SELECT DISTINCT business_id FROM "{name}"',
                "books_dbt_test__audit",
            )
            yield name.removeprefix("clearbooks_"), [business for (business,) in rows]


@pytest.fixture(scope="module")
def named(root):
    """Test -> the businesses that it names."""
    return json.loads((shared(root, "dbt-damage", make) / "named.json").read_text())


def test_a_load_without_damage_passes_every_test(named):
    assert not [name for name, businesses in named.items() if WHOLE in businesses]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_caught(named, damage):
    business = WHOLE + 1 + DAMAGES.index(damage)
    caught = {name for name, businesses in named.items() if business in businesses}
    assert caught >= set(damage.caught)
