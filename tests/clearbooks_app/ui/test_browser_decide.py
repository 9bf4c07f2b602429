"""Every decision about a record that waits, in a real browser."""

from types import SimpleNamespace

import pytest

from clearbooks_app.operations import identities
from clearbooks_app.operations.doubts import list_doubts
from clearbooks_app.operations.writing import write_records
from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.server import running
from tests.chromium import SIZES
from tests.clearbooks_app.operations.conftest import invoice, message

from .conftest import config_of, everybody_can_use

LINE = {
    "description": "Pump",
    "quantity": 1,
    "unitPrice": 30,
    "accountCode": 1001001,
    "vatRateKey": "20.00:Standard",
}


def call(books, business, operation, body, **params):
    reply = books.engine.call(operation, business_id=business, params=params, body=body)
    assert reply.ok, reply.body


@pytest.fixture(scope="module")
def waiting(books, place, chromium):
    """A page where records wait: three invoices like some by hand, a feed without an answer."""
    business = books.engine.business_ids()[0]
    for number, name in enumerate(("Ada Bell", "Bob Cole", "Cy Dunn"), 1):
        call(books, business, "createCustomer", {"name": name})
        # Of the first there are two, which nothing but their numbers and terms tells apart.
        for days in (30, 14)[: 2 if number == 1 else 1]:
            body = {
                "customerId": number,
                "date": "2026-11-20",
                "dateDue": f"2026-12-{days}",
                "vatTreatment": "UK",
                "description": "By hand",
                "lineItems": [LINE],
            }
            call(books, business, "createSalesDocument", body, salesType="invoices")
    more = {"marker": "off", "assume_new": False, "max_tries": 1, "business_ids": [business]}
    with running(
        Doors(),
        configs=(config_of(books, place, **more),),
        folder=place / "ui",
        references=place / "references.json",
    ) as site:
        settings = site.settings()
        names = ("Ada Bell", "Bob Cole", "Cy Dunn")
        records = [invoice(f"W-{n}", name) for n, name in enumerate(names, 1)]
        found = write_records(settings, business, records)
        assert [r["outcome"] for r in found.results] == ["quarantined"] * 3
        books.faults.add("drop-after:1:method=POST,path=/accounting/bankFeeds,times=1")
        feed = message("bank_feeds", externalId="F-1", bankAccount="Current account")
        write_records(settings.with_values("test", assume_new=True), business, [feed])
        tab = chromium.new_page()
        tab.set_default_timeout(20_000)
        tab.goto(site.access.new_address())
        yield SimpleNamespace(
            tab=tab, url=site.access.doors.url, settings=settings, business=business, books=books
        )
        tab.close()


def invoices(waiting):
    found = waiting.books.engine.books(waiting.business).documents("sales", "invoices", limit=99)
    return {document["id"]: document for document in found}


def card(waiting, name):
    waiting.tab.goto(f"{waiting.url}/decide")
    return waiting.tab.get_by_role("article", name=name)


def told(waiting):
    return waiting.tab.get_by_role("status").inner_text()


@pytest.mark.parametrize(
    ("size", "scheme"), [("wide", "light"), ("narrow", "light"), ("wide", "dark")]
)
def test_everybody_can_decide(waiting, size, scheme):
    waiting.tab.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
    waiting.tab.emulate_media(color_scheme=scheme)
    everybody_can_use(waiting.tab, f"{waiting.url}/decide", f"{size}-{scheme}-decide-records")
    assert waiting.tab.get_by_role("article").count() == 4


def test_it_is_one_of_the_ledger(waiting):
    before = invoices(waiting)
    mine = card(waiting, "Sales invoices W-1")
    table = mine.get_by_role("region", name="What it may be: W-1")
    rows = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts()
        for row in table.locator("tbody tr").all()
    }
    assert rows["date"] == ["2026-11-20"] * 3
    assert rows["net"][0] == "30.00"
    assert all("differs" not in text for text in (*rows["net"], *rows["gross"], *rows["date"]))
    marked = [text for text in rows["date due"] if "differs" in text]
    assert sorted(text.split()[0] for text in marked) == ["2026-12-14", "2026-12-30"]
    place = next(n for n, text in enumerate(rows["date due"][1:]) if "2026-12-14" in text)
    table.get_by_role("link", name="Look").nth(place).click()
    assert "2026-12-14" in waiting.tab.locator("main").inner_text()
    waiting.tab.go_back()
    mine.get_by_role("radio").nth(place).check()
    mine.get_by_role("button", name="It is this one").click()
    assert told(waiting) == "sales_invoices W-1: settled."
    assert invoices(waiting) == before
    (known,) = identities.known(waiting.settings, waiting.business, "sales_invoices", "W-1")
    assert before[known.id]["dateDue"] == "2026-12-14"


def test_it_is_none_of_them(waiting):
    before = invoices(waiting)
    mine = card(waiting, "Sales invoices W-2")
    mine.get_by_role("button", name="It is none of them: write it").click()
    assert told(waiting) == "sales_invoices W-2: written."
    assert len(invoices(waiting)) == len(before) + 1


def test_it_is_left_out(waiting):
    before = invoices(waiting)
    card(waiting, "Sales invoices W-3").get_by_role("button", name="Leave it out").click()
    assert told(waiting) == "sales_invoices W-3: left out."
    assert invoices(waiting) == before
    assert "W-3" not in [doubt.key for doubt in list_doubts(waiting.settings)]


def test_a_write_without_an_answer_is_given_its_id(waiting):
    feed = card(waiting, "Bank feeds F-1")
    assert "the reply was lost" in feed.inner_text()
    feed.get_by_label("ID of the record in Clear Books that it is").fill("1")
    feed.get_by_role("button", name="It is that one").click()
    assert told(waiting) == "bank_feeds F-1: settled."
    (known,) = identities.known(waiting.settings, waiting.business, "bank_feeds")
    assert (known.external_id, known.id) == ("F-1", 1)


def test_what_was_settled_meanwhile_is_told(waiting):
    write_records(waiting.settings, waiting.business, [invoice("W-4", "Ada Bell", account="?")])
    mine = card(waiting, "Sales invoices W-4")
    # A corrected record is written by somebody else while the page is open.
    write_records(waiting.settings, waiting.business, [invoice("W-4", "Eve Fox")])
    mine.get_by_role("button", name="Leave it out").click()
    assert "does not wait for anybody" in waiting.tab.locator("main").inner_text()
    waiting.tab.goto(f"{waiting.url}/decide")
    assert "Nothing waits for you." in waiting.tab.locator("main").inner_text()
