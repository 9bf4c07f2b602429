"""Single-use refresh tokens: rotated, handed back, and used once each."""

import datetime as dt
import json
import signal
import time

import pytest

from tests.airbyte_clearbooks.program import SOURCE, Program, Run, configured


@pytest.fixture
def source(books, tmp_path):
    return Program(SOURCE, tmp_path, books.application(tmp_path))


def refreshes(books):
    found = books.requests("/oauth/token")
    assert all(r.status == 200 for r in found)
    return len(found)


def forget(source):
    """A platform's container: nothing is left of the last run but the configuration."""
    for path in source.folder.glob("tokens.json*"):
        path.unlink()


def expire(config):
    """The configuration an hour later."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    credentials = {**config["credentials"], "token_expiry_date": past.isoformat()}
    return {**config, "credentials": credentials}


def test_each_run_of_a_platform_uses_one_refresh_token(source, books):
    """Check, discover and two reads, each with what the one before handed back."""
    config, seen = source.config, [source.config["credentials"]["refresh_token"]]
    for number, command in enumerate(("check", "discover", "read", "read")):
        run = source(
            command, config=config, catalog=configured("customers") if command == "read" else None
        )
        assert run.code == 0, run.out
        if command == "discover":
            assert run.configs == []
        else:
            (config,) = run.configs
            seen.append(config["credentials"]["refresh_token"])
        assert refreshes(books) == len(seen) - 1, number
        config = expire(config)
        forget(source)
    assert len(set(seen)) == len(seen) == 4


def test_the_message_holds_all_of_the_configuration(source):
    (config,) = source("check", config={**source.config, "page_size": 7}).configs
    before = source.config["credentials"]
    assert config["page_size"] == 7
    assert config["credentials"]["client_secret"] == before["client_secret"]
    assert config["credentials"]["refresh_token"] != before["refresh_token"]
    end = dt.datetime.fromisoformat(config["credentials"]["token_expiry_date"])
    assert dt.timedelta(minutes=50) < end - dt.datetime.now(dt.UTC) < dt.timedelta(minutes=61)


def test_it_comes_before_the_answer_and_before_the_token_is_used(source):
    run = source("check")
    assert [m["type"] for m in run.messages if m["type"] != "LOG"] == [
        "CONTROL",
        "CONNECTION_STATUS",
    ]
    forget(source)
    run = source("read", config=expire(run.configs[0]), catalog=configured("customers"))
    kinds = [m["type"] for m in run.messages]
    assert kinds.index("CONTROL") < kinds.index("RECORD")


def test_a_live_access_token_of_the_configuration_is_used_again(source, books):
    (config,) = source("check").configs
    forget(source)
    run = source("read", config=config, catalog=configured("customers"))
    assert (run.code, run.configs, refreshes(books)) == (0, [], 1)


def test_a_token_store_is_enough_where_nobody_keeps_the_configuration(source, books):
    """PyAirbyte drops CONTROL messages: the same configuration, over and over."""
    for command in ("check", "read", "read"):
        run = source(command, catalog=configured("customers") if command == "read" else None)
        assert run.code == 0, run.out
    assert refreshes(books) == 1


def test_store_and_configuration_may_both_be_kept(source, books, tmp_path):
    """A Singer run moves the chain on; the configuration still finds it."""
    (config,) = source("check").configs
    store = tmp_path / "tokens.json"
    for _ in range(2):
        document = json.loads(store.read_text())
        document["chains"][0]["expires_at"] = 1.0
        store.write_text(json.dumps(document))
        assert source("check", config=source.config).code == 0
    run = source("check", config=config)
    assert run.one("CONNECTION_STATUS")["connectionStatus"] == {"status": "SUCCEEDED"}
    assert refreshes(books) == 3


def test_a_token_that_ends_in_the_middle_is_renewed_and_handed_back(source, books):
    books.server.faults.add("expire-tokens:nth=3,times=1")
    run = source(
        "read", config={**source.config, "page_size": 5}, catalog=configured("sales_invoices")
    )
    assert run.code == 0
    assert len(run.configs) == refreshes(books) == 2
    assert len(set(run.ids("sales_invoices"))) == 27


def test_a_used_token_says_what_to_do(source, books):
    source("check")
    forget(source)
    run = source("check")
    message = run.one("CONNECTION_STATUS")["connectionStatus"]["message"]
    assert "authorise the application again" in message
    run = source("read", catalog=configured("customers"))
    assert run.code == 5
    (error,) = run.errors
    assert error["failure_type"] == "config_error"


def test_no_message_but_control_holds_a_secret(source):
    run = source("read", catalog=configured("customers"), more=["--debug"])
    secrets = [
        "sandbox-secret",
        "sandbox-refresh-token",
        run.configs[0]["credentials"]["access_token"],
    ]
    rest = [line for line in run.out.splitlines() if '"CONTROL"' not in line]
    assert not [line for line in [*rest, run.err] for secret in secrets if secret in line]


@pytest.mark.parametrize("command", ["check", "read"])
def test_a_run_that_is_stopped_while_it_renews_does_not_lose_the_token(source, books, command):
    books.server.faults.plan("slow-after", path="/oauth/token", seconds=1.5)
    catalog = configured("customers") if command == "read" else None
    process = source.start(command, catalog=catalog)
    rule = books.server.faults.rules[0]
    patience = time.monotonic() + 20
    while not rule.fired:
        assert time.monotonic() < patience
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    run = Run(None, process.communicate(timeout=30)[0])
    assert process.returncode == -signal.SIGTERM
    (config,) = run.configs
    assert config["credentials"]["refresh_token"] != source.config["credentials"]["refresh_token"]
    forget(source)
    run = source("check", config=config)
    assert run.one("CONNECTION_STATUS")["connectionStatus"] == {"status": "SUCCEEDED"}
