"""The API against a sandbox: what aggregators sell, operation by operation."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from clearbooks_app.operations.writing import write_records
from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.server import running
from tests.clearbooks_app.conftest import decide
from tests.clearbooks_app.operations.conftest import message

from .conftest import KEEPER, TOKEN, Caller, config_of

LOADER = Path(sys.executable).with_name("target-duckdb")


@pytest.fixture(scope="module")
def connected(books, place):
    """A page that holds no tokens yet, with a loader that writes into a file."""
    folder = place / "connected"
    folder.mkdir()
    (folder / "keeper.py").write_text(KEEPER)
    loader = f"{sys.executable} {folder}/keeper.py {folder}/messages.jsonl"
    config = config_of(books, folder, access_token=None, token_store=str(folder / "tokens.json"))
    with running(
        Doors(api_token=TOKEN),
        configs=(config,),
        folder=folder / "ui",
        loader=loader,
        references=folder / "references.json",
    ) as site:
        call = Caller(site.access.doors.url)
        yield SimpleNamespace(
            call=call, site=site, folder=folder, business=books.engine.business_ids()[0]
        )


def consent(page, name, **more):
    """Begin and finish a connection, as a program with a redirect URI of its own."""
    begun = page.call("POST", "/api/connections", {"name": name, **more}, 201)
    assert begun["redirect_uri"].endswith("/connect/callback")
    sent_to = decide(begun["authorization_url"], user=name)
    return begun, sent_to


def test_connect_status_sync_and_disconnect(connected):
    call = connected.call
    assert call("GET", "/api/connections") == {"result": [], "next_cursor": None}
    assert call("GET", "/api/connections/acme", status=404)["error"]["code"] == "not_found"

    # Begin and finish.
    _, sent_to = consent(connected, "acme", write=True)
    path = "/api/connections/acme/finish"
    wrong = {"redirected_url": sent_to.replace("state=", "state=x")}
    assert "begun here" in call("POST", path, wrong, 400)["error"]["message"]
    made = call("POST", path, {"redirected_url": sent_to})
    assert [b["name"] for b in made["businesses"]] == ["First Limited", "Second Limited"]
    assert made["scopes_refused"] == []
    assert call("POST", path, {"redirected_url": sent_to}, 400)

    # List, and status.
    (row,) = call("GET", "/api/connections")["result"]
    assert (row["id"], row["businesses"]) == ("acme", [101, 102])
    found = call("GET", "/api/connections/acme")
    assert (found["connected"], found["by"], found["scopes_missing"]) == (True, "token_store", [])
    assert [b["name"] for b in found["businesses"]] == ["First Limited", "Second Limited"]
    assert call("GET", "/api/connections/acme/sync") == {"job": None, "run": None}

    # Sync all, and one stream; the state goes from one to the next.
    job = call("POST", "/api/connections/acme/sync", status=202)
    done = call.finished(job["id"])
    assert (done["state"], done["exit_code"]) == ("done", 0), done
    assert done["records"]["account_codes"] > 50
    kept = connected.folder / "messages.jsonl"
    first = [json.loads(line) for line in kept.read_text().splitlines()]
    streams = {m["stream"] for m in first if m["type"] == "RECORD"}
    assert {"businesses", "account_codes", "vat_rates"} <= streams
    status = call("GET", "/api/connections/acme/sync")
    assert status["job"]["id"] == job["id"]
    assert status["run"]["streams"]["account_codes"]["read"] == done["records"]["account_codes"]

    kept.unlink()
    job = call("POST", "/api/connections/acme/sync/account_codes", status=202)
    assert call.finished(job["id"])["state"] == "done"
    again = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {m["stream"] for m in again if m["type"] == "RECORD"} <= {"account_codes"}
    assert {m["stream"] for m in again if m["type"] == "SCHEMA"} == {"account_codes"}
    (before,) = [m for m in first if m["type"] == "STATE"][-1:]
    (after,) = [m for m in again if m["type"] == "STATE"][-1:]
    assert set(after["value"]["bookmarks"]) >= set(before["value"]["bookmarks"])
    assert call("POST", "/api/connections/acme/sync/colours", status=404)
    assert call("GET", "/api/jobs")["result"][0]["id"] == job["id"]
    assert len(call("GET", "/api/runs?limit=1")["result"]) == 1

    # Disconnect.
    assert call("DELETE", "/api/connections/acme") == {"connection": "acme", "forgotten": True}
    assert call("GET", "/api/connections")["result"] == []
    assert call("DELETE", "/api/connections/acme", status=404)


def test_the_browser_finishes_by_itself(connected):
    """The consent page sends the browser to the page, which asks for no cookie."""
    import requests

    begun, sent_to = consent(connected, "by-browser")
    assert sent_to.startswith(begun["redirect_uri"])
    answer = requests.get(sent_to, timeout=20)
    assert answer.status_code == 200
    assert "Connected" in answer.text
    assert requests.get(sent_to, timeout=20).status_code == 400
    call = connected.call
    assert call("GET", "/api/connections/by-browser")["connected"]
    call("DELETE", "/api/connections/by-browser")


def test_who_denies_is_told(connected):
    begun = connected.call("POST", "/api/connections", {"name": "no"}, 201)
    sent_to = decide(begun["authorization_url"], "deny")
    given = {"redirected_url": sent_to}
    error = connected.call("POST", "/api/connections/no/finish", given, 409)["error"]
    assert error["code"] == "denied"


def test_no_token_is_in_an_address_or_an_answer(connected):
    _, sent_to = consent(connected, "secrets")
    query = parse_qs(urlsplit(sent_to).query)
    assert set(query) == {"code", "state"}
    connected.call("POST", "/api/connections/secrets/finish", {"redirected_url": sent_to})
    store = (connected.folder / "tokens.json").read_text()
    tokens = [v for v in json.dumps(store).split('\\"') if len(v) > 30]
    shown = json.dumps(connected.call("GET", "/api/connections/secrets"))
    assert not [token for token in tokens if token in shown]
    connected.call("DELETE", "/api/connections/secrets")


BASE = "/api/connections/default/businesses/101"


def test_records_are_written_with_a_result_for_each_and_listed(page):
    call = page.call
    contacts = [
        {"remote_id": "C-1", "is_customer": True, "name": "Ada Bell", "city": "Leeds"},
        {"remote_id": "S-1", "is_supplier": True, "name": "Acme Ltd"},
    ]
    done = call("POST", f"{BASE}/accounting/contacts", {"records": contacts})
    assert [r["outcome"] for r in done["result"]] == ["written", "written"]
    first = call("GET", f"{BASE}/accounting/contacts")
    cursor = first["next_cursor"]
    rest = call("GET", f"{BASE}/accounting/contacts?cursor={cursor}")
    assert rest["next_cursor"] is None
    listed = first["result"] + rest["result"]
    assert [c["name"] for c in listed] == ["Ada Bell", "Acme Ltd"]
    assert listed[0]["city"] == "Leeds"

    line = {
        "description": "Bell",
        "quantity": 1,
        "unit_price": 12.5,
        "account": "Revenue",
        "tax_rate": "20%",
    }
    invoice = {
        "remote_id": "I-1",
        "type": "invoice",
        "contact": listed[0]["id"],
        "issue_date": "2026-11-20",
        "tax_treatment": "UK",
        "line_items": [line],
    }
    wrong = {**invoice, "remote_id": "I-2", "line_items": [{**line, "account": "Revnue"}]}
    given = {"records": [invoice, wrong]}
    done = call("POST", f"{BASE}/accounting/invoices", given)
    good, bad = done["result"]
    assert (good["remote_id"], good["outcome"]) == ("I-1", "written")
    assert bad["outcome"] == "rejected"
    assert bad["reasons"][0].startswith("line_items[0].account: there is no account code 'Revnue'")
    assert "Revenue" in bad["reasons"][0]
    assert bad["id"] is None
    run = call("GET", f"/api/runs/{done['run']}")
    assert run["run"]["streams"]["sales_invoices"] == {"written": 1, "rejected": 1}
    assert [r["outcome"] for r in run["results"]] == ["written", "rejected"]

    # Again: it is known, and sent to nobody.
    done = call("POST", f"{BASE}/accounting/invoices", {"records": [invoice]})
    assert (done["result"][0]["outcome"], done["result"][0]["id"]) == ("unchanged", good["id"])
    (only,) = call("GET", f"{BASE}/accounting/invoices")["result"]
    assert (only["total_amount"], only["contact"]) == (15, listed[0]["id"])
    assert only["id"].endswith(f"-{good['id']}")

    # What was refused waits for a person, and is corrected.
    (doubt,) = [d for d in call("GET", "/api/doubts")["result"] if d["key"] == "I-2"]
    record = doubt["record"]
    record["lineItems"][0]["accountCode"] = "Revenue"
    decided = call("POST", f"/api/doubts/{doubt['id']}", {"decision": "send", "record": record})
    assert decided["settled"], decided
    assert call("POST", f"/api/doubts/{doubt['id']}", {"decision": "drop"}, 404)


def test_contacts_and_bank_accounts_are_mapped(page):
    call = page.call
    records = [{"remote_id": "C-9", "is_customer": True, "name": "Mapped Ltd"}]
    (made,) = call("POST", f"{BASE}/accounting/contacts", {"records": records})["result"]
    given = {"stream": "customers", "external_id": "CRM-5", "contact_id": made["id"]}
    assert call("POST", f"{BASE}/contacts/mappings", given) == given
    call("POST", f"{BASE}/contacts/mappings", {**given, "contact_id": 4711}, 400)

    (bank,) = call("GET", f"{BASE}/accounting/bank-accounts")["result"][:1]
    number = int(bank["id"].rpartition("-")[2])
    given = {"name": "Till", "bank_account_id": number}
    done = call("POST", f"{BASE}/bank-accounts/mappings", given)
    assert done["references"] == {"bankAccount": {"Till": number}}
    call("POST", f"{BASE}/bank-accounts/mappings", {**given, "bank_account_id": 4711}, 404)

    # Both are used by what is written.
    payment = {
        "remote_id": "P-1",
        "transaction_date": "2026-11-21",
        "total_amount": 3,
        "customer": {"externalId": "CRM-5"},
        "account": "Till",
    }
    (result,) = call("POST", f"{BASE}/accounting/payments", {"records": [payment]})["result"]
    assert result["outcome"] == "written", result
    found = call("GET", f"{BASE}/accounting/payments")["result"]
    assert found[-1]["account"] == bank["id"]

    mappings = call("GET", "/api/connections/default/field-mappings")
    assert mappings["references"]["bankAccount"] == {"Till": number}
    by_field = {(m["model"], m["field"], m["stream"]): m for m in mappings["result"]}
    assert by_field["invoices", "line_items[].account", "bills"]["read"] == (
        "lineItems[].accountCode"
    )


@pytest.mark.parametrize("model", ["users", "employees", "purchase-orders"])
def test_what_clear_books_lacks_is_said(page, model):
    error = page.call("GET", f"{BASE}/accounting/{model}", status=404)["error"]
    assert error["code"] == "absent"
    assert "Clear Books' API has no" in error["message"]
    given = {"records": [{"remote_id": "1"}]}
    assert page.call("POST", f"{BASE}/accounting/{model}", given, 404)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([{"name": "A"}], "records[0].remote_id"),
        ([{"remote_id": 5, "name": "A"}], "records[0].remote_id"),
        ([{"remote_id": "1", "is_customer": True}] * 2, "records[1].remote_id: '1' is there twice"),
        ([{"remote_id": "1", "name": "A"}], "is_customer or is_supplier"),
    ],
)
def test_what_is_missing_is_named(page, records, words):
    error = page.call("POST", f"{BASE}/accounting/contacts", {"records": records}, 400)["error"]
    assert words in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{BASE}/accounting/contacts?limit=0", None, 422),
        ("GET", f"{BASE}/accounting/contacts?limit=x", None, 422),
        ("GET", f"{BASE}/accounting/contacts?colour=red", None, 422),
        ("GET", f"{BASE}/accounting/contacts?cursor=x", None, 400),
        ("GET", BASE.replace("101", "x") + "/accounting/contacts", None, 422),
        ("GET", BASE.replace("101", "999") + "/accounting/contacts", None, 403),
        ("POST", f"{BASE}/accounting/contacts", {"records": []}, 422),
        ("POST", f"{BASE}/accounting/tax-rates", {"records": [{"remote_id": "1"}]}, 400),
        ("PUT", "/api/connections", {}, 405),
        ("GET", "/api/runs/nope", None, 404),
        ("GET", "/api/jobs/..", None, 404),
        ("POST", "/api/connections/default/sync", None, 400),
    ],
)
def test_a_mistake_is_told_by_status_and_message(page, method, path, body, status):
    error = page.call(method, path, body, status)["error"]
    assert error["message"]
    assert "Traceback" not in error["message"]


def test_a_body_that_is_none(page):
    post = page.call.session.post
    url = f"{page.url}{BASE}/accounting/contacts"
    assert post(url, data="{", headers={"Content-Type": "application/json"}).status_code == 400
    assert post(url, data="a=b").status_code == 415
    big = b"[" * (9 * 1024 * 1024)
    assert post(url, data=big, headers={"Content-Type": "application/json"}).status_code == 413


def test_names_that_fit_several_are_decided_one_by_one(page):
    for stream, name in (("Customer", "Twin Ltd"), ("BankAccount", "Savings")):
        for _ in range(2):
            page.books.engine.call(
                f"create{stream}", business_id=page.business, params={}, body={"name": name}
            )
    payment = message(
        "payments",
        externalId="P-7",
        customer="Twin Ltd",
        bankAccount="Savings",
        amount="10.00",
        date="2026-11-20",
        description="Received",
    )
    write_records(page.site.settings(), page.business, [payment])

    def waiting():
        (found,) = [d for d in page.call("GET", "/api/doubts")["result"] if d["key"] == "P-7"]
        return found

    found = waiting()
    banks = [c["id"] for c in found["candidates"] if c["field"] == "bankAccount"]
    body = {"decision": "choose", "id": str(banks[1]), "field": "bankAccount"}
    answer = page.call("POST", f"/api/doubts/{found['id']}", body)
    assert [r["outcome"] for r in answer["results"]] == ["quarantined"]
    found = waiting()
    assert {c["field"] for c in found["candidates"]} == {"customer"}
    body = {"decision": "choose", "id": str(found["candidates"][0]["id"])}
    answer = page.call("POST", f"/api/doubts/{found['id']}", body)
    assert [r["outcome"] for r in answer["results"]] == ["written"]
    (written,) = [
        p
        for p in page.books.engine.books(page.business).payments(limit=99)
        if p["description"].startswith("Received")
    ]
    assert written["bankAccountId"] == banks[1]


def test_a_job_can_be_stopped_and_one_that_was_killed_is_known(page):
    jobs = page.site.jobs
    job = jobs.start("sync", "Sleep", [["sleep", "60"]], directory=Path.cwd())
    waited = page.call("GET", f"/api/jobs/{job.order.id}")
    assert waited["state"] == "running"
    while not (page.site.folder / "jobs" / job.order.id / "pid.json").exists():
        pass
    page.call("POST", f"/api/jobs/{job.order.id}/stop", status=202)
    done = page.call.finished(job.order.id)
    assert (done["state"], done["exit_code"]) == ("failed", 143)


def test_a_program_that_is_not_there_is_named(page, place):
    with running(
        Doors(api_token=TOKEN),
        configs=page.site.configs,
        folder=place / "other",
        loader="no-such-loader",
    ) as site:
        call = Caller(site.access.doors.url)
        error = call("POST", "/api/connections/default/sync", status=400)["error"]
        assert "no-such-loader: there is no such program" in error["message"]


@pytest.mark.skipif(not LOADER.exists(), reason="target-duckdb is not installed")
def test_a_sync_fills_a_warehouse(page, place):
    """With a loader that people use."""
    assert shutil.which(LOADER)
    (place / "duckdb.json").write_text(
        json.dumps({"filepath": str(place / "books.duckdb"), "default_target_schema": "ledger"})
    )
    loader = f"{LOADER} --config {place}/duckdb.json"
    with running(
        Doors(api_token=TOKEN), configs=page.site.configs, folder=place / "loaded", loader=loader
    ) as site:
        call = Caller(site.access.doors.url)
        job = call("POST", "/api/connections/default/sync/account_codes", status=202)
        done = call.finished(job["id"])
        assert done["state"] == "done", site.jobs.find(job["id"]).log
        import duckdb

        with duckdb.connect(str(place / "books.duckdb"), read_only=True) as db:
            (tables,) = db.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_name = 'account_codes'"
            ).fetchall()
        assert tables == (1,)
        assert site.state_of("default").exists()
