"""A contractor's CIS statement into the ledger: bills, deductions and payments, all of it paid.

`python examples/cis-to-paid-bills/cis.py --config target.json` writes `statement.csv`, or the file
that is given, and compares the ledger with it to the penny. Run it as often as you like: what is
there already is not sent again.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import re
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tap_clearbooks
import target_clearbooks
from clearbooks.errors import ClearBooksError
from clearbooks.settings import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Message = dict[str, Any]

HERE = Path(__file__).resolve().parent
BANK = "Current account"
CLEARING = "CIS clearing"
OWN_LIABILITY = "CIS deductions"
CIS_CREDITOR = 8503001
VAT, CREDITORS = 8502001, 8501001
_COLUMNS = {
    "Subcontractor": "name",
    "UTR": "utr",
    "Invoice no": "invoice",
    "Paid on": "date",
    "Rate": "rate",
    "Gross (excl VAT)": "gross",
    "Materials": "materials",
    "Deducted": "deducted",
    "VAT": "vat",
    "Net paid": "net",
}
_FORMATS = ("%d/%m/%Y", "%d-%b-%Y", "%Y-%m-%d")
_PENNY, _NOTHING = Decimal("0.01"), Decimal("0.00")


class StatementError(Exception):
    """The file, or what the ledger made of it, is not what the statement says."""


@dataclass(frozen=True)
class Paid:
    """A subcontractor's invoice and its payment: a row of the statement."""

    name: str
    utr: str
    invoice: str
    date: str
    rate: int
    gross: Decimal
    materials: Decimal
    deducted: Decimal
    vat: Decimal
    net: Decimal

    @property
    def key(self) -> str:
        """Its source key: subcontractors share invoice numbers."""
        return f"{self.utr}/{self.invoice}"


# The file


def rows_of(path: Path) -> list[Paid]:
    """The rows of a statement; what stands above its columns, and its totals, are left out.

    Raises:
        StatementError: a row cannot be read, or does not add up.
    """
    names: list[str] = []
    found = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, cells in enumerate(csv.reader(file), 1):
            if not names:
                names = cells if set(_COLUMNS) <= set(cells) else []
                continue
            row = dict(zip(names, map(str.strip, cells), strict=False))
            if row.get("Invoice no"):
                found.append(_row(number, {_COLUMNS[n]: row[n] for n in _COLUMNS}))
    if not found:
        raise StatementError(f"{path}: no rows below the columns {', '.join(_COLUMNS)}")
    return found


def _row(number: int, row: Mapping[str, str]) -> Paid:
    try:
        amounts = {
            name: _money(row[name]) for name in ("gross", "materials", "deducted", "vat", "net")
        }
        rate = int(row["rate"].replace("%", ""))
        utr = re.sub(r"\D", "", row["utr"])
        paid = Paid(row["name"], utr, row["invoice"], _day(row["date"]), rate, **amounts)
    except (ValueError, ArithmeticError) as error:
        raise StatementError(f"line {number}: {error}") from None
    liable = (paid.gross - paid.materials) * rate / 100
    if abs(liable - paid.deducted) >= _PENNY:
        raise StatementError(f"line {number}: {rate} % of the labour is {liable:.2f}")
    if paid.gross + paid.vat - paid.deducted != paid.net:
        raise StatementError(f"line {number}: the amounts do not come to {paid.net}")
    return paid


def _money(text: str) -> Decimal:
    plain = re.sub(r"[£,\s]", "", text)
    return Decimal(0) if plain in ("", "-") else Decimal(plain)


def _day(text: str) -> str:
    for form in _FORMATS:
        try:
            return dt.datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a day
        except ValueError:
            continue
    raise ValueError(f"{text!r} should be a day such as 05/11/2026")


# The ledger


class Ledger:
    """A business, as tap and target see it.

    Args:
        config: Settings of the target, as `clearbooks connect --write --save` writes them.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._connection = {n: v for n, v in config.items() if n in Connection.properties()}

    def write(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Write records; their IDs in the ledger, by source key.

        Raises:
            StatementError: not all of them could be written.
        """
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder) / "results.jsonl"
            done = target_clearbooks.write({**self._config, "results_path": str(results)}, messages)
            lines = [json.loads(line) for line in results.read_text().splitlines()]
        if done.exit_code:
            reasons = [
                f"{r['source_key']}: {'; '.join(r['reasons'])}" for r in lines if r["reasons"]
            ]
            raise StatementError("not all was written: " + " | ".join(reasons))
        return {line["source_key"]: line["ledger_id"] for line in lines}

    def read(self, stream: str) -> list[dict[str, Any]]:
        """All records of a stream."""
        found: list[dict[str, Any]] = []

        def emit(message: Mapping[str, Any]) -> None:
            if message["type"] == "RECORD":
                found.append(message["record"])

        tap_clearbooks.read(self._connection, streams=[stream], emit=emit)
        return found


def accounts_of(ledger: Ledger) -> tuple[dict[str, int], bool]:
    """Accounts by rate, and whether the ledger has those of CIS."""
    codes = {row["id"] for row in ledger.read("account_codes")}
    with (HERE / "accounts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    has_cis = {int(row["with_cis"]) for row in rows} <= codes
    column = "with_cis" if has_cis else "without_cis"
    return {row["rate"]: int(row[column]) for row in rows}, has_cis


def bill(paid: Paid, accounts: Mapping[str, int]) -> Message:
    """The subcontractor's invoice, with labour and materials on lines of their own."""
    rate = "20%" if paid.vat else "0.00:Out"
    parts = (
        ("Labour", paid.gross - paid.materials, str(paid.rate)),
        ("Materials", paid.materials, "materials"),
    )
    return _record(
        "bills",
        paid.key,
        supplier={"externalId": paid.utr, "name": paid.name},
        reference=paid.invoice,
        date=paid.date,
        vatTreatment="UK",
        gross=paid.gross + paid.vat,
        lineItems=[
            {
                "description": words,
                "quantity": 1,
                "unitPrice": net,
                "accountCode": accounts[account],
                "vatRate": rate,
            }
            for words, net, account in parts
            if net
        ],
    )


def payment(paid: Paid, name: str, amount: Decimal, bank: str) -> Iterator[Message]:
    """A payment of a bill, and its allocation."""
    yield _record(
        "payments",
        f"{name} {paid.key}",
        supplier={"externalId": paid.utr},
        date=paid.date,
        amount=-amount,
        description=f"{name} {paid.invoice}",
        bankAccount=bank,
    )
    yield _record(
        "purchase_allocations",
        f"{name} {paid.key}",
        bill={"externalId": paid.key},
        payment={"externalId": f"{name} {paid.key}"},
        amount=amount,
    )


def deduction(paid: Paid, liability: int | str) -> Iterator[Message]:
    """What was kept back for HMRC, where the ledger has not: it pays the bill, and is owed."""
    yield from payment(paid, "CIS deducted", paid.deducted, CLEARING)
    yield _record(
        "journals",
        f"CIS {paid.key}",
        accountingDate=paid.date,
        description=f"CIS {paid.invoice}",
        lines=[
            {"accountCode": CLEARING, "amount": paid.deducted},
            {"accountCode": liability, "amount": -paid.deducted},
        ],
    )


def _record(stream: str, key: str, **fields: Any) -> Message:
    return {"type": "RECORD", "stream": stream, "record": {"externalId": key, **fields}}


def deducted_by_ledger(ledger: Ledger, bills: Mapping[str, int]) -> dict[str, Decimal]:
    """What the ledger has deducted from each bill by itself: of its gross neither due nor paid."""
    cleared: dict[int, Decimal] = defaultdict(Decimal)
    for row in ledger.read("purchase_allocations"):
        cleared[row["invoiceId"]] += row["amount"]
    by_id = {row["id"]: row for row in ledger.read("bills")}
    return {
        key: by_id[number]["gross"] - by_id[number]["due"] - cleared[number]
        for key, number in bills.items()
    }


# All of it


def write(ledger: Ledger, rows: Sequence[Paid]) -> dict[str, tuple[Decimal, Decimal]]:
    """Write a statement; what it says and what the ledger holds, by what is compared.

    Raises:
        StatementError: the ledger refuses a part of it, or has deducted something else.
        ClearBooksError: the ledger cannot be reached.
    """
    accounts, has_cis = accounts_of(ledger)
    suppliers = {paid.utr: _record("suppliers", paid.utr, name=paid.name) for paid in rows}
    known = ledger.write([*suppliers.values(), *(bill(paid, accounts) for paid in rows)])
    bills = {paid.key: known[paid.key] for paid in rows}
    by_itself = deducted_by_ledger(ledger, bills)
    messages: list[Message] = []
    liability: int | str = CIS_CREDITOR if has_cis else OWN_LIABILITY
    own = [paid for paid in rows if paid.deducted and not by_itself[paid.key]]
    if own:
        messages.append(_record("bank_accounts", CLEARING, name=CLEARING))
        if not has_cis:
            messages.append(
                _record("account_codes", OWN_LIABILITY, name=OWN_LIABILITY, heading=8503)
            )
    for paid in rows:
        if by_itself[paid.key] not in (0, paid.deducted):
            raise StatementError(
                f"{paid.key}: the ledger has deducted {by_itself[paid.key]}, the statement says "
                f"{paid.deducted}"
            )
        messages += payment(paid, "Paid", paid.net, BANK)
        messages += deduction(paid, liability) if paid in own else ()
    ledger.write(messages)
    return compared(ledger, rows, bills, liability)


def compared(
    ledger: Ledger, rows: Sequence[Paid], bills: Mapping[str, int], liability: int | str
) -> dict[str, tuple[Decimal, Decimal]]:
    """What the statement says, and what the ledger holds."""
    written = [row for row in ledger.read("bills") if row["id"] in set(bills.values())]
    balances: dict[int, Decimal] = defaultdict(Decimal)
    for transaction in ledger.read("transactions"):
        for line in transaction["lines"]:
            balances[line["accountCodeId"]] += line["amount"]
    codes = {row["name"]: row["id"] for row in ledger.read("account_codes")}
    cost = sum((balances[code] for code in balances if code // 1000 in (2001, 2002)), _NOTHING)
    owed = int(codes.get(liability, liability))

    def said(*names: str) -> Decimal:
        return sum((getattr(paid, name) for paid in rows for name in names), _NOTHING)

    def held(name: str) -> Decimal:
        return sum((row[name] for row in written), _NOTHING)

    paid = sum(row["status"] == "paid" for row in written)
    return {
        "bills that are paid": (Decimal(len(rows)), Decimal(paid)),
        "still due": (_NOTHING, held("due")),
        "gross with VAT": (said("gross", "vat"), held("gross")),
        "labour and materials": (said("gross"), cost),
        "VAT": (said("vat"), balances[VAT]),
        "paid from the bank": (said("net"), -balances[codes[BANK]]),
        "owed to HMRC for CIS": (said("deducted"), -balances[owed]),
        "trade creditors": (_NOTHING, balances[CREDITORS]),
        "on the clearing account": (_NOTHING, balances[codes.get(CLEARING, 0)]),
    }


def main() -> int:
    """The command line; 0 where all is paid, and the ledger agrees with the statement."""
    parser = argparse.ArgumentParser(description="Writes a CIS statement into a ledger.")
    parser.add_argument("statement", type=Path, nargs="?", default=HERE / "statement.csv")
    parser.add_argument("--config", type=Path, default=Path("target.json"))
    options = parser.parse_args()
    try:
        config = json.loads(options.config.read_text(encoding="utf-8"))
        found = write(Ledger(config), rows_of(options.statement))
    except (OSError, ValueError, StatementError, ClearBooksError) as error:
        print(f"cis: {error}", file=sys.stderr)
        return 1
    print(f"{'':28}{'statement':>14}{'ledger':>14}")
    for what, (file, there) in found.items():
        print(f"{what:28}{file:>14,}{there:>14,}{'' if file == there else '  differs'}")
    alike = all(file == there for file, there in found.values())
    print("The statement and the ledger agree." if alike else "They DIFFER.")
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
