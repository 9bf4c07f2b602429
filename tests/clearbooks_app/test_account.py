"""`clearbooks connections`, `businesses`, `disconnect` and `tokens`."""

import json

import pytest

from clearbooks.auth import FileTokenStore, open_store
from clearbooks.settings import state_dir
from tests.terminal import at_terminal


def test_connections(settings, browser, run, home):
    assert "No tokens are stored here" in run("connections").stdout
    run("connect")
    run(f"connect --token-store {home}/elsewhere/tokens.json")
    found = json.loads(run("connections --json").stdout)
    assert [row["token_store"] for row in found] == [
        str(state_dir() / "tokens.json"),
        str(home / "elsewhere" / "tokens.json"),
    ]
    assert all(row["client_id"] == "sandbox" and row["error"] is None for row in found)
    (home / "elsewhere" / "tokens.json").write_text("rubbish")
    found = json.loads(run("connections --json").stdout)
    assert "damaged" in found[1]["error"]
    assert "sandbox" in run("connections").stdout


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_cuts_no_path(connected, home, columns):
    store = str(state_dir() / "tokens.json")
    code, screen = at_terminal("clearbooks", "connections", columns=columns)
    assert code == 0
    lines = screen.splitlines()
    assert f"{store}:" in lines
    head = ["Application", "Name", "Connected", "Succeeded", "Businesses", "Scopes"]
    if columns == 80:
        assert lines[1].split() == head
    else:
        assert [line.split(":")[0] for line in lines[1:]] == head


def test_businesses(connected, run, engine):
    ids = engine.business_ids()
    rows = run("businesses").stdout.splitlines()
    assert rows[0].split() == ["ID", "Name", "Type", "Chosen"]
    assert rows[1].split()[:3] == [str(ids[0]), "First", "Limited"]
    assert [b["id"] for b in json.loads(run("businesses --json").stdout)] == ids


def test_businesses_chosen(connected, run, engine, monkeypatch):
    second = engine.business_ids()[1]
    monkeypatch.setenv("CLEARBOOKS_BUSINESS_IDS", f"[{second}]")
    rows = run("businesses").stdout.splitlines()
    assert [row.split()[-1] for row in rows[1:]] == ["no", "yes"]


@pytest.mark.parametrize("command", ["businesses", "status"])
def test_what_needs_a_connection_says_so(settings, run, command):
    result = run(command, 5)
    assert "clearbooks connect" in result.output


def test_disconnect(connected, run, monkeypatch):
    result = run("disconnect")
    assert "Data that was read or written stays where it is" in result.stdout
    assert open_store(str(state_dir() / "tokens.json")).chains() == []
    run("status", 5)
    assert json.loads(run("connections --json").stdout) == []
    assert "held no tokens of sandbox/default" in run("disconnect").stdout
    monkeypatch.setenv("CLEARBOOKS_REFRESH_TOKEN", "sandbox-refresh-token")
    assert "refresh_token is still set" in run("disconnect --json").stderr


def test_disconnect_needs_no_addresses(connected, run, monkeypatch):
    for name in ("API_URL", "TOKEN_URL", "AUTHORIZE_URL", "CLIENT_SECRET"):
        monkeypatch.delenv(f"CLEARBOOKS_{name}")
    assert "The tokens of sandbox/default are gone" in run("disconnect").stdout


def test_tokens_move(connected, run, home, monkeypatch):
    found = json.loads(run("tokens move b/tokens.json --json").stdout)
    assert found["moved"] == ["sandbox"]
    run("businesses", 5)
    monkeypatch.setenv("CLEARBOOKS_TOKEN_STORE", str(home / "b" / "tokens.json"))
    assert "First Limited" in run("businesses").stdout
    edit = FileTokenStore(home / "b" / "tokens.json")
    chain = edit.chains()[0]
    chain.expires_at = 1.0
    with edit.lock(chain.name):
        edit.save(chain)
    # The refresh token came along, too.
    assert "First Limited" in run("businesses").stdout
    rows = json.loads(run("connections --json").stdout)
    assert [row["token_store"] for row in rows] == [str(home / "b" / "tokens.json")]
    assert "holds no tokens to move" in run("tokens move c.json --client-id nobody").stdout
