"""What people do on the website and the API cannot."""

from __future__ import annotations

import pytest

from clearbooks_sandbox.reply import RefusedError


def listed(ledger, kind="invoices"):
    return ledger.do("listSalesDocuments", salesType=kind)


def test_text_edited_in_place_posts_nothing_and_keeps_the_id(ledger):
    made = ledger.sale(ledger.customer())
    before = ledger.transactions()
    ledger.engine.edit_text(ledger.business, "sales_invoices", made["id"], description="By hand")
    assert listed(ledger) == [{**made, "description": "By hand"}]
    assert ledger.transactions() == before
    with pytest.raises(ValueError, match="gross of sales_invoices is not changed in place"):
        ledger.engine.edit_text(ledger.business, "sales_invoices", made["id"], gross=1)


@pytest.mark.parametrize(
    ("stream", "title"), [("account_codes", "AccountCode"), ("bank_accounts", "BankAccount")]
)
def test_what_is_archived_leaves_its_list_also_in_use(ledger, stream, title):
    ledger.pay(ledger.customer(), 10)
    number = 7502001 if stream == "account_codes" else 1
    assert number in [record["id"] for record in ledger.do(f"list{title}s", query={"limit": 200})]
    ledger.engine.archive(ledger.business, stream, number)
    assert number not in [r["id"] for r in ledger.do(f"list{title}s", query={"limit": 200})]
    with pytest.raises(RefusedError):
        ledger.engine.archive(ledger.business, stream, number)


def test_contacts_have_a_field_for_it(ledger):
    with pytest.raises(ValueError, match="customers are not archived by leaving their list"):
        ledger.engine.archive(ledger.business, "customers", ledger.customer())


def test_an_approved_draft_is_posted_under_its_id(ledger):
    body = ledger.sale_body(ledger.customer())
    made = ledger.engine.add_draft(
        "createSalesDocument",
        business_id=ledger.business,
        params={"salesType": "invoices"},
        body=body,
    ).json()
    assert not ledger.transactions()
    ledger.engine.approve_draft(ledger.business, "sales_invoices", made["id"])
    (found,) = listed(ledger)
    assert (found["id"], found["status"]) == (made["id"], "approved")
    assert len(ledger.transactions()) == 1
    with pytest.raises(RefusedError):
        ledger.engine.approve_draft(ledger.business, "sales_invoices", made["id"])
