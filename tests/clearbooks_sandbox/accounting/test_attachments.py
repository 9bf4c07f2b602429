"""Files attached to documents."""

from __future__ import annotations

import hashlib


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
