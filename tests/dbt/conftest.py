"""Books of both ways of voiding in one DuckDB file, built once for all test processes."""

from __future__ import annotations

import json
import logging
from decimal import Decimal

import pytest

from tests.dbt.warehouse import BESIDE, DAYS, DuckDB, Ledger, shared, shifted

# Voids are reversals, or take their transactions away; the second server spells other things, too.
DIALECTS = ((), ("voids-remove", "voided-listed", "prefixed-answers", "part-paid"))


def make(folder):
    """Messages of each run, the API's balances, and the built file."""
    runs, balances = [], {}
    logging.disable(logging.CRITICAL)
    for n, dialects in enumerate(DIALECTS):
        ledger = Ledger(folder.with_name(f"ledger-{n}"), *dialects)
        for number, lines in enumerate(ledger.runs):
            runs[number : number + 1] = [
                [
                    *(runs[number] if number < len(runs) else []),
                    *(shifted(line, n * BESIDE) for line in lines),
                ]
            ]
        for business in ledger.businesses:
            balances[business + n * BESIDE] = {day: ledger.balances(business, day) for day in DAYS}
        ledger.engine.close()
    logging.disable(logging.NOTSET)
    folder.mkdir()
    (folder / "runs.json").write_text(json.dumps(runs))
    (folder / "balances.json").write_text(json.dumps(balances, default=str))
    warehouse = DuckDB(folder)
    warehouse.load(runs)
    done = warehouse.dbt("build", clearbooks_as_at=DAYS, clearbooks_unified=True)
    (folder / "build.log").write_text(done.stdout)


@pytest.fixture(scope="session")
def root(tmp_path_factory, worker_id):
    """A folder that all test processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def books_folder(root):
    return shared(root, "dbt-books", make)


@pytest.fixture(scope="session")
def books(books_folder):
    return DuckDB(books_folder)


@pytest.fixture(scope="session")
def balances(books_folder):
    """Business -> day -> account -> the API's own sum."""
    found = json.loads((books_folder / "balances.json").read_text())
    return {
        int(business): {
            day: {int(code): Decimal(sum_) for code, sum_ in sums.items()}
            for day, sums in days.items()
        }
        for business, days in found.items()
    }
