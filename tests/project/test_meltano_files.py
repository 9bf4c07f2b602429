"""`meltano run tap-clearbooks-files target-clearbooks`: files into a ledger, and nothing twice."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from decimal import Decimal

import pytest

from clearbooks_sandbox import AccountingEngine, running
from tests.clearbooks_files.conftest import SAMPLES
from tools.demo.stage import Stage

BLOCKS = ("tap-clearbooks-files", "target-clearbooks")


@pytest.fixture
def stage(tmp_path):
    engine = AccountingEngine()
    business = engine.add_business("Files Limited")
    with running(engine) as sandbox:
        yield Stage(sandbox, business, tmp_path, {"TARGET_CLEARBOOKS_SETTLE_SECONDS": "1"})


def writes(stage):
    return Counter(
        r.path.split("/accounting/")[-1].split("?")[0].split("/")[0]
        for r in list(stage.sandbox.requests)
        if r.method != "GET"
    )


def test_the_file_of_the_project(stage):
    """As meltano.yml has it, without another setting."""
    stage.meltano_run("first", *BLOCKS)
    assert writes(stage) == {"customers": 3}


def test_files_of_an_inbox_go_in_once_and_again_when_they_change(stage, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name in ("payroll.csv", "shopify_orders.csv"):
        shutil.copy(SAMPLES[name], inbox / name)
    stage.environment |= {
        "TAP_CLEARBOOKS_FILES_FILES": json.dumps(
            [
                {"path": str(inbox / "pay*.csv"), "as": "payroll"},
                {"path": str(inbox / "shop*.csv"), "as": "shopify-daily"},
            ]
        ),
        "TARGET_CLEARBOOKS_CREATE_MISSING": '["customers"]',
    }
    stage.meltano_run("first", *BLOCKS)
    assert writes(stage) == {"customers": 1, "sales": 2, "journals": 1}
    books = stage.sandbox.engine.books(stage.business)
    balances = {row.name: row.balance for row in books.trial_balance()}
    assert (balances["Trade debtors"], balances["Salaries"]) == (
        Decimal("65.93"),
        Decimal("6750.50"),
    )
    stage.meltano_run("again", *BLOCKS)
    assert writes(stage).total() == 4
    orders = inbox / "shopify_orders.csv"
    orders.write_text(orders.read_text().replace("Bo Ström,10.00", "Bo Ström,4.00"))
    stage.meltano_run("changed", *BLOCKS)
    assert writes(stage) == {"customers": 1, "sales": 3, "journals": 1}
