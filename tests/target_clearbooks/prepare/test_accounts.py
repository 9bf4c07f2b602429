"""Accounts of lines, by number or name, on the side of the document."""

from __future__ import annotations

from decimal import Decimal

import pytest

from target_clearbooks.intent import Quarantined
from tests.ledger import COST, SALES
from tests.target_clearbooks.prepared import bill, invoice, line

ACME = {"name": "Acme Ltd"}


def test_accounts_take_one_side(ledger):
    ledger.customer()
    ledger.supplier()
    text = ledger.faults("sales_invoices", invoice(ACME, line(account=COST)))
    assert "account code 2001001 (Cost of sales) does not take sales" in text
    text = ledger.faults("bills", bill({"name": "Supplies Ltd"}, line(account=SALES)))
    assert "account code 1001001 (Revenue) does not take purchases" in text


def test_accounts_of_one_name(ledger):
    ledger.customer()
    for _ in range(2):
        ledger.do("createAccountCode", {"name": "Repairs", "heading": 1001, "sales": True})
    cost = ledger.do("createAccountCode", {"name": "Repairs", "heading": 2001, "purchases": True})
    outcome = ledger.prepare("sales_invoices", invoice(ACME, line(account="repairs")))
    assert isinstance(outcome, Quarantined)
    assert len(outcome.candidates) == 2
    ledger.supplier()
    body = ledger.body("bills", bill({"name": "Supplies Ltd"}, line(account="repairs")))
    assert body["lineItems"][0]["accountCode"] == cost["id"]


@pytest.mark.parametrize("code", [SALES, str(SALES), float(SALES), Decimal(SALES), " REVENUE "])
def test_ways_to_name_an_account(ledger, code):
    ledger.customer()
    body = ledger.body("sales_invoices", invoice(ACME, line(account=code)))
    assert body["lineItems"][0]["accountCode"] == SALES
