"""The page in a real browser, from consent to an undone run."""

from tests.chromium import SIZES
from tests.project.conftest import ROOT

from .conftest import finished, is_for_everybody

ORDERS = ROOT / "examples" / "sales-import" / "clearbooks_sales.csv"


def test_from_consent_to_an_undone_run(tab, empty):
    # Nothing is connected. A person allows access on the consent empty, and comes back.
    tab.goto(empty.url)
    tab.get_by_role("link", name="Make a connection").click()
    tab.get_by_label("Ask for writing, too").check()
    tab.get_by_role("button", name="Go on").click()
    at_each_size(tab, "consent")
    tab.get_by_role("link", name="Go to the consent page").click()
    tab.get_by_label("First Limited").check()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_url("**/connect/callback**")
    assert tab.get_by_role("heading", level=1).inner_text() == "Connected"
    assert "First Limited (101)" in tab.locator("main").inner_text()
    at_each_size(tab, "connected")
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
    (document,) = empty.books.engine.books(empty.business).documents("sales", "invoices", limit=9)

    take_back(tab, empty, wanted, document)


def at_each_size(tab, name):
    for size, (width, height) in reversed(SIZES.items()):
        tab.set_viewport_size({"width": width, "height": height})
        is_for_everybody(tab, f"{size}-light-{name}")


def look_at_report(tab, path, wanted):
    """The report by itself, as an auditor has it: from a disk, with no network."""
    page = path.rename(path.with_suffix(".html"))
    context = tab.context.browser.new_context(offline=True)
    alone = context.new_page()
    asked = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(page.as_uri())
    assert wanted in alone.locator("main").inner_text()
    assert asked == [page.as_uri()]
    at_each_size(alone, "report")
    context.close()


def take_back(tab, empty, wanted, document):
    """Undo the run of the job that is open."""
    # Its run: record by record, with a link to the ledger's record. Then it is taken back.
    tab.get_by_role("link", name="apply ").click()
    results = tab.get_by_role("region", name="Record by record")
    assert wanted in results.inner_text()
    run = tab.url
    results.locator("tr", has_text="sales_invoices").get_by_role("link").click()
    assert document["formattedDocumentNumber"] in tab.get_by_role("heading", level=1).inner_text()
    at_each_size(tab, "record")
    tab.goto(run)
    sums = tab.get_by_role("region", name="What it comes to").inner_text()
    assert str(document["gross"]) in sums
    at_each_size(tab, "run")
    with tab.expect_download() as kept:
        tab.get_by_role("link", name="The run as one page").click()
    look_at_report(tab, kept.value.path(), wanted)
    tab.get_by_role("button", name="Plan the undo").click()
    assert "void" in tab.get_by_role("region", name="Operations").inner_text()
    tab.get_by_role("button", name="Carry out all").click()
    assert "exit code 0" in finished(tab)
    assert empty.books.engine.books(empty.business).documents("sales", "invoices", limit=9) == []
