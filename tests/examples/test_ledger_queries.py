"""The questions of `ledger-to-duckdb`, where the tables hold two businesses."""

from __future__ import annotations

from decimal import Decimal

import duckdb

from tools.demo.stage import ROOT

QUERIES = ROOT / "examples" / "ledger-to-duckdb" / "queries"
TABLES = """
CREATE TABLE account_codes (businessId INTEGER, id INTEGER, name VARCHAR);
CREATE TABLE transaction_lines (businessId INTEGER, accountCodeId INTEGER, amount DOUBLE);
INSERT INTO account_codes VALUES (1, 10, 'Revenue'), (1, 20, 'Bank'), (2, 10, 'Revenue'),
    (2, 20, 'Bank');
INSERT INTO transaction_lines VALUES (1, 10, -5), (1, 20, 5), (2, 10, -7.5), (2, 20, 7.5);
CREATE TABLE customers (businessId INTEGER, id INTEGER, name VARCHAR);
CREATE TABLE sales_invoices (businessId INTEGER, customerId INTEGER, due DOUBLE, status VARCHAR,
    exchangeRate DOUBLE, dateDue DATE, date DATE, lineItems VARCHAR);
INSERT INTO customers SELECT b, c, 'Customer ' || c FROM range(1, 3) t(b), range(1, 8) u(c);
INSERT INTO sales_invoices SELECT b, c, c, 'approved', NULL, NULL, DATE '2026-05-01',
    '[{"vatRateKey": "20.00:Standard", "unitPrice": 10, "quantity": 1, "vatAmount": 2}]'
    FROM range(1, 3) t(b), range(1, 8) u(c);
CREATE TABLE sales_credit_notes AS FROM sales_invoices LIMIT 0;
CREATE TABLE bills AS FROM sales_invoices LIMIT 0;
CREATE TABLE expenses AS FROM sales_invoices LIMIT 0;
CREATE TABLE purchase_credit_notes AS FROM sales_invoices LIMIT 0;
"""


def ask(name):
    with duckdb.connect() as db:
        db.execute(TABLES)
        return db.execute((QUERIES / f"{name}.sql").read_text(encoding="utf-8")).fetchall()


def test_each_business_has_a_trial_balance_of_its_own():
    assert ask("trial_balance") == [
        (1, "10", "Revenue", 0, 5), (1, "20", "Bank", 5, 0),
        (2, "10", "Revenue", 0, Decimal("7.5")), (2, "20", "Bank", Decimal("7.5"), 0),
    ]  # fmt: skip


def test_each_business_has_debtors_of_its_own():
    rows = ask("top_debtors")
    assert [(row[0], row[1]) for row in rows] == [
        (business, f"Customer {customer}") for business in (1, 2) for customer in (7, 6, 5, 4, 3)
    ]


def test_each_business_has_vat_of_its_own():
    assert [(row[0], row[-2], row[-1]) for row in ask("vat_by_rate")] == [(1, 70, 14), (2, 70, 14)]
