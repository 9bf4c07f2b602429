"""The books of a warehouse, in DuckDB and PostgreSQL, beside whoever loads it."""

from decimal import Decimal

import duckdb
import psycopg
import pytest

from clearbooks_app.operations import warehouse
from clearbooks_app.operations.warehouse import WarehouseError, opened, reports
from tests.clearbooks_app.small_books import MODELS, writer
from tests.postgres import database, server  # noqa: F401


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ledger.duckdb"
    with duckdb.connect(str(path)) as link:
        link.execute(MODELS)
    return path


@pytest.fixture
def loaded(database):  # noqa: F811
    with psycopg.connect(database, autocommit=True) as link:
        link.execute(MODELS)
    return database


def test_a_load_that_begins_while_a_page_is_read_is_not_refused(file):
    """DuckDB alone would refuse it: whoever reads keeps out whoever writes."""
    with opened(str(file), "books") as ask:
        loads = writer(file)
        assert ask("SELECT count(*) AS n FROM aged_debtors", ()) == [{"n": 3}]
        loads.communicate(timeout=20)
    assert loads.returncode == 0


def test_both_databases_have_the_same_books(file, loaded):
    of_file, of_server = reports(str(file), "books", 101), reports(loaded, "books", 101)
    assert of_file == of_server
    assert of_file.date == "2026-06-30"
    assert sum(row["balance"] for row in of_file.trial_balance) == 0
    assert [row["total"] for row in of_file.debtors] == [Decimal(400), Decimal(200)]


def test_a_model_that_is_being_replaced_is_told(loaded, monkeypatch):
    monkeypatch.setattr(warehouse, "_PATIENCE", 1)
    with psycopg.connect(loaded) as link:
        link.execute("ALTER TABLE books.vat_summary RENAME TO old")
        with pytest.raises(WarehouseError, match="is being written by another program") as told:
            reports(loaded, "books")
        assert "a-password" not in str(told.value)
    with pytest.raises(WarehouseError, match="are not there; build them"):
        reports(loaded, "books")


def test_nothing_can_be_written(loaded):
    with pytest.raises(WarehouseError, match="read-only"), opened(loaded, "books") as ask:
        ask("DELETE FROM vat_summary", ())
