"""The package in a project that uses it, with a seed and variables of its own."""

from __future__ import annotations

import shutil

import pytest

from tests.dbt.warehouse import PACKAGE, DuckDB


@pytest.fixture(scope="module")
def project(books, tmp_path_factory):
    """The project of `dbt/integration`, in a folder of its own beside a copy of the package."""
    folder = tmp_path_factory.mktemp("project")
    leave = shutil.ignore_patterns("dbt_packages", "package-lock.yml")
    shutil.copytree(PACKAGE, folder / "dbt", ignore=leave)
    shutil.copyfile(books.path, folder / "books.duckdb")
    warehouse = DuckDB(folder)
    # Other loaders make dates of dates: the package takes either.
    _, dates = warehouse.ask(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' "
        "AND column_name IN ('date', 'accountingdate', 'dateaccrual') AND data_type = 'VARCHAR'",
        "main",
    )
    assert len(dates) > 10
    warehouse.write(*(f"ALTER TABLE {table} ALTER {column} TYPE DATE" for table, column in dates))
    warehouse.environment |= {"DBT_PROJECT_DIR": str(folder / "dbt" / "integration")}
    warehouse.dbt("deps")
    warehouse.dbt("build")
    return warehouse


def test_a_seed_of_ones_own_names_the_sections(project):
    _, found = project.ask("SELECT DISTINCT section FROM profit_and_loss")
    assert {section for (section,) in found} == {
        "Sales",
        "Direct costs",
        "Other income",
        "Overheads",
        "Agency staff",
    }


def test_year_ends_differ_by_business(project):
    _, found = project.ask("SELECT DISTINCT business_id, year_start FROM trial_balance")
    starts = {(business, f"{start:%m-%d}") for business, start in found}
    others = {(business, "04-01") for business in (101, 103, 201, 202, 203)}
    assert starts == {(102, "04-06"), *others}


def test_dates_of_either_type_make_the_same(books, project):
    query = (
        "SELECT business_id, month_end, account_id, amount FROM profit_and_loss "
        "WHERE business_id <> 102 ORDER BY ALL"
    )
    assert books.ask(query) == project.ask(query)


def test_models_on_top_see_the_packages(project):
    _, ((profit,),) = project.ask("SELECT sum(profit) FROM profit_by_year WHERE business_id = 101")
    _, ((posted,),) = project.ask(
        "SELECT -sum(balance) FROM trial_balance WHERE business_id = 101 "
        "AND class IN ('income', 'expense') AND date = (SELECT max(date) FROM trial_balance "
        "WHERE business_id = 101)"
    )
    assert profit == posted


def test_the_documentation_is_one_file(project):
    project.dbt("docs", "generate", "--static")
    page = (project.folder / "target" / "static_index.html").read_text()
    assert "aged_debtors" in page
    assert "What customers owe at every report date" in page


def test_a_schema_without_the_tables_ends_the_build(tmp_path):
    warehouse = DuckDB(tmp_path)
    done = warehouse.dbt("build", check=False, clearbooks_schema="raw")
    assert done.returncode == 1
    assert "the schema 'raw' holds no table of tap-clearbooks" in done.stdout
    assert "variable clearbooks_schema" in done.stdout
    assert warehouse.outcomes()["trial_balance"] == "skipped"
