"""Contacts, account codes, bank accounts, stock items, VAT, feeds, attachments."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest

from clearbooks_sandbox import AccountingEngine
from tests.clearbooks_sandbox.conftest import COST, Ledger, line


def test_contacts_share_their_ids(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    assert (customer, supplier) == (1, 2)
    assert ledger.refused("getCustomer", customerId=supplier)[0] == 404


def test_contact_faults(ledger):
    bad = {"name": " ", "address": {"countryCode": "UK"}}
    assert ledger.refused("createCustomer", bad) == (422, ["blank", "countryCode"])


def test_contact_update_keeps_what_is_not_sent(ledger):
    number = ledger.customer(email="a@example.org", contactName={"surname": "Ng"})
    made = ledger.do("updateCustomer", {"name": "New"}, customerId=number)
    assert made == {"id": number, "name": "New", "email": "a@example.org",
                    "contactName": {"surname": "Ng"}, "archived": False}  # fmt: skip


def test_used_contacts_are_not_deleted(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    ledger.sale(customer)
    ledger.pay(supplier, -1)
    assert ledger.refused("deleteCustomer", customerId=customer)[0] == 409
    assert ledger.refused("deleteSupplier", supplierId=supplier)[0] == 409


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
    assert ledger.refused("createSalesDocument", body, salesType="invoices")[1] == ["accountCode"]
    wrong = {"name": "", "heading": 4, "defaultVatRate": "x"}
    assert ledger.refused("createAccountCode", wrong)[1] == ["blank", "heading", "vatRateKey"]


def test_bank_accounts_have_codes_of_their_own(ledger):
    [first] = ledger.do("listBankAccounts")
    assert (first["accountCode"], first["currency"]) == (7502001, "GBP")
    assert [m["name"] for m in first["paymentMethods"]][:2] == ["BACS", "Bank transfer"]
    made = ledger.do("createBankAccount", {"name": "Savings", "iban": "GB00"})
    assert made["accountCode"] == 7502002
    ledger.do("updateBankAccount", {"name": "Deposit"}, bankAccountId=made["id"])
    code = ledger.do("getAccountCode", accountCodeId=7502002)
    assert code["name"] == "Deposit"
    assert ledger.refused("createBankAccount", {"name": "x", "currency": "ABC"})[1] == ["currency"]
    ledger.pay(ledger.customer(), 1, made["id"])
    assert ledger.refused("deleteBankAccount", bankAccountId=made["id"])[0] == 409


def test_stock_items(ledger):
    wrong = {"name": "x", "type": "sales", "salesAccountCode": COST, "salesVatRateKey": "?"}
    assert ledger.refused("createStockItem", wrong)[1] == ["accountCode", "vatRateKey"]
    item = ledger.do("createStockItem", {"name": "x", "type": "both", "salesUnitPrice": 2.5})
    assert item["salesUnitPrice"] == Decimal("2.5")
    made = ledger.sale(ledger.customer(), line(1, stockItem=item["id"]))
    assert made["lineItems"][0]["stockItem"] == item["id"]
    body = ledger.sale_body(1, line(1, stockItem=9))
    assert ledger.refused("createSalesDocument", body, salesType="invoices")[1] == ["stockItem"]


def rates(ledger, side="sales", **query):
    return [r["key"] for r in ledger.do("listVatRates", vatType=side, query=query)]


def test_vat_rates_by_date_treatment_and_contact(ledger):
    assert rates(ledger, vatTreatment="UK", date="2011-01-03")[0] == "17.50:Standard"
    assert rates(ledger, vatTreatment="UK", date="2011-01-04")[0] == "20.00:Standard"
    assert rates(ledger, vatTreatment="UK", date="2009-12-31")[0] == "15.00:Standard"
    assert rates(ledger, vatTreatment="Export") == ["0.00:Zero"]
    assert rates(ledger, vatTreatment="EUGoods", date="2021-01-01") == []
    every = rates(ledger)
    assert {"15.00:Standard", "17.50:Standard", "20.00:Standard"} <= set(every)
    assert len(every) == len(set(every))
    american = ledger.customer(address={"countryCode": "US"})
    assert rates(ledger, contactId=american) == ["0.00:Zero", "0.00:Out"]
    assert "20.00:Standard" in rates(ledger, contactId=ledger.customer())
    assert ledger.refused("listVatRates", vatType="sales", query={"contactId": 99})[0] == 404
    assert ledger.refused("listVatRates", vatType="sales", query={"vatTreatment": "x"})[0] == 422
    assert ledger.refused("listVatRates", vatType="sales", query={"date": "x"})[0] == 400


def test_treatments_of_a_side_and_of_a_business(engine):
    ledger = Ledger(engine, engine.add_business("Small", vat_treatments=["UK", "Import"]))
    keys = {
        side: [t["key"] for t in ledger.do("listVatTreatments", vatType=side)]
        for side in ("sales", "purchases")
    }
    assert keys == {"sales": ["UK"], "purchases": ["UK", "Import"]}
    with pytest.raises(ValueError, match="Imprt"):
        engine.add_business("Typo", vat_treatments=["Imprt"])


def test_bank_feeds_find_or_make_their_account(ledger):
    match = {"accountNumber": "12345678", "sortCode": "20-00-00"}
    made = ledger.do("createBankFeeds", {"items": [match, {"accountId": 1}]})["items"]
    assert [f["accountId"] for f in made] == [1, 1]
    assert made[0]["id"] != made[1]["id"]
    other = {"accountNumber": "9", "sortCode": "1", "name": "New"}
    [feed] = ledger.do("createBankFeeds", {"items": [other]})["items"]
    assert (feed["accountId"], feed["currency"]) == (2, "GBP")
    bad = [{"accountNumber": "8", "sortCode": "1"}, {"accountId": 77}]
    assert ledger.refused("createBankFeeds", {"items": bad}) == (422, ["name", "accountId"])
    assert ledger.refused("createBankFeeds", {"items": [{}]}) == (400, ["required"])
    assert len(ledger.do("listBankAccounts")) == 2


def test_changed_data_under_a_known_bank_id_is_ignored(ledger):
    [feed] = ledger.do("createBankFeeds", {"items": [{"accountId": 1}]})["items"]

    def send(day, amount):
        lines = [{"transactionId": "a", "transactionDate": day, "description": "d",
                  "amount": amount}]  # fmt: skip
        item = {"feedId": feed["id"], "statementLines": lines}
        return ledger.do("createBankStatements", {"items": [item]})["items"]

    assert send("2024-03-01", 5) == send("2024-05-01", 6)
    [statement] = ledger.engine.books(ledger.business).statements()
    assert [x["amount"] for x in statement["lines"]] == [5]


def test_attachments(ledger):
    invoice = ledger.sale(ledger.customer())["id"]
    params = {"salesType": "invoices", "salesId": invoice}
    made = ledger.do("createSalesAttachment", b"\x00\xff", **params, fileName="a b.bin")
    assert (made["name"], made["size"]) == ("a b.bin", 2)
    ledger.do("createSalesAttachment", b"", **params, fileName="a b.bin")
    assert [a["size"] for a in ledger.do("listSalesAttachments", **params)] == [2, 0]
    [kept, _] = ledger.engine.books(ledger.business).attachments()
    assert kept["sha256"] == hashlib.sha256(b"\x00\xff").hexdigest()
    other = {"salesType": "invoices", "salesId": 99}
    assert ledger.refused("listSalesAttachments", **other)[0] == 404
    ledger.do("deleteSalesAttachment", **params, attachmentId=made["id"])
    assert ledger.refused("getSalesAttachment", **params, attachmentId=made["id"])[0] == 404


def test_attachments_follow_a_revision(ledger):
    invoice = ledger.sale(ledger.customer())["id"]
    params = {"salesType": "invoices", "salesId": invoice}
    ledger.do("createSalesAttachment", b"x", **params, fileName="a.pdf")
    new = ledger.do("updateSalesDocument", {"reference": "x"}, **params)["id"]
    found = ledger.do("listSalesAttachments", salesType="invoices", salesId=new)
    assert [a["name"] for a in found] == ["a.pdf"]


def test_ids_are_numbered_by_business():
    engine = AccountingEngine()
    first, second = (Ledger(engine, engine.add_business(name)) for name in "AB")
    assert first.customer() == second.customer() == 1
    assert first.sale(1)["id"] == second.sale(1)["id"] == 1
    assert first.refused("getCustomer", customerId=2)[0] == 404
    engine.close()
