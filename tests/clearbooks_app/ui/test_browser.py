"""The page in a real browser: from consent to an undone run, wide and narrow, for everybody."""

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from clearbooks_app.operations.writing import write_records
from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.server import running
from tests.clearbooks_app.operations.conftest import invoice, message
from tests.project.conftest import ROOT

from .conftest import config_of
from .test_api import KEEPER

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
# A folder to put pictures of every page into, for whoever wants to look.
PICTURES = os.environ.get("PAGE_PICTURES")
ORDERS = ROOT / "examples" / "sales-import" / "clearbooks_sales.csv"


@pytest.fixture(scope="module")
def chromium():
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium is installed ({', '.join(_BROWSERS)})")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page(books, place):
    """A page that holds no tokens yet; its loader writes into a file."""
    (place / "keeper.py").write_text(KEEPER)
    config = config_of(books, place, access_token=None, token_store=str(place / "tokens.json"))
    with running(
        Doors(),
        configs=(config,),
        folder=place / "ui",
        references=place / "references.json",
        loader=f"{sys.executable} {place}/keeper.py {place}/messages.jsonl",
    ) as site:
        yield SimpleNamespace(
            site=site,
            url=site.access.doors.url,
            folder=place,
            business=books.engine.business_ids()[0],
            books=books,
        )


@pytest.fixture(scope="module")
def tab(page, chromium):
    """A browser that was let in; whatever its console says is a fault."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    said = []
    opened.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(page.site.access.new_address())
    yield opened
    context.close()
    # A status of 4xx, which the browser tells of, too, is what a test has asked for.
    assert [words for words in said if not words.startswith("Failed to load resource")] == []


def finished(tab):
    """Wait until the job of this page has ended: it loads itself anew."""
    tab.locator("meta[http-equiv=refresh]").wait_for(state="detached", timeout=60_000)
    return tab.get_by_role("status").inner_text()


def test_from_consent_to_an_undone_run(tab, page):
    # Nothing is connected. A person allows access on the consent page, and comes back.
    tab.goto(page.url)
    tab.get_by_role("link", name="Make a connection").click()
    tab.get_by_label("Ask for writing, too").check()
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_role("link", name="Go to the consent page").click()
    tab.get_by_label("First Limited").check()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_url("**/connect/callback**")
    assert tab.get_by_role("heading", level=1).inner_text() == "Connected"
    assert "First Limited (101)" in tab.locator("main").inner_text()
    tab.get_by_role("link", name="Look at the connection").click()
    assert tab.get_by_role("heading", level=1).inner_text() == "default"
    assert "First Limited (101)" in tab.locator("main").inner_text()

    # A sync of one stream, and its run.
    tab.get_by_text("Only some streams").click()
    tab.get_by_label("Account codes", exact=True).check()
    tab.get_by_role("button", name="Sync now").click()
    assert tab.get_by_role("heading", level=1).inner_text() == "Sync account_codes"
    assert "exit code 0" in finished(tab)
    rows = tab.get_by_role("region", name="Records so far").inner_text()
    assert "account_codes" in rows
    tab.get_by_role("link", name="tap ").click()
    assert "account_codes" in tab.get_by_role("region", name="Streams").inner_text()
    tab.get_by_role("link", name="Home").click()
    assert tab.get_by_role("img", name="Hours since each stream").count() == 1

    # A file is planned, one operation of it approved, carried out, and read back.
    tab.get_by_role("link", name="Plans").click()
    tab.get_by_label("A bank statement, an export").set_input_files(ORDERS)
    tab.get_by_role("button", name="Make the plan").click()
    finished(tab)
    tab.get_by_role("link", name="Look at the plan").click()
    heads = tab.get_by_role("region", name="What it comes to").inner_text()
    assert "sales_invoices" in heads
    boxes = tab.get_by_role("checkbox", name="Approve sales_invoices")
    wanted = boxes.first.get_attribute("aria-label").removeprefix("Approve ")
    assert boxes.count() > 1
    boxes.first.check()
    tab.get_by_role("button", name="Carry out those approved").click()
    assert "exit code 0" in finished(tab)
    written = tab.get_by_role("region", name="What was written, beside the ledger").inner_text()
    assert "sales_invoices\t1\t" in written
    (document,) = page.books.engine.books(page.business).documents("sales", "invoices", limit=9)

    take_back(tab, page, wanted, document)


def take_back(tab, page, wanted, document):
    """Undo the run of the job that is open."""
    # Its run: record by record, with a link to the ledger's record. Then it is taken back.
    tab.get_by_role("link", name="apply ").click()
    results = tab.get_by_role("region", name="Record by record")
    assert wanted in results.inner_text()
    run = tab.url
    results.locator("tr", has_text="sales_invoices").get_by_role("link").click()
    assert document["formattedDocumentNumber"] in tab.get_by_role("heading", level=1).inner_text()
    tab.goto(run)
    tab.get_by_role("button", name="Plan the undo").click()
    assert "void" in tab.get_by_role("region", name="Operations").inner_text()
    tab.get_by_role("button", name="Carry out all").click()
    assert "exit code 0" in finished(tab)
    assert page.books.engine.books(page.business).documents("sales", "invoices", limit=9) == []


@pytest.fixture(scope="module")
def undecided(page):
    """Two customers of one name with an invoice for either, a reject, and a bank feed in doubt."""
    settings = page.site.settings()
    write_records(
        settings,
        page.business,
        [
            message("customers", externalId="D-1", name="Twin Ltd", email="one@example.com"),
            message("customers", externalId="D-2", name="Twin Ltd", email="two@example.com"),
            invoice("W-7", "Twin Ltd"),
            invoice("W-8", "Ada Bell", account="Revnue"),
            invoice("W-9", "Ada Bell", account="Revnue"),
        ],
    )


def card(tab, name):
    return tab.get_by_role("article", name=name)


def test_what_waits_is_decided(tab, page, undecided):
    tab.goto(f"{page.url}/decide")
    twin = card(tab, "Sales invoices W-7")
    assert "one@example.com" not in twin.inner_text()
    twin.get_by_role("radio").nth(1).check()
    twin.get_by_role("button", name="It is this one").click()
    assert "sales_invoices W-7: written" in tab.get_by_role("status").inner_text()

    wrong = card(tab, "Sales invoices W-8")
    assert "the nearest name is 'Revenue'" in wrong.inner_text()
    wrong.get_by_text("Correct it, and send it again").click()
    text = wrong.get_by_label("The record as JSON").input_value()
    wrong.get_by_label("The record as JSON").fill("{")
    wrong.get_by_role("button", name="Send it again").click()
    assert "is no JSON" in tab.locator("main").inner_text()
    tab.goto(f"{page.url}/decide")
    wrong = card(tab, "Sales invoices W-8")
    wrong.get_by_text("Correct it, and send it again").click()
    wrong.get_by_label("The record as JSON").fill(text.replace("Revnue", "Revenue"))
    wrong.get_by_role("button", name="Send it again").click()
    assert "sales_invoices W-8: written" in tab.get_by_role("status").inner_text()


def test_a_name_is_mapped_and_used(tab, page, undecided):
    tab.goto(f"{page.url}/mapping")
    names = tab.get_by_role("region", name="Names")
    picked = names.get_by_label("Revnue is", exact=True)
    assert picked.locator("option:checked").inner_text().startswith("Revenue")
    tab.get_by_role("button", name="Save").click()
    assert "1 names of accounts are in" in tab.get_by_role("status").inner_text()
    kept = json.loads((page.folder / "references.json").read_text())
    assert list(kept["references"]["accountCode"]) == ["Revnue"]
    # The refused record fits now, as it is.
    tab.goto(f"{page.url}/decide")
    wrong = card(tab, "Sales invoices W-9")
    wrong.get_by_text("Correct it, and send it again").click()
    wrong.get_by_role("button", name="Send it again").click()
    assert "sales_invoices W-9: written" in tab.get_by_role("status").inner_text()

    tab.goto(f"{page.url}/mapping?kind=customer")
    known = tab.get_by_role("region", name="Known by their own IDs")
    assert "D-1" in known.inner_text()
    known.get_by_label("Forget D-1").click()
    assert "D-1 is forgotten" in tab.get_by_role("status").inner_text()


def test_coverage_goes_down_to_fields_and_rows(tab, page, undecided):
    tab.goto(f"{page.url}/coverage?count=yes")
    row = tab.locator("tr", has_text="account_codes")
    assert "60" in row.inner_text().replace("\t", " ").split()
    tab.get_by_role("link", name="sales_invoices", exact=True).click()
    assert "required" in tab.get_by_role("region", name="Fields").inner_text()
    assert "INV0000" in tab.get_by_role("region", name="The newest of business").inner_text()


def every_page(tab, page):
    """The pages that links lead to from the sections."""
    found = [
        "/",
        "/connections",
        "/connections/default",
        "/runs",
        "/plans",
        "/decide",
        "/mapping?kind=vatRate",
        "/coverage",
        "/coverage/sales_invoices",
        "/nothing",
    ]
    for path in ("/runs", "/plans"):
        tab.goto(page.url + path)
        for part in ("/runs/", "/jobs/", "/plans/"):
            link = tab.locator(f"main a[href^='{part}']").first
            if link.count():
                found.append(link.get_attribute("href"))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("size", "scheme"), [("wide", "light"), ("narrow", "light"), ("wide", "dark")]
)
def test_everybody_can_use_every_page(tab, page, undecided, size, scheme):
    """axe finds nothing serious, and nothing is cut off on a telephone."""
    records = [invoice("W-10", "Ada Bell", account="Nowhere"), invoice("W-11", "Twin Ltd")]
    write_records(page.site.settings(), page.business, records)
    axe = Axe()
    paths = every_page(tab, page)
    assert len(paths) >= 13
    width, height = SIZES[size]
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": height})
    for path in paths:
        tab.goto(page.url + path)
        assert tab.get_by_role("heading", level=1).count() == 1, path
        over = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"{path} is {over} px too wide at {width}"
        if PICTURES:
            name = path.strip("/").replace("/", "-").replace("?", "-") or "home"
            tab.screenshot(path=Path(PICTURES) / f"{size}-{scheme}-{name}.png", full_page=True)
        found = [
            f"{v['id']}: {node['html'][:200]}"
            for v in axe.run(tab).response["violations"]
            if v["impact"] in ("serious", "critical")
            for node in v["nodes"]
        ]
        assert found == [], f"{path} at {width}, {scheme}"
    tab.emulate_media(color_scheme="light")
    tab.set_viewport_size({"width": 1280, "height": 900})


def test_without_scripts_and_by_keyboard(page, chromium, undecided):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page.site.access.new_address())
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#content")
    tab.goto(f"{page.url}/runs")
    tab.get_by_label("Kind").focus()
    tab.keyboard.press("t")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/runs?kind=ta*")
    tab.get_by_role("button", name="Sign out").focus()
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert "For whoever" not in tab.locator("body").inner_text()
    assert tab.goto(page.url).status == 403
    context.close()
