"""Models of the books with figures that are done by hand, and a load of them."""

import subprocess
import sys

# Two sales at 20 %, one of them paid, and one purchase at 20 %: each sum is done by hand.
MODELS = """
CREATE SCHEMA books;
CREATE TABLE books.stg_clearbooks__businesses (id BIGINT, name VARCHAR);
INSERT INTO books.stg_clearbooks__businesses VALUES (101, 'First Limited'), (102, 'Other & Sons');
CREATE TABLE books.trial_balance (
    business_id BIGINT, date DATE, account_id BIGINT, account VARCHAR, class VARCHAR,
    debit DECIMAL(18, 2), credit DECIMAL(18, 2), balance DECIMAL(18, 2)
);
INSERT INTO books.trial_balance VALUES
    (101, '2026-03-31', 1001001, 'Trade debtors', 'asset', 1200, 0, 1200),
    (101, '2026-03-31', 3001001, 'Revenue', 'income', 0, 1000, -1000),
    (101, '2026-03-31', 2001001, 'VAT', 'liability', 0, 200, -200),
    (101, '2026-06-30', 1001001, 'Trade debtors', 'asset', 600, 0, 600),
    (101, '2026-06-30', 7502001, 'Current account', 'asset', 1800, 0, 1800),
    (101, '2026-06-30', 4001001, 'Stationery', 'expense', 100.10, 0, 100.10),
    (101, '2026-06-30', 2101001, 'Trade creditors', 'liability', 0, 120.12, -120.12),
    (101, '2026-06-30', 3001001, 'Revenue', 'income', 0, 2000, -2000),
    (101, '2026-06-30', 2001001, 'VAT', 'liability', 0, 379.98, -379.98),
    (101, '2026-06-30', 9001001, 'Empty', 'asset', 0, 0, 0),
    (102, '2026-06-30', 7502001, 'Bank', 'asset', 5, 0, 5),
    (102, '2026-06-30', 5001001, 'Shares', 'equity', 0, 5, -5);
CREATE TABLE books.aged_debtors (
    business_id BIGINT, date DATE, contact_id BIGINT, contact VARCHAR, not_due DECIMAL(18, 2),
    days_1_30 DECIMAL(18, 2), days_31_60 DECIMAL(18, 2), days_61_90 DECIMAL(18, 2),
    days_over_90 DECIMAL(18, 2), total DECIMAL(18, 2)
);
INSERT INTO books.aged_debtors VALUES
    (101, '2026-03-31', 1, 'Ada Bell', 1200, 0, 0, 0, 0, 1200),
    (101, '2026-06-30', 1, 'Ada Bell', 0, 0, 0, 0, 400, 400),
    (101, '2026-06-30', 2, 'The Extraordinarily Long Name of a Customer Limited',
        200, 0, 0, 0, 0, 200);
CREATE TABLE books.vat_summary (
    business_id BIGINT, period_end DATE, box_1 DECIMAL(18, 2), box_4 DECIMAL(18, 2),
    box_5 DECIMAL(18, 2), box_6 BIGINT, box_7 BIGINT
);
INSERT INTO books.vat_summary VALUES
    (101, '2026-03-31', 200, 0, 200, 1000, 0), (101, '2026-06-30', 200, 20.02, 179.98, 1000, 100);
"""
# Writes for as long as its input is open, as a load does.
WRITER = """
import duckdb, sys
link = duckdb.connect(sys.argv[1])
link.execute("INSERT INTO books.aged_debtors VALUES "
             "(102, '2026-06-30', 3, 'New', 5, 0, 0, 0, 0, 5)")
print("written", flush=True)
sys.stdin.read()
"""


def writer(file):
    """Another program that has the file open for writing, once it has written."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "written\n"
    return process
