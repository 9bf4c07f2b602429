"""A CIS statement comes to paid bills, in a ledger that deducts by itself and in others."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import pytest

from clearbooks_sandbox import AccountingEngine, running
from tools.demo.stage import ROOT

HERE = ROOT / "examples" / "cis-to-paid-bills"
KINDS = {
    "deducts by itself": (["cis"], [], "CIS creditor", True),
    "has the accounts": (["cis"], ["no-cis-deduction"], "CIS creditor", False),
    "without CIS": ([], [], "CIS deductions", False),
}


class Contractor:
    """A contractor's ledger, and the example run into it as a program."""

    def __init__(self, sandbox, business, folder):
        self.sandbox, self.business, self.folder = sandbox, business, folder
        config = {
            "api_url": sandbox.url,
            "token_url": sandbox.token_url,
            "access_token": "sandbox-access-token",
            "business_ids": [business],
            "token_store": str(folder / "tokens.json"),
            "state_store": str(folder / "state.sqlite3"),
            "settle_seconds": 0,
        }
        (folder / "target.json").write_text(json.dumps(config))

    def run(self, statement=HERE / "statement.csv"):
        return subprocess.run(
            [sys.executable, HERE / "cis.py", statement, "--config", self.folder / "target.json"],
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def books(self):
        return self.sandbox.engine.books(self.business)

    @property
    def balances(self):
        return {row.name: row.balance for row in self.books.trial_balance() if row.balance}

    @property
    def writes(self):
        return sum(r.method != "GET" for r in list(self.sandbox.requests))


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture
def contractor(kind, tmp_path):
    features, dialects, _, _ = kind
    with running(AccountingEngine()) as sandbox:
        business = sandbox.engine.add_business("Holt & Daughters Ltd")
        for feature in features:
            sandbox.engine.switch_on(business, feature)
        sandbox.dialects.on(*dialects)
        yield Contractor(sandbox, business, tmp_path)


def test_every_bill_is_paid_and_the_trial_balance_is_that_of_the_statement(contractor, kind):
    done = contractor.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("The statement and the ledger agree.\n")
    bills = contractor.books.documents("purchases", "bills")
    assert [(row["status"], row["due"]) for row in bills] == [("paid", 0)] * 5
    found = contractor.balances
    cost = [found.pop(name) for name in list(found) if "abour" in name or "aterials" in name]
    # Worked out by hand from the file, whatever the ledger deducts.
    assert sum(cost) == Decimal("5634.54")
    assert found == {
        "VAT control": Decimal("806.91"),
        "Current account": Decimal("-5641.43"),
        kind[2]: Decimal("-800.02"),
    }
    # One payment each; another from the clearing account where the ledger deducts nothing.
    own = 0 if kind[3] else 4
    assert len(contractor.books.payments()) == 5 + own
    before = contractor.writes
    assert contractor.run().returncode == 0
    assert contractor.writes == before


def test_a_row_that_does_not_add_up_is_named_and_nothing_is_written(contractor, tmp_path):
    text = (HERE / "statement.csv").read_text()
    wrong = tmp_path / "wrong.csv"
    for old, new, words in (
        ("£240.00,,", "£241.00,,", "line 5: 20 % of the labour is 240.00"),
        ("£720.00", "£721.00", "line 6: the amounts do not come to 721.00"),
        ("05-Nov-2026", "31/02/2026", "line 7: '31/02/2026' should be a day"),
        ("Invoice no", "Invoice", "no rows below the columns"),
    ):
        wrong.write_text(text.replace(old, new))
        done = contractor.run(wrong)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert contractor.writes == 0
