"""What is not waited for: a limit that takes too long, and a server that is not running."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest
import requests

import tap_clearbooks
from clearbooks.client import Client
from clearbooks.errors import (
    ClearBooksError,
    NotFoundError,
    NotRunningError,
    UnavailableError,
    WaitLimitError,
)
from clearbooks.pacing import Pacer
from clearbooks.pacing.wait_limit import WaitLimit
from clearbooks.settings import Connection
from tests import programs
from tests.clearbooks.stub import connection, scripted
from tests.tap_clearbooks.test_program import environment, tap

OK = (200, [{"id": 1}])
TOMORROW = (429, [], {"Retry-After": "86400"})


@pytest.fixture
def pace():
    """As it is."""


class Clock:
    """A monotonic clock that only sleeping moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr("backoff._sync.time.sleep", found.sleep)
    return found


def client(server, tmp_path, clock, limit, **more):
    pacer = Pacer(None, clock=clock, sleep=clock.sleep, limit=WaitLimit(limit, clock))
    return Client(connection(server, tmp_path, **more), pacer=pacer)


def test_a_quota_that_is_used_up_ends_at_once(tmp_path):
    with scripted(TOMORROW) as server, Client(connection(server, tmp_path)) as c:
        began = time.monotonic()
        with pytest.raises(WaitLimitError, match=r"86,400 s.*max_wait.*900 s") as caught:
            c.get("listCustomers")
        assert time.monotonic() - began < 2
        assert caught.value.exit_code == 1
        assert "listCustomers: HTTP 429" in str(caught.value)
        # And so does whatever else is asked: nobody else gets an answer either.
        with pytest.raises(WaitLimitError, match="max_wait"):
            c.get("listSuppliers")
    assert len(server.asked) == 1


@pytest.mark.parametrize("limit", [100, 5000])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "60"}], ids=str)
def test_answers_of_429_end_after_max_wait(tmp_path, clock, headers, limit):
    with (
        scripted((429, [], headers)) as server,
        client(server, tmp_path, clock, limit, max_tries=2) as c,
    ):
        began = clock.now
        with pytest.raises(WaitLimitError, match="max_wait"):
            c.get("listCustomers")
        # No wait that would go beyond it was begun, and 75 s are the longest pause.
        assert limit - 75 <= clock.now - began <= limit


def test_a_server_that_fails_ends_after_max_wait(tmp_path, clock):
    with scripted((503, [])) as server, client(server, tmp_path, clock, 60, max_tries=500) as c:
        began = clock.now
        with pytest.raises(WaitLimitError, match="HTTP 503"):
            c.get("listCustomers")
        assert 25 <= clock.now - began <= 60


def test_a_good_answer_begins_anew(tmp_path, clock):
    limited = (429, [], {"Retry-After": "40"})
    script = [step for _ in range(6) for step in (limited, OK)]
    with scripted(*script) as server, client(server, tmp_path, clock, 60) as c:
        began = clock.now
        for _ in range(6):
            c.get("listCustomers")
        assert clock.now - began >= 6 * 40


def test_a_refusal_is_an_answer_too(tmp_path, clock):
    limited = (429, [], {"Retry-After": "40"})
    with (
        scripted(limited, (404, []), limited, OK) as server,
        client(server, tmp_path, clock, 60) as c,
    ):
        with pytest.raises(NotFoundError):
            c.get("listCustomers")
        c.get("listCustomers")


def test_one_endpoint_that_is_always_limited_is_given_up(tmp_path, clock):
    """Others get answers, so that `max_wait` never comes; the tries of the request do."""
    limited = (429, [], {"Retry-After": "1"})
    with scripted(*[limited] * 30, OK) as server, client(server, tmp_path, clock, 500) as c:
        exchange = c.pacer.limited

        def other(*arguments):
            exchange(*arguments)
            c.pacer.limit.answered()

        c.pacer.limited = other
        with pytest.raises(UnavailableError, match="keeps limiting"):
            c.get("listCustomers")
        assert len(server.asked) == 25


def test_every_waiting_thread_ends(tmp_path):
    """They sleep for a limit of 25 s when another request learns that it is a day."""
    with (
        scripted((429, [], {"Retry-After": "25"})) as server,
        Client(connection(server, tmp_path)) as c,
    ):
        ends = []

        def ask():
            try:
                c.get("listCustomers")
            except WaitLimitError as error:
                ends.append(error)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        while not server.asked:
            time.sleep(0.01)
        time.sleep(0.5)
        began = time.monotonic()
        with pytest.raises(WaitLimitError):
            c.pacer.limit.check(86400.0, "the API limits the rate")
        for thread in threads:
            thread.join(timeout=20)
        assert time.monotonic() - began < 5
        assert len(ends) == 6


def test_the_limit_of_another_process_counts_as_well(tmp_path):
    with scripted(OK) as server, Client(connection(server, tmp_path, max_wait=30)) as c:
        with c.pacer._budget() as budget:
            budget.hold_until = time.time() + 3600
        with pytest.raises(WaitLimitError, match="max_wait"):
            c.get("listCustomers")
    assert server.asked == []


def test_the_token_endpoint_is_not_waited_for_either(tmp_path):
    with scripted(TOMORROW) as server:
        settings = connection(
            server, tmp_path, access_token=None, client_id="a", client_secret="b", refresh_token="c"
        )
        with Client(settings) as c, pytest.raises(WaitLimitError, match=r"86,400 s.*max_wait"):
            c.get("listCustomers")
    assert len(server.asked) == 1


def test_a_library_call_raises(tmp_path):
    config = {"access_token": "x", "business_ids": [1], "token_store": str(tmp_path / "t.json")}
    with scripted(TOMORROW) as server, pytest.raises(ClearBooksError, match="max_wait") as caught:
        tap_clearbooks.read({**config, "api_url": f"{server.url}/v1"}, emit=lambda _: None)
    assert type(caught.value) is WaitLimitError


RECORD = {"externalId": "C-1", "name": "Ada"}


@pytest.mark.parametrize("program", ["tap-clearbooks", "target-clearbooks"])
def test_the_programs_end_with_one_line(program, tmp_path):
    with scripted(TOMORROW) as server:
        config = {
            "access_token": "x",
            "api_url": f"{server.url}/v1",
            "business_ids": [1],
            "token_store": str(tmp_path / "t.json"),
        }
        if program.startswith("target"):
            config["state_store"] = str(tmp_path / "s.sqlite3")
        (tmp_path / "config.json").write_text(json.dumps(config))
        messages = [
            {
                "type": "SCHEMA",
                "stream": "customers",
                "schema": {"properties": {}},
                "key_properties": ["externalId"],
            },
            {"type": "RECORD", "stream": "customers", "record": RECORD},
        ]
        began = time.monotonic()
        text = "".join(json.dumps(m) + "\n" for m in messages)
        result = programs.run(
            program, "--config", "config.json", text=text, cwd=tmp_path, env=environment(tmp_path)
        )
    assert result.returncode == 1, result.stderr
    assert time.monotonic() - began < 30
    assert "86,400 s still to wait are more than max_wait allows (900 s)" in result.stderr
    assert "Traceback" not in result.stderr


# Nobody listens


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        # Bound and not listening: a connection is refused, and nobody else can take the port.
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_loopback_address_where_nobody_listens_fails_at_once(host, closed_port, tmp_path, caplog):
    caplog.set_level("INFO")
    settings = Connection.from_config(
        {
            "api_url": f"http://{host}:{closed_port}/v1",
            "access_token": "x",
            "token_store": str(tmp_path / "t.json"),
        }
    )
    with Client(settings) as c:
        with pytest.raises(NotRunningError, match=f"http://{host}:{closed_port}; is `clearbooks"):
            c.get("listCustomers")
        with pytest.raises(NotRunningError):
            c.write("createCustomer", {}, {"name": "A"})
    assert "trying again" not in caplog.text


def test_so_does_the_token_endpoint(closed_port, tmp_path, caplog):
    caplog.set_level("INFO")
    url = f"http://127.0.0.1:{closed_port}"
    settings = Connection.from_config(
        {
            "api_url": f"{url}/v1",
            "token_url": f"{url}/oauth/token",
            "client_id": "a",
            "client_secret": "b",
            "refresh_token": "c",
            "token_store": str(tmp_path / "t.json"),
        }
    )
    with Client(settings) as c, pytest.raises(NotRunningError, match="clearbooks sandbox"):
        c.get("listCustomers")
    assert "trying again" not in caplog.text


def test_other_hosts_are_tried_again(monkeypatch, tmp_path, clock):
    settings = Connection.from_config(
        {
            "api_url": "https://api.example.com/v1",
            "access_token": "x",
            "max_tries": 3,
            "token_store": str(tmp_path / "t.json"),
        }
    )
    tries = []

    def refused(*_arguments, **_more):
        tries.append(1)
        raise requests.ConnectionError(ConnectionRefusedError(111, "Connection refused"))

    pacer = Pacer(None, clock=clock, sleep=clock.sleep)
    with Client(settings, pacer=pacer) as c:
        monkeypatch.setattr(c._session, "request", refused)
        with pytest.raises(UnavailableError, match="no answer"):
            c.get("listCustomers")
    assert len(tries) == 3


def test_a_run_of_the_tap_says_it_once(closed_port, tmp_path):
    config = {
        "access_token": "x",
        "api_url": f"http://127.0.0.1:{closed_port}/v1",
        "business_ids": [1],
        "token_store": str(tmp_path / "t.json"),
    }
    began = time.monotonic()
    result = tap(tmp_path, config)
    assert result.returncode == 1
    assert time.monotonic() - began < 20
    said = [line for line in result.stderr.splitlines() if "SUMMARY" not in line]
    assert "\n".join(said).count("is `clearbooks sandbox --port") == 1
    assert f"http://127.0.0.1:{closed_port}" in result.stderr


def test_no_credentials_names_the_command(tmp_path):
    result = tap(tmp_path, {"token_store": str(tmp_path / "t.json")})
    assert result.returncode == 2
    assert "clearbooks connect" in result.stderr
