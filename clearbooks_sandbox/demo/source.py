"""The rows of the data files as typed records."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA = files("clearbooks_sandbox.demo") / "data"
_GOODS_DIGITS = 5


class SaleRow(NamedTuple):
    """A line of the retailer's sales."""

    invoice: str
    stock_code: str
    description: str
    quantity: int
    date: date
    unit_price: Decimal
    customer: str
    country: str

    @property
    def is_goods(self) -> bool:
        """Whether it is an article, not postage, a discount or the like."""
        return self.stock_code[:_GOODS_DIGITS].isdigit()


class SpendRow(NamedTuple):
    """A payment of the authority."""

    id: str
    vendor_id: str
    vendor: str
    account_code: str
    account: str
    document: str
    amount: Decimal
    date: date


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (_DATA / name).read_text(encoding="utf-8")
    yield from csv.DictReader(io.StringIO(text, newline=""))


def sales() -> dict[str, list[SaleRow]]:
    """The retailer's rows by `InvoiceNo`, in the file's order."""
    rows = (
        SaleRow(
            row["InvoiceNo"],
            row["StockCode"],
            row["Description"].strip(),
            int(row["Quantity"]),
            datetime.fromisoformat(row["InvoiceDate"]).date(),
            Decimal(row["UnitPrice"]),
            row["CustomerID"],
            row["Country"],
        )
        for row in _rows("online_retail.csv")
    )
    return {number: list(lines) for number, lines in groupby(rows, attrgetter("invoice"))}


def spend() -> list[SpendRow]:
    """The authority's rows, in the file's order."""
    return [
        SpendRow(
            row["ID"],
            row["VendorID"],
            row["Vendor"],
            row["AccountCode"],
            row["AccountDescription"],
            row["DocNo"],
            Decimal(row["Amount"]),
            date.fromisoformat(row["Date"]),
        )
        for row in _rows("gla_spend.csv")
    ]
