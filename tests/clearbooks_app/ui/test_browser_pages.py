"""Every page in a real browser, wide and narrow, for everybody."""

import json
import time
from urllib.parse import urlsplit

import pytest

from clearbooks.history import Run, save_run
from clearbooks_app.operations.writing import write_records
from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.guard import CALLBACK
from clearbooks_app.ui.server import running
from target_clearbooks.library import write
from tests.chromium import SIZES
from tests.clearbooks_app.conftest import decide
from tests.clearbooks_app.operations.conftest import invoice, message

from .conftest import everybody_can_use, finished


@pytest.fixture(scope="module")
def undecided(empty):
    """A page that was used: a connection, a sync, a plan, and records that wait for a person.

    Two customers of one name with an invoice for either, and two rejects.
    """
    site = empty.site
    pending = site.consents.begin(site.settings(), empty.url + CALLBACK, write=True)
    site.consents.finish(urlsplit(decide(pending.consent.url)).query)
    job = site.sync(None, ["account_codes"])
    while site.jobs.find(job.order.id).state == "running":
        time.sleep(0.05)
    settings = site.settings()
    plan = {**settings.values, "dry_run": True, "plan_path": str(site.plans / "plan.jsonl")}
    write(plan, [invoice("W-1", "Bob Cole"), invoice("W-2", "Bob Cole", account="Revnue")])
    twins = [
        message("customers", externalId="D-1", name="Twin Ltd", email="one@example.com"),
        message("customers", externalId="D-2", name="Twin Ltd", email="two@example.com"),
    ]
    records = [
        invoice("W-7", "Twin Ltd"),
        invoice("W-8", "Ada Bell", account="Revnue"),
        invoice("W-9", "Ada Bell", account="Revnue"),
    ]
    # The second twin may still be under way when an invoice of the same run looks for the name.
    write_records(settings, empty.business, twins)
    write_records(settings, empty.business, records)


def card(tab, name):
    return tab.get_by_role("article", name=name)


def test_what_waits_is_decided(tab, empty, undecided):
    tab.goto(f"{empty.url}/decide")
    twin = card(tab, "Sales invoices W-7")
    candidates = twin.get_by_role("region", name="What customer may mean: W-7")
    fields = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts()
        for row in candidates.locator("tbody tr").all()
    }
    # What they have in common, and what tells them apart.
    assert fields["name"] == ["Twin Ltd", "Twin Ltd", "Twin Ltd"]
    assert [text.split() for text in fields["email"]] == [
        [],
        ["one@example.com", "(differs)"],
        ["two@example.com", "(differs)"],
    ]
    assert candidates.locator("mark").all_inner_texts() == [
        "one@example.com",
        "two@example.com",
        "D-1",
        "D-2",
    ]
    candidates.get_by_role("link", name="Look").nth(1).click()
    assert "two@example.com" in tab.get_by_role("region", name="Fields of the record").inner_text()
    tab.go_back()
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
    tab.goto(f"{empty.url}/decide")
    wrong = card(tab, "Sales invoices W-8")
    wrong.get_by_text("Correct it, and send it again").click()
    wrong.get_by_label("The record as JSON").fill(text.replace("Revnue", "Revenue"))
    wrong.get_by_role("button", name="Send it again").click()
    assert "sales_invoices W-8: written" in tab.get_by_role("status").inner_text()


def test_a_name_is_mapped_and_used(tab, empty, undecided):
    tab.goto(f"{empty.url}/mapping")
    names = tab.get_by_role("region", name="Names")
    picked = names.get_by_label("Revnue is", exact=True)
    assert picked.locator("option:checked").inner_text().startswith("Revenue")
    tab.get_by_role("button", name="Save").click()
    assert "1 names of accounts are in" in tab.get_by_role("status").inner_text()
    kept = json.loads((empty.folder / "references.json").read_text())
    assert list(kept["references"]["accountCode"]) == ["Revnue"]
    # The refused record fits now, as it is.
    tab.goto(f"{empty.url}/decide")
    wrong = card(tab, "Sales invoices W-9")
    wrong.get_by_text("Correct it, and send it again").click()
    wrong.get_by_role("button", name="Send it again").click()
    assert "sales_invoices W-9: written" in tab.get_by_role("status").inner_text()

    tab.goto(f"{empty.url}/mapping?kind=customer")
    known = tab.get_by_role("region", name="Known by their own IDs")
    assert "D-1" in known.inner_text()
    known.get_by_label("Forget D-1").click()
    assert "D-1 is forgotten" in tab.get_by_role("status").inner_text()


def test_a_plan_shows_what_changes_and_what_is_refused(tab, empty, undecided):
    settings = empty.site.settings()
    write_records(settings, empty.business, [invoice("W-20", "Fay Gill", "50.00")])
    plan = {**settings.values, "dry_run": True, "plan_path": str(empty.site.plans / "change.jsonl")}
    records = [invoice("W-20", "Fay Gill", "75.00"), invoice("W-21", "Fay Gill", account="Revenoo")]
    write(plan, records)
    tab.goto(f"{empty.url}/plans/change.jsonl")
    heads, sums = tab.get_by_role("region", name="What it comes to").locator("tr").all()
    assert heads.inner_text().split() == [
        "Stream",
        "Change",
        "Refuse",
        "Net",
        "VAT",
        "Gross",
    ]
    assert sums.inner_text().split() == ["sales_invoices", "1", "1", "75.00", "15.00", "90.00"]
    change = tab.get_by_role("region", name="Operations").locator("li")
    assert change.count() == 1
    assert "unitPrice" in change.inner_text()
    assert (change.locator("del").inner_text(), change.locator("ins").inner_text()) == (
        "50.00",
        "75.00",
    )
    refused = tab.get_by_role("region", name="Refused").inner_text()
    assert "W-21" in refused
    assert "there is no account code 'Revenoo'" in refused
    # The ledger moves on before it is carried out: nothing is sent, and the page says why.
    write_records(settings, empty.business, [invoice("W-20", "Fay Gill", "60.00")])
    tab.get_by_role("button", name="Carry out all").click()
    assert "exit code" in finished(tab)
    assert "failed" in tab.get_by_role("status").inner_text()
    assert "Make the plan anew" in tab.get_by_role("region", name="Log").inner_text()


def test_coverage_goes_down_to_fields_and_rows(tab, empty, undecided):
    tab.goto(f"{empty.url}/coverage?count=yes")
    row = tab.locator("tr", has_text="account_codes")
    assert "60" in row.inner_text().replace("\t", " ").split()
    assert "seconds ago" in row.inner_text()
    # Nobody has read the other business.
    tab.goto(f"{empty.url}/coverage?business=102")
    assert "ago" not in tab.locator("tr", has_text="account_codes").inner_text()
    tab.goto(f"{empty.url}/coverage")
    tab.get_by_role("link", name="sales_invoices", exact=True).click()
    assert "required" in tab.get_by_role("region", name="Fields").inner_text()
    assert "INV0000" in tab.get_by_role("region", name="The newest of business").inner_text()


def test_runs_are_charted(tab, empty, undecided):
    # A run that was killed: nobody knows how many requests it made.
    killed = Run(id="20200101-000000-a1b2c3", started=1577836800.0, kind="tap")
    save_run(empty.site.settings().connection(), killed)
    tab.goto(f"{empty.url}/runs?kind=tap")
    for what in ("Records", "Requests", "Seconds", "Refused records"):
        chart = tab.get_by_role("img", name=f"{what} of each run, oldest first", exact=True)
        assert chart.locator("rect").count() == 1, what
    newest, oldest = tab.get_by_role("region", name="All runs").locator("tbody tr").all()
    number = newest.locator("td").nth(2).inner_text()
    assert int(number) > 0
    assert oldest.locator("td").nth(2).inner_text() == "\N{EN DASH}"
    chart = tab.get_by_role("img", name="Requests of each run")
    assert chart.locator("title").text_content().endswith(f": {number}")
    newest.get_by_role("link").click()
    assert f"Requests\n{number}" in tab.locator("dl").inner_text()


def every_page(tab, empty):
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
        tab.goto(empty.url + path)
        for part in ("/runs/", "/jobs/", "/plans/"):
            link = tab.locator(f"main a[href^='{part}']").first
            if link.count():
                found.append(link.get_attribute("href"))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("size", "scheme"), [("wide", "light"), ("narrow", "light"), ("wide", "dark")]
)
def test_everybody_can_use_every_page(tab, empty, undecided, size, scheme):
    """axe finds nothing serious, and nothing is cut off on a telephone."""
    records = [invoice("W-10", "Ada Bell", account="Nowhere"), invoice("W-11", "Twin Ltd")]
    write_records(empty.site.settings(), empty.business, records)
    paths = every_page(tab, empty)
    assert len(paths) >= 13
    width, height = SIZES[size]
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": height})
    for path in paths:
        name = path.strip("/").replace("/", "-").replace("?", "-") or "home"
        everybody_can_use(tab, empty.url + path, f"{size}-{scheme}-{name}")
    tab.emulate_media(color_scheme="light")
    tab.set_viewport_size({"width": 1280, "height": 900})


def test_without_scripts_and_by_keyboard(empty, chromium, undecided):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(empty.site.access.new_address())
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#content")
    tab.goto(f"{empty.url}/runs")
    tab.get_by_label("Kind").focus()
    tab.keyboard.press("t")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/runs?kind=ta*")
    tab.get_by_role("button", name="Sign out").focus()
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert "For whoever" not in tab.locator("body").inner_text()
    assert tab.goto(empty.url).status == 403
    context.close()


@pytest.mark.parametrize("size", SIZES)
def test_everybody_can_sign_in(empty, chromium, size):
    width, height = SIZES[size]
    password = "a long enough password"
    with running(
        Doors(password=password), configs=empty.site.configs, folder=empty.folder / "locked"
    ) as site:
        tab = chromium.new_page(viewport={"width": width, "height": height})
        everybody_can_use(tab, site.access.doors.url, f"{size}-light-sign-in")
        tab.get_by_label("Password").fill("a wrong one")
        tab.get_by_role("button", name="Sign in").click()
        assert tab.get_by_role("alert").inner_text() == "That is not the password."
        tab.get_by_label("Password").fill(password)
        tab.keyboard.press("Enter")
        tab.wait_for_url(f"{site.access.doors.url}/")
        assert tab.get_by_role("heading", level=1).inner_text() == "Home"
        tab.close()
