"""Account codes, bank accounts and stock items."""

from __future__ import annotations

from decimal import Decimal

from tests.clearbooks_sandbox.conftest import COST, line


def test_account_codes(ledger):
    made = ledger.do("createAccountCode", {"name": "Web sales", "heading": 1001, "sales": True})
    assert (made["id"], made["purchases"]) == (1001006, False)
    customer = ledger.customer()
    ledger.sale(customer, line(1, made["id"]))
    assert ledger.refused("deleteAccountCode", accountCodeId=made["id"])[0] == 409
    assert ledger.refused("deleteAccountCode", accountCodeId=7503001)[0] == 409
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
