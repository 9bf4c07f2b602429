"""`clearbooks doctor --api`: what the API does otherwise is found, and nothing personal is told."""

import json
import re

import pytest

SECRET_WORDS = ("Ada Bell", "ada@example.com", "Confidential", "4321.09")


@pytest.fixture
def books(engine):
    """Some documents in the first business: one paid in part, one voided between others."""
    business = engine.business_ids()[0]

    def do(operation, body=None, **params):
        reply = engine.call(operation, business_id=business, params=params, body=body)
        assert reply.ok, reply.body
        return reply.json() if reply.body else None

    customer = do("createCustomer", {"name": "Ada Bell", "email": "ada@example.com"})["id"]
    supplier = do("createSupplier", {"name": "Ada Bell and Sons"})["id"]
    numbers = []
    for day in range(1, 5):
        common = {"date": f"2026-03-0{day}", "vatTreatment": "UK", "reference": "Confidential"}
        line = {
            "description": "Confidential",
            "unitPrice": 4321.09,
            "quantity": 1,
            "vatRateKey": "20.00:Standard",
        }
        sale = common | {"customerId": customer, "lineItems": [line | {"accountCode": 1001001}]}
        numbers.append(do("createSalesDocument", sale, salesType="invoices")["id"])
        bill = common | {"supplierId": supplier, "lineItems": [line | {"accountCode": 2001001}]}
        do("createPurchaseDocument", bill, purchaseType="bills")
        payment = {
            "date": f"2026-04-0{day}",
            "description": "Confidential",
            "amount": day,
            "contactId": customer,
            "bankAccountId": 1,
        }
        paid = do("createPayment", payment)["id"]
        joined = {
            "invoiceId": numbers[0],
            "paymentId": paid,
            "amount": 1,
            "allocationType": "payment",
        }
        do("createAllocation", joined, invoiceType="sales")
    do("deleteSalesDocument", salesType="invoices", salesId=numbers[1])
    do("createStockItem", {"sku": "S", "name": "Confidential", "type": "both"})
    return do


@pytest.fixture
def report(connected, books, run):
    def report(code=0):
        result = run("doctor --api --json --streams businesses", code)
        assert not [word for word in SECRET_WORDS if word in result.output]
        found = json.loads(result.stdout)["api"]
        checks = {check["name"]: check for check in found["checks"]}
        return checks, found["settings"]

    return report


def test_an_api_as_it_is_assumed(report, sandbox):
    sandbox.requests.clear()
    checks, settings = report()
    assert settings == {}
    assert {name: check["verdict"] for name, check in checks.items()} == {
        "paths": "ok",
        "sorting by ID": "ok",
        "sorting by date": "ok",
        "pagination headers": "ok",
        "counts in the headers": "ok",
        "voided documents": "ok",
        "line items in lists": "ok",
        "statuses": "ok",
        "VAT treatments": "ok",
        "headings of accounts": "ok",
    }
    assert "one of sales_allocations" in checks["paths"]["found"].partition("cannot")[0]
    assert "approved (a part due): 1" in checks["statuses"]["found"]
    assert "sales_invoices" in checks["voided documents"]["found"]
    asked = [r for r in sandbox.requests if r.path.startswith("/accounting")]
    assert {r.method for r in asked} == {"GET"}
    assert len(asked) < 100


@pytest.mark.parametrize(
    ("dialect", "name", "words"),
    [
        ("unsorted", "sorting by ID", "customers"),
        ("ascending-only", "sorting by date", "not so: sales_invoices"),
        ("no-headers", "pagination headers", "not so: account_codes"),
        ("voided-listed", "voided documents", "1 of sales_invoices"),
        ("part-paid", "statuses", "part paid (a part due): 1"),
        ("prefixed-treatments", "VAT treatments", "SUK"),
    ],
)
def test_what_is_otherwise(report, sandbox, dialect, name, words):
    sandbox.dialects.on(dialect)
    checks, settings = report()
    assert checks[name]["verdict"] == "warning", checks[name]
    assert words in checks[name]["found"]
    assert "docs/live-api.md" in checks[name]["remedy"]
    assert settings == {}


def test_settings_to_change(report, monkeypatch, engine):
    paths = {
        "listAccountBalances": "/accounting/sums",
        "getStockItem": "/accounting/x/{stockItemId}",
    }
    monkeypatch.setenv("CLEARBOOKS_API_PATHS", json.dumps(paths))
    engine.pager.cap = 2
    checks, settings = report()
    assert settings == {"api_paths": dict.fromkeys(paths, "/…"), "page_size": 2}
    assert "not so: account_balances, one of stock_items" in checks["paths"]["found"]
    assert checks["pagination headers"]["remedy"] == "set page_size"
    # The last page holds the rest, whatever a page holds.
    assert checks["counts in the headers"]["verdict"] == "ok"


def test_counts_that_are_wrong(report, engine, monkeypatch):
    monkeypatch.setattr(engine.pager, "_count", lambda *_: 77)
    checks, _ = report()
    assert checks["counts in the headers"]["verdict"] == "warning"


def test_an_empty_business_tells_little(connected, run):
    found = json.loads(run("doctor --api --json --streams businesses").stdout)["api"]["checks"]
    verdicts = {check["name"]: check["verdict"] for check in found}
    assert verdicts["voided documents"] == "skipped"
    assert verdicts["statuses"] == "skipped"
    assert verdicts["paths"] == "ok"


def test_the_report_in_words(connected, books, run, sandbox):
    words = run("doctor --api --streams businesses").stdout
    assert not [word for word in SECRET_WORDS if word in words]
    assert f"The API at {sandbox.url}, " in words
    assert re.search(r"\n\d+ requests\. Settings to change: none\n$", words)
    assert "ok       sorting by ID: as assumed: " in words


def test_without_a_token_there_is_no_report(settings, run):
    result = run("doctor --api --json", 5)
    assert json.loads(result.stdout)["api"] is None
    assert "was not looked at" in result.stderr
