"""Part one: the ledger into DuckDB, three questions to it, and a second run."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from tools.demo.stage import ROOT, Failed, Run, Stage, check, say, show_list, show_table
from tools.generate import replication

if TYPE_CHECKING:
    from pathlib import Path

QUERIES = ROOT / "examples" / "ledger-to-duckdb" / "queries"
JOB = "ledger-to-duckdb"
_ROWS_SHOWN = 6


def show(stage: Stage) -> None:
    """Run the pipeline, ask, change the ledger, run it again."""
    ledger = stage.folder / "ledger.duckdb"
    stage.environment["TARGET_DUCKDB_PATH"] = str(ledger)
    # The books are of 2010: a few yearly balances instead of those of nearly 200 months.
    stage.environment["TAP_CLEARBOOKS_BALANCE_PERIOD"] = "year"
    name = _call(stage, "getBusiness", {"businessId": stage.business})["name"]
    say(f"Reading the ledger of {name} into DuckDB with `meltano run {JOB}` ...\n")
    first = stage.meltano_run("first-run", JOB)
    rows = table_counts(ledger, first)
    show_list(f"{stream} {count:,}" for stream, count in sorted(first.records.items()))
    say(f"\n{_told(first)}\nThe database: {os.path.relpath(ledger)}")
    check(rows == first.records, "DuckDB holds as many rows as the tap sent, stream by stream")
    for name in ("trial_balance", "top_debtors", "vat_by_rate"):
        answered = _ask(ledger, QUERIES / f"{name}.sql")
        if name == "trial_balance":
            _check_balance(stage, answered)
    _again(stage, ledger, first)


def _told(run: Run) -> str:
    return f"{run.records.total():,} records in {run.requests:,} requests, {run.seconds:.1f} s."


def table_counts(ledger: Path, run: Run) -> Counter[str]:
    """Rows in the table of every stream that sent records."""
    with duckdb.connect(str(ledger), read_only=True) as db:
        return Counter(
            {s: db.execute(f'SELECT count(*) FROM "{s}"').fetchall()[0][0] for s in run.records}  # noqa: S608
        )


def answer(ledger: Path, query: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names and rows that a query gives."""
    with duckdb.connect(str(ledger), read_only=True) as db:
        cursor = db.execute(query.read_text(encoding="utf-8"))
        return [column[0] for column in cursor.description or ()], cursor.fetchall()


def _ask(ledger: Path, query: Path) -> list[tuple[Any, ...]]:
    """Print a query's title and what it answers."""
    head, rows = answer(ledger, query)
    title = query.read_text(encoding="utf-8").partition("\n")[0].removeprefix("-- ")
    say(f"\n{title} ({query.name})")
    show_table(head, rows[:_ROWS_SHOWN])
    if len(rows) > _ROWS_SHOWN:
        say(f"  ... and {len(rows) - _ROWS_SHOWN} more")
    return rows


def _check_balance(stage: Stage, rows: list[tuple[Any, ...]]) -> None:
    """The trial balance must cancel out, and be what the ledger itself says."""
    debit, credit = (sum(row[n] for row in rows) for n in (3, 4))
    check(debit == credit != 0, f"debits {debit:,} = credits {credit:,}: the balance is 0.00")
    days = {"accountingDateFrom": "2000-01-01", "accountingDateTo": date.max.isoformat()}
    ledger = _call(stage, "listAccountBalances", days)
    own = {str(b["accountCodeId"]): Decimal(b["balance"]) for b in ledger if b["balance"]}
    check({row[1]: row[3] - row[4] for row in rows} == own, "every account is as in the ledger")


def _again(stage: Stage, ledger: Path, first: Run) -> None:
    """Sell something, run again, and show what moved."""
    invoice = _sell(stage)
    number, gross = invoice["formattedDocumentNumber"], invoice["gross"]
    say(f"\nA new invoice, {number} over £{gross}, and the same run again ...\n")
    second = stage.meltano_run("second-run", JOB)
    show_table(
        ("stream", "first run", "second run", "read"),
        [(s, n, second.records[s], replication(s)) for s, n in sorted(first.records.items())],
    )
    say(f"\n{_told(second)}")
    say("By id: what is new. By date: what is new and the 30 days before, which may have changed.")
    say("Whole: lists for which the API cannot tell what changed.")
    grown = table_counts(ledger, first) - first.records
    check(second.records["transactions"] == 1, "of the transactions only the new one moved")
    check(grown["transactions"] == grown["sales_invoices"] == 1, "and DuckDB has it, once")


def _sell(stage: Stage) -> dict[str, Any]:
    """One more invoice like the newest, to the same customer, dated today."""
    newest = _call(
        stage, "listSalesDocuments", {"salesType": "invoices", "sortDirection": "descending"}
    )
    line = newest[0]["lineItems"][0]
    sale: dict[str, Any] = _call(
        stage,
        "createSalesDocument",
        {"salesType": "invoices"},
        {
            "customerId": newest[0]["customerId"],
            "date": date.today().isoformat(),  # noqa: DTZ011 - the day on the invoice is local
            "vatTreatment": "UK",
            "lineItems": [
                {
                    "description": line["description"],
                    "unitPrice": Decimal("12.50"),
                    "quantity": 4,
                    "accountCode": line["accountCode"],
                    "vatRateKey": "20.00:Standard",
                }
            ],
        },
    )
    return sale


def _call(stage: Stage, operation: str, params: dict[str, Any], body: Any = None) -> Any:
    reply = stage.sandbox.engine.call(
        operation, business_id=stage.business, params=params, query=params, body=body
    )
    if reply.status not in {200, 201}:
        raise Failed(f"{operation}: {reply.status} {reply.body.decode()}")
    return reply.json()
