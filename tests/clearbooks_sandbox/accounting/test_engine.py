"""Several businesses, the database on disk, and many operations in one transaction."""

from __future__ import annotations

import pytest

from clearbooks_sandbox import AccountingEngine, DatabaseInUseError
from tests.ledger import Ledger


def test_ids_are_numbered_by_business():
    engine = AccountingEngine()
    first, second = (Ledger(engine, engine.add_business(name)) for name in "AB")
    assert first.customer() == second.customer() == 1
    assert first.sale(1)["id"] == second.sale(1)["id"] == 1
    assert first.refused("getCustomer", customerId=2)[0] == 404
    engine.close()


def test_an_engine_on_disk_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "books.sqlite3"
    engine = AccountingEngine(path)
    ledger = Ledger(engine, engine.add_business("A"))
    ledger.sale(ledger.customer())
    before = ledger.balances()
    with pytest.raises(DatabaseInUseError):
        AccountingEngine(path)
    engine.close()
    again = Ledger(AccountingEngine(path), 101)
    assert again.balances() == before
    assert again.sale(1)["id"] == 2
    again.engine.close()


def test_bulk_is_one_transaction(tmp_path):
    path = tmp_path / "books.sqlite3"
    engine = AccountingEngine(path)
    ledger = Ledger(engine, engine.add_business("A"))
    ledger.customer()

    def fill_and_break():
        with engine.bulk():
            ledger.sale(1)
            assert ledger.refused("createCustomer", {"name": " "})[0] == 422
            ledger.sale(1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fill_and_break()
    assert ledger.do("listSalesDocuments", salesType="invoices") == []
    with engine.bulk():
        ledger.sale(1)
    assert len(ledger.do("listSalesDocuments", salesType="invoices")) == 1
    engine.close()
