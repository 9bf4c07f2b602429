"""What a person may get wrong on a page is told; no page answers with a server error."""

import re

import pytest

from clearbooks_app.operations.writing import write_records
from target_clearbooks.library import write
from tests.clearbooks_app.operations.conftest import invoice

from .conftest import sign_in

HUGE = "9" * 23


@pytest.fixture(scope="module")
def browser(page):
    """`ask(method, path, form)`: status and text of the answer."""
    write_records(
        page.site.settings(),
        page.business,
        [invoice("W-1", "Ada Bell"), invoice("W-2", "Ada Bell", account="Nope")],
    )
    session = sign_in(page)
    csrf = re.search(r'name="csrf" value="([^"]+)"', session.get(f"{page.url}/plans").text)[1]

    def ask(method, path, form=None, **more):
        data = {"csrf": csrf, **(form or {})} if method == "POST" else None
        url = f"{page.url}{path}"
        answer = session.request(method, url, data=data, allow_redirects=False, **more)
        text = answer.text.partition("<main")[2] or answer.text
        return answer.status_code, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)), answer

    return ask


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"/runs/latest?after={HUGE}", 200, "Record by record"),
        ("/runs/latest?after=\N{SUPERSCRIPT TWO}", 200, "Record by record"),
        ("/runs/none", 404, "There is no run &#39;none&#39;"),
        (f"/decide?after={HUGE}", 200, "Sales invoices W-2"),
        (f"/plans/none.jsonl?page={HUGE}", 404, "There is no plan"),
        (f"/records/{HUGE}/sales_invoices/1", 404, "are not read one by one"),
        ("/records/101/sales_invoices/abc", 404, "sales_invoices abc is not in business 101"),
        ("/records/101/transactions/1", 404, "are not read one by one"),
        (f"/mapping?business={HUGE}", 200, "Accounts"),
        ("/mapping?business=999&kind=customer", 403, "does not cover business 999"),
        ("/coverage/none", 404, "There is no stream"),
        ("/books", 404, "start the page with --warehouse"),
        ("/login", 404, "No password is asked for"),
        ("/connect/callback?code=x&state=y", 400, "begin again"),
    ],
)
def test_a_wrong_address_is_told(browser, path, status, words):
    found, text, _ = browser("GET", path)
    assert (found, words in text) == (status, True), text


@pytest.mark.parametrize(
    ("path", "form", "status", "words"),
    [
        ("/connections", {"name": "a/b"}, 400, "&#39;a/b&#39; should be text of at most"),
        ("/connections/none/sync", {}, 404, "There is no connection"),
        ("/runs/none/undo", {}, 400, "There is no run"),
        ("/jobs/none/stop", {}, 404, "There is no job"),
        ("/plans", {}, 400, "Choose a file"),
        (f"/decide/{HUGE}", {"decision": "drop"}, 404, "does not wait for anybody"),
        ("/mapping", {"kind": "customer", "name": ["a", "b"], "value": "1"}, 400, "one value"),
        ("/mapping", {"kind": "colour"}, 400, "kind: should be one of"),
        (
            "/mapping/contacts",
            {"kind": "customer", "business": "\N{SUPERSCRIPT TWO}", "key": "A", "id": "1"},
            400,
            "Give the ID of the source",
        ),
    ],
)
def test_a_wrong_form_is_told(browser, page, path, form, status, words):
    found, text, _ = browser("POST", path, form)
    assert (found, words in text) == (status, True), text
    # Nothing half made stays behind.
    assert list(page.site.plans.iterdir()) == []


@pytest.mark.parametrize(
    "decision",
    [
        {"decision": "choose"},
        {"decision": "choose", "id": "5", "field": "lineItems[7].accountCode"},
        {"decision": "choose", "id": "5", "field": "nothing"},
        {"decision": "send", "record": "{"},
        {"decision": "send", "record": "[]"},
        {"decision": "send", "record": "{}"},
        {"decision": "send", "record": "[" * 3000},
        {"decision": "colour"},
    ],
)
def test_a_decision_that_is_none_changes_nothing(browser, decision):
    before = re.findall(r'action="/decide/(\d+)"', browser("GET", "/decide")[2].text)
    status, _, _ = browser("POST", f"/decide/{before[0]}", decision)
    assert status == 400
    assert re.findall(r'action="/decide/(\d+)"', browser("GET", "/decide")[2].text) == before


def test_a_plan_takes_the_place_of_none(browser, page, place):
    plan = {**page.site.settings().values, "dry_run": True, "plan_path": str(place / "plan")}
    write(plan, [invoice("W-3", "Ada Bell")])
    content = (place / "plan").read_bytes()
    names = ["plan.jsonl", "plan.jsonl", f"{'long' * 60}.jsonl", "caf\N{ACUTE ACCENT}.jsonl"]
    for name in names:
        status, _, answer = browser("POST", "/plans", files={"file": (name, content)})
        assert status == 303
        assert browser("GET", answer.headers["Location"])[0] == 200
    assert len(list(page.site.plans.iterdir())) == len(names)
    # One that was changed is refused, and not kept.
    changed = content.replace(b"Ada Bell", b"Eve Bell")
    status, _, _ = browser("POST", "/plans", files={"file": ("p.jsonl", changed)})
    assert status == 400
    assert len(list(page.site.plans.iterdir())) == len(names)
    # What was approved of it is a plan of its own, each time.
    for _ in range(2):
        status, _, _ = browser("POST", "/plans/plan.jsonl", {"what": "some", "place": "0"})
        assert status == 303
    assert len(list(page.site.plans.glob("plan.chosen*"))) == 2
    for path in page.site.plans.iterdir():
        path.unlink()
