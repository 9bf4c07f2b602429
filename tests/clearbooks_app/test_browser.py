"""From `clearbooks connect` through a real browser to a finished run of the tap."""

import json

import pytest

from clearbooks_sandbox import AccountingEngine, running
from clearbooks_sandbox.demo import build
from tests import programs
from tests.chromium import SIZES, faults

from .conftest import start

# Stands in for the browser that the system would open: it only hands the address on.
_OPENER = "#!/bin/sh\nprintf '%s' \"$1\" > address.part && mv address.part address\n"


@pytest.fixture(scope="module")
def books():
    engine = AccountingEngine()
    big, small = build(engine)
    with running(engine) as served:
        yield served, big, small
    engine.close()


@pytest.fixture
def visit(books, chromium, home):
    """Start `clearbooks connect`, and open in Chromium what it wants opened."""
    opener = home / "opener"
    opener.write_text(_OPENER)
    opener.chmod(0o755)
    env = {"BROWSER": f"{opener} %s", "XDG_STATE_HOME": str(home / "state")}
    context = chromium.new_context()
    commands = []

    def visit(options=""):
        command = start(f"connect --sandbox {books[0].site} --browser {options}", env)
        commands.append(command)
        for line in command.stderr:
            if line.strip().startswith("http"):
                break
        address = home / "address"
        tab = context.new_page()
        while not address.exists():
            assert command.poll() is None
            tab.wait_for_timeout(20)
        assert address.read_text() == line.strip()
        tab.goto(address.read_text())
        return command, tab

    yield visit
    for command in commands:
        with command:
            command.kill()
    context.close()


def test_from_connect_to_a_finished_run(visit, books, home):
    served, big, small = books
    command, tab = visit("--save clearbooks.json")
    names = {n: served.engine.books(n).business()["name"] for n in (big, small)}
    tab.get_by_label(names[small]).check()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_url("http://127.0.0.1:*/callback**")
    assert tab.get_by_role("heading").inner_text() == "Connected"
    assert tab.title() == "Connected"
    assert tab.get_by_role("listitem").all_inner_texts() == [f"{names[small]} ({small})"]
    for width, height in SIZES.values():
        tab.set_viewport_size({"width": width, "height": height})
        assert faults(tab) == []
    out, err = command.communicate(timeout=60)
    assert command.returncode == 0, err
    assert f"  {small}  {names[small]}" in out
    assert names[big] not in out

    done = programs.run("tap-clearbooks", "--config", "clearbooks.json")
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    records = [m for m in messages if m["type"] == "RECORD"]
    listed = [m["record"] for m in records if m["stream"] == "businesses"]
    assert [business["id"] for business in listed] == [small]
    invoices = [m["record"] for m in records if m["stream"] == "sales_invoices"]
    assert invoices
    assert {record["businessId"] for record in invoices} == {small}

    state = next(m for m in reversed(messages) if m["type"] == "STATE")["value"]
    (home / "state.json").write_text(json.dumps(state))
    command = start("status --config clearbooks.json --state state.json --json", {})
    out, err = command.communicate(timeout=60)
    assert command.returncode == 0, err
    found = json.loads(out)
    assert found["scopes_missing"] == []
    assert [b["id"] for b in found["businesses"]] == [small]
    newest = {(e["stream"], e["business"]): e["up_to"] for e in found["newest"]}
    dates = [i["date"] for i in invoices]
    assert newest["sales_invoices", small][:10] == max(dates)[:10]


def test_deny(visit, home):
    command, tab = visit("--save clearbooks.json")
    tab.get_by_role("button", name="Deny").click()
    tab.wait_for_url("http://127.0.0.1:*/callback**")
    assert tab.get_by_role("heading").inner_text() == "Not connected"
    assert "Access was denied on the consent page" in tab.locator("main").inner_text()
    out, err = command.communicate(timeout=60)
    assert command.returncode == 6
    assert err.splitlines()[-1] == (
        "Error: access was denied on the consent page; nothing was changed"
    )
    assert out == ""
    assert not (home / "clearbooks.json").exists()
    assert not list((home / "state").rglob("connections.json"))
