"""Pages, order, filters, and that they are cheap."""

from __future__ import annotations

import pytest

from clearbooks.contract import load_contract
from tests.ledger import line

PAGED = [o for o in load_contract().operations.values() if o.paged]


@pytest.fixture
def many(ledger):
    customers = [ledger.customer(f"Customer {n % 3}") for n in range(5)]
    for n in range(7):
        day = f"2024-03-{20 - n % 4:02d}"
        ledger.sale(customers[n % 5], line(n + 1), date=day, documentNumber=f"{n:03d}")
    return ledger


def ids(ledger, operation="listSalesDocuments", **query):
    params = {"salesType": "invoices"} if operation == "listSalesDocuments" else {}
    return [r["id"] for r in ledger.do(operation, query=query, **params)]


def test_pages_and_their_headers(many):
    reply = many.call("listSalesDocuments", salesType="invoices", query={"limit": 3, "page": 3})
    assert [r["id"] for r in reply.json()] == [7]
    assert reply.headers == {
        "X-Pagination-Limit": "3",
        "X-Pagination-Current-Page": "3",
        "X-Pagination-Total-Pages": "3",
        "X-Pagination-Total-Count": "7",
        "Content-Type": "application/json",
    }
    reply = many.call("listSalesDocuments", salesType="invoices", query={"page": 9})
    assert (reply.json(), reply.headers["X-Pagination-Limit"]) == ([], "25")
    reply = many.call("listStockItems")
    assert (reply.json(), reply.headers["X-Pagination-Total-Pages"]) == ([], "0")


def test_page_cap(many):
    many.engine.pager.cap = 2
    reply = many.call("listSalesDocuments", salesType="invoices", query={"limit": 200})
    assert (len(reply.json()), reply.headers["X-Pagination-Total-Pages"]) == (2, "4")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 201},
        {"page": 0},
        {"limit": "x"},
        {"limit": ""},
        {"page": "1.5"},
        {"sortDirection": "up"},
        {"limit": ["1", "2"]},
        {"page": str(2**31)},
    ],
)
def test_bad_paging_is_400(many, query):
    assert many.refused("listCustomers", query=query) == (400, ["PARAMETER"])


def test_order(many):
    assert ids(many) == [1, 2, 3, 4, 5, 6, 7]
    assert ids(many, sortDirection="descending") == [7, 6, 5, 4, 3, 2, 1]
    assert ids(many, sortBy="date") == [4, 3, 7, 2, 6, 1, 5]
    assert ids(many, sortBy="date", sortDirection="descending") == [5, 1, 6, 2, 7, 3, 4]
    assert ids(many, sortBy="gross", sortDirection="descending", limit=2) == [7, 6]
    assert ids(many, sortBy="documentNumber", limit=2) == [1, 2]
    assert ids(many, "listCustomers", sortBy="name") == [1, 4, 2, 5, 3]


@pytest.mark.parametrize("name", ["nothing", "lineItems", "id; DROP TABLE documents", "'"])
def test_unknown_order_is_400(many, name):
    status, _ = many.refused("listSalesDocuments", salesType="invoices", query={"sortBy": name})
    assert status == 400


def test_every_field_of_a_listing_sorts(ledger):
    operation = load_contract().operations["listSalesDocuments"]
    ledger.sale(ledger.customer())
    for name in ("reference", "status", "due", "customerId", "dateDue", "vatTreatment"):
        assert ids(ledger, sortBy=name) == [1], (operation.id, name)


def test_transactions_by_date(many):
    found = many.do(
        "listTransactions",
        query={"accountingDateFrom": "2024-03-18", "accountingDateTo": "2024-03-19"},
    )
    assert [t["id"] for t in found] == [2, 3, 6, 7]
    found = many.do("listTransactions", query={"sortBy": "accountingDate"})
    assert [t["id"] for t in found] == [4, 3, 7, 2, 6, 1, 5]
    assert many.refused("listTransactions", query={"sortBy": "lines"})[0] == 400


def test_transaction_lines_by_every_filter(many):
    def lines(**query):
        return many.do("listTransactionLines", query=query)

    whole = lines(limit=200)
    flat = [
        (t["id"], t["accountingDate"], x["accountCodeId"], x["amount"])
        for t in many.transactions()
        for x in t["lines"]
    ]
    assert [tuple(x.values()) for x in whole] == flat
    assert lines(transactionId=2) == whole[3:6]
    assert lines(accountCodeId=1001001, accountingDateTo="2024-03-17") == [whole[10]]
    amounts = [x["amount"] for x in lines(sortBy="amount", limit=200)]
    assert amounts == sorted(amounts)


def test_account_balances_between_two_dates_inclusive(many):
    query = {"accountingDateFrom": "2024-03-19", "accountingDateTo": "2024-03-20"}
    found = many.do("listAccountBalances", query=query)
    sales = [r for r in found if r["accountCodeId"] == 1001001]
    assert sales == [{"accountCodeId": 1001001, "balance": -(1 + 5 + 2 + 6)}]
    assert sum(r["balance"] for r in found) == 0
    assert many.refused("listAccountBalances") == (400, ["REQUIRED", "REQUIRED"])


@pytest.mark.parametrize("operation", [o.id for o in PAGED if o.id != "listTransactionLines"])
def test_pages_by_id_and_date_come_from_an_index(many, operation, engine):
    """No sorting and no scan: a deep page costs what a shallow one does."""
    params = {
        "salesType": "invoices",
        "salesId": 1,
        "purchaseType": "bills",
        "purchaseId": 1,
        "invoiceType": "sales",
    }
    if "Purchase" in operation:
        many.bill(many.supplier())
        params["purchaseId"] = 8
    seen = []
    engine.db.set_trace_callback(seen.append)
    for sort in ("id", "date"):
        if sort == "id" or operation in ("listSalesDocuments", "listPayments"):
            many.do(operation, query={"sortBy": sort}, **params)
    engine.db.set_trace_callback(None)
    listed = [sql for sql in seen if "LIMIT" in sql and "OFFSET" in sql]
    assert listed
    for sql in listed:
        plan = " ".join(row[3] for row in engine.db.execute("EXPLAIN QUERY PLAN " + sql))
        assert "TEMP B-TREE" not in plan, (sql, plan)
        assert "SCAN" not in plan, (sql, plan)
