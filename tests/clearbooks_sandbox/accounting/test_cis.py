"""The Construction Industry Scheme: what is kept back of a subcontractor's labour."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.ledger import BANK, CREDITORS, DEBTORS, VAT, allocation, line

COST_20, COST_30, COST_GROSS, MATERIALS = 2002001, 2002002, 2002003, 2001003
REVENUE_20, REVENUE_30, REVENUE_GROSS = 1002001, 1002002, 1002003
CIS_DEBTOR, CIS_CREDITOR = 7503001, 8503001


@pytest.fixture
def cis(ledger):
    ledger.engine.switch_on(ledger.business, "cis")
    return ledger


def test_labour_of_a_subcontractor_is_paid_less_the_deduction(cis):
    made = cis.bill(cis.supplier(), line(1000, COST_20), line(300, MATERIALS))
    assert (made["net"], made["vat"], made["gross"]) == (1300, 260, 1560)
    assert made["due"] == 1360  # less 20 % of the labour alone
    assert cis.balances() == {
        COST_20: 1000,
        MATERIALS: 300,
        VAT: 260,
        CREDITORS: -1360,
        CIS_CREDITOR: -200,
    }


@pytest.mark.parametrize(
    ("account", "kept"), [(COST_20, 200), (COST_30, 300), (COST_GROSS, 0), (MATERIALS, 0)]
)
def test_the_account_of_a_line_says_how_much_is_deducted(cis, account, kept):
    made = cis.bill(cis.supplier(), line(1000, account))
    assert made["due"] == 1200 - kept
    assert cis.balances().get(CIS_CREDITOR, 0) == -kept


@pytest.mark.parametrize(
    ("account", "kept"), [(REVENUE_20, 200), (REVENUE_30, 300), (REVENUE_GROSS, 0)]
)
def test_a_contractor_pays_a_business_less_the_deduction(cis, account, kept):
    made = cis.sale(cis.customer(), line(1000, account))
    assert (made["gross"], made["due"]) == (1200, 1200 - kept)
    balances = cis.balances()
    assert balances[DEBTORS] == 1200 - kept
    assert balances.get(CIS_DEBTOR, 0) == kept


def test_a_credit_note_takes_the_deduction_back(cis):
    supplier = cis.supplier()
    cis.bill(supplier, line(1000, COST_20))
    note = cis.bill(supplier, line(1000, COST_20), kind="creditNotes")
    assert (note["gross"], note["due"]) == (1200, 1000)
    assert cis.balances() == {}


def test_what_is_due_pays_it(cis):
    supplier = cis.supplier()
    bill = cis.bill(supplier, line(1000, COST_20))["id"]
    payment = cis.pay(supplier, -1200)
    whole = allocation(bill, 1200, payment)
    assert cis.refused("createAllocation", whole, invoiceType="purchases") == (422, ["DUE"])
    cis.allocate(bill, 1000, payment=payment, side="purchases")
    paid = cis.do("getPurchaseDocument", purchaseType="bills", purchaseId=bill)
    assert (paid["due"], paid["gross"], paid["status"]) == (0, 1200, "paid")
    assert cis.balances() == {
        BANK: -1200,
        COST_20: 1000,
        VAT: 200,
        CREDITORS: 200,
        CIS_CREDITOR: -200,
    }


def test_a_revision_deducts_anew_and_a_void_nothing(cis):
    cis.engine.dialects.on("paid-changeable")
    supplier = cis.supplier()
    bill = cis.bill(supplier, line(1000, COST_20))["id"]
    cis.allocate(bill, 900, payment=cis.pay(supplier, -900), side="purchases")
    change = {"lineItems": [line(1000, COST_30)]}
    path = {"purchaseType": "bills", "purchaseId": bill}
    new = cis.do("updatePurchaseDocument", change, **path)
    assert (new["due"], new["status"]) == (0, "paid")
    smaller = {"lineItems": [line(990, COST_30)]}
    path["purchaseId"] = new["id"]
    assert cis.refused("updatePurchaseDocument", smaller, **path) == (422, ["ALLOCATED"])
    cis.do("deletePurchaseDocument", **path)
    assert cis.balances() == {BANK: -900, CREDITORS: 900}


def test_pennies_and_other_currencies(cis):
    made = cis.bill(cis.supplier(), line("0.99", COST_30, "0.00:Zero"))
    assert made["due"] == Decimal("0.69")
    dollars = {"currency": "USD", "exchangeRate": Decimal("1.25")}
    made = cis.sale(cis.customer(), line(1000, REVENUE_20, "0.00:Zero"), **dollars)
    assert (made["gross"], made["due"]) == (1000, 800)
    assert cis.balances()[CIS_DEBTOR] == 160


def test_more_cannot_be_deducted_than_the_total(cis):
    body = cis.bill_body(cis.supplier(), line(1000, COST_30), line(-900, MATERIALS))
    refused = cis.refused("createPurchaseDocument", body, purchaseType="bills")
    assert refused == (422, ["NEGATIVE_TOTAL"])


def test_a_quote_and_a_ledger_that_does_not_deduct(cis):
    quote = cis.sale(cis.customer(), line(1000, REVENUE_20), kind="quotes")
    assert (quote["gross"], "due" in quote) == (1200, False)
    cis.engine.dialects.on("no-cis-deduction")
    made = cis.bill(cis.supplier(), line(1000, COST_20))
    assert (made["gross"], made["due"]) == (1200, 1200)
    assert CIS_CREDITOR not in cis.balances()


def test_without_cis_there_are_no_such_accounts(ledger):
    body = ledger.bill_body(ledger.supplier(), line(1000, COST_20))
    refused = ledger.refused("createPurchaseDocument", body, purchaseType="bills")
    assert refused == (422, ["ACCOUNT_CODE"])


def test_part_paid_is_what_money_paid_and_not_what_was_deducted(cis):
    cis.engine.dialects.on("part-paid")
    supplier = cis.supplier()
    bill = cis.bill(supplier, line(1000, COST_20))
    path = {"purchaseType": "bills", "purchaseId": bill["id"]}

    def statuses():
        [listed] = cis.do("listPurchaseDocuments", purchaseType="bills")
        return listed["status"], cis.do("getPurchaseDocument", **path)["status"]

    assert (bill["gross"], bill["due"], bill["status"]) == (1200, 1000, "approved")
    assert statuses() == ("approved", "approved")
    payment = cis.pay(supplier, -1000)
    cis.allocate(bill["id"], 400, payment=payment, side="purchases")
    assert statuses() == ("part paid", "part paid")
    changed = cis.do("updatePurchaseDocument", {"reference": "new"}, **path)
    assert (changed["status"], changed["due"]) == ("part paid", 600)
    path["purchaseId"] = changed["id"]
    cis.allocate(changed["id"], 600, payment=payment, side="purchases")
    assert statuses() == ("paid", "paid")


def test_part_paid_where_nothing_is_deducted(cis):
    cis.engine.dialects.on("part-paid", "no-cis-deduction")
    supplier = cis.supplier()
    bill = cis.bill(supplier, line(1000, COST_20))["id"]
    cis.allocate(bill, 200, payment=cis.pay(supplier, -200), side="purchases")
    [listed] = cis.do("listPurchaseDocuments", purchaseType="bills")
    assert (listed["due"], listed["status"]) == (1000, "part paid")
