"""`clearbooks status --all`: what runs of tap and target leave for every business."""

from __future__ import annotations

import json
from functools import partial

import pytest

import tap_clearbooks
import target_clearbooks
from clearbooks.errors import NotAuthorisedError
from clearbooks.settings import Connection
from clearbooks_app.operations.fleet import fleet
from tests.clearbooks_app.conftest import decide


@pytest.fixture
def connect(settings, browser, run):
    """`connect(name, businesses)`: settings of a user's connection."""

    def go(name, businesses):
        browser.goes = partial(decide, businesses=businesses, user=name)
        run(f"connect --name {name} --write")
        return {key.lower(): value for key, value in settings.items()} | {"connection": name}

    return go


@pytest.fixture
def table(run):
    """`table(options)`: rows by connection, business and kind."""

    def read(options=""):
        rows = json.loads(run(f"status --all --json {options}").stdout)
        return {(row["connection"], row["business"], row["kind"]): row for row in rows}

    return read


def customer(key, **fields):
    record = {"externalId": key, "name": f"Customer {key}", **fields}
    return {"type": "RECORD", "stream": "customers", "record": record}


def test_every_business_of_every_connection(connect, engine, run, table, home, sandbox):
    one, two = engine.business_ids()
    acme, zenith = connect("acme", [one]), connect("zenith", [one, two])
    assert {row["kind"] for row in table().values()} == {None}
    before = len(sandbox.requests)
    result = tap_clearbooks.read(acme, emit=lambda _: None)
    asked = sandbox.requests.newest(len(sandbox.requests) - before)
    row = table()["acme", one, "tap"]
    assert row["requests"] == sum(request.business == one for request in asked) > 10
    assert row["records"] == sum(result.records.values()) - result.records["businesses"]
    assert row["behind"] is False
    assert row["age_seconds"] < 60
    assert table("--behind 0")["acme", one, "tap"]["behind"] is True
    # What was refused, and what is in doubt, is of the target.
    state = {"state_store": str(home / "state.sqlite3"), "business_ids": [two]}
    messages = [customer("C1"), customer("C2", emial="typed wrong"), customer("C3")]
    target_clearbooks.write({**zenith, **state}, messages)
    rows = table()
    wrote = rows["zenith", two, "target"]
    assert (wrote["records"], wrote["rejected"], wrote["doubts"]) == (2, 1, 0)
    assert wrote["behind"] is False
    assert rows["zenith", one, None]["message"] == "no run came to it"
    words = run("status --all")
    assert "1 of 3 without a success in the last 24 hours" in words.stderr
    found = json.loads(run("connections --json").stdout)
    assert all(row["last_success"] for row in found)
    assert "none" not in run("connections").stdout


def test_a_business_that_fails_keeps_its_last_success(connect, engine, table, sandbox):
    one, two = engine.business_ids()
    config = connect("acme", [one, two])
    tap_clearbooks.read(config, emit=lambda _: None)
    first = table()
    assert {row["message"] for row in first.values()} == {""}
    sandbox.faults.plan("no-subscription", path="/accounting/bankAccounts", times=2)
    result = tap_clearbooks.read(config, emit=lambda _: None)
    assert len(result.failures) == 2
    for key, row in table().items():
        assert "bank_accounts" in row["message"]
        assert row["last_success"] == first[key]["last_success"]
        assert row["last_run"] >= first[key]["last_run"]
    sandbox.oauth.revoke_all()
    with pytest.raises(NotAuthorisedError):
        tap_clearbooks.read({**config, "business_ids": [one]}, emit=lambda _: None)
    rows = table()
    assert "authorise" in rows["acme", one, "tap"]["message"]
    assert "bank_accounts" in rows["acme", two, "tap"]["message"]


def test_an_exception_of_the_caller_ends_one_business(connect, engine, table):
    one, two = engine.business_ids()
    config = connect("acme", [one, two])

    def emit(message):
        if message["type"] == "RECORD" and message["record"].get("businessId") == two:
            raise RuntimeError("the warehouse is full")

    with pytest.raises(RuntimeError):
        tap_clearbooks.read(config, streams=["customers", "account_codes"], emit=emit)
    rows = table()
    assert rows["acme", one, "tap"]["message"] == ""
    assert rows["acme", two, "tap"]["message"] == "RuntimeError"
    assert rows["acme", two, "tap"]["behind"] is True


def test_the_longest_without_success_comes_first(connect, engine):
    one, two = engine.business_ids()
    config = connect("acme", [one, two])
    tap_clearbooks.read({**config, "business_ids": [two]}, streams=["customers"], emit=print)
    rows = fleet(Connection.from_config(config), 24)
    assert [row["business"] for row in rows] == [one, two]
