"""The chart of accounts that every new business begins with: the default chart of Clear Books.

Codes and names are those of a business of 2015, as far as public sources name them. A code is its
heading and three digits; the ranges are 1 and 3 income, 2 cost of sales, 4 administrative
expenses, 5 and 6 other income and expenses, 70-75 assets, 80-85 liabilities, 90-95 equity. An
account often proposes no VAT rate: its default is then empty. `role` marks the accounts that the
ledger posts to by itself; they cannot be deleted.
"""

from __future__ import annotations

from typing import NamedTuple

SALES, PURCHASES, NEITHER = "sales", "purchases", ""
STANDARD, OUT, NO_DEFAULT = "20.00:Standard", "0.00:Out", ""

BANK_HEADING = 7502


class Account(NamedTuple):
    """An account of the chart."""

    code: int
    name: str
    takes: str = NEITHER
    vat: str = NO_DEFAULT
    role: str | None = None

    @property
    def heading(self) -> int:
        """The heading that the account belongs to."""
        return self.code // 1000


def _numbered(first: int, name: str, takes: str = NEITHER) -> tuple[Account, ...]:
    """Four accounts of a kind; how businesses tell them apart is not known."""
    return tuple(Account(first + n, f"{name} {n + 1}", takes) for n in range(4))


CHART = (
    Account(1001001, "Revenue", SALES, STANDARD),
    Account(1001002, "Labour", SALES, STANDARD),
    Account(1001003, "Materials", SALES, STANDARD),
    Account(2001001, "Cost of sales", PURCHASES, STANDARD),
    Account(2001002, "Labour", PURCHASES, STANDARD),
    Account(2001003, "Materials", PURCHASES, STANDARD),
    Account(3001001, "Other income", SALES),
    Account(3001002, "Reclaimed expenses", SALES),
    Account(4001001, "Salaries", PURCHASES, OUT),
    Account(4001002, "PAYE", PURCHASES, OUT),
    Account(4001003, "NIC employees", PURCHASES, OUT),
    Account(4001004, "NIC employers", PURCHASES, OUT),
    Account(4001005, "Pension", PURCHASES, OUT),
    Account(4002001, "Rent and rates", PURCHASES),
    Account(4002002, "Heat and light", PURCHASES),
    Account(4002003, "Insurance", PURCHASES),
    Account(4003001, "Telephone", PURCHASES),
    Account(4003002, "Internet", PURCHASES),
    Account(4004001, "General administration", PURCHASES),
    Account(4004002, "Subscriptions", PURCHASES),
    Account(4005001, "Travel", PURCHASES),
    Account(4005002, "Mileage", PURCHASES, OUT),
    Account(4006001, "Advertising", PURCHASES),
    Account(4007001, "Accounting fees", PURCHASES),
    Account(4007002, "Legal fees", PURCHASES),
    Account(4008001, "Entertaining staff", PURCHASES),
    Account(4008002, "Entertaining clients", PURCHASES),
    *_numbered(4010001, "Depreciation"),
    Account(4011001, "Bad debt", PURCHASES),
    Account(4012001, "Amortisation"),
    Account(5001001, "Foreign exchange", NEITHER, OUT, "exchange"),
    Account(5501001, "Interest income", SALES, OUT),
    Account(6001001, "Interest expense", PURCHASES, OUT),
    Account(6001002, "Bank charges", PURCHASES, OUT),
    Account(6501001, "Corporation tax", NEITHER, OUT),
    *_numbered(7001001, "Fixed assets", PURCHASES),
    *_numbered(7002001, "Accumulated depreciation"),
    Account(7501001, "Trade debtors", NEITHER, OUT, "debtors"),
    Account(7501002, "Bad debt provision"),
    Account(7504001, "Inventory", PURCHASES),
    Account(8001001, "Loans", NEITHER, OUT),
    Account(8501001, "Trade creditors", NEITHER, OUT, "creditors"),
    Account(8502001, "VAT control", NEITHER, OUT, "vat"),
    Account(8502002, "VAT cash control", NEITHER, OUT, "vat_cash"),
    Account(8502003, "VAT payable", NEITHER, OUT, "vat_payable"),
    Account(8503002, "Corporation tax", NEITHER, OUT),
    Account(8503005, "Deferred revenue"),
    Account(9001001, "Share capital", NEITHER, OUT),
    Account(9001002, "Retained earnings", NEITHER, OUT),
    Account(9501001, "Dividends", NEITHER, OUT),
)
# What the Construction Industry Scheme adds, once it is switched on for a business.
CIS_CHART = (
    Account(1002001, "CIS labour revenue 20%", SALES),
    Account(1002002, "CIS labour revenue 30%", SALES),
    Account(1002003, "CIS labour revenue gross", SALES),
    Account(2002001, "CIS labour cost 20%", PURCHASES),
    Account(2002002, "CIS labour cost 30%", PURCHASES),
    Account(2002003, "CIS labour cost gross", PURCHASES),
    Account(7503001, "CIS debtor", NEITHER, OUT, "cis_sales"),
    Account(8503001, "CIS creditor", NEITHER, OUT, "cis_purchases"),
)
# Per cent of the net that the ledger deducts by itself from a line on one of these accounts.
CIS_DEDUCTIONS = {1002001: 20, 1002002: 30, 2002001: 20, 2002002: 30}
HEADINGS = frozenset({account.heading for account in CHART} | {BANK_HEADING})
ROLES = {account.role: account.code for account in (*CHART, *CIS_CHART) if account.role}
PAYMENT_METHODS = ("BACS", "Bank transfer", "Card", "Cash", "Cheque", "Direct debit")
