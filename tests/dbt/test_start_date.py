"""A load with `start_date` begins with opening balances, and what is owed is refused."""

from __future__ import annotations

import pytest

from tests.dbt.warehouse import DuckDB, Ledger

START = "2011-01-01"
DAYS = ("2010-12-31", "2011-01-10", "2011-01-31", "2024-05-31")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opened")
    ledger = Ledger(folder / "ledger", changes=0, start_date=START)
    warehouse = DuckDB(folder)
    warehouse.load(ledger.runs[:1])
    done = warehouse.dbt("build", check=False, clearbooks_as_at=DAYS)
    yield ledger, warehouse, done
    ledger.engine.close()


def test_the_trial_balance_is_the_apis(opened):
    ledger, warehouse, _ = opened
    for business in ledger.businesses:
        for day in DAYS:
            _, found = warehouse.ask(
                f"SELECT account_id, balance FROM trial_balance WHERE business_id = {business} "
                f"AND date = DATE '{day}' AND balance <> 0"
            )
            # Before the workshop's books begin there is no row to report.
            assert dict(found) == ledger.balances(business, day)


def test_the_sheet_begins_with_what_was_before(opened):
    _, warehouse, _ = opened
    _, ((amount,),) = warehouse.ask(
        "SELECT amount FROM balance_sheet WHERE business_id = 101 AND account_id = 9001001 "
        "AND date = DATE '2011-01-31'"
    )
    assert amount == 9_000_000


def test_what_is_owed_is_refused(opened):
    _, warehouse, done = opened
    outcomes = warehouse.outcomes()
    assert done.returncode == 1
    assert {name for name, status in outcomes.items() if status == "fail"} == {
        "clearbooks_allocations_resolve"
    }
    for report in ("aged_debtors", "aged_creditors", "customer_statement", "control_accounts"):
        assert outcomes[report] == "skipped"
