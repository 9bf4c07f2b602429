"""What the demo holds, and that it is made the same way every time."""

import time
from collections import Counter
from contextlib import nullcontext
from datetime import date
from decimal import Decimal
from itertools import count

import pytest

from clearbooks.contract import load_contract
from clearbooks_sandbox import AccountingEngine
from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.demo import build, source
from clearbooks_sandbox.demo.clerk import Clerk, DemoError

ALL = 10**9
CONTRACT = load_contract()
READABLE = [resource for resource in CONTRACT.resources.values() if resource.readable]
DATES = {"accountingDateFrom": "2010-11-01", "accountingDateTo": "2011-02-28"}
KINDS = {"salesType": ("sales", "salesId"), "purchaseType": ("purchases", "purchaseId")}


def listed(engine, business, operation, params, query):
    """Every record of a list, page by page."""
    if not operation.paged:
        return engine.call(operation.id, business_id=business, params=params, query=query).json()
    found: list[dict] = []
    for number in count(1):
        reply = engine.call(
            operation.id,
            business_id=business,
            params=params,
            query={**query, "limit": 200, "page": number},
        )
        assert reply.status == 200, reply.body
        page = reply.json()
        if not page:
            return found
        found += page
    raise AssertionError


def read(engine, business, resource):
    """Every record of a stream."""
    operation = resource.operations["list"]
    wanted = [p.schema["enum"] for p in operation.parameters if p.name == "vatType"]
    if wanted:
        return [
            record
            for side in wanted[0]
            for record in listed(engine, business, operation, {"vatType": side}, {})
        ]
    for name, (side, id_name) in KINDS.items():
        if id_name in operation.path_parameters:
            return [
                record
                for document in engine.books(business).documents(side, limit=ALL)
                for record in listed(
                    engine,
                    business,
                    operation,
                    {name: document["kind"], id_name: document["id"]},
                    {},
                )
            ]
    query = DATES if resource.name == "account_balances" else {}
    return listed(engine, business, operation, dict(resource.fixed), query)


def test_there_are_22_readable_streams():
    assert len(READABLE) == 22


@pytest.mark.parametrize("resource", READABLE, ids=lambda r: r.name)
def test_every_stream_has_records(demo, resource):
    assert read(demo.engine, demo.big, resource)


def test_sizes(demo):
    counts = demo.books.counts()
    assert 150 <= counts["sales_invoices"] <= 400
    assert 300 <= counts["bills"] <= 650
    assert counts["payments"] >= 400
    assert counts["sales_credit_notes"] > 30
    assert counts["purchase_credit_notes"] == 10


def test_every_body_keeps_to_the_contract(monkeypatch):
    """Bulk entry skips that check, so it is made once here."""
    engine = AccountingEngine()
    monkeypatch.setattr(engine, "bulk", nullcontext)
    ids = build(engine)
    assert engine.business_ids() == list(ids)
    engine.close()


def dump(engine):
    text = "\n".join(engine.db.iterdump())
    # The only thing that the clock decides.
    uploaded = {
        a["dateUploaded"] for b in engine.business_ids() for a in engine.books(b).attachments()
    }
    for moment in uploaded:
        for form in (moment, moment.encode().hex().upper()):
            text = text.replace(form, "")
    return text


def test_made_twice_it_is_the_same(demo):
    again = AccountingEngine()
    build(again)
    first, second = dump(demo.engine), dump(again)
    again.close()
    assert len(first) > 1_000_000
    assert first == second


def test_it_is_ready_in_under_five_seconds():
    begin = time.perf_counter()
    engine = AccountingEngine()
    build(engine)
    taken = time.perf_counter() - begin
    engine.close()
    assert taken < 5


@pytest.mark.parametrize("at", [None, date(2010, 12, 2), date(2010, 12, 31), date(2011, 1, 3)])
def test_the_trial_balance_is_0_on_every_date(demo, at):
    for business in (demo.big, demo.small):
        rows = demo.engine.books(business).trial_balance(at)
        assert sum(row.balance for row in rows) == 0
    assert demo.books.trial_balance(at)


def test_the_control_accounts_are_what_is_open(demo):
    """Debtors and creditors equal what is due less what is not allocated."""
    books = demo.books
    control = {row.account_code: row.balance for row in books.trial_balance()}
    left = {"customers": Decimal(0), "suppliers": Decimal(0)}
    for payment in books.payments(limit=ALL):
        left[books.contact(payment["contactId"])["kind"]] += payment["unallocated"]
    for side, contacts, role, sign in (
        ("sales", "customers", "debtors", 1),
        ("purchases", "suppliers", "creditors", -1),
    ):
        due = sum(
            (-1 if document["kind"] == "creditNotes" else 1) * document.get("due", 0)
            for document in books.documents(side, limit=ALL)
        )
        assert sign * control[ROLES[role]] == due - sign * left[contacts]


def test_customers_have_paid_in_every_way(demo):
    invoices = demo.books.documents("sales", "invoices", limit=ALL)
    statuses = Counter(document["status"] for document in invoices)
    assert set(statuses) == {"approved", "paid"}
    assert sum(0 < document["due"] < document["gross"] for document in invoices) >= 10
    assert min(statuses.values()) >= 10
    payments = demo.books.payments(limit=ALL)
    assert any(0 < p["unallocated"] < p["amount"] for p in payments), "nobody paid too much"
    assert any(p["amount"] < 0 and p["unallocated"] == p["amount"] for p in payments), "no refund"
    assert any(len(demo.books.payment(p["id"])["allocations"]) > 1 for p in payments)


def test_credit_notes_clear_invoices_and_bills(demo):
    for side, stream in (("sales", "sales_allocations"), ("purchases", "purchase_allocations")):
        operation = CONTRACT.resources[stream].operations["list"]
        found = listed(
            demo.engine,
            demo.big,
            operation,
            {"invoiceType": side},
            {"allocationType": "creditNote"},
        )
        assert found
        assert all("creditNoteId" in allocation for allocation in found)


def test_the_bank_tells_what_the_books_do(demo):
    books = demo.books
    statements = books.statements()
    assert [statement["month"] for statement in statements] == ["2010-12", "2011-01"]
    moved = sum(line["amount"] for statement in statements for line in statement["lines"])
    opening = next(j for j in books.journals() if j["description"] == "Opening balance")
    account = next(a for a in books.bank_accounts() if a["id"] == statements[0]["accountId"])
    assert opening["lines"][0]["amount"] + moved == account["balance"] > 0


def test_attachments_hold_the_source_rows(demo):
    names = [a["name"] for a in demo.books.attachments()]
    assert len(names) == 5
    assert "536365-source.csv" in names


def test_the_small_business_has_what_the_real_records_lack(demo):
    books = demo.engine.books(demo.small)
    sales = books.documents("sales", "invoices", voided=True, limit=ALL)
    purchases = books.documents("purchases", limit=ALL)
    assert {d["currency"] for d in sales} == {"GBP", "USD"}
    assert {d["vatTreatment"] for d in purchases} == {"UK", "DRC", "SIRC"}
    keys = {line["vatRateKey"] for d in sales for line in d["lineItems"]}
    assert keys == {"20.00:Standard", "5.00:Reduced", "0.00:Zero", "0.00:Exempt"}
    voided = [books.document(d["id"]) for d in sales if d["status"] == "voided"]
    assert Counter("currentId" in document for document in voided) == {True: 1, False: 1}


def test_the_readme_of_the_data_names_each_file():
    folder = source._DATA
    text = (folder / "README.md").read_text(encoding="utf-8")
    files = [item.name for item in folder.iterdir() if item.name.endswith(".csv")]
    assert sorted(files) == ["gla_spend.csv", "online_retail.csv"]
    assert all(f"`{name}`" in text for name in files)
    assert "CC BY 4.0" in text
    assert "PDDL" in text


def test_refusals_are_told_not_hidden(demo):
    with pytest.raises(DemoError, match=r"createCustomer: 422 .*blank"):
        Clerk(demo.engine, demo.big).call("createCustomer", {"name": " "})
