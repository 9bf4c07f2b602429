"""What goes wrong is classed and told, and no line is ever broken."""

import fcntl
import json
import select
import signal
import subprocess
import sys
import time

import pytest

from airbyte_clearbooks.state import UNFINISHED
from clearbooks import program
from clearbooks.paging import passes
from tests.airbyte_clearbooks.conftest import INVOICES
from tests.airbyte_clearbooks.program import configured, kill_after
from tests.ledger import ONE

PIPE_SIZE = 1031


def error_of(run):
    assert run.code != 0
    (error,) = run.errors
    return error


class TestErrors:
    @pytest.mark.parametrize(
        ("catalog", "words"),
        [
            (configured("cats"), "the catalog's stream 'cats' is not known"),
            (configured("customers", mode="sometimes"), "sync_mode 'sometimes' should be one of"),
            ({"cats": []}, "the list `streams`"),
            ({"streams": [{"sync_mode": "incremental"}]}, "`stream.name` missing"),
            ("{", "--catalog"),
        ],
    )
    def test_a_catalog_that_is_none(self, source, catalog, words):
        error = error_of(source("read", catalog=catalog))
        assert error["failure_type"] == "config_error"
        assert words in error["message"]

    @pytest.mark.parametrize("state", [["x"], {"bookmarks": {}}, [{"type": "STREAM"}]])
    def test_a_state_of_something_else(self, source, state):
        error = error_of(source("read", catalog=configured("customers"), state=state))
        assert "reset the connection" in error["message"]

    def test_a_business_that_is_refused_and_the_others_are_read(self, source):
        config = {**source.config, "business_ids": [999, ONE]}
        run = source("read", config=config, catalog=configured("customers", "sales_invoices"))
        assert run.code == 1
        assert len(run.records("sales_invoices")) == INVOICES
        for name in ("customers", "sales_invoices"):
            assert run.statuses(name) == ["STARTED", "RUNNING", "INCOMPLETE"]
        assert [e["stream_descriptor"]["name"] for e in run.errors] == [
            "customers",
            "sales_invoices",
        ]
        assert "business 999" in run.errors[0]["message"]

    def test_a_missing_scope_is_the_users_to_mend(self, source, books):
        scopes = {"businesses:read", "accounting.customers:read"}
        books.server.oauth.add_token("access", "narrow", "sandbox", scopes=scopes)
        credentials = {"auth_type": "access_token", "access_token": "narrow"}
        run = source(
            "read",
            config={**source.config, "credentials": credentials, "business_ids": [ONE]},
            catalog=configured("customers", "bills"),
        )
        error = error_of(run)
        assert error["failure_type"] == "config_error"
        assert error["stream_descriptor"] == {"name": "bills"}
        assert "accounting.purchases:read" in error["message"]
        assert run.statuses("customers")[-1] == "COMPLETE"
        assert run.statuses("bills")[-1] == "INCOMPLETE"

    @pytest.mark.parametrize("status", [402, 403])
    def test_a_plan_that_lacks_a_feature_is_the_users_to_mend(self, source, books, status):
        books.server.faults.add(f"no-subscription:path=/accounting/purchases,status={status}")
        run = source(
            "read",
            config={**source.config, "business_ids": [ONE]},
            catalog=configured("customers", "bills"),
        )
        error = error_of(run)
        assert error["failure_type"] == "config_error"
        assert error["stream_descriptor"] == {"name": "bills"}
        assert f"the Clear Books plan (subscription) of business {ONE}" in error["message"]
        assert "Authorise the application" not in error["message"]
        assert run.statuses("customers")[-1] == "COMPLETE"
        assert run.statuses("bills")[-1] == "INCOMPLETE"

    def test_a_server_that_keeps_failing_passes(self, source, books):
        books.server.faults.add("error:path=/accounting/sales/invoices")
        config = {**source.config, "max_tries": 2}
        run = source("read", config=config, catalog=configured("customers", "sales_invoices"))
        errors = run.errors
        assert len(errors) == 2, "one for each business"
        assert {error["failure_type"] for error in errors} == {"transient_error"}
        assert all("Sync again later" in error["message"] for error in errors)
        assert run.statuses("sales_invoices") == ["STARTED", "INCOMPLETE"]
        assert run.statuses("customers")[-1] == "COMPLETE"

    def test_a_limit_is_said_with_the_time_of_its_end(self, source, books):
        books.server.faults.plan("throttle", path="/accounting/sales", nth=2, retry_after="3")
        run = source(
            "read", config={**source.config, "page_size": 5}, catalog=configured("sales_invoices")
        )
        assert run.code == 0
        told = [t["stream_status"] for t in run.traces if t.get("stream_status", {}).get("reasons")]
        assert told[0]["status"] == "RUNNING"
        (reason,) = told[0]["reasons"]
        assert reason["type"] == "RATE_LIMITED"
        assert reason["rate_limited"]["quota_reset"] == pytest.approx(time.time() * 1000, abs=9000)
        assert len(run.records("sales_invoices")) == INVOICES + 2


class TestOutput:
    def test_a_stray_print_does_not_reach_the_protocol(self):
        code = (
            "import os; from airbyte_clearbooks.protocol import Output\n"
            "out = Output.claim(); print('stray'); os.write(1, b'deep\\n')\n"
            "out.message('LOG', log={'level': 'INFO', 'message': 'mine'})"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
        assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["LOG"]
        assert "stray" in done.stderr
        assert "deep" in done.stderr

    def test_each_request_is_not_worth_a_line(self, source):
        assert source("read", catalog=configured("sales_invoices")).logs == []

    def test_a_reader_that_goes_away(self, source):
        with start(source, configured("sales_invoices"), page_size=1) as process:
            process.stdout.read(100)
            process.stdout.close()
            assert process.wait(30) == 1


def start(source, catalog, **more):
    return source.start("read", config={**source.config, **more}, catalog=catalog)


@pytest.fixture
def patient(source, monkeypatch):
    """The source, with the proof that reading may be taken up again at every page.

    Otherwise it comes every ten seconds, and nobody wants to wait for that.
    """
    monkeypatch.setattr(passes, "MARK_SECONDS", 0.0)
    return source


@pytest.mark.parametrize("mode", ["full_refresh", "incremental"])
@pytest.mark.parametrize("size", [3000, 14_000])
def test_sigterm_leaves_whole_lines_and_a_state_that_goes_on(patient, books, mode, size):
    books.server.options.latency_ms = 30
    catalog = configured("transactions", "transaction_lines", mode=mode)
    whole = patient("read", catalog=catalog)
    run = kill_after(start(patient, catalog, page_size=2, max_in_flight=1), size)
    assert run.code == -signal.SIGTERM
    read = run.ids("transactions")
    assert 0 < len(read) < len(whole.ids("transactions"))
    assert run.statuses("transactions")[-1] == "INCOMPLETE"
    state = run.states["transactions"]["state"]
    states = [m["state"] for m in run.of("STATE")]
    of_stream = [s for s in states if s["stream"]["stream_descriptor"]["name"] == "transactions"]
    # Each counts the records since the one before.
    assert sum(s["sourceStats"]["recordCount"] for s in of_stream) == len(read)
    assert state["stream"]["stream_state"].get(UNFINISHED, False) == (mode == "full_refresh")
    rest = patient("read", catalog=catalog, state=run.state)
    assert rest.code == 0
    for stream in ("transactions", "transaction_lines"):
        expected = set(map(str, whole.records(stream)))
        assert set(map(str, run.records(stream) + rest.records(stream))) == expected
        # It went on: no more than the page without a proof comes twice.
        assert len(run.records(stream)) + len(rest.records(stream)) <= len(expected) + 6
        assert UNFINISHED not in rest.states[stream]["state"]["stream"]["stream_state"]


def test_sigterm_while_nobody_reads_still_ends_it(source, books, monkeypatch):
    monkeypatch.setattr(program, "GRACE", 2.0)
    with start(source, configured("sales_invoices")) as process:
        fcntl.fcntl(process.stdout.fileno(), PIPE_SIZE, 4096)
        assert select.select([process.stdout], [], [], 30)[0]
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("command", ["check", "discover"])
def test_sigterm_ends_a_check_at_any_moment(source, command):
    """PyAirbyte sends it as soon as it has its answer, and takes nothing but 0 and -15."""
    for delay in (0.05, 0.6, 1.2):
        process = subprocess.Popen(
            source.arguments(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=source.env,
        )
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        assert process.returncode in {0, -signal.SIGTERM}
        assert all(json.loads(line) for line in out.splitlines())
