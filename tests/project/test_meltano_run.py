"""`meltano run` from the tap into DuckDB: all of it, then only what changed."""

from __future__ import annotations

import duckdb
import pytest

from tools.demo.read_ledger import table_counts

PAGED = {
    "account_codes": ("listAccountCodes", {}),
    "bank_accounts": ("listBankAccounts", {}),
    "customers": ("listCustomers", {}),
    "suppliers": ("listSuppliers", {}),
    "sales_invoices": ("listSalesDocuments", {"salesType": "invoices"}),
    "sales_credit_notes": ("listSalesDocuments", {"salesType": "creditNotes"}),
    "bills": ("listPurchaseDocuments", {"purchaseType": "bills"}),
    "payments": ("listPayments", {}),
    "sales_allocations": ("listAllocations", {"invoiceType": "sales"}),
    "purchase_allocations": ("listAllocations", {"invoiceType": "purchases"}),
    "transactions": ("listTransactions", {}),
}


def call(stage, operation, params, body=None):
    return stage.sandbox.engine.call(
        operation, business_id=stage.business, params=params, query=params, body=body
    )


def counted(stage):
    """How many records the ledger itself says that it has."""
    return {
        stream: int(call(stage, operation, params).headers["X-Pagination-Total-Count"])
        for stream, (operation, params) in PAGED.items()
    }


def test_first_everything_then_only_what_changed(stage):
    ledger = stage.folder / "ledger.duckdb"
    first = stage.meltano_run("first", "tap-clearbooks", "target-duckdb")
    there = counted(stage)
    assert {stream: first.records[stream] for stream in PAGED} == there
    assert table_counts(ledger, first) == first.records
    with duckdb.connect(str(ledger), read_only=True) as db:
        (total,) = db.execute(
            "SELECT sum(amount::DECIMAL(18, 2)) FROM transaction_lines"
        ).fetchall()[0]
        businesses = db.execute("SELECT DISTINCT businessId FROM transactions").fetchall()
    assert total == 0
    assert businesses == [(stage.business,)]

    quiet = stage.meltano_run("quiet", "tap-clearbooks", "target-duckdb")
    assert quiet.records["transactions"] == quiet.records["transaction_lines"] == 0
    assert table_counts(ledger, first) == first.records

    journal = {
        "accountingDate": "2020-01-31",
        "description": "Put down late, with a date of long ago",
        "lines": [
            {"accountCodeId": 8001001, "amount": -12.34},
            {"accountCodeId": 4002001, "amount": 12.34},
        ],
    }
    assert call(stage, "createJournal", {}, journal).status == 201
    third = stage.meltano_run("third", "tap-clearbooks", "target-duckdb")
    assert third.records["transactions"] == 1
    assert third.records["transaction_lines"] == 2
    grown = table_counts(ledger, first)
    grown.subtract(first.records)
    assert grown["transactions"] == 1
    assert grown["transaction_lines"] == 2


def test_a_failing_run_tells_why(stage):
    stage.environment["TAP_CLEARBOOKS_ACCESS_TOKEN"] = "wrong"
    with pytest.raises(Exception, match=r"(?s)meltano run tap-clearbooks.*ends:"):
        stage.meltano_run("refused", "tap-clearbooks", "target-duckdb")
