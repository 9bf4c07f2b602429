"""Account codes, bank accounts and stock items."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.ledger import (
    COST,
    CREDITORS,
    DEBTORS,
    EXCHANGE,
    VAT,
    Ledger,
    line,
)


def accounts(ledger):
    return {c["id"]: c for c in ledger.do("listAccountCodes", query={"limit": 200})}


def test_a_business_begins_with_the_default_chart(ledger):
    chart = accounts(ledger)
    assert {code: chart[code]["name"] for code in (1001001, 2001001, 4002001, 4008002)} == {
        1001001: "Revenue",
        2001001: "Cost of sales",
        4002001: "Rent and rates",
        4008002: "Entertaining clients",
    }
    assert {code: chart[code]["name"] for code in (DEBTORS, CREDITORS, VAT, EXCHANGE)} == {
        DEBTORS: "Trade debtors",
        CREDITORS: "Trade creditors",
        VAT: "VAT control",
        EXCHANGE: "Foreign exchange",
    }
    assert all(account["heading"] == code // 1000 for code, account in chart.items())
    # Most accounts propose no rate, and what is sold and bought for it proposes the usual one.
    assert {account["defaultVatRate"] for account in chart.values()} == {
        "",
        "0.00:Out",
        "20.00:Standard",
    }
    # One name on both sides: the side tells which is meant.
    assert [c for c, account in chart.items() if account["name"] == "Labour"] == [1001002, 2001002]


def test_cis_brings_its_accounts(ledger, engine):
    before = accounts(ledger)
    engine.switch_on(ledger.business, "cis")
    engine.switch_on(ledger.business, "cis")
    added = accounts(ledger).keys() - before.keys()
    assert added == {
        *(1002001, 1002002, 1002003),
        *(2002001, 2002002, 2002003),
        *(7503001, 8503001),
    }
    other = Ledger(engine, engine.add_business("Builders", features=["cis"]))
    assert added < accounts(other).keys()
    with pytest.raises(ValueError, match="no feature 'css'; there are: cis"):
        engine.switch_on(ledger.business, "css")


def test_an_account_may_propose_no_vat_rate(ledger):
    body = {"name": "Stationery", "heading": 4004, "purchases": True, "defaultVatRate": ""}
    made = ledger.do("createAccountCode", body)
    assert (made["id"], made["defaultVatRate"]) == (4004003, "")
    refused = ledger.refused("createAccountCode", body | {"heading": 1002})
    assert refused == (422, ["HEADING"])  # it comes with CIS


def test_account_codes(ledger):
    made = ledger.do("createAccountCode", {"name": "Web sales", "heading": 1001, "sales": True})
    assert (made["id"], made["purchases"]) == (1001004, False)
    customer = ledger.customer()
    ledger.sale(customer, line(1, made["id"]))
    assert ledger.refused("deleteAccountCode", accountCodeId=made["id"])[0] == 409
    assert ledger.refused("deleteAccountCode", accountCodeId=7501001)[0] == 409
    change = {"name": "Web", "heading": 1001, "sales": False}
    ledger.do("updateAccountCode", change, accountCodeId=made["id"])
    body = ledger.sale_body(customer, line(1, made["id"]))
    assert ledger.refused("createSalesDocument", body, salesType="invoices")[1] == ["ACCOUNT_CODE"]
    wrong = {"name": "", "heading": 4, "defaultVatRate": "x"}
    assert ledger.refused("createAccountCode", wrong)[1] == ["BLANK", "HEADING", "VAT_RATE_KEY"]


def test_bank_accounts_have_codes_of_their_own(ledger):
    [first] = ledger.do("listBankAccounts")
    assert (first["accountCode"], first["currency"]) == (7502001, "GBP")
    assert [m["name"] for m in first["paymentMethods"]][:2] == ["BACS", "Bank transfer"]
    made = ledger.do("createBankAccount", {"name": "Savings", "iban": "GB00"})
    assert made["accountCode"] == 7502002
    ledger.do("updateBankAccount", {"name": "Deposit"}, bankAccountId=made["id"])
    code = ledger.do("getAccountCode", accountCodeId=7502002)
    assert code["name"] == "Deposit"
    assert ledger.refused("createBankAccount", {"name": "x", "currency": "ABC"})[1] == ["CURRENCY"]
    ledger.pay(ledger.customer(), 1, made["id"])
    assert ledger.refused("deleteBankAccount", bankAccountId=made["id"])[0] == 409


def test_stock_items(ledger):
    wrong = {"name": "x", "type": "sales", "salesAccountCode": COST, "salesVatRateKey": "?"}
    assert ledger.refused("createStockItem", wrong)[1] == ["ACCOUNT_CODE", "VAT_RATE_KEY"]
    item = ledger.do("createStockItem", {"name": "x", "type": "both", "salesUnitPrice": 2.5})
    assert item["salesUnitPrice"] == Decimal("2.5")
    made = ledger.sale(ledger.customer(), line(1, stockItem=item["id"]))
    assert made["lineItems"][0]["stockItem"] == item["id"]
    body = ledger.sale_body(1, line(1, stockItem=9))
    assert ledger.refused("createSalesDocument", body, salesType="invoices")[1] == ["STOCK_ITEM"]
