"""What of a document may be changed once it is paid, or on a finalised VAT return."""

from __future__ import annotations

import pytest

from clearbooks_sandbox import Options, create_app
from tests.ledger import SALES, line

OTHER = 1001002
FREE = {"reference": "new", "description": "new"}


@pytest.fixture
def paid(ledger):
    customer = ledger.customer()
    number = ledger.sale(customer, reference="old")["id"]
    ledger.allocate(number, 120, payment=ledger.pay(customer, 120))
    return {"salesType": "invoices", "salesId": number}


def sources(reply):
    return [(fault["errorCode"], fault.get("source")) for fault in reply.json()["errors"]]


def test_a_paid_invoice_keeps_its_amounts(ledger, paid):
    lines = [line(100), line(1)]
    for change, source in (
        ({"date": "2024-03-02"}, "date"),
        ({"dateDue": "2025-01-01"}, "dateDue"),
        ({"documentNumber": "7"}, "documentNumber"),
        ({"lineItems": lines}, "lineItems"),
        ({"lineItems": [line(99)]}, "lineItems[0].unitPrice"),
        ({"lineItems": [line(100, description="x")]}, "lineItems[0].description"),
    ):
        reply = ledger.call("updateSalesDocument", change, **paid)
        assert reply.status == 409, change
        assert ("DOCUMENT_PAID", source) in sources(reply), change
    found = ledger.invoice(paid["salesId"])
    assert (
        "only reference, description, project, theme and accounts may change"
        in (reply.json()["errors"][0]["errorMessage"])
    )
    assert (found["status"], found["due"], found["gross"]) == ("paid", 0, 120)


def test_a_paid_invoice_changes_its_reference_description_and_accounts(ledger, paid):
    account = ledger.do(
        "createAccountCode",
        {"name": "Own", "heading": SALES // 1000, "sales": True, "purchases": False},
    )["id"]
    change = FREE | {"lineItems": [line(100, account)]}
    made = ledger.do("updateSalesDocument", change, **paid)
    assert (made["reference"], made["status"], made["due"]) == ("new", "paid", 0)
    assert ledger.balances()[account] == -100


def test_a_paid_document_is_not_voided(ledger, paid):
    reply = ledger.call("deleteSalesDocument", **paid)
    assert (reply.status, sources(reply)) == (409, [("DOCUMENT_PAID", None)])
    [joined] = ledger.do("listAllocations", invoiceType="sales")
    ledger.do("deleteAllocation", invoiceType="sales", allocationId=joined["id"])
    ledger.do("deleteSalesDocument", **paid)


def test_one_that_is_paid_in_part_changes_like_any_other(ledger):
    customer = ledger.customer()
    number = ledger.sale(customer)["id"]
    ledger.allocate(number, 50, payment=ledger.pay(customer, 50))
    change = {"lineItems": [line(90)]}
    made = ledger.do("updateSalesDocument", change, salesType="invoices", salesId=number)
    assert (made["status"], made["due"]) == ("approved", 58)
    ledger.do("deleteSalesDocument", salesType="invoices", salesId=made["id"])


def test_a_server_that_lets_paid_documents_change(ledger, paid):
    ledger.engine.dialects.on("paid-changeable")
    made = ledger.do("updateSalesDocument", {"lineItems": [line(200)]}, **paid)
    assert made["due"] == 120
    ledger.do("deleteSalesDocument", salesType="invoices", salesId=made["id"])


def test_a_document_on_a_finalised_vat_return(ledger):
    customer = ledger.customer()
    inside = {"salesType": "invoices", "salesId": ledger.sale(customer, date="2024-03-31")["id"]}
    after = {"salesType": "invoices", "salesId": ledger.sale(customer, date="2024-04-01")["id"]}
    ledger.engine.finalise_vat(ledger.business, "2024-03-31")
    reply = ledger.call("deleteSalesDocument", **inside)
    assert (reply.status, sources(reply)) == (409, [("VAT_RETURN_FINALISED", None)])
    reply = ledger.call("updateSalesDocument", {"lineItems": [line(1)]}, **inside)
    assert ("VAT_RETURN_FINALISED", "lineItems[0].unitPrice") in sources(reply)
    assert ledger.do("updateSalesDocument", FREE, **inside)["reference"] == "new"
    ledger.do("updateSalesDocument", {"lineItems": [line(1)]}, **after)
    # What comes late goes onto the next return.
    ledger.sale(customer, date="2024-03-30")
    quote = ledger.sale(customer, kind="quotes", date="2024-03-01")["id"]
    ledger.do("deleteSalesDocument", salesType="quotes", salesId=quote)


def test_the_option_of_the_sandbox(ledger):
    number = ledger.sale(ledger.customer(), date="2024-03-01")["id"]
    with pytest.raises(ValueError, match="soon"):
        create_app(ledger.engine, Options(pages=False, vat_finalised="soon"))
    create_app(ledger.engine, Options(pages=False, vat_finalised="2024-03-31"))
    assert ledger.refused("deleteSalesDocument", salesType="invoices", salesId=number)[0] == 409
