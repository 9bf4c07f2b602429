"""Numbers, revisions, voids, drafts and quotes."""

from __future__ import annotations

import pytest

from tests.ledger import COST, CREDITORS, VAT, line


def update(ledger, number, kind="invoices", **fields):
    return ledger.do("updateSalesDocument", fields, salesType=kind, salesId=number)


def test_numbers_count_by_kind_and_go_on_after_a_callers_own(ledger):
    customer = ledger.customer()
    assert ledger.sale(customer)["formattedDocumentNumber"] == "INV000001"
    assert ledger.sale(customer, documentNumber="50")["formattedDocumentNumber"] == "INV000050"
    assert ledger.sale(customer, documentNumber="WEB-7")["documentNumber"] == "WEB-7"
    assert ledger.sale(customer)["documentNumber"] == "51"
    assert ledger.sale(customer, kind="creditNotes")["formattedDocumentNumber"] == "SCN000001"
    assert ledger.sale(customer, documentNumber="50")["documentNumber"] == "50", "may repeat"


def test_revisions_redirect_to_the_newest_for_good(ledger):
    first = ledger.sale(ledger.customer())["id"]
    second = update(ledger, first, reference="2")["id"]
    third = update(ledger, second, reference="3")["id"]
    for old in (first, second):
        reply = ledger.call("getSalesDocument", salesType="invoices", salesId=old)
        assert (reply.status, reply.headers["Location"]) == (
            303,
            f"/v1/accounting/sales/invoices/{third}",
        )
        for operation in ("updateSalesDocument", "deleteSalesDocument"):
            refused = ledger.call(operation, {}, salesType="invoices", salesId=old)
            assert refused.status == 409
            assert str(third) in refused.json()["errors"][0]["errorMessage"]
    assert [d["id"] for d in ledger.do("listSalesDocuments", salesType="invoices")] == [third]


def test_update_keeps_what_is_not_sent(ledger):
    customer = ledger.customer()
    old = ledger.sale(customer, line(10, quantity=3), reference="r", dateDue="2024-04-01")
    new = update(ledger, old["id"], description="summary")
    assert new == old | {"id": new["id"], "description": "summary"}


def test_update_changes_the_postings(ledger):
    old = ledger.sale(ledger.customer())["id"]
    update(ledger, old, lineItems=[line(10, 1001002)])
    assert ledger.balances() == {7501001: 12, 1001002: -10, 8502001: -2}
    assert len(ledger.transactions()) == 3, "the old one, its reversal, the new one"


def test_update_below_what_is_allocated_is_refused(ledger):
    customer, other = ledger.customer(), ledger.customer()
    invoice = ledger.sale(customer)["id"]
    ledger.allocate(invoice, 100, payment=ledger.pay(customer, 100))
    change = {"lineItems": [line(50)], "customerId": other, "currency": "USD"}
    status, codes = ledger.refused(
        "updateSalesDocument", change, salesType="invoices", salesId=invoice
    )
    assert (status, codes) == (422, ["CUSTOMER_ID", "CURRENCY", "ALLOCATED"])
    assert ledger.invoice(invoice)["due"] == 20


def test_a_credit_note_takes_its_allocations_along(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    note = ledger.sale(customer, line(25), kind="creditNotes")["id"]
    ledger.allocate(invoice, 30, credit_note=note)
    new = update(ledger, note, "creditNotes", reference="x")
    assert (new["due"], new["status"]) == (0, "paid")
    [joined] = ledger.do("listAllocations", invoiceType="sales")
    assert joined["creditNoteId"] == new["id"]
    assert ledger.invoice(invoice)["due"] == 90


def test_numbers_as_they_are_printed(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    sales = {
        kind: ledger.sale(customer, kind=kind)["formattedDocumentNumber"]
        for kind in ("invoices", "creditNotes", "quotes")
    }
    assert sales == {"invoices": "INV000001", "creditNotes": "SCN000001", "quotes": "QTE000001"}
    bill = ledger.bill(supplier, documentNumber="110")
    assert (bill["documentNumber"], bill["formattedDocumentNumber"]) == ("110", "PUR000110")
    assert ledger.bill(supplier, kind="creditNotes")["formattedDocumentNumber"] == "PCN000001"
    named = ledger.sale(customer, documentNumber="WEB-7")
    assert named["formattedDocumentNumber"] == "INVWEB-7"
    ledger.do("deleteSalesDocument", salesType="invoices", salesId=named["id"])
    assert ledger.invoice(named["id"])["formattedDocumentNumber"] == "VINVWEB-7"
    new = ledger.do(
        "updatePurchaseDocument", {"reference": "x"}, purchaseType="bills", purchaseId=bill["id"]
    )
    assert new["formattedDocumentNumber"] == "PUR000110"
    [old] = [
        d
        for d in ledger.engine.books(ledger.business).documents("purchases", voided=True)
        if d["id"] == bill["id"]
    ]
    assert (old["formattedDocumentNumber"], old["status"]) == ("VPUR000110", "voided")


def test_a_suppliers_refund_is_a_bill_of_negative_amounts(ledger):
    supplier = ledger.supplier()
    refund = ledger.bill(supplier, line(-100, COST))
    assert (refund["gross"], refund["due"], refund["status"]) == (-120, -120, "approved")
    assert ledger.balances() == {COST: -100, CREDITORS: 120, VAT: -20}
    body = ledger.bill_body(supplier, line(-1, COST))
    wrong = (422, ["NEGATIVE_TOTAL"])
    assert ledger.refused("createPurchaseDocument", body, purchaseType="creditNotes") == wrong
    ledger.engine.dialects.on("no-negative-totals")
    assert ledger.refused("createPurchaseDocument", body, purchaseType="bills") == wrong


def test_a_purchase_credit_note_takes_no_due_date(ledger):
    supplier = ledger.supplier()
    body = ledger.bill_body(supplier, dateDue="2024-04-01")
    reply = ledger.call("createPurchaseDocument", body, purchaseType="creditNotes")
    (fault,) = reply.json()["errors"]
    assert (reply.status, fault["source"]) == (400, "dateDue")
    note = ledger.bill(supplier, kind="creditNotes")
    assert "dateDue" not in note
    params = {"purchaseType": "creditNotes", "purchaseId": note["id"]}
    change = {"dateDue": "2024-04-01"}
    assert ledger.refused("updatePurchaseDocument", change, **params)[0] == 400


def test_without_a_due_date_the_contacts_terms_hold(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    assert ledger.sale(customer, date="2024-03-01")["dateDue"] == "2024-03-31"
    ledger.engine.set_terms(ledger.business, customer, 7)
    sale = ledger.sale(customer, date="2024-02-27")
    assert sale["dateDue"] == "2024-03-05"
    assert ledger.sale(customer, dateDue="2024-12-01")["dateDue"] == "2024-12-01"
    assert ledger.bill(supplier, date="2024-03-01")["dateDue"] == "2024-03-31"
    made = ledger.do(
        "updateSalesDocument", {"date": "2024-02-28"}, salesType="invoices", salesId=sale["id"]
    )
    assert made["dateDue"] == "2024-03-05"


def test_void_frees_payments_and_balances(ledger):
    ledger.engine.dialects.on("paid-changeable")
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    payment = ledger.pay(customer, 120)
    ledger.allocate(invoice, 120, payment=payment)
    ledger.do("deleteSalesDocument", salesType="invoices", salesId=invoice)
    found = ledger.invoice(invoice)
    assert (found["status"], found["due"]) == ("voided", 0)
    assert ledger.do("listSalesDocuments", salesType="invoices") == []
    assert ledger.do("listAllocations", invoiceType="sales") == []
    assert ledger.engine.books(ledger.business).payment(payment)["unallocated"] == 120
    assert ledger.balances() == {7502001: 120, 7501001: -120}
    for operation in ("updateSalesDocument", "deleteSalesDocument"):
        params = {"salesType": "invoices", "salesId": invoice}
        assert ledger.refused(operation, {}, **params)[0] == 409


def test_reversals_carry_the_date_of_what_they_reverse(ledger):
    invoice = ledger.sale(ledger.customer(), date="2023-12-31")["id"]
    ledger.do("deleteSalesDocument", salesType="invoices", salesId=invoice)
    first, second = ledger.transactions()
    assert second["id"] > first["id"]
    assert first["accountingDate"] == second["accountingDate"] == "2023-12-31"


def test_quotes_have_no_entries_and_keep_their_id(ledger):
    quote = ledger.sale(ledger.customer(), kind="quotes")
    assert quote["status"] == "draft"
    assert "due" not in quote
    assert update(ledger, quote["id"], "quotes", lineItems=[line(5)])["id"] == quote["id"]
    assert ledger.transactions() == []
    ledger.do("deleteSalesDocument", salesType="quotes", salesId=quote["id"])
    assert ledger.refused("getSalesDocument", salesType="quotes", salesId=quote["id"])[0] == 404


def test_drafts_are_changed_in_place_and_not_posted(ledger, engine):
    body = ledger.sale_body(ledger.customer())
    draft = engine.add_draft(
        "createSalesDocument",
        business_id=ledger.business,
        params={"salesType": "invoices"},
        body=body,
    ).json()
    assert draft["status"] == "draft"
    assert ledger.transactions() == []
    assert update(ledger, draft["id"], reference="x")["id"] == draft["id"]
    payment = ledger.pay(1, 5)
    body = {
        "invoiceId": draft["id"],
        "paymentId": payment,
        "allocationType": "payment",
        "amount": 5,
    }
    assert ledger.refused("createAllocation", body, invoiceType="sales")[1] == ["INVOICE_ID"]


@pytest.mark.parametrize("kind", ["bills", "creditNotes", "expenses"])
def test_purchases_mirror_sales(ledger, kind):
    supplier = ledger.supplier()
    bill = ledger.bill(supplier, kind=kind)
    sign = -1 if kind == "creditNotes" else 1
    assert ledger.balances() == {COST: sign * 100, 8502001: sign * 20, 8501001: sign * -120}
    params = {"purchaseType": kind, "purchaseId": bill["id"]}
    new = ledger.do("updatePurchaseDocument", {"reference": "x"}, **params)
    reply = ledger.call("getPurchaseDocument", **params)
    assert reply.headers["Location"].endswith(f"/purchases/{kind}/{new['id']}")
    ledger.do("deletePurchaseDocument", purchaseType=kind, purchaseId=new["id"])
    assert ledger.balances() == {}


def test_accrual_date_is_the_accounting_date(ledger):
    ledger.sale(ledger.customer(), dateAccrual="2024-06-30")
    assert ledger.transactions()[0]["accountingDate"] == "2024-06-30"


def test_an_invoice_over_nothing_is_paid(ledger):
    made = ledger.sale(ledger.customer(), line(0))
    assert (made["status"], made["datePaid"], made["due"]) == ("paid", "2024-03-01", 0)


def test_a_document_is_found_under_its_own_kind_only(ledger):
    invoice = ledger.sale(ledger.customer())["id"]
    params = {"salesType": "creditNotes", "salesId": invoice}
    assert ledger.refused("getSalesDocument", **params)[0] == 404
    params = {"purchaseType": "bills", "purchaseId": invoice}
    assert ledger.refused("getPurchaseDocument", **params)[0] == 404


@pytest.mark.parametrize("price", ["1e400", "99999999999999", "-1e400"])
def test_amounts_beyond_all_books_are_refused(ledger, price):
    body = ledger.sale_body(ledger.customer(), line(price))
    assert ledger.refused("createSalesDocument", body, salesType="invoices") == (422, ["AMOUNT"])
