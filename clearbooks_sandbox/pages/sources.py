"""What a transaction was posted for, and the columns of postings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks_sandbox.pages.document_kinds import kind_of
from clearbooks_sandbox.pages.sections import allocations_of
from clearbooks_sandbox.pages.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clearbooks_sandbox.accounting.reader import Row

SOURCES = {
    "document": "Documents",
    "payment": "Payments",
    "allocation": "Exchange differences of allocations",
    "journal": "Journals",
}
TRANSACTION = Column("Transaction", "transactionId", "id", "transactions/{transactionId}")
DATE = Column("Date", "accountingDate", "day")
POSTED_FOR = Column("Posted for", "sourceName", link="{sourcePath}")
ACCOUNT = Column("Account", "accountLabel", link="account_codes/{accountCodeId}", head=True)
DEBIT = Column("Debit £", "debit", "home", total=True)
CREDIT = Column("Credit £", "credit", "home", total=True)


def with_source(row: Row) -> Row:
    """A transaction or posting with `sourceName`, and `sourcePath` where there is such a page."""
    source, number = row["source"], row["sourceId"]
    name, path = f"{source.capitalize()} {number}", f"{source}s/{number}"
    if source == "document":
        name = f"{kind_of(row['side'], row['kind']).singular} {row['documentNumber']}"
    elif source == "allocation":
        name = f"Exchange difference of allocation {number}"
        path = f"{allocations_of(row['side'])}?q={number}"
    if row.get("reverses"):
        name = f"Reversal: {name}"
    found = row | {"sourceName": name}
    return found if row.get("deleted") else found | {"sourcePath": path}


def with_account(row: Row) -> Row:
    """A posting with `accountLabel`, code and name of its account."""
    return row | {"accountLabel": f"{row['accountCodeId']} {row['accountName']}"}


def sums(rows: Sequence[Row]) -> Row:
    """Debits and credits of postings."""
    return {name: sum(row.get(name) or 0 for row in rows) for name in ("debit", "credit")}


def postings(rows: Sequence[Row], base: str, *leading: Column) -> Table:
    """A table of the postings of a document, payment or transaction."""
    shown = [with_account(row) for row in rows]
    return Table((*leading, ACCOUNT, DEBIT, CREDIT), shown, base, [("Total", sums(rows))])
