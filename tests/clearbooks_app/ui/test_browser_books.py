"""The books of a warehouse in a real browser, beside whoever loads it."""

import re
from types import SimpleNamespace

import duckdb
import pytest
import requests

from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.server import running
from tests.chromium import SIZES
from tests.clearbooks_app.small_books import MODELS, writer

from .conftest import everybody_can_use


def served(folder, warehouse):
    (folder / "settings.json").write_text("{}")
    return running(
        Doors(),
        configs=(str(folder / "settings.json"),),
        folder=folder / "ui",
        references=folder / "references.json",
        warehouse=str(warehouse),
    )


@pytest.fixture
def file(tmp_path):
    # A name that means something in SQL and in addresses.
    path = tmp_path / "it's 100%.duckdb"
    with duckdb.connect(str(path)) as link:
        link.execute(MODELS)
    return path


@pytest.fixture
def shown(file, tmp_path, chromium):
    with served(tmp_path, file) as site:
        tab = chromium.new_page()
        tab.set_default_timeout(20_000)
        tab.goto(site.access.new_address())
        yield SimpleNamespace(tab=tab, url=site.access.doors.url)
        tab.close()


def rows(tab, label):
    found = tab.get_by_role("region", name=label).locator("tr").all_inner_texts()
    return [re.sub(r"\s+", " ", row).strip() for row in found]


def test_the_books_are_those_of_the_models(shown):
    tab = shown.tab
    tab.get_by_role("link", name="Books", exact=True).click()
    assert "First Limited (101) as of 30 Jun 2026" in tab.locator("main").inner_text()
    trial = rows(tab, "Trial balance")
    assert trial[1] == "1001001 Trade debtors asset 600.00"
    assert trial[-1] == "Total 2,500.10 2,500.10"
    assert not any("Empty" in row for row in trial)
    assert rows(tab, "Debtors")[1] == "Ada Bell 0.00 0.00 0.00 0.00 400.00 400.00"
    assert rows(tab, "VAT by quarter")[1:] == [
        "30 Jun 2026 200.00 20.02 179.98 1,000.00 100.00",
        "31 Mar 2026 200.00 0.00 200.00 1,000.00 0.00",
    ]
    for chart in ("The largest balances by account", "What the largest debtors owe"):
        assert tab.get_by_role("img", name=chart).count() == 1
    # The largest first, and what is owed by us to the other side.
    chart = tab.get_by_role("img", name="The largest balances by account")
    assert chart.locator("text").all_text_contents()[:2] == ["Revenue", "\N{MINUS SIGN}2,000.00"]
    assert chart.locator(".minus").count() == 3

    tab.get_by_label("Day").select_option("2026-03-31")
    tab.get_by_role("button", name="Show").click()
    assert rows(tab, "Trial balance")[-1] == "Total 1,200.00 1,200.00"
    assert rows(tab, "Debtors")[1].startswith("Ada Bell 1,200.00")
    tab.get_by_label("Business").select_option("102")
    tab.get_by_role("button", name="Show").click()
    assert "Other & Sons (102)" in tab.locator("main").inner_text()
    assert "Nobody owes anything." in tab.locator("main").inner_text()


@pytest.mark.parametrize(
    ("size", "scheme"), [("wide", "light"), ("narrow", "light"), ("wide", "dark")]
)
def test_everybody_can_use_the_books(shown, size, scheme):
    shown.tab.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
    shown.tab.emulate_media(color_scheme=scheme)
    everybody_can_use(shown.tab, f"{shown.url}/books", f"{size}-{scheme}-books")


def test_a_load_goes_on_while_the_page_is_open(shown, file):
    tab = shown.tab
    tab.goto(f"{shown.url}/books?business=102")
    assert "Nobody owes anything." in tab.locator("main").inner_text()
    loads = writer(file)
    # Half of what a load writes is nothing to show.
    answer = tab.goto(f"{shown.url}/books?business=102")
    assert answer.status == 503
    assert "is being written by another program" in tab.locator("main").inner_text()
    loads.communicate(timeout=20)
    assert loads.returncode == 0
    assert tab.goto(f"{shown.url}/books?business=102").status == 200
    assert rows(tab, "Debtors")[1].startswith("New 5.00")


@pytest.mark.parametrize(
    ("spoil", "status", "words"),
    [
        (lambda path: path.unlink(), 400, "there is no such file"),
        (lambda path: path.write_text("no database"), 503, "not a valid DuckDB database file"),
        ("DROP SCHEMA books CASCADE", 503, "build them, such as by `dbt build`"),
        ("DROP TABLE books.vat_summary", 503, "build them, such as by `dbt build`"),
        ("ALTER TABLE books.vat_summary DROP COLUMN period_end", 503, "build them, such as by"),
        ("DELETE FROM books.trial_balance", 200, "The warehouse holds no business yet."),
    ],
)
def test_a_warehouse_that_is_not_whole_is_told(file, tmp_path, spoil, status, words):
    if isinstance(spoil, str):
        with duckdb.connect(str(file)) as link:
            link.execute(spoil)
    else:
        spoil(file)
    with served(tmp_path, file) as site:
        session = requests.Session()
        session.get(site.access.new_address(), timeout=20)
        answer = session.get(f"{site.access.doors.url}/books", timeout=20)
    assert answer.status_code == status
    assert words in answer.text


def test_a_business_that_is_not_there_is_told(shown):
    answer = shown.tab.goto(f"{shown.url}/books?business=999")
    assert answer.status == 404
    assert "The warehouse holds no business 999" in shown.tab.locator("main").inner_text()
