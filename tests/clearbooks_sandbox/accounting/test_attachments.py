"""Files attached to documents."""

from __future__ import annotations

import hashlib


def test_attachments(ledger):
    invoice = ledger.sale(ledger.customer())["id"]
    params = {"salesType": "invoices", "salesId": invoice}
    made = ledger.do("createSalesAttachment", b"\x00\xff", **params, fileName="a b.pdf")
    assert (made["name"], made["size"]) == ("a b.pdf", 2)
    ledger.do("createSalesAttachment", b"", **params, fileName="a b.pdf")
    assert [a["size"] for a in ledger.do("listSalesAttachments", **params)] == [2, 0]
    [kept, _] = ledger.engine.books(ledger.business).attachments()
    assert kept["sha256"] == hashlib.sha256(b"\x00\xff").hexdigest()
    other = {"salesType": "invoices", "salesId": 99}
    assert ledger.refused("listSalesAttachments", **other)[0] == 404
    ledger.do("deleteSalesAttachment", **params, attachmentId=made["id"])
    assert ledger.refused("getSalesAttachment", **params, attachmentId=made["id"])[0] == 404


def test_other_files_are_refused(ledger):
    params = {"salesType": "invoices", "salesId": ledger.sale(ledger.customer())["id"]}
    for name in ("run.exe", "pdf", "a.pdf.zip"):
        reply = ledger.call("createSalesAttachment", b"x", **params, fileName=name)
        assert (reply.status, reply.json()["errors"][0]["source"]) == (422, "fileName")
    made = ledger.call("createSalesAttachment", b"x", **params, fileName="a.PDF")
    assert made.status == 201
    assert set(made.json()) == {"id", "name", "size", "dateUploaded"}


def test_attachments_follow_a_revision(ledger):
    invoice = ledger.sale(ledger.customer())["id"]
    params = {"salesType": "invoices", "salesId": invoice}
    ledger.do("createSalesAttachment", b"x", **params, fileName="a.pdf")
    new = ledger.do("updateSalesDocument", {"reference": "x"}, **params)["id"]
    found = ledger.do("listSalesAttachments", salesType="invoices", salesId=new)
    assert [a["name"] for a in found] == ["a.pdf"]
