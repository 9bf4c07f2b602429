"""Bills, expenses, credit notes and payments from the authority's rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.demo.clerk import Allocation
from clearbooks_sandbox.demo.source import SpendRow, spend

if TYPE_CHECKING:
    from clearbooks_sandbox.demo.clerk import Clerk, Record

NO_VAT = "0.00:Out"
UNPAID_SINCE = date(2011, 1, 25)
EXPENSES = {
    "BUSINESS ENTERTAINING",
    "BUSINESS FARES",
    "CONFERENCES & SEMINARS",
    "HOTEL ACCOMMODATION",
    "REFRESHMENTS/MEALS AT MEETINGS",
}
# Where the authority's codes stand in the chart of accounts: the longest beginning that fits.
HEADINGS = {
    "50": 4001, "51": 4002, "52": 4005, "53": 4004, "535": 4003, "537": 4005, "538": 4008,
    "540": 4006, "542": 4007, "543": 4004, "544": 4004, "55": 4004,
}  # fmt: skip
_WITH_FILE = 2


def heading_of(account_code: str) -> int:
    """The heading of the chart of accounts for one of the authority's codes."""
    return HEADINGS[max((p for p in HEADINGS if account_code.startswith(p)), key=len)]


class Purchases:
    """Enters the authority's side of the business."""

    def __init__(self, clerk: Clerk, current: Record) -> None:
        self.clerk = clerk
        self.current = current
        self.accounts: dict[str, int] = {}
        self.suppliers: dict[str, Record] = {}
        self.documents: dict[str, list[Record]] = defaultdict(list)
        self.notes: dict[str, list[Record]] = defaultdict(list)

    def enter(self) -> None:
        """Enter everything, documents first."""
        rows = spend()
        vendors: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            vendors[row.vendor_id].add(row.vendor)
        for row in rows:
            self._account(row)
            self._supplier(row, alone=len(vendors[row.vendor_id]) == 1)
        # Rows of one document stand apart in the file: its number keeps them together.
        groups: dict[tuple[str, str, date, bool], list[SpendRow]] = defaultdict(list)
        for row in rows:
            groups[row.vendor, row.document, row.date, row.amount < 0].append(row)
        for group in groups.values():
            self._document(group)
        for vendor in self.suppliers:
            self._settle(vendor)

    def _account(self, row: SpendRow) -> None:
        if row.account in self.accounts:
            return
        body = {
            "name": row.account,
            "heading": heading_of(row.account_code),
            "defaultVatRate": NO_VAT,
            "purchases": True,
        }
        self.accounts[row.account] = self.clerk.call("createAccountCode", body)["id"]

    def _supplier(self, row: SpendRow, *, alone: bool) -> None:
        if row.vendor in self.suppliers:
            return
        body: dict[str, Any] = {"name": row.vendor}
        if alone:
            body["externalId"] = row.vendor_id
        self.suppliers[row.vendor] = self.clerk.call("createSupplier", body)

    def _document(self, rows: list[SpendRow]) -> None:
        first = rows[0]
        body = {
            "date": first.date.isoformat(),
            "dateDue": first.date.isoformat(),
            "reference": first.document,
            "supplierId": self.suppliers[first.vendor]["id"],
            "vatTreatment": "UK",
            "lineItems": [
                {
                    "description": row.account,
                    "unitPrice": abs(row.amount),
                    "quantity": 1,
                    "accountCode": self.accounts[row.account],
                    "vatRateKey": NO_VAT,
                }
                for row in rows
            ],
        }
        if first.amount < 0:
            del body["dateDue"]  # a purchase credit note takes none
            note = self.clerk.purchase("creditNotes", body)
            self.notes[first.vendor].append(note)
            return
        kind = "expenses" if all(row.account in EXPENSES for row in rows) else "bills"
        document = self.clerk.purchase(kind, body)
        self.documents[first.vendor].append(document)
        if kind == "bills" and sum(map(len, self.documents.values())) <= _WITH_FILE:
            text = "\n".join(",".join(map(str, row)) for row in [SpendRow._fields, *rows])
            self.clerk.call(
                "createPurchaseAttachment",
                f"{text}\n".encode(),
                purchaseType=kind,
                purchaseId=document["id"],
                fileName=f"{first.document}-source.csv",
            )

    def _settle(self, vendor: str) -> None:
        documents = sorted(self.documents[vendor], key=lambda d: (d["date"], d["id"]))
        for note in self.notes[vendor]:
            self.clerk.credit("purchases", note, documents)
        payable = [d for d in documents if d["due"] > 0]
        for day, due in groupby(payable, key=lambda d: date.fromisoformat(d["date"])):
            if day >= UNPAID_SINCE:
                break
            parts = [Allocation(document, document["due"]) for document in due]
            supplier = self.suppliers[vendor]["id"]
            self.clerk.pay("purchases", supplier, self.current, day, f"BACS {vendor}", parts)
