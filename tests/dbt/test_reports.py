"""The reports beside what the ledger itself says."""

from __future__ import annotations

from tests.dbt.warehouse import DAYS


def test_every_cell_of_the_trial_balance_is_the_apis_sum(books, balances):
    _, found = books.ask(
        "SELECT business_id, date, account_id, balance FROM trial_balance "
        "WHERE account_id IS NOT NULL"
    )
    cells = 0
    for business, days in balances.items():
        for day in DAYS:
            here = {
                code: sum_
                for b, date, code, sum_ in found
                if (b, str(date)) == (business, day) and sum_
            }
            assert here == days[day], (business, day)
            cells += len(here)
    assert cells > 1000


def test_ageing_is_the_control_account_at_every_date(books, balances):
    _, found = books.ask(
        "SELECT business_id, date, role, account_id, ledger, open_items, agrees "
        "FROM control_accounts"
    )
    assert all(row[-1] for row in found)
    checked = 0
    for business, date, role, account, ledger, open_items, _ in found:
        own = balances[business].get(str(date))
        if own is not None:
            sign = 1 if role == "debtors" else -1
            assert ledger == sign * own.get(account, 0)
            assert ledger == open_items, (business, date, role)
            checked += 1
    assert checked > 4 * len(DAYS)


def test_vat_of_documents_is_the_vat_accounts(books):
    _, found = books.ask("SELECT difference, documents FROM vat_reconciliation")
    assert all(difference == 0 for difference, _ in found)
    assert sum(documents != 0 for _, documents in found) > 10


def test_balance_sheets_balance_and_the_profit_follows_the_reports_date(books):
    _, found = books.ask(
        "SELECT business_id, date, sum(balance), sum(CASE WHEN class = 'asset' THEN amount END), "
        "sum(CASE WHEN class <> 'asset' THEN amount END) FROM balance_sheet GROUP BY ALL"
    )
    assert all(total == 0 and assets == others for _, _, total, assets, others in found)
    _, years = books.ask(
        "SELECT date, year_start, account FROM balance_sheet WHERE business_id = 102 "
        "AND account LIKE 'Profit%' AND date <= DATE '2024-06-30' ORDER BY date"
    )
    # All of the first year's profit is this year's, also seen from today.
    assert {account for _, _, account in years} == {"Profit of the year"}
    assert {str(start) for _, start, _ in years} == {"2024-04-01"}


def test_the_workshops_vat_return(books):
    _, ((box_1, box_4, box_5),) = books.ask(
        "SELECT box_1, box_4, box_5 FROM vat_summary "
        "WHERE business_id = 102 AND period_end = DATE '2024-06-30'"
    )
    _, ((moved,),) = books.ask(
        "SELECT -sum(amount) FROM general_ledger WHERE business_id = 102 AND section = 'VAT' "
        "AND date BETWEEN DATE '2024-04-01' AND DATE '2024-06-30'"
    )
    assert box_1 - box_4 == box_5
    assert box_5 == moved


def test_the_statement_of_a_customer_ends_with_what_is_owed(books):
    _, wrong = books.ask(
        "WITH ends AS (SELECT business_id, contact_id, sum(home_amount) AS balance "
        "FROM customer_statement GROUP BY ALL) "
        "SELECT e.*, a.total FROM ends e LEFT JOIN (SELECT business_id, contact_id, total "
        "FROM aged_debtors WHERE date = DATE '2126-01-01') a USING (business_id, contact_id) "
        "WHERE e.balance <> coalesce(a.total, 0)"
    )
    assert not wrong


def test_nothing_is_only_nearly_found(books):
    _, found = books.ask(
        "SELECT match, count(*) FROM int_clearbooks__transaction_sources GROUP BY ALL"
    )
    counted = dict(found)
    assert counted["exact"] > 3000
    assert not counted.get("none")
