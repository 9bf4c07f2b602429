"""Sales invoices, credit notes, receipts and quotes from the retailer's rows."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.demo.clerk import Allocation
from clearbooks_sandbox.demo.source import SaleRow, sales

if TYPE_CHECKING:
    from clearbooks_sandbox.demo.clerk import Clerk, Record

SALES, CARRIAGE = 1001001, 3001001
STANDARD, ZERO = "17.50:Standard", "0.00:Zero"
CASH = ""  # the CustomerID of those that the file does not name
TERMS = timedelta(days=30)
COUNTRIES = {
    "Australia": "AU", "Belgium": "BE", "EIRE": "IE", "France": "FR", "Germany": "DE",
    "Italy": "IT", "Netherlands": "NL", "Norway": "NO", "Poland": "PL", "Portugal": "PT",
    "Spain": "ES", "Switzerland": "CH", "United Kingdom": "GB",
}  # fmt: skip
OUTSIDE_EU = {"AU", "CH", "NO"}
_CARRIAGE_CODES = {"POST", "DOT", "C2"}
_WITH_QUOTE = 5
_WITH_FILE = 3
_REFUNDED = "14213"


def vat_of(country: str) -> tuple[str, str]:
    """VAT treatment and rate key of goods sent to a country in December 2010."""
    code = COUNTRIES[country]
    if code == "GB":
        return "UK", STANDARD
    return ("GE" if code in OUTSIDE_EU else "GEU"), ZERO


def is_stock_count(rows: list[SaleRow]) -> bool:
    """Whether an `InvoiceNo` is a stock count, not a sale: none of its lines has a price."""
    return all(row.unit_price == 0 for row in rows)


class Retail:
    """Enters the retailer's side of the business."""

    def __init__(self, clerk: Clerk, current: Record, takings: Record) -> None:
        self.clerk = clerk
        self.current = current
        self.takings = takings
        self.customers: dict[str, Record] = {}
        self.stock: dict[str, int] = {}
        self.invoices: dict[str, list[Record]] = defaultdict(list)
        self.notes: dict[str, list[Record]] = defaultdict(list)

    def enter(self) -> None:
        """Enter everything, in the order of the file."""
        documents = {n: rows for n, rows in sales().items() if not is_stock_count(rows)}
        for rows in documents.values():
            self._customer(rows[0])
            for row in rows:
                self._stock_item(row)
        for rows in list(documents.values())[:_WITH_QUOTE]:
            self._quote(rows)
        for number, rows in documents.items():
            self._document(number, rows)
        for number in list(documents)[:_WITH_FILE]:
            self._attach(documents[number])
        for customer in sorted(self.customers):
            self._settle(customer)

    def _customer(self, row: SaleRow) -> None:
        if row.customer in self.customers:
            return
        body: dict[str, Any] = {"name": "Cash customer"}
        if row.customer != CASH:
            body = {"name": f"Customer {row.customer}", "externalId": row.customer}
        body["address"] = {"countryCode": COUNTRIES[row.country]}
        self.customers[row.customer] = self.clerk.call("createCustomer", body)

    def _stock_item(self, row: SaleRow) -> None:
        if not row.is_goods or row.stock_code in self.stock:
            return
        item = self.clerk.call(
            "createStockItem",
            {
                "name": row.description or row.stock_code,
                "sku": row.stock_code,
                "type": "sales",
                "salesUnitPrice": row.unit_price,
                "salesAccountCode": SALES,
                "salesVatRateKey": STANDARD,
            },
        )
        self.stock[row.stock_code] = item["id"]

    def _body(self, rows: list[SaleRow], sign: int = 1) -> dict[str, Any]:
        first = rows[0]
        treatment, rate = vat_of(first.country)
        lines = []
        for row in rows:
            line: dict[str, Any] = {
                "description": row.description or row.stock_code,
                "unitPrice": row.unit_price,
                "quantity": sign * row.quantity,
                "accountCode": CARRIAGE if row.stock_code in _CARRIAGE_CODES else SALES,
                "vatRateKey": rate,
            }
            if row.stock_code in self.stock:
                line["stockItem"] = self.stock[row.stock_code]
            lines.append(line)
        return {
            "date": first.date.isoformat(),
            "reference": first.invoice,
            "customerId": self.customers[first.customer]["id"],
            "vatTreatment": treatment,
            "lineItems": lines,
        }

    def _quote(self, rows: list[SaleRow]) -> None:
        body = self._body(rows)
        body["date"] = (rows[0].date - timedelta(days=1)).isoformat()
        body["reference"] = f"Q{rows[0].invoice}"
        self.clerk.sales("quotes", body)

    def _document(self, number: str, rows: list[SaleRow]) -> None:
        customer, day = rows[0].customer, rows[0].date
        if number.startswith("C"):
            body = self._body(rows, sign=-1) | {"documentNumber": number}
            self.notes[customer].append(self.clerk.sales("creditNotes", body))
            return
        due = day if customer == CASH else day + TERMS
        body = self._body(rows) | {"documentNumber": number, "dateDue": due.isoformat()}
        self.invoices[customer].append(self.clerk.sales("invoices", body))

    def _attach(self, rows: list[SaleRow]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(SaleRow._fields)
        writer.writerows(rows)
        invoice = next(
            i for i in self.invoices[rows[0].customer] if i["reference"] == rows[0].invoice
        )
        self.clerk.call(
            "createSalesAttachment",
            text.getvalue().encode(),
            salesType="invoices",
            salesId=invoice["id"],
            fileName=f"{rows[0].invoice}-source.csv",
        )

    def _settle(self, customer: str) -> None:
        """Enter what a customer paid. It depends on the customer's number, to be repeatable."""
        record, invoices = self.customers[customer], self.invoices[customer]
        for note in self.notes[customer]:
            self.clerk.credit("sales", note, invoices)
        if customer == CASH:
            for invoice in invoices:
                self._receive(record, self.takings, [invoice], timedelta(days=0))
            return
        if customer == _REFUNDED:
            self._refund(record, self.notes[customer][0])
        open_invoices = [invoice for invoice in invoices if invoice["due"] > 0]
        rule = int(customer) % 10
        if not open_invoices or rule in (8, 9):
            return
        later = timedelta(days=14 + int(customer) % 14)
        if rule == 7:  # noqa: PLR2004 - one tenth of the customers pays half of the first invoice
            first = open_invoices[0]
            half = (first["due"] / 2).quantize(Decimal("0.01"))
            self._receive(record, self.current, [first], later, half)
            return
        extra = Decimal(10) if rule == 6 else Decimal(0)  # noqa: PLR2004 - and one ten pounds more
        self._receive(record, self.current, open_invoices, later, extra=extra)

    def _receive(
        self,
        customer: Record,
        account: Record,
        invoices: list[Record],
        later: timedelta,
        part: Decimal | None = None,
        extra: Decimal | int = 0,
    ) -> None:
        day = max(date.fromisoformat(invoice["date"]) for invoice in invoices) + later
        names = ", ".join(invoice["reference"] for invoice in invoices)
        parts = [Allocation(i, i["due"] if part is None else part) for i in invoices]
        self.clerk.pay("sales", customer["id"], account, day, f"Receipt {names}", parts, extra)

    def _refund(self, customer: Record, note: Record) -> None:
        day = date.fromisoformat(note["date"]) + TERMS
        text = f"Refund {note['reference']}"
        self.clerk.pay("sales", customer["id"], self.current, day, text, [], extra=-note["gross"])
