"""Part one: the ledger into DuckDB, the reports on it, and a second run."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from tools.demo import books
from tools.demo.stage import Failed, Run, Stage, check, say, show_list, show_table
from tools.generate import replication

if TYPE_CHECKING:
    from pathlib import Path

JOB = "ledger-to-books"
PIPELINE = ("tap-clearbooks", "target-duckdb")


def show(stage: Stage) -> None:
    """Run the pipeline, ask, change the ledger, run it again."""
    ledger = stage.folder / "ledger.duckdb"
    stage.environment["TARGET_DUCKDB_PATH"] = str(ledger)
    books.prepare(stage, ledger)
    name = _call(stage, "getBusiness", {"businessId": stage.business})["name"]
    say(
        f"Reading the ledger of {name} into DuckDB, and its\n"
        f"books from that with `meltano run {JOB}` ...\n"
    )
    first = stage.meltano_run("first-run", JOB)
    rows = table_counts(ledger, first)
    show_list(f"{stream} {count:,}" for stream, count in sorted(first.records.items()))
    say(f"\n{_told(first)} Books and tests are in it.")
    say(f"The database: {os.path.relpath(ledger)}")
    check(rows == first.records, "DuckDB holds as many rows as the tap sent, stream by stream")
    books.show(stage, ledger)
    _again(stage, ledger, first)


def _told(run: Run) -> str:
    return f"{run.records.total():,} records in {run.requests:,} requests, {run.seconds:.1f} s."


def table_counts(ledger: Path, run: Run) -> Counter[str]:
    """Rows in the table of every stream that sent records."""
    with duckdb.connect(str(ledger), read_only=True) as db:
        return Counter(
            {s: db.execute(f'SELECT count(*) FROM "{s}"').fetchall()[0][0] for s in run.records}  # noqa: S608
        )


def _again(stage: Stage, ledger: Path, first: Run) -> None:
    """Sell something, run again, and show what moved."""
    invoice = _sell(stage)
    number, gross = invoice["formattedDocumentNumber"], invoice["gross"]
    say(f"\nA new invoice, {number} over £{gross}, and a run of tap and loader ...\n")
    second = stage.meltano_run("second-run", *PIPELINE)
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
