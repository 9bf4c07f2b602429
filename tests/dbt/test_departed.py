"""What left the ledger inflates nothing, also where a loader drops tombstones."""

from __future__ import annotations

import json

import pytest

from tests.dbt.warehouse import DAYS, DuckDB, rows

# Columns that must not depend on the loader. The name of an account that was archived does, and
# what of a contact's invoices and payments is allocated: one who owes 0 may have a row.
REPORTS = {
    "trial_balance": "business_id, date, account_id, class, balance, rolled",
    "balance_sheet": "business_id, date, account_id, class, amount",
    "profit_and_loss": "business_id, month_end, account_id, amount",
    "control_accounts": "*",
    "vat_summary": "*",
    "vat_reconciliation": "*",
    "cash_received": "business_id, payment_id, amount, home_amount",
    "aged_debtors WHERE total <> 0": "business_id, date, contact_id, total",
    "aged_creditors WHERE total <> 0": "business_id, date, contact_id, total",
}


# Their voids are reversals, and no allocation joins two rates: of one that was deleted the exchange
# difference would be reversed, and nothing but its tombstone would tell.
BUSINESSES = (101, 102)


def is_kept(line):
    """Whether it is no tombstone, and of one of these businesses."""
    message = json.loads(line)
    if message["type"] != "RECORD":
        return True
    record = message["record"]
    return not record.get("_sdc_deleted_at") and record["businessId"] in BUSINESSES


@pytest.fixture(scope="module")
def without_tombstones(books_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("departed")
    runs = json.loads((books_folder / "runs.json").read_text())
    kept = [[line for line in lines if is_kept(line)] for lines in runs]
    assert sum(map(len, kept)) < sum(map(len, runs))
    warehouse = DuckDB(folder)
    warehouse.load(kept)
    warehouse.dbt("build", clearbooks_as_at=DAYS)
    return warehouse


def test_the_reports_are_the_same(books, without_tombstones):
    for report, columns in REPORTS.items():
        query = f"FROM (SELECT {columns} FROM {report}) WHERE business_id IN {BUSINESSES}"
        here, there = (
            sorted(map(repr, found.ask(query)[1])) for found in (books, without_tombstones)
        )
        assert here == there, report
        assert here


def test_dead_rows_were_there_to_be_left_out(without_tombstones):
    found = rows(without_tombstones, "int_clearbooks__transaction_sources")
    place = found[0].index("is_dead")
    kinds = {row[found[0].index("kind")] for row in found[1] if row[place]}
    assert kinds >= {"invoice", "bill", "payment"}
