"""`clearbooks connections`, `businesses`, `disconnect` and `tokens`."""

import contextlib
import json
import os
import re

import pytest

from clearbooks.auth import FileTokenStore, open_store
from clearbooks.settings import state_dir
from tests.programs import Process


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


def test_a_terminal_gets_a_table_that_cuts_no_path(connected, home):
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb", buffering=0) as screen:
        env = {**os.environ, "COLUMNS": "70", "TERM": "dumb"}
        store = str(state_dir() / "tokens.json")
        with Process(
            "clearbooks", "connections", "--token-store", store, stdout=terminal, env=env
        ) as process:
            assert process.wait(60) == 0
        os.close(terminal)
        shown = b""
        # Linux ends a terminal that nobody writes to with an error.
        with contextlib.suppress(OSError):
            while part := screen.read(4096):
                shown += part
    lines = re.sub("\x1b\\[[0-9;]*m", "", shown.decode()).splitlines()
    assert f"{state_dir() / 'tokens.json'}:" in lines
    [head] = [line for line in lines if "Application" in line]
    columns = ["Application", "Name", "Connected", "Succeeded", "Businesses", "Scopes"]
    assert head.split() == columns


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
