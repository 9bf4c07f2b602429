"""The page of the books says what the models hold, and blocks nobody who loads."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal

import duckdb
import pytest
import requests

from clearbooks.errors import SettingError
from clearbooks_app.operations.warehouse import WarehouseError, reports
from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.server import running


def test_reports_are_those_of_the_models(books, balances):
    found = reports(str(books.path), "books")
    assert set(found.businesses) == set(balances)
    for business, days in balances.items():
        day = max(days)
        shown = reports(str(books.path), "books", business, day)
        assert (shown.business, shown.date) == (business, day)
        mine = {row["account_id"]: row["balance"] for row in shown.trial_balance}
        assert mine == {code: sum_ for code, sum_ in days[day].items() if sum_}
        assert sum(row["debit"] for row in shown.trial_balance) == sum(
            row["credit"] for row in shown.trial_balance
        )
        _, rows = books.ask(
            f"SELECT sum(total) FROM aged_debtors WHERE business_id = {business} AND date = '{day}'"
        )
        assert sum((r["total"] for r in shown.debtors), Decimal(0)) == (rows[0][0] or 0)
        _, rows = books.ask(f"SELECT box_5 FROM vat_summary WHERE business_id = {business}")
        assert sorted(r["box_5"] for r in shown.vat) == sorted(row[0] for row in rows)


def test_the_page_shows_them_and_leaves_the_file_to_others(books, tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    # A copy, since other tests read the file at the same time.
    file = shutil.copy(books.path, tmp_path / "copy.duckdb")
    with running(
        Doors(),
        configs=(str(tmp_path / "settings.json"),),
        folder=tmp_path / "ui",
        warehouse=str(file),
    ) as site:
        session = requests.Session()
        session.get(site.access.new_address(), timeout=20)
        text = session.get(f"{site.access.doors.url}/books", timeout=20).text
        found = reports(str(books.path), "books")
        for row in found.trial_balance:
            assert str(row["account_id"]) in text
        totals = re.search(r"<tfoot>.*?</tfoot>", text, re.DOTALL)[0]
        debit, credit = re.findall(r'class="num">([\d,.]+)<', totals)
        assert debit == credit
        assert text.count("<svg") >= 2
        # Nothing is held open: whoever loads may write.
        with duckdb.connect(str(file)) as link:
            assert link.execute("SELECT 1").fetchall() == [(1,)]


def test_what_is_no_warehouse_is_told(tmp_path):
    with pytest.raises(SettingError, match="there is no such file"):
        reports(str(tmp_path / "none.duckdb"), "books")
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    with pytest.raises(WarehouseError, match="dbt package are not there"):
        reports(str(tmp_path / "empty.duckdb"), "books")
    (tmp_path / "text.duckdb").write_text("no database")
    with pytest.raises(WarehouseError):
        reports(str(tmp_path / "text.duckdb"), "books")
