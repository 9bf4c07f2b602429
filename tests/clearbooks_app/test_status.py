"""`clearbooks status`."""

import json
import time
from pathlib import Path

import tap_clearbooks
from clearbooks.auth import FileTokenStore
from clearbooks.settings import state_dir
from target_clearbooks.store import open_store
from target_clearbooks.store.outbox import Outbox

from .conftest import edit_chain


def test_status_without_anything(run):
    result = run("status", 5)
    assert "Connected:    no: run `clearbooks connect`" in result.stdout
    assert "client_id is not set" in result.stdout


def test_status(connected, run):
    words = run("status").stdout
    assert "Connected:     yes" in words
    assert "12 granted, all that the streams need" in words
    assert "First Limited (1), Second Limited (2)" in words or "First Limited (" in words
    found = json.loads(run("status --json").stdout)
    assert found["connected"]
    assert found["by"] == "token_store"
    assert found["connected_at"].endswith("+00:00")
    assert found["expires_at"] > found["obtained_at"]
    assert found["budget"]["answers_429"] == 0
    assert [b["chosen"] for b in found["businesses"]] == [True, True]


def test_status_compares_scopes_with_the_selected_streams(settings, browser, run, home):
    run("connect --streams customers")
    found = json.loads(run("status --json --streams payments").stdout)
    assert found["scopes_missing"] == ["accounting.payments:read"]
    catalog = {
        "streams": [
            {"tap_stream_id": name, "metadata": [{"breadcrumb": [], "metadata": chosen}]}
            for name, chosen in [
                ("customers", {"selected-by-default": True}),
                ("quotes", {"selected": True}),
                ("payments", {"selected-by-default": True, "selected": False}),
            ]
        ]
    }
    (home / "catalog.json").write_text(json.dumps(catalog))
    found = json.loads(run("status --json --catalog catalog.json").stdout)
    assert found["scopes_needed"] == ["accounting.customers:read", "accounting.sales:read"]
    assert found["scopes_missing"] == ["accounting.sales:read"]
    words = run("status --catalog catalog.json").stdout
    assert "missing: accounting.sales:read" in words


def test_streams_that_a_connection_was_made_for_are_all_that_counts(settings, browser, run, caplog):
    """For `status`, `doctor` and a tap without a catalog; also once the token was renewed."""
    run("connect --streams customers,sales_invoices --save books.json")
    store = FileTokenStore(state_dir() / "tokens.json")
    (chain,) = store.chains()
    chain.expires_at = 1.0
    store.save(chain)
    caplog.set_level("INFO")
    emitted = []
    config = json.loads(Path("books.json").read_text())
    assert not tap_clearbooks.read(config, emit=emitted.append).failures
    read = {message["stream"] for message in emitted if message["type"] == "SCHEMA"}
    assert read == {"businesses", "customers", "sales_invoices", "sales_credit_notes", "quotes"}
    assert "left out, since the connection was made without them: account_balances" in caplog.text
    found = json.loads(run("status --json").stdout)
    assert found["scopes_missing"] == []
    assert found["scopes_needed"] == [
        "businesses:read",
        "accounting.customers:read",
        "accounting.sales:read",
    ]
    checks = json.loads(run("doctor --json").stdout)
    assert checks["ok"]
    assert not [check for check in checks["checks"] if "payments" in check["name"]]


def test_status_offline_asks_nothing(connected, run, sandbox):
    before = len(sandbox.requests)
    found = json.loads(run("status --offline --json").stdout)
    assert len(sandbox.requests) == before
    assert found["connected"]
    assert found["businesses"] is None


def test_status_of_an_authorisation_that_ended(connected, run, sandbox):
    sandbox.oauth.revoke_all()
    result = run("status", 5)
    assert "not listed: refreshToken: HTTP 400 - invalid_grant" in result.stdout


def test_status_renews_the_token(connected, run):
    edit_chain(expires_at=time.time() - 1)
    found = json.loads(run("status --json").stdout)
    assert found["expires_at"] > found["connected_at"]


def test_status_with_an_access_token(settings, run, monkeypatch):
    monkeypatch.setenv("CLEARBOOKS_ACCESS_TOKEN", "sandbox-access-token")
    assert "by an access token that is never renewed" in run("status").stdout


def test_status_shows_how_far_the_streams_are(connected, run, home):
    state = {
        "bookmarks": {
            "payments": {
                "partitions": [
                    {"context": {"businessId": 7}, "replication_key_value": "2024-05-06"},
                    {"context": {"businessId": 8}},
                ]
            }
        }
    }
    (home / "state.json").write_text(json.dumps({"singer_state": state}))
    found = json.loads(run("status --json --offline --state state.json").stdout)
    assert found["newest"] == [
        {"direction": "read", "stream": "payments", "business": 7, "up_to": "2024-05-06"}
    ]
    assert (
        "payments  7         read up to 2024-05-06"
        in run("status --offline --state state.json").stdout
    )


def test_status_shows_the_newest_run_of_the_target(connected, run, home):
    db = open_store(str(home / "target.sqlite3"))
    for counted in ({"written": 3, "rejected": 1}, {"unchanged": 4}):
        outbox = Outbox(db, "target", [1])
        for outcome, number in counted.items():
            for _ in range(number):
                outbox.run.count(1, "customers", outcome)
        if "written" in counted:
            outbox.run.count(1, "bills", "written")
        outbox.run.end(0, "", requests=5)
        time.sleep(0.01)
    db.close()
    found = json.loads(run("status --json --offline --state-store target.sqlite3").stdout)
    counts = {entry["stream"]: entry["counts"] for entry in found["newest"]}
    assert counts == {"bills": {"written": 1}, "customers": {"unchanged": 4}}
    words = run("status --offline --state-store target.sqlite3").stdout
    assert "4 unchanged" in words


def test_tokens_of_another_place_are_not_sent(connected, run, monkeypatch):
    monkeypatch.delenv("CLEARBOOKS_TOKEN_URL")
    monkeypatch.delenv("CLEARBOOKS_API_URL")
    result = run("status", 2)
    assert "but token_url is https://api.clearbooks.co.uk/oauth/token" in result.stderr


def test_one_application_needs_no_client_id(connected, run, monkeypatch):
    monkeypatch.delenv("CLEARBOOKS_CLIENT_ID")
    assert json.loads(run("status --json").stdout)["client_id"] == "sandbox"


def test_several_applications_are_told_apart(connected, run, monkeypatch):
    store = FileTokenStore(state_dir() / "tokens.json")
    other = store.chains()[0]
    other.client_id = "other"
    store.connect(other)
    monkeypatch.delenv("CLEARBOOKS_CLIENT_ID")
    assert "choose one with --client-id: other, sandbox" in run("status", 2).stderr
    assert json.loads(run("status --json --client-id sandbox").stdout)["client_id"] == "sandbox"
