"""Builds the ledgers that the benchmarks read, in a data folder of the sandbox.

    python benchmarks/ledger.py benchmarks/.work/ledger full third

Deterministic: every run makes the same records. A ledger that the folder already holds is left
alone. Each ledger is a business of its own.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from clearbooks_app.sandbox import DATABASE
from clearbooks_sandbox import AccountingEngine

Record = dict[str, Any]

FIRST_DAY = date(2021, 4, 6)
DAYS = 5 * 365
SALES_CODES = (1001001, 1001002, 1001003, 3001001)
PURCHASE_CODES = (2001001, 2001003, 4002002, 4003001, 4004001, 4004002, 4005001)
JOURNAL_CODES = (4010001, 7002001, 4001001, 4001002, 4001005, 8503005)
STANDARD = "20.00:Standard"
WORDS = ("oak", "ash", "elm", "beech", "maple", "walnut", "shelf", "table", "chair", "bench")


@dataclass(frozen=True, slots=True)
class Size:
    """How many records of each kind a ledger holds.

    `longer` is how many invoices have a fourth account. A payment posts 2 lines, an invoice 5 or
    6, a bill 4, a journal 4.
    """

    customers: int
    suppliers: int
    invoices: int
    bills: int
    payments: int
    journals: int
    longer: int

    def part(self, of: int) -> Size:
        """A ledger of the same proportions."""
        return Size(*(getattr(self, name) // of for name in self.__slots__))

    def counts(self) -> dict[str, int]:
        """Records by stream, as a reader of the whole ledger must find them."""
        return {
            "customers": self.customers,
            "suppliers": self.suppliers,
            "sales_invoices": self.invoices,
            "bills": self.bills,
            "payments": self.payments,
            "transactions": self.invoices + self.bills + self.payments + self.journals,
            "transaction_lines": 5 * self.invoices
            + self.longer
            + 4 * self.bills
            + 2 * self.payments
            + 4 * self.journals,
        }


FULL = Size(
    customers=2_000,
    suppliers=400,
    invoices=20_000,
    bills=8_000,
    payments=22_700,
    journals=5_000,
    longer=3_100,
)
SIZES = {"full": FULL, "third": FULL.part(3), "tiny": FULL.part(25)}


class Builder:
    """Enters one ledger through the sandbox's operations."""

    def __init__(self, engine: AccountingEngine, name: str, size: Size | None = None) -> None:
        self.engine, self.size = engine, size or SIZES[name]
        self.random = random.Random(name)  # noqa: S311 - no secret
        self.business = engine.add_business(name)
        self.bank = self.call("listBankAccounts")[0]
        self.customers: list[int] = []
        self.suppliers: list[int] = []

    def call(self, operation: str, body: object = None, **params: object) -> Any:
        """Carry out an operation; a refusal is an error."""
        reply = self.engine.call(operation, business_id=self.business, params=params, body=body)
        if reply.status >= 300:  # noqa: PLR2004
            raise SystemExit(f"{operation}: {reply.status} {reply.body.decode()[:500]}")
        return reply.json()

    def build(self) -> None:
        """Contacts, then documents, payments and journals mixed as in a real year."""
        size = self.size
        self.customers = [self._contact("Customer", n) for n in range(size.customers)]
        self.suppliers = [self._contact("Supplier", n) for n in range(size.suppliers)]
        work = (
            ["sale"] * (size.invoices - size.longer)
            + ["longer"] * size.longer
            + ["bill"] * size.bills
            + ["payment"] * size.payments
            + ["journal"] * size.journals
        )
        self.random.shuffle(work)
        # Payments wait for something to pay.
        work.sort(key=lambda kind: kind == "payment" and self.random.random() < 0.1)  # noqa: PLR2004
        unpaid: list[tuple[str, Record]] = []
        owed = 0
        for n, kind in enumerate(work):
            day = FIRST_DAY + timedelta(days=n * DAYS // len(work))
            if kind == "payment" and not unpaid:
                owed += 1
            elif kind == "payment":
                self._payment(*unpaid.pop(self.random.randrange(len(unpaid))), day)
            elif kind == "journal":
                self._journal(day, n)
            else:
                unpaid.append(self._document(kind, day, n))
        for _ in range(owed):
            self._payment(*unpaid.pop(), FIRST_DAY + timedelta(days=DAYS))

    def _contact(self, kind: str, n: int) -> int:
        name = f"{self.random.choice(WORDS).title()} & {self.random.choice(WORDS).title()} Ltd"
        body = {
            "name": f"{name} {n}",
            "contactName": {"title": "Ms", "forenames": "Anna", "surname": f"Weatherill{n}"},
            "email": f"accounts@{kind.lower()}{n}.example",
            "phone": "01947 600000",
            "address": {
                "building": str(n % 90 + 1),
                "line1": "Harbour Lane",
                "town": "Whitby",
                "postcode": "YO21 3PU",
                "countryCode": "GB",
            },
            "externalId": f"{kind[0]}-{n}",
        }
        return int(self.call(f"create{kind}", body)["id"])

    def _document(self, kind: str, day: date, n: int) -> tuple[str, Record]:
        bill = kind == "bill"
        accounts = self.random.sample(
            PURCHASE_CODES if bill else SALES_CODES, 2 if bill else 4 if kind == "longer" else 3
        )
        body: Record = {
            "date": day.isoformat(),
            "dateDue": (day + timedelta(days=30)).isoformat(),
            "reference": f"PO-{n:06}",
            "description": f"{self.random.choice(WORDS)} for site {n % 300}",
            "vatTreatment": "UK",
            "lineItems": [
                {
                    "description": f"{self.random.choice(WORDS)} {self.random.choice(WORDS)}",
                    "unitPrice": Decimal(self.random.randrange(100, 60_000)) / 100,
                    "quantity": self.random.randrange(1, 12),
                    "accountCode": account,
                    "vatRateKey": STANDARD,
                }
                for account in accounts
            ],
        }
        if bill:
            body["supplierId"] = self.random.choice(self.suppliers)
            return "purchases", self.call("createPurchaseDocument", body, purchaseType="bills")
        body["customerId"] = self.random.choice(self.customers)
        return "sales", self.call("createSalesDocument", body, salesType="invoices")

    def _payment(self, side: str, document: Record, day: date) -> None:
        sign = 1 if side == "sales" else -1
        contact = document["customerId" if side == "sales" else "supplierId"]
        body = {
            "date": day.isoformat(),
            "description": f"BACS {document['formattedDocumentNumber']}",
            "amount": sign * document["gross"],
            "contactId": contact,
            "bankAccountId": self.bank["id"],
            "paymentMethodId": self.bank["paymentMethods"][0]["id"],
        }
        payment = self.call("createPayment", body)
        allocation = {
            "invoiceId": document["id"],
            "paymentId": payment["id"],
            "allocationType": "payment",
            "amount": document["gross"],
        }
        self.call("createAllocation", allocation, invoiceType=side)

    def _journal(self, day: date, n: int) -> None:
        amounts = [Decimal(self.random.randrange(100, 90_000)) / 100 for _ in range(3)]
        amounts.append(-sum(amounts, start=Decimal(0)))
        codes = self.random.sample(JOURNAL_CODES, 4)
        lines = [
            {"accountCodeId": code, "amount": amount}
            for code, amount in zip(codes, amounts, strict=True)
        ]
        body = {"accountingDate": day.isoformat(), "description": f"Journal {n}", "lines": lines}
        self.call("createJournal", body)


def build(directory: Path, names: list[str]) -> None:
    """Make the ledgers that the directory does not hold yet, and check what it holds."""
    directory.mkdir(parents=True, exist_ok=True)
    engine = AccountingEngine(directory / DATABASE)
    try:
        known = {engine.books(n).business()["name"]: n for n in engine.business_ids()}
        for name in names:
            started = time.perf_counter()
            if name not in known:
                with engine.bulk():
                    builder = Builder(engine, name)
                    builder.build()
                known[name] = builder.business
                print(f"built the ledger {name!r} in {time.perf_counter() - started:.1f} s")
            _check(engine, known[name], SIZES[name].counts())
    finally:
        engine.close()


def _check(engine: AccountingEngine, business: int, wanted: dict[str, int]) -> None:
    """The ledger holds what the benchmarks say that it holds."""
    found = engine.books(business).counts()
    lines = engine.db.execute("SELECT count(*) FROM lines WHERE business = ?", (business,))
    found["transaction_lines"] = lines.fetchone()[0]
    wrong = {name: (found[name], count) for name, count in wanted.items() if found[name] != count}
    if wrong:
        raise SystemExit(f"the ledger differs from its plan (found, planned): {wrong}")


if __name__ == "__main__":
    build(Path(sys.argv[1]), sys.argv[2:])
