"""The books as models: reports beside the ledger's own figures, and damage that the tests catch."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from tools.demo.stage import Failed, check, say, show_table

if TYPE_CHECKING:
    from pathlib import Path

    from tools.demo.stage import Stage

_ROWS_SHOWN = 8
_CUSTOMERS = 5
_MONTH_ENDS = (date(2010, 12, 31), date(2011, 1, 31))
_PROOF = "clearbooks_lines_equal_the_ledgers_balances"


def prepare(stage: Stage, ledger: Path) -> None:
    """Have dbt work on the file that the loader writes, and leave what it makes in the folder."""
    stage.environment |= {
        "DBT_DUCKDB": str(ledger),
        "DBT_TARGET_PATH": str(stage.folder / "dbt"),
        "DBT_LOG_PATH": str(stage.folder / "dbt"),
    }


def show(stage: Stage, ledger: Path) -> None:
    """Ask the models, and compare what they answer with the ledger's own sums."""
    with duckdb.connect(str(ledger), read_only=True) as db:
        db.execute("SET search_path = 'books'")
        _trial_balance(stage, db)
        _aged_debtors(db)
        _vat(db)
        _balance_sheet(db)
    _damage(stage, ledger)


def _trial_balance(stage: Stage, db: duckdb.DuckDBPyConnection) -> None:
    say("\nTrial balance, beside the ledger's own account balances (model trial_balance)")
    own = [ledger_balances(stage, day) for day in _MONTH_ENDS]
    rows = db.execute(
        "SELECT account_id, any_value(account), sum(balance) FILTER (date = ?), "
        "sum(balance) FILTER (date = ?) FROM trial_balance "
        "WHERE account_id IS NOT NULL AND date IN (?, ?) GROUP BY ALL ORDER BY account_id",
        [*_MONTH_ENDS, *_MONTH_ENDS],
    ).fetchall()
    zero = Decimal("0.00")
    lines = []
    for code, name, *sums in rows:
        here = [found or zero for found in sums]
        there = [balances.pop(code, zero) for balances in own]
        off = sum(abs(a - b) for a, b in zip(here, there, strict=True))
        lines.append((f"{code} {name}", here[0], there[0], here[1], there[1], off))
    first, second = (day.strftime("%d %b %Y") for day in _MONTH_ENDS)
    show_table(("account", first, "ledger", second, "ledger", "difference"), lines[:_ROWS_SHOWN])
    say(f"  ... and {len(lines) - _ROWS_SHOWN} more")
    check(
        not any(own) and not any(line[-1] for line in lines),
        f"all {len(lines)} accounts are at both month ends what the ledger says",
    )
    debits = sum((max(line[3], zero) for line in lines), zero)
    credits_ = sum((max(-line[3], zero) for line in lines), zero)
    check(debits == credits_ != 0, f"debits {debits:,} = credits {credits_:,}: the balance is 0.00")


def ledger_balances(stage: Stage, day: date) -> dict[int, Decimal]:
    """The API's own sums by account up to a day.

    Raises:
        Failed: the sandbox refused.
    """
    reply = stage.sandbox.engine.call(
        "listAccountBalances",
        business_id=stage.business,
        params={},
        query={"accountingDateFrom": "1900-01-01", "accountingDateTo": day.isoformat()},
    )
    if not reply.ok:
        raise Failed(f"listAccountBalances: {reply.body.decode()}")
    return {b["accountCodeId"]: Decimal(b["balance"]) for b in reply.json() if b["balance"]}


def _aged_debtors(db: duckdb.DuckDBPyConnection) -> None:
    day = _MONTH_ENDS[1]
    say(f"\nAged debtors on {day:%d %B %Y}, the largest (model aged_debtors)")
    cursor = db.execute(
        "SELECT contact, not_due, days_1_30, days_31_60, days_over_90, unallocated, total "
        "FROM aged_debtors WHERE date = ? ORDER BY total DESC, contact LIMIT ?",
        [day, _CUSTOMERS],
    )
    show_table([column[0] for column in cursor.description or ()], cursor.fetchall())
    (owed, customers), (control, account) = (
        _one(db, "SELECT sum(total), count(*) FROM aged_debtors WHERE date = ?", day),
        _one(
            db,
            "SELECT ledger, account_id FROM control_accounts WHERE role = 'debtors' AND date = ?",
            day,
        ),
    )
    check(owed == control, f"{customers} customers owe {owed:,}: the control account {account}")


def _vat(db: duckdb.DuckDBPyConnection) -> None:
    say("\nVAT by quarter (model vat_summary; no return that was filed)")
    cursor = db.execute(
        "SELECT period_end, box_1, box_2, box_3, box_4, box_5, box_6, box_7, box_8, box_9 "
        "FROM vat_summary ORDER BY period_end LIMIT ?",
        [_ROWS_SHOWN],
    )
    show_table([column[0] for column in cursor.description or ()], cursor.fetchall())
    (documents, ledger, wrong) = _one(
        db,
        "SELECT sum(documents), sum(ledger), count(*) FILTER (difference <> 0) "
        "FROM vat_reconciliation",
    )
    check(
        wrong == 0,
        f"VAT of documents {documents:,} = movement of the VAT accounts {ledger:,}, in every month",
    )


def _balance_sheet(db: duckdb.DuckDBPyConnection) -> None:
    assets, liabilities, equity, profit = _one(
        db,
        "SELECT sum(amount) FILTER (class = 'asset'), sum(amount) FILTER (class = 'liability'), "
        "sum(amount) FILTER (class = 'equity'), sum(amount) FILTER (account = 'Profit of the year')"
        " FROM balance_sheet WHERE date = ?",
        _MONTH_ENDS[1],
    )
    say("\nBalance sheet (model balance_sheet)")
    check(
        assets == liabilities + equity,
        f"assets {assets:,} = liabilities {liabilities:,} + equity {equity:,}, "
        f"of which profit of the year {profit:,}",
    )


def _one(db: duckdb.DuckDBPyConnection, query: str, *values: object) -> Any:
    return db.execute(query, values).fetchall()[0]


def _damage(stage: Stage, ledger: Path) -> None:
    """Move a penny between two accounts in a copy, and have the tests run on that."""
    damaged = stage.folder / "damaged.duckdb"
    shutil.copyfile(ledger, damaged)
    with duckdb.connect(str(damaged)) as db:
        line = "accountingdate = '2010-12-01' AND transactionid = 2"
        for account, penny in ((1001001, "+ 0.01"), (7501001, "- 0.01")):
            db.execute(
                f"UPDATE transaction_lines SET amount = amount {penny} "  # noqa: S608 - ours
                f"WHERE {line} AND accountcodeid = {account}"
            )
    say("\nA penny is moved from one account to another, and `meltano run dbt:build` again ...")
    broken = replace(stage, environment={**stage.environment, "DBT_DUCKDB": str(damaged)})
    code = broken.start("damaged", "dbt:build").wait()
    found = json.loads((stage.folder / "dbt" / "run_results.json").read_text(encoding="utf-8"))
    failed, skipped = (
        [r["unique_id"].split(".")[2] for r in found["results"] if r["status"] == status]
        for status in ("fail", "skipped")
    )
    say(f"  failed: {', '.join(failed)}; not built behind it: {len(skipped)} models and tests")
    check(code == 1 and _PROOF in failed, "the damage is caught, and the run ends with exit code 1")
