"""The program as a user meets it: exit codes, messages, signals, killed and started again."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest

from tests import programs

TAP = "tap-clearbooks"


def environment(tmp_path):
    """No settings of the machine: neither variables nor the user's state directory."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAP_", "CLEARBOOKS_"))}
    return {**kept, "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}


def tap(tmp_path, config, *arguments):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    return programs.run(TAP, "--config", file, *arguments, cwd=tmp_path, env=environment(tmp_path))


def test_discover_needs_no_credentials(tmp_path):
    result = tap(tmp_path, {}, "--discover")
    assert result.returncode == 0
    assert len(json.loads(result.stdout)["streams"]) == 22


def test_about_names_version_and_settings(tmp_path):
    about = json.loads(tap(tmp_path, {}, "--about", "--format", "json").stdout)
    assert about["version"] != "[could not be detected]"
    settings = about["settings"]["properties"]
    assert {
        "client_id",
        "refresh_token",
        "start_date",
        "lookback_days",
        "emit_activate_version_messages",
    } <= set(settings)
    for name in ("client_secret", "refresh_token", "access_token"):
        assert settings[name]["secret"]


def test_settings_come_from_the_environment_too(books, tmp_path):
    env = {
        **environment(tmp_path),
        "TAP_CLEARBOOKS_API_URL": books.server.url,
        "TAP_CLEARBOOKS_ACCESS_TOKEN": "sandbox-access-token",
        "TAP_CLEARBOOKS_BUSINESS_IDS": "[102]",
        "TAP_CLEARBOOKS_PAGE_SIZE": "50",
    }
    result = programs.run(TAP, "--config", "ENV", cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    accounts = [json.loads(x)["record"] for x in result.stdout.splitlines() if '"RECORD"' in x]
    assert {record["businessId"] for record in accounts} == {102}


@pytest.mark.parametrize(
    ("change", "words", "code"),
    [
        ({"access_token": None}, "client_id", 2),
        ({"access_token": "wrong"}, "authorise the application again", 5),
        ({"api_url": "http://api.example.com/v1"}, "api_url", 2),
        ({"api_url": "not an address"}, "api_url", 2),
        ({"start_date": "yesterday"}, "start_date: 'yesterday'", 2),
        ({"start_date": "2024-02-01", "end_date": "2024-01-01"}, "end_date", 2),
        ({"page_size": 500}, "page_size", 2),
        ({"balance_period": "week"}, "balance_period", 2),
        ({"api_paths": {"listThings": "/x"}}, "no operation 'listThings'", 2),
        ({"api_paths": {"getCustomer": "/x"}}, "{customerId}", 2),
        ({"max_in_flight": 0}, "max_in_flight", 2),
        ({"business_ids": ["a"]}, "business_ids", 2),
        ({"token_store": "redis://host"}, "redis", 2),
    ],
    ids=str,
)
def test_a_wrong_setting_ends_in_a_line_that_names_it(change, words, code, books, tmp_path):
    config = {**books.config(tmp_path), **change}
    if "token_store" in change:
        config |= {
            "access_token": None,
            "client_id": "sandbox",
            "client_secret": "s",
            "refresh_token": "r",
        }
    result = tap(tmp_path, config)
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert "unhandled" not in result.stderr
    assert "sandbox-access-token" not in result.stderr


@pytest.mark.parametrize("file", ["no such file", "{"])
def test_a_wrong_config_file_is_told(file, tmp_path):
    path = tmp_path / "wrong.json"
    if file == "{":
        path.write_text(file)
    result = programs.run(TAP, "--config", path, env=environment(tmp_path))
    assert result.returncode != 0
    assert "wrong.json" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_server_that_is_not_there_is_told(tmp_path):
    config = {
        "access_token": "x",
        "api_url": "http://127.0.0.1:9/v1",
        "max_tries": 2,
        "token_store": str(tmp_path / "t.json"),
    }
    result = tap(tmp_path, config)
    assert result.returncode == 1
    assert "no answer" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_refused_business_makes_the_exit_code_non_zero_at_the_end(books, tmp_path):
    books.do("createCustomer", {"name": "Smith"})
    result = tap(tmp_path, books.config(tmp_path, business_ids=[999, 101]))
    assert result.returncode == 1
    assert "business 999" in result.stderr
    assert any('"customers"' in x and '"RECORD"' in x for x in result.stdout.splitlines())
    assert "Traceback" not in result.stderr


def test_test_mode_reads_one_record_of_each_stream(books, tmp_path):
    books.invoice(books.do("createCustomer", {"name": "Smith"})["id"])
    result = tap(tmp_path, books.config(tmp_path), "--test")
    assert result.returncode == 0, result.stderr
    assert "ERROR" not in result.stderr


def test_batch_files_can_be_asked_for(books, tmp_path):
    books.invoice(books.do("createCustomer", {"name": "Smith"})["id"])
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{tmp_path}/batches"},
    }
    (tmp_path / "batches").mkdir()
    result = tap(tmp_path, books.config(tmp_path, batch_config=batch))
    assert result.returncode == 0, result.stderr
    assert '"BATCH"' in result.stdout
    assert list((tmp_path / "batches").iterdir())


# Stopped


@pytest.fixture
def long_ledger(books):
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    for n in range(300):
        books.invoice(customer, f"2024-{n % 12 + 1:02}-05")
    return books


def start(tmp_path, config, state=None):
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = [TAP, "--config", tmp_path / "config.json"]
    if state is not None:
        (tmp_path / "state.json").write_text(json.dumps(state))
        arguments += ["--state", tmp_path / "state.json"]
    return programs.Process(*arguments, env=environment(tmp_path))


def test_sigterm_ends_non_zero_with_whole_lines(long_ledger, tmp_path):
    long_ledger.server.options.latency_ms = 300
    process = start(tmp_path, long_ledger.config(tmp_path, page_size=5))
    first = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    for line in (first + rest).splitlines():
        json.loads(line)
    assert "Traceback" not in errors


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "slow", "seconds": 120},
        {"kind": "slow-after", "seconds": 120},
        {"kind": "throttle", "retry_after": "3600"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_signal_ends_it_whatever_it_waits_for(long_ledger, tmp_path, fault, signum):
    faults = long_ledger.server.faults
    faults.plan(
        fault["kind"],
        **{k: v for k, v in fault.items() if k != "kind"},
        method="GET",
        times=100,
        nth=3,
    )
    # So that it waits for the limit, too.
    process = start(tmp_path, long_ledger.config(tmp_path, page_size=50, max_wait=7200))
    while not faults.counts.total():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    started = time.monotonic()
    process.send_signal(signum)
    output, errors = process.communicate(timeout=40)
    assert time.monotonic() - started < 20
    assert process.returncode == 128 + signum
    assert "Traceback" not in errors
    for line in output.splitlines():
        json.loads(line)


def test_killed_at_any_moment_and_started_again_loses_nothing(long_ledger, tmp_path):
    """Runs are killed at random moments until one comes to its end; the union is the ledger."""
    rng = random.Random(7)  # noqa: S311 - repeatable on purpose
    config = long_ledger.config(tmp_path, page_size=5)
    state, got, killed = {}, set(), 0
    for attempt in range(12):
        process = start(tmp_path, config, state)
        if attempt < 8:
            time.sleep(0.1 + rng.random() * 0.6)
            process.kill()
        output, _ = process.communicate(timeout=60)
        for line in output.split("\n")[:-1]:
            message = json.loads(line)
            if message["type"] == "STATE":
                state = message["value"]
            elif message["type"] == "RECORD" and "id" in message["record"]:
                got.add((message["stream"], message["record"]["id"]))
        if process.returncode == 0:
            break
        killed += 1
    assert process.returncode == 0
    assert killed > 0
    assert {i for stream, i in got if stream == "sales_invoices"} == set(range(1, 301))
    assert len({i for stream, i in got if stream == "transactions"}) == 300


def test_a_reader_that_goes_away_is_told(long_ledger, tmp_path):
    process = start(tmp_path, long_ledger.config(tmp_path, page_size=5))
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 1
    assert "went away" in errors
    assert "Traceback" not in errors


def test_machines_may_have_the_logs_as_json(books, tmp_path):
    (tmp_path / "logging.yaml").write_text(
        "version: 1\n"
        "formatters: {json: {(): singer_sdk.logging.StructuredFormatter}}\n"
        "handlers: {err: {class: logging.StreamHandler, formatter: json}}\n"
        "root: {level: INFO, handlers: [err]}\n"
    )
    (tmp_path / "config.json").write_text(
        json.dumps(books.config(tmp_path, business_ids=[101, 999]))
    )
    env = {**environment(tmp_path), "SINGER_SDK_LOG_CONFIG": str(tmp_path / "logging.yaml")}
    result = programs.run(TAP, "--config", tmp_path / "config.json", env=env)
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert {"METRIC"} <= {line["message"] for line in lines}
    assert any("business 999" in line["message"] for line in lines if line["level"] == "error")
