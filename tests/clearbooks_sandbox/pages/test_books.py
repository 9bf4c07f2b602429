"""The books over HTTP: right figures, every table adds up."""

from decimal import Decimal

import pytest
import requests

from clearbooks_sandbox import AccountingEngine, running
from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.pages.document_kinds import KINDS
from clearbooks_sandbox.pages.listing import SIZE
from clearbooks_sandbox.pages.lists import LISTS
from tests.ledger import line

from .html import Page, added, number

ALL = 10**9


def pages_of(site, path):
    """Every page of a list, following "Next page"."""
    found = [site.get(path)]
    while True:
        following = [
            attributes["href"]
            for _, attributes in found[-1].all("a")
            if attributes.get("rel") == "next"
        ]
        if not following:
            return found
        found.append(site.get(following[0]))


def control(site, business, role):
    rows = site.engine.books(business).trial_balance()
    return {row.account_code: row.balance for row in rows}[ROLES[role]]


def test_the_first_page_shows_both_businesses(site):
    page = site.get("/books/")
    for business in (site.big, site.small):
        assert site.engine.books(business).business()["name"] in page.words
        assert f"/books/{business}/" in page.links
    assert f"£{control(site, site.big, 'debtors'):,.2f}" in page.words
    assert f"£{-control(site, site.big, 'creditors'):,.2f}" in page.words


@pytest.mark.parametrize("path", ["/", "/books"])
def test_other_ways_in_lead_there(site, path):
    response = site.session.get(site.sandbox.site + path, timeout=10)
    assert response.url == f"{site.sandbox.site}/books/"


def test_the_overview_counts_the_records_of_each_stream(site):
    table = site.get(f"/books/{site.big}/").tables[0]
    shown = dict(zip(table.column("Stream"), table.column("Records"), strict=True))
    assert shown["Sales invoices"] == "337"
    assert shown["Stock items"] == "1,840"
    counts = site.engine.books(site.big).counts()
    assert [number(text) for text in shown.values()] == list(counts.values())


@pytest.mark.parametrize(
    ("kind", "role", "sign"), [("customers", "debtors", 1), ("suppliers", "creditors", -1)]
)
@pytest.mark.parametrize("size", ["big", "small"])
def test_balances_of_contacts_are_the_control_account(site, size, kind, role, sign):
    business = getattr(site, size)
    pages = pages_of(site, f"/books/{business}/{kind}")
    balances = [text for page in pages for text in page.tables[0].column("Balance £")]
    assert len(balances) == site.engine.books(business).counts()[kind]
    wanted = sign * control(site, business, role)
    assert added(balances) == wanted
    assert all(number(page.tables[0].foot[0][-1].text) == wanted for page in pages)


@pytest.mark.parametrize("stream", KINDS)
def test_lists_of_documents_add_up(site, stream):
    pages = pages_of(site, f"/books/{site.big}/{stream}")
    kind = KINDS[stream]
    documents = site.engine.books(site.big).documents(kind.side, kind.kind, limit=ALL)
    assert sum(len(page.tables[0].body) for page in pages) == len(documents)
    for name in ("Net", "VAT", "Gross", "Due"):
        place = pages[0].tables[0].columns().index(name)
        shown = added(text for page in pages for text in page.tables[0].column(name))
        wanted = sum((d.get(name.lower(), 0) for d in documents), start=Decimal(0))
        assert shown == wanted
        assert {number(page.tables[0].foot[0][place].text) for page in pages} == {wanted}


def test_unlike_currencies_are_not_added_up(site):
    table = site.get(f"/books/{site.small}/sales_invoices").tables[0]
    assert [row[0].text for row in table.foot] == ["All 1 in USD", "All 2 in GBP"]
    assert "USD 980.00" in table.column("Gross")


def test_documents_are_found_by_status_and_text(site):
    base = f"/books/{site.big}/sales_invoices"
    part = pages_of(site, f"{base}?status=approved")
    assert {status for page in part for status in page.tables[0].column("Status")} == {"approved"}
    table = site.get(f"{base}?q=536365").tables[0]
    assert table.column("Number") == ["INV536365"]
    assert "Nothing fits the filter" in site.get(f"{base}?q=zzz").words
    voided = site.get(f"/books/{site.small}/sales_invoices?status=voided").tables[0]
    assert len(voided.body) == 2


def test_a_filter_stays_on_while_paging(site):
    pages = pages_of(site, f"/books/{site.big}/bills?status=paid")
    assert len(pages) > 2
    rows = [status for page in pages for status in page.tables[0].column("Status")]
    assert set(rows) == {"paid"}
    assert len(rows) > 2 * SIZE


@pytest.mark.parametrize(
    ("wanted", "rows"), [("x", (1, 50)), ("0", (1, 50)), ("-3", (1, 50)), ("9999", (301, 337))]
)
def test_pages_that_are_not_there(site, wanted, rows):
    page = site.get(f"/books/{site.big}/sales_invoices?page={wanted}")
    assert "\N{EN DASH}".join(map(str, rows)) + " of 337" in page.words


def documents_of(site, business, every):
    books = site.engine.books(business)
    for side in ("sales", "purchases"):
        documents = books.documents(side, voided=True, limit=ALL)
        yield from (document["id"] for document in documents[::every])


@pytest.mark.parametrize(("size", "every"), [("small", 1), ("big", 29)])
def test_documents_add_up(site, size, every):
    business = getattr(site, size)
    checked = 0
    for document_id in documents_of(site, business, every):
        document = site.engine.books(business).document(document_id)
        page = site.get(f"/books/{business}/documents/{document_id}")
        lines = page.tables[0]
        net, vat = added(lines.column("Net")), added(lines.column("VAT"))
        assert [number(cell.text) for cell in lines.foot[0][-2:]] == [net, vat]
        assert number(lines.foot[1][-1].text) == net + vat == document["gross"]
        # On a narrow screen the label stands beside the sum.
        assert 'data-label="Gross"' in page.text
        if document["allocations"]:
            allocations = page.tables[1]
            allocated = added(allocations.column("Amount"))
            assert number(allocations.foot[0][-1].text) == allocated
            assert number(allocations.foot[1][-1].text) == document["gross"] - allocated
        checked += 1
    assert checked > 10


def test_a_corrected_document_shows_its_revisions(site):
    books = site.engine.books(site.small)
    new = next(
        d for d in map(books.document, documents_of(site, site.small, 1)) if "previousId" in d
    )
    page = site.get(f"/books/{site.small}/documents/{new['id']}")
    assert f"takes the place of ID {new['previousId']}" in page.words
    revisions = next(table for table in page.tables if "Gross" in table.columns())
    assert revisions.column("ID") == [str(new["previousId"]), f"{new['id']} shown"]
    old = site.get(f"/books/{site.small}/documents/{new['previousId']}")
    assert f"The current one is ID {new['id']}" in old.words
    assert ["h1", f"Sales invoice V{new['formattedDocumentNumber']} voided"] in old.headings


def test_attachments_are_listed(site):
    attachment = site.engine.books(site.big).attachments()[0]
    page = site.get(f"/books/{site.big}/documents/{attachment['documentId']}")
    table = next(table for table in page.tables if "File" in table.columns())
    assert table.column("File") == [attachment["name"]]
    assert table.column("Bytes") == [f"{attachment['size']:,}"]


def test_payments_add_up(site):
    pages = pages_of(site, f"/books/{site.big}/payments")
    payments = site.engine.books(site.big).payments(limit=ALL)
    for name, field in (("Amount", "amount"), ("Not allocated", "unallocated")):
        shown = added(text for page in pages for text in page.tables[0].column(name))
        place = pages[0].tables[0].columns().index(name)
        assert shown == sum(payment[field] for payment in payments)
        assert shown == number(pages[0].tables[0].foot[0][place].text)


def test_payments_are_found_by_what_is_left(site):
    page = site.get(f"/books/{site.big}/payments?show=open")
    left = page.tables[0].column("Not allocated")
    assert left
    assert all(number(text) for text in left)
    received = site.get(f"/books/{site.big}/payments?show=in").tables[0]
    assert all(number(text) > 0 for text in received.column("Amount"))


def test_a_payment_shows_what_it_is_allocated_to(site):
    books = site.engine.books(site.big)
    payment = next(
        p
        for p in (books.payment(row["id"]) for row in books.payments())
        if len(p["allocations"]) > 1
    )
    page = site.get(f"/books/{site.big}/payments/{payment['id']}")
    table = page.tables[0]
    allocated = added(table.column("Amount"))
    assert number(table.foot[0][-1].text) == allocated
    assert allocated + abs(number(table.foot[1][-1].text)) == abs(payment["amount"])
    assert table.column("Document") == [a["documentNumber"] for a in payment["allocations"]]


def test_journals_balance(site):
    for business in (site.big, site.small):
        table = site.get(f"/books/{business}/journals").tables[0]
        assert added(table.column("Debit £")) == added(table.column("Credit £")) > 0


@pytest.mark.parametrize("query", ["", "?date=2010-12-03", "?date=2010-12-31"])
def test_the_trial_balance_is_0(site, query):
    page = site.get(f"/books/{site.big}/trial_balance{query}")
    table = page.tables[0]
    debit, credit = added(table.column("Debit £")), added(table.column("Credit £"))
    assert debit == credit > 0
    assert [number(cell.text) for cell in table.foot[0][-2:]] == [debit, credit]
    assert "Debits and credits are equal" in page.words


def test_the_trial_balance_follows_its_date(site):
    base = f"/books/{site.big}/trial_balance"
    before = site.get(f"{base}?date=2010-11-30").tables[0]
    assert before.column("Account") == ["Current account", "Share capital"]
    assert "Nothing is posted up to that date" in site.get(f"{base}?date=2010-11-29").words
    assert "x is not a date" in site.get(f"{base}?date=x", status=400).words


def test_bank_statements_add_up(site):
    page = site.get(f"/books/{site.big}/bank")
    months = page.tables[1]
    assert months.column("Month") == ["December 2010", "January 2011"]
    for statement, row in zip(site.engine.books(site.big).statements(), months.body, strict=True):
        pages = pages_of(site, f"/books/{site.big}/statements/{statement['id']}")
        assert sum(len(p.tables[0].body) for p in pages) == number(row[3].text)
        for name, cell in (("In", row[4]), ("Out", row[5])):
            shown = added(text for p in pages for text in p.tables[0].column(name))
            assert shown == number(cell.text)


@pytest.mark.parametrize(
    "path",
    [
        "9/",
        "101/nothing",
        "101/documents/99999",
        "101/payments/99999",
        "101/contacts/99999",
        "101/statements/99",
        "101/payments/x",
    ],
)
def test_what_is_not_there(site, path):
    response = site.session.get(f"{site.sandbox.site}/books/{path}", timeout=10)
    assert response.status_code == 404
    assert "Traceback" not in response.text


def test_names_are_not_taken_for_html():
    engine = AccountingEngine()
    business = engine.add_business("<b>Bold & Sons</b>")
    engine.call("createCustomer", business_id=business, body={"name": "<script>alert(1)</script>"})
    with running(engine) as sandbox:
        text = requests.get(f"{sandbox.site}/books/{business}/customers", timeout=10).text
    engine.close()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text
    assert "&lt;b&gt;Bold &amp; Sons&lt;/b&gt;" in text


def test_empty_books_say_so():
    always = {"account_codes", "vat_treatments", "vat_rates"}
    with running() as sandbox:
        business = sandbox.engine.business_ids()[0]

        def words(path):
            response = requests.get(f"{sandbox.site}/books/{business}/{path}", timeout=10)
            assert response.status_code == 200, path
            return Page(response.text).words

        for stream in LISTS.keys() - always:
            assert f"No {stream.replace('_', ' ')}." in words(stream)
        assert "No journals." in words("journals")
        assert "No statements." in words("bank")
        assert "Nothing is posted." in words("trial_balance")
        assert words("")


def test_a_document_names_its_vat_treatment_and_a_business_its_features(site):
    books = site.engine.books(site.small)
    [bill] = [d for d in books.documents("purchases", limit=ALL) if d["vatTreatment"] == "SIRC"]
    page = site.get(f"/books/{site.small}/documents/{bill['id']}")
    assert "SIRC Services from abroad, reverse charge" in page.words
    assert "Switched on: the domestic reverse charge" in site.get(f"/books/{site.small}").words
    assert "Switched on" not in site.get(f"/books/{site.big}").words


def test_a_document_shows_what_cis_has_deducted(engine, ledger):
    engine.switch_on(ledger.business, "cis")
    supplier = ledger.supplier()
    bill = ledger.bill(supplier, line(1000, 2002001))["id"]
    ledger.allocate(bill, 400, payment=ledger.pay(supplier, -400), side="purchases")
    plain = ledger.bill(supplier)["id"]
    with running(engine) as sandbox:
        base = f"{sandbox.site}/books/{ledger.business}/documents"
        page = Page(requests.get(f"{base}/{bill}", timeout=10).text)
        other = Page(requests.get(f"{base}/{plain}", timeout=10).text)
    rows = {row[0].text: number(row[-1].text) for row in page.tables[0].foot}
    assert (rows["Gross"], rows["CIS deducted"]) == (1200, 200)
    assert number(page.tables[1].foot[1][-1].text) == 600  # still due
    assert "CIS deducted" not in other.words
