"""The ledger against the data files, worked out here from the files alone."""

import csv
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

import clearbooks_sandbox.demo

DATA = Path(clearbooks_sandbox.demo.__file__).parent / "data"
PENNY = Decimal("0.01")
EU = {"Belgium", "EIRE", "France", "Germany", "Italy", "Netherlands", "Poland", "Portugal", "Spain"}
ALL = 10**9


def read(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def sales():
    rows = read("online_retail.csv")
    assert len(rows) == 7419
    return rows


@pytest.fixture(scope="module")
def spend():
    rows = read("gla_spend.csv")
    assert len(rows) == 619
    return rows


def net(row):
    return Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])


def balances(demo):
    return {row.name: row.balance for row in demo.books.trial_balance()}


def total(documents, field):
    return sum((document[field] for document in documents), start=Decimal(0))


def test_net_sales_are_those_of_the_file(demo, sales):
    wanted = sum(map(net, sales))
    invoices = demo.books.documents("sales", "invoices", limit=ALL)
    notes = demo.books.documents("sales", "creditNotes", limit=ALL)
    assert total(invoices, "net") - total(notes, "net") == wanted
    ledger = balances(demo)
    assert -(ledger["Revenue"] + ledger["Other income"]) == wanted


def test_carriage_stands_on_its_own_account(demo, sales):
    wanted = sum(net(row) for row in sales if row["StockCode"] in {"POST", "DOT", "C2"})
    assert wanted
    assert -balances(demo)["Other income"] == wanted


def test_vat_is_that_of_december_2010_line_by_line(demo, sales):
    wanted = sum(
        (net(row) * Decimal("0.175")).quantize(PENNY, ROUND_HALF_UP)
        for row in sales
        if row["Country"] == "United Kingdom"
    )
    assert wanted
    assert -balances(demo)["VAT control"] == wanted


def test_every_invoice_has_the_lines_of_the_file(demo, sales):
    wanted = defaultdict(list)
    for row in sales:
        sign = -1 if row["InvoiceNo"].startswith("C") else 1
        wanted[row["InvoiceNo"]].append(
            (Decimal(row["UnitPrice"]), sign * Decimal(row["Quantity"]))
        )
    counted = {n for n, lines in wanted.items() if not any(price for price, _ in lines)}
    documents = [
        *demo.books.documents("sales", "invoices", limit=ALL),
        *demo.books.documents("sales", "creditNotes", limit=ALL),
    ]
    found = {
        document["documentNumber"]: [
            (Decimal(line["unitPrice"]), Decimal(line["quantity"]))
            for line in document["lineItems"]
        ]
        for document in documents
    }
    assert found == {number: lines for number, lines in wanted.items() if number not in counted}
    assert len(documents) == len(found)


def test_what_is_left_out_moves_no_money_and_is_nobody_s(sales):
    """The reason that the README of the data gives for leaving rows out."""
    by_invoice = defaultdict(list)
    for row in sales:
        by_invoice[row["InvoiceNo"]].append(row)
    free = [rows for rows in by_invoice.values() if not any(Decimal(r["UnitPrice"]) for r in rows)]
    assert len(free) == 45
    for rows in free:
        assert [row["CustomerID"] for row in rows] == [""]
        assert rows[0]["Description"] in {"", "?", "amazon"}
    negative = [
        rows
        for number, rows in by_invoice.items()
        if not number.startswith("C") and any(int(row["Quantity"]) < 0 for row in rows)
    ]
    assert len(negative) == 30
    assert all(rows in free for rows in negative)


def test_the_treatment_follows_the_country(demo, sales):
    country = {row["InvoiceNo"]: row["Country"] for row in sales}
    documents = [
        *demo.books.documents("sales", "invoices", limit=ALL),
        *demo.books.documents("sales", "creditNotes", limit=ALL),
    ]
    seen = Counter()
    for document in documents:
        where = country[document["documentNumber"]]
        wanted = "UK" if where == "United Kingdom" else "GEU" if where in EU else "GE"
        assert document["vatTreatment"] == wanted
        keys = {line["vatRateKey"] for line in document["lineItems"]}
        assert keys == {"17.50:Standard" if wanted == "UK" else "0.00:Zero"}
        seen[wanted] += 1
    assert set(seen) == {"UK", "GEU", "GE"}


def test_customers_are_those_of_the_file_and_the_rest_pays_cash(demo, sales):
    sold = defaultdict(Decimal)
    paid = {row["InvoiceNo"] for row in sales if Decimal(row["UnitPrice"])}
    for row in sales:
        if row["InvoiceNo"] in paid:
            sold[row["CustomerID"]] += net(row)
    customers = demo.books.contacts("customers", limit=ALL)
    names = {c["id"]: c.get("externalId", "") for c in customers}
    assert sorted(names.values()) == sorted(sold)
    found = defaultdict(Decimal)
    for kind, sign in (("invoices", 1), ("creditNotes", -1)):
        for document in demo.books.documents("sales", kind, limit=ALL):
            found[names[document["customerId"]]] += sign * document["net"]
    assert found == sold
    cash = next(c for c in customers if "externalId" not in c)
    assert cash["name"] == "Cash customer"
    assert cash["balance"] == 0


def test_stock_items_are_the_articles_that_were_sold(demo, sales):
    paid = {row["InvoiceNo"] for row in sales if Decimal(row["UnitPrice"])}
    wanted = {
        row["StockCode"]
        for row in sales
        if row["StockCode"][:5].isdigit() and row["InvoiceNo"] in paid
    }
    found, number = [], 1
    while True:
        page = demo.engine.call(
            "listStockItems", business_id=demo.big, query={"limit": 200, "page": number}
        ).json()
        if not page:
            break
        found += page
        number += 1
    assert sorted(item["sku"] for item in found) == sorted(wanted)


def test_spending_is_that_of_the_file_account_by_account(demo, spend):
    wanted = defaultdict(Decimal)
    for row in spend:
        wanted[row["AccountDescription"]] += Decimal(row["Amount"])
    ledger = balances(demo)
    assert {name: ledger[name] for name in wanted} == wanted
    documents = {
        kind: demo.books.documents("purchases", kind, limit=ALL)
        for kind in ("bills", "expenses", "creditNotes")
    }
    sums = {kind: total(rows, "gross") for kind, rows in documents.items()}
    assert sums["bills"] + sums["expenses"] - sums["creditNotes"] == sum(
        Decimal(row["Amount"]) for row in spend
    )
    assert sum(len(d["lineItems"]) for rows in documents.values() for d in rows) == len(spend)


def test_negative_rows_are_credit_notes(demo, spend):
    wanted = sorted(
        (row["DocNo"], -Decimal(row["Amount"])) for row in spend if Decimal(row["Amount"]) < 0
    )
    notes = demo.books.documents("purchases", "creditNotes", limit=ALL)
    assert sorted((note["reference"], note["gross"]) for note in notes) == wanted


def test_vendors_keep_their_spellings(demo, spend):
    suppliers = demo.books.contacts("suppliers", limit=ALL)
    assert sorted(s["name"] for s in suppliers) == sorted({row["Vendor"] for row in spend})
    assert {"INCENTIVATED LIMITED", "INCENTIVATED LTD"} <= {s["name"] for s in suppliers}
    ids = [s["externalId"] for s in suppliers if "externalId" in s]
    assert len(ids) == len(set(ids)) > 200


def test_what_was_paid_and_what_is_owed_is_what_was_spent(demo, spend):
    wanted = sum(Decimal(row["Amount"]) for row in spend)
    suppliers = {s["id"]: s["balance"] for s in demo.books.contacts("suppliers", limit=ALL)}
    paid = sum(
        payment["amount"]
        for payment in demo.books.payments(limit=ALL)
        if payment["contactId"] in suppliers
    )
    assert -paid + sum(suppliers.values()) == wanted
    assert sum(suppliers.values()) > 0
