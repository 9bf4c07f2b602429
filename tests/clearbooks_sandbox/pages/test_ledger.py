"""The ledger's pages over HTTP: accounts, transactions, allocations, and what they lead to."""

from decimal import Decimal

import pytest
import requests

from clearbooks_sandbox import running
from clearbooks_sandbox.pages.sections import GROUPS
from tests.ledger import BANK, COST, DEBTORS, EXCHANGE, line

from .html import Page, added, number
from .test_books import pages_of

SERVICES = "SIRC"


def trial_balance(site, business, at=""):
    """Account code -> debit less credit, as the page of the trial balance has them."""
    table = site.get(f"/books/{business}/trial_balance{at}").tables[0]
    rows = zip(table.column("Code"), table.column("Debit £"), table.column("Credit £"), strict=True)
    return {int(code): number(debit) - number(credit) for code, debit, credit in rows}


def rows_of(pages, name):
    return [text for page in pages for text in page.tables[0].column(name)]


def test_every_count_leads_to_the_listing(site):
    for business in (site.big, site.small):
        page = site.get(f"/books/{business}/")
        counts = site.engine.books(business).counts()
        shown = [a for _, a in page.all("a") if "aria-label" in a]
        assert len(shown) == len(counts)
        for (stream, count), attributes in zip(counts.items(), shown, strict=True):
            listed = site.get(attributes["href"])
            if stream == "bank_accounts":
                assert len(listed.tables[0].body) == count
            elif count:
                assert f" of {count:,}" in listed.words, stream


@pytest.mark.parametrize("query", ["", "?date=2010-12-31"])
def test_a_row_of_the_trial_balance_opens_the_account(site, query):
    page = site.get(f"/books/{site.big}/trial_balance{query}")
    balances = trial_balance(site, site.big, query)
    opened = [link for link in dict.fromkeys(page.links) if f"/{site.big}/account_codes/" in link]
    assert len(opened) == len(balances)
    for path, (code, balance) in list(zip(opened, balances.items(), strict=True))[::5]:
        pages = pages_of(site, path)
        assert str(code) in pages[0].words
        assert number(rows_of(pages, "Balance £")[-1]) == balance
        assert number(pages[0].tables[0].foot[0][-1].text) == balance
        debit, credit = (added(rows_of(pages, name)) for name in ("Debit £", "Credit £"))
        assert debit - credit == balance


def test_a_balance_runs_from_posting_to_posting(site):
    path = f"/books/{site.big}/account_codes/{BANK}?since=2010-12-10&until=2010-12-20"
    pages = pages_of(site, path)
    assert len(pages) > 1
    before = trial_balance(site, site.big, "?date=2010-12-09")[BANK]
    assert f"Opening balance£{before:,.2f}" in pages[0].words
    for debit, credit, balance in zip(
        *(rows_of(pages, name) for name in ("Debit £", "Credit £", "Balance £")), strict=True
    ):
        before += number(debit) - number(credit)
        assert number(balance) == before
    assert before == trial_balance(site, site.big, "?date=2010-12-20")[BANK]


def test_account_codes_have_the_balances_of_the_trial_balance(site):
    pages = pages_of(site, f"/books/{site.big}/account_codes")
    shown = dict(zip(rows_of(pages, "Code"), rows_of(pages, "Balance £"), strict=True))
    assert len(shown) == site.engine.books(site.big).counts()["account_codes"]
    wanted = trial_balance(site, site.big)
    assert {int(c): number(b) for c, b in shown.items() if number(b)} == wanted
    used = pages_of(site, f"/books/{site.big}/account_codes?show=used")
    assert len(rows_of(used, "Code")) == len(wanted)
    found = site.get(f"/books/{site.big}/account_codes?q=current").tables[0]
    assert found.column("Account") == ["Current account"]


@pytest.mark.parametrize("size", ["big", "small"])
def test_transactions_balance_and_name_their_source(site, size):
    business = getattr(site, size)
    pages = pages_of(site, f"/books/{business}/transactions")
    ids = [int(text) for text in rows_of(pages, "Transaction")]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == site.engine.books(business).counts()["transactions"]
    assert all(rows_of(pages, "Posted for"))
    amounts = dict(zip(ids, rows_of(pages, "Amount £"), strict=True))
    for transaction in ids[:: max(1, len(ids) // 30)]:
        page = site.get(f"/books/{business}/transactions/{transaction}")
        table = page.tables[0]
        debit, credit = added(table.column("Debit £")), added(table.column("Credit £"))
        assert debit == credit == number(amounts[transaction]) > 0
        assert [number(cell.text) for cell in table.foot[0][-2:]] == [debit, credit]


def test_transactions_are_found_by_source_and_date(site):
    path = f"/books/{site.small}/transactions?source=journal"
    assert {name.partition(" ")[0] for name in rows_of([site.get(path)], "Posted for")} == {
        "Journal"
    }
    base = f"/books/{site.big}/transactions"
    pages = pages_of(site, f"{base}?since=2010-12-01&until=2010-12-01")
    assert set(rows_of(pages, "Date")) == {"1 Dec 2010"}
    assert len(rows_of(pages, "Date")) > 50
    wrong = site.get(f"{base}?since=soon", status=400)
    assert "soon is not a date" in wrong.words
    assert "Nothing fits the filter" in site.get(f"{base}?q=zzz").words


def test_what_was_posted_leads_to_what_it_was_posted_for(site):
    seen = set()
    for page in pages_of(site, f"/books/{site.small}/transactions"):
        rows = page.tables[0].column("Posted for")
        links = [link for link in page.links if link.startswith(f"/books/{site.small}/")]
        for name in rows:
            seen.add(name.removeprefix("Reversal: ").split()[0])
        for link in links:
            site.get(link)
    assert {"Sales", "Bill", "Payment", "Journal"} <= seen


def test_an_exchange_difference_leads_to_its_allocation(engine, ledger):
    customer = ledger.customer()
    foreign = {"currency": "USD", "exchangeRate": 2}
    invoice = ledger.sale(customer, line(100, rate="0.00:Zero"), **foreign)["id"]
    bank = ledger.do("createBankAccount", {"name": "Dollars", "currency": "USD"})["id"]
    payment = ledger.pay(customer, 100, bank, exchangeRate=1)
    allocation = ledger.allocate(invoice, 100, payment=payment)["id"]
    with running(engine) as sandbox:
        base = f"{sandbox.site}/books/{ledger.business}"
        page = Page(requests.get(f"{base}/account_codes/{EXCHANGE}", timeout=10).text)
        assert page.tables[0].column("Credit £") == ["50.00"]
        [link] = [link for link in page.links if "_allocations?q=" in link]
        found = Page(requests.get(sandbox.site + link, timeout=10).text)
    assert found.tables[0].column("Allocation") == [str(allocation)]
    assert found.tables[0].column("Amount") == ["USD 100.00"]


@pytest.mark.parametrize("size", ["big", "small"])
@pytest.mark.parametrize("side", ["sales", "purchases"])
def test_documents_show_postings_that_balance(site, size, side):
    business = getattr(site, size)
    books = site.engine.books(business)
    documents = books.documents(side, voided=True, limit=10**9)
    checked = 0
    for document in documents[:: 1 if size == "small" else 61]:
        page = site.get(f"/books/{business}/documents/{document['id']}")
        found = [table for table in page.tables if "Transaction" in table.columns()]
        if document["kind"] == "quotes" or document["status"] == "draft":
            assert not found
            continue
        debit, credit = (added(found[0].column(name)) for name in ("Debit £", "Credit £"))
        assert debit == credit
        checked += 1
    assert checked > 2


def test_a_voided_document_shows_both_transactions(engine, ledger):
    invoice = ledger.sale(ledger.customer(), line(100))["id"]
    ledger.do("deleteSalesDocument", salesType="invoices", salesId=invoice)
    supplier = ledger.supplier()
    payment = ledger.pay(supplier, -40)
    ledger.do("deletePayment", paymentId=payment)
    with running(engine) as sandbox:
        base = f"{sandbox.site}/books/{ledger.business}"
        page = Page(requests.get(f"{base}/documents/{invoice}", timeout=10).text)
        every = Page(requests.get(f"{base}/transactions", timeout=10).text)
        one = Page(requests.get(f"{base}/transactions/2", timeout=10).text)
        gone = Page(requests.get(f"{base}/transactions/3", timeout=10).text)
        account = Page(requests.get(f"{base}/account_codes/{DEBTORS}", timeout=10).text)
        unused = requests.get(f"{base}/account_codes/{COST}", timeout=10).text
    table = page.tables[1]
    assert set(table.column("Transaction")) == {"1", "2"}
    assert added(table.column("Debit £")) == 240
    assert account.tables[0].column("Balance £") == ["120.00", "0.00"]
    assert every.tables[0].column("Posted for") == [
        f"Reversal: Payment {payment}",
        f"Payment {payment}",
        "Reversal: Sales invoice VINV000001",
        "Sales invoice VINV000001",
    ]
    # A deleted payment has no page to lead to.
    assert f"/books/{ledger.business}/payments/{payment}" not in every.links
    assert "which is deleted" in gone.words
    assert f"/books/{ledger.business}/transactions/1" in one.links
    assert "No postings." in unused


@pytest.mark.parametrize("side", ["sales", "purchase"])
def test_allocations_lead_to_document_and_payment(site, side):
    pages = pages_of(site, f"/books/{site.big}/{side}_allocations")
    books = site.engine.books(site.big)
    ids = rows_of(pages, "Allocation")
    assert len(ids) == books.counts()[f"{side}_allocations"] > 0
    listed = books.allocations("sales" if side == "sales" else "purchases")
    allocations = {str(row["id"]): row for row in listed}
    assert added(rows_of(pages, "Amount")) == sum(a["amount"] for a in allocations.values())
    first = next(row for row in map(allocations.get, ids) if "paymentId" in row)
    page = site.get(f"/books/{site.big}/{side}_allocations?q={first['id']}")
    assert first["documentNumber"] in page.tables[0].column("Document")
    document = f"/books/{site.big}/documents/{first['invoiceId']}"
    assert document in page.links
    assert f"/books/{site.big}/payments/{first['paymentId']}" in page.links
    assert str(first["id"]) in site.get(document).tables[1].column("Allocation")
    found = site.get(f"/books/{site.big}/{side}_allocations?q={first['documentNumber']}")
    assert set(found.tables[0].column("Document")) == {first["documentNumber"]}


def test_a_credit_note_is_named_where_it_is_allocated(engine, ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer, line(100))["id"]
    note = ledger.sale(customer, line(50), kind="creditNotes")
    ledger.allocate(invoice, 60, credit_note=note["id"])
    with running(engine) as sandbox:
        url = f"{sandbox.site}/books/{ledger.business}/sales_allocations"
        page = Page(requests.get(url, timeout=10).text)
    assert page.tables[0].column("From") == [f"Credit note {note['formattedDocumentNumber']}"]
    assert f"/books/{ledger.business}/documents/{note['id']}" in page.links


def test_stock_items(site):
    pages = pages_of(site, f"/books/{site.big}/stock_items")
    items = site.engine.books(site.big).stock_items()
    assert rows_of(pages, "Name") == [" ".join(item["name"].split()) for item in items]
    prices = added(rows_of(pages, "Sales price"))
    assert prices == sum((item.get("salesUnitPrice", 0) for item in items), start=Decimal(0))
    found = site.get(f"/books/{site.big}/stock_items?q={items[7]['sku']}").tables[0]
    assert items[7]["sku"] in found.column("SKU")


@pytest.mark.parametrize("side", ["sales", "purchases"])
def test_vat_treatments_and_rates_are_those_that_the_api_lists(site, side):
    def listed(operation, **query):
        reply = site.engine.call(
            operation, business_id=site.small, params={"vatType": side}, query=query
        )
        return reply.json()

    table = site.get(f"/books/{site.small}/vat_treatments?side={side}").tables[0]
    shown = list(zip(table.column("Key"), table.column("Name"), strict=True))
    assert shown == [(row["key"], row["name"]) for row in listed("listVatTreatments")]
    if side == "purchases":
        assert SERVICES in dict(shown)
    day = "2010-12-01"
    rates = site.get(f"/books/{site.small}/vat_rates?date={day}").tables[0]
    assert "Standard 17.5%" in rates.column("Name")
    assert "Standard 20%" not in rates.column("Name")
    assert {row["name"] for row in listed("listVatRates", date=day)} <= set(rates.column("Name"))


def test_a_journal_leads_to_its_transaction(site):
    page = site.get(f"/books/{site.big}/journals/1")
    assert len(page.tables[0].body) > 2
    transaction = site.get(f"/books/{site.big}/transactions/1")
    assert f"/books/{site.big}/transactions/1" in page.links
    assert f"/books/{site.big}/journals/1" in transaction.links
    names = [row[0].text for row in page.tables[0].body[1:]]
    assert transaction.tables[0].column("Account") == names


def test_sections_lead_to_every_listing(site):
    for sections in GROUPS.values():
        page = site.get(f"/books/{site.small}/{sections[0]}")
        for section in sections:
            path = f"/books/{site.small}/{section}"
            assert path in page.links
            marked = [a for _, a in site.get(path).all("a") if a.get("aria-current") == "page"]
            assert path in [a["href"] for a in marked]


@pytest.mark.parametrize(
    "path",
    [
        "account_codes/5",
        "account_codes/x",
        "documents/99999999999999999999",
        "journals/99",
        "transactions/99999",
        "transactions/99999999999999999999",
    ],
)
def test_what_is_not_there(site, path):
    response = site.session.get(f"{site.sandbox.site}/books/101/{path}", timeout=10)
    assert response.status_code == 404
    assert "Traceback" not in response.text
