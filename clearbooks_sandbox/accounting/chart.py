"""The chart of accounts that every new business begins with.

A code is its heading and three digits. `role` marks the accounts that the ledger posts to by
itself; they cannot be deleted.
"""

from __future__ import annotations

from typing import NamedTuple

SALES, PURCHASES, NEITHER = "sales", "purchases", ""
STANDARD, ZERO, EXEMPT, OUT = "20.00:Standard", "0.00:Zero", "0.00:Exempt", "0.00:Out"

BANK_HEADING = 7502
HEADINGS = {
    1001: "Turnover",
    1002: "Other income",
    2001: "Cost of sales",
    3001: "Staff costs",
    3002: "Premises",
    3003: "Office costs",
    3004: "Travel",
    3005: "Professional fees",
    3006: "Finance costs",
    3007: "Marketing",
    3008: "Other costs",
    5001: "Fixed assets",
    7501: "Stock",
    BANK_HEADING: "Bank accounts",
    7503: "Debtors",
    8001: "Creditors",
    8002: "Taxes",
    8003: "Payroll",
    9001: "Capital and reserves",
    9002: "Suspense",
}


class Account(NamedTuple):
    """An account of the chart."""

    code: int
    name: str
    takes: str = NEITHER
    vat: str = OUT
    role: str | None = None

    @property
    def heading(self) -> int:
        """The heading that the account belongs to."""
        return self.code // 1000


CHART = (
    Account(1001001, "Sales", SALES, STANDARD),
    Account(1001002, "Sales of services", SALES, STANDARD),
    Account(1001003, "Carriage charged to customers", SALES, STANDARD),
    Account(1001004, "Labour income (CIS)", SALES, STANDARD),
    Account(1001005, "Materials income (CIS)", SALES, STANDARD),
    Account(1002001, "Other income", SALES, OUT),
    Account(1002002, "Interest received", SALES, EXEMPT),
    Account(1002003, "Grants received", SALES, OUT),
    Account(2001001, "Cost of goods sold", PURCHASES, STANDARD),
    Account(2001002, "Subcontractors: labour (CIS)", PURCHASES, STANDARD),
    Account(2001003, "Subcontractors: materials (CIS)", PURCHASES, STANDARD),
    Account(2001004, "Carriage in", PURCHASES, STANDARD),
    Account(3001001, "Wages and salaries", PURCHASES, OUT),
    Account(3001002, "Employer's National Insurance", PURCHASES, OUT),
    Account(3001003, "Employer's pension contributions", PURCHASES, OUT),
    Account(3001004, "Agency staff", PURCHASES, STANDARD),
    Account(3001005, "Training", PURCHASES, STANDARD),
    Account(3001006, "Recruitment", PURCHASES, STANDARD),
    Account(3002001, "Rent", PURCHASES, EXEMPT),
    Account(3002002, "Business rates", PURCHASES, OUT),
    Account(3002003, "Light, heat and water", PURCHASES, STANDARD),
    Account(3002004, "Repairs and maintenance", PURCHASES, STANDARD),
    Account(3002005, "Cleaning", PURCHASES, STANDARD),
    Account(3003001, "Stationery and printing", PURCHASES, STANDARD),
    Account(3003002, "Postage", PURCHASES, EXEMPT),
    Account(3003003, "Telephone and internet", PURCHASES, STANDARD),
    Account(3003004, "Computers and software", PURCHASES, STANDARD),
    Account(3003005, "Subscriptions", PURCHASES, STANDARD),
    Account(3004001, "Travel", PURCHASES, ZERO),
    Account(3004002, "Subsistence and catering", PURCHASES, STANDARD),
    Account(3004003, "Vehicle costs", PURCHASES, STANDARD),
    Account(3005001, "Accountancy and audit", PURCHASES, STANDARD),
    Account(3005002, "Legal fees", PURCHASES, STANDARD),
    Account(3005003, "Consultancy", PURCHASES, STANDARD),
    Account(3006001, "Bank charges", PURCHASES, EXEMPT),
    Account(3006002, "Interest paid", PURCHASES, EXEMPT),
    Account(3006003, "Exchange gains and losses", NEITHER, OUT, "exchange"),
    Account(3006004, "Bad debts", PURCHASES, OUT),
    Account(3007001, "Advertising and marketing", PURCHASES, STANDARD),
    Account(3007002, "Events", PURCHASES, STANDARD),
    Account(3008001, "Insurance", PURCHASES, EXEMPT),
    Account(3008002, "Grants and donations paid", PURCHASES, OUT),
    Account(3008003, "Sundry expenses", PURCHASES, STANDARD),
    Account(3008004, "Depreciation", NEITHER),
    Account(5001001, "Office equipment", PURCHASES, STANDARD),
    Account(5001002, "Furniture and fittings", PURCHASES, STANDARD),
    Account(5001003, "Accumulated depreciation", NEITHER),
    Account(7501001, "Stock", PURCHASES, STANDARD),
    Account(7503001, "Trade debtors", NEITHER, OUT, "debtors"),
    Account(7503002, "Prepayments", PURCHASES, STANDARD),
    Account(8001001, "Trade creditors", NEITHER, OUT, "creditors"),
    Account(8001002, "Accruals", NEITHER),
    Account(8002001, "VAT on sales", NEITHER, OUT, "vat_sales"),
    Account(8002002, "VAT on purchases", NEITHER, OUT, "vat_purchases"),
    Account(8002003, "VAT paid to HMRC", PURCHASES, OUT),
    Account(8002004, "PAYE and National Insurance", NEITHER),
    Account(8002005, "CIS deductions", NEITHER),
    Account(8002006, "Corporation tax", NEITHER),
    Account(8003001, "Net wages", NEITHER),
    Account(8003002, "Pension contributions payable", NEITHER),
    Account(9001001, "Share capital", NEITHER),
    Account(9001002, "Retained earnings", NEITHER),
    Account(9001003, "Director's loan account", NEITHER),
    Account(9001004, "Drawings", NEITHER),
    Account(9002001, "Suspense", NEITHER),
)
ROLES = {account.role: account.code for account in CHART if account.role}
PAYMENT_METHODS = ("BACS", "Bank transfer", "Card", "Cash", "Cheque", "Direct debit")
