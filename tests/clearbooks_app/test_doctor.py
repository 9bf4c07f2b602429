"""`clearbooks doctor`: each fault is found, with its remedy."""

import json
import stat
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from clearbooks.contract import load_contract
from clearbooks.scopes import readable_streams
from clearbooks.settings import state_dir
from clearbooks_app.config import load_settings
from clearbooks_app.doctor_checks import run_checks

from .conftest import decide, edit_chain


def lines(result, verdict):
    return [c for c in json.loads(result.stdout)["checks"] if c["verdict"] == verdict]


def test_doctor_of_a_healthy_account(connected, run, sandbox):
    result = run("doctor --json")
    found = json.loads(result.stdout)
    assert found["ok"]
    names = [check["name"].partition(" of ")[0] for check in found["checks"]]
    assert set(readable_streams(load_contract())) <= set(names)
    assert {"settings", "token store", "reachable", "clock", "token", "scopes"} <= set(names)
    assert [c["name"].partition(" ")[0] for c in lines(result, "skipped")] == [
        "sales_attachments",
        "purchase_attachments",
    ]
    reads = [r for r in sandbox.requests if r.path.startswith("/accounting") and r.status == 200]
    assert all(r.method == "GET" for r in reads)
    assert all("limit=1" in r.query for r in reads if "vat" not in r.path and "Bal" not in r.path)


def test_doctor_of_a_plan_that_lacks_a_feature(connected, run, sandbox):
    sandbox.faults.add("no-subscription:path=/accounting/purchases,status=402")
    result = run("doctor --json --streams customers,bills", code=5)
    (check,) = lines(result, "failed")
    assert check["name"].startswith("bills of ")
    assert "plan (subscription)" in check["found"]
    assert "renew or change the plan" in check["remedy"]


def test_doctor_in_words(connected, run):
    words = run("doctor --streams customers").stdout
    assert "ok       customers of " in words
    assert words.splitlines()[-1] == "8 checks, 0 failed, 0 with a warning."


def test_doctor_says_of_balances_no_more_than_it_has_seen(connected, run, engine):
    """One day is asked for: that it has none does not say that the stream holds nothing."""
    business = engine.business_ids()[0]

    def do(operation, body, **params):
        reply = engine.call(operation, business_id=business, params=params, query={}, body=body)
        assert reply.status < 300
        return json.loads(reply.body)

    line = {
        "description": "Work",
        "unitPrice": 100,
        "quantity": 1,
        "accountCode": 1001001,
        "vatRateKey": "20.00:Standard",
    }
    customer = do("createCustomer", {"name": "Smith"})["id"]
    sale = {"date": "2024-03-01", "vatTreatment": "UK", "customerId": customer, "lineItems": [line]}
    do("createSalesDocument", sale, salesType="invoices")
    found = json.loads(run("doctor --json --streams account_balances,sales_invoices,bills").stdout)
    said = {check["name"].partition(" of ")[0]: check["found"] for check in found["checks"]}
    assert said["account_balances"] == "read; nothing today"
    assert said["sales_invoices"] == "read"
    assert said["bills"] == "read; it holds nothing"


def test_doctor_not_connected(settings, run):
    result = run("doctor --json", 5)
    (failed,) = lines(result, "failed")
    assert failed["name"] == "token"
    assert failed["remedy"] == "run `clearbooks connect`"


def test_doctor_finds_missing_scopes(settings, browser, run):
    run("connect --streams customers")
    result = run("doctor --json --streams customers,payments", 1)
    (failed,) = lines(result, "failed")
    assert failed["found"] == "not granted: accounting.payments:read"
    assert failed["remedy"].startswith("run `clearbooks connect` and allow them")
    (skipped,) = lines(result, "skipped")
    assert skipped["name"].startswith("payments of ")
    assert any(check["name"].startswith("customers of ") for check in lines(result, "ok"))


def test_doctor_finds_a_business_that_is_not_covered(settings, browser, run, engine, monkeypatch):
    first, second = engine.business_ids()
    browser.goes = lambda url: decide(url, businesses=[second])
    run("connect")
    monkeypatch.setenv("CLEARBOOKS_BUSINESS_IDS", f"[{first}, {second}]")
    result = run("doctor --json --streams customers", 1)
    (failed,) = lines(result, "failed")
    assert failed["found"] == f"business_ids names {first}, not covered"
    result = run(f"doctor --json --streams customers --business {first}", 1)
    (_, stream) = lines(result, "failed")
    assert stream["name"] == f"customers of {first}"
    assert f"choose business {first}" in stream["remedy"]


def test_doctor_unreachable(connected, run, monkeypatch):
    edit_chain(token_url="http://127.0.0.1:1/token")
    for name in ("API_URL", "TOKEN_URL", "AUTHORIZE_URL"):
        monkeypatch.setenv(f"CLEARBOOKS_{name}", "http://127.0.0.1:1/token")
    result = run("doctor --json", 1)
    (failed,) = lines(result, "failed")
    assert failed["name"] == "reachable"
    assert "HTTPS_PROXY" in failed["remedy"]


def test_doctor_revoked(connected, run, sandbox):
    sandbox.oauth.revoke_all()
    result = run("doctor --json", 5)
    assert lines(result, "failed")[0]["remedy"] == "run `clearbooks connect`"


def test_doctor_settings(connected, run, home, settings):
    config = {name.lower(): value for name, value in settings.items()}
    config["busines_ids"] = [1]
    (home / "c.json").write_text(json.dumps(config))
    (state_dir() / "tokens.json").chmod(0o644)
    result = run("doctor --json --config c.json --streams customers")
    (near,) = lines(result, "warning")
    assert near["remedy"] == "did you mean business_ids?"
    assert stat.S_IMODE((state_dir() / "tokens.json").stat().st_mode) == 0o600
    (home / "c.json").write_text(json.dumps({**config, "api_url": "ftp://x"}))
    (failed,) = lines(run("doctor --json --config c.json", 1), "failed")
    assert failed["found"].startswith("api_url: 'ftp://x'")


def test_doctor_with_a_path_that_nobody_published(connected, run, monkeypatch):
    paths = {"listTransactionLines": "/accounting/lines", "listCustomers": "/accounting/people"}
    monkeypatch.setenv("CLEARBOOKS_API_PATHS", json.dumps(paths))
    result = run("doctor --json --streams transaction_lines,customers", 1)
    (assumed,) = lines(result, "warning")
    assert assumed["name"].startswith("transaction_lines of ")
    assert 'set api_paths: {"listTransactionLines": "/…"}' in assumed["remedy"]
    (published,) = lines(result, "failed")
    assert published["remedy"] == "check api_url"


@pytest.mark.parametrize(
    ("off", "verdict", "words"),
    [(0, "ok", "within"), (-120, "warning", "2 minutes ahead of"), (4000, "failed", "behind")],
)
def test_doctor_clock(home, monkeypatch, off, verdict, words):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def date_time_string(self, timestamp=None):
            del timestamp
            return super().date_time_string(time.time() + off)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    for name in ("API_URL", "TOKEN_URL", "AUTHORIZE_URL"):
        monkeypatch.setenv(f"CLEARBOOKS_{name}", f"http://127.0.0.1:{server.server_port}/x")
    checks = list(run_checks(load_settings(), ["customers"], ()))
    server.shutdown()
    thread.join()
    server.server_close()
    (clock,) = [check for check in checks if check.name == "clock"]
    assert clock.verdict == verdict
    assert words in clock.found
