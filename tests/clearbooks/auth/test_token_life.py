"""How long a token is used, and what becomes of a request whose token is refused."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from clearbooks.auth import TokenSource
from clearbooks.client import Client
from clearbooks.errors import NotAuthorisedError
from clearbooks.pacing.wait_limit import WaitLimit
from tests.clearbooks.auth.test_renewal import sandbox, token_requests
from tests.clearbooks.auth.test_tokens import grant, oauth, real
from tests.clearbooks.stub import scripted

# Freshness


def test_a_token_that_lives_twenty_seconds_is_used_for_most_of_them(tmp_path):
    with scripted(grant(1, expires_in=20)) as server:
        settings = oauth(server, tmp_path)
        source = TokenSource(settings)
        for _ in range(20):
            source.access_token()
            TokenSource(settings).access_token()
        assert len(server.asked) == 1


def test_a_token_that_lives_two_seconds_is_renewed_every_two_seconds(tmp_path):
    with scripted(*(grant(n, expires_in=2) for n in range(9))) as server:
        source = TokenSource(oauth(server, tmp_path))
        end = time.monotonic() + 4.5
        while time.monotonic() < end:
            source.access_token()
            time.sleep(0.02)
        assert 2 <= len(server.asked) <= 3


@pytest.fixture
def clock(monkeypatch, in_this_process):
    """A wall clock that can be set: `clock(seconds)` puts it that far from the right time."""
    right = time.time

    def put(offset):
        monkeypatch.setattr(time, "time", lambda: right() + offset)

    return put


@pytest.mark.parametrize("offset", [-86400 * 400, -3000, 3000, 86400 * 400])
def test_a_clock_that_is_set_renews_nothing_in_a_process(offset, tmp_path, clock):
    with scripted(*(grant(n, expires_in=600) for n in range(9))) as server:
        source = TokenSource(oauth(server, tmp_path))
        source.access_token()
        clock(offset)
        for _ in range(5):
            source.access_token()
        assert len(server.asked) == 1


@pytest.mark.parametrize("offset", [-86400 * 400, -3000, 3000, 86400 * 400])
def test_a_clock_that_was_set_costs_one_renewal_at_the_next_start(offset, tmp_path, clock):
    with scripted(*(grant(n, expires_in=600) for n in range(9))) as server:
        settings = oauth(server, tmp_path)
        TokenSource(settings).access_token()
        clock(offset)
        for _ in range(5):
            TokenSource(settings).access_token()
        assert len(server.asked) == 2


def test_a_clock_that_is_set_back_does_not_make_a_token_last(tmp_path, clock):
    with scripted(*(grant(n, expires_in=0.3) for n in range(9))) as server:
        source = TokenSource(oauth(server, tmp_path))
        source.access_token()
        clock(-0.25)
        time.sleep(0.3)
        assert source.access_token() == "access-1"
        assert len(server.asked) == 2


# Tokens that others renew and revoke


def client_of(server, tmp_path):
    return Client(oauth(server, tmp_path))


def test_a_request_outlives_many_revocations(tmp_path):
    refused = (401, [{"errorCode": "t", "errorMessage": "revoked"}])
    script = [step for n in range(10) for step in (grant(n), refused)]
    with (
        scripted(*script, grant(10), (200, [])) as server,
        client_of(server, tmp_path) as client,
    ):
        assert client.get("listCustomers").json() == []
        sent = [
            headers["Authorization"] for method, _, headers, _ in server.asked if method == "GET"
        ]
        assert sent == [f"Bearer access-{n}" for n in range(11)]


def test_a_server_that_refuses_every_token_is_left_after_a_while(tmp_path):
    began = time.monotonic()
    with (
        sandbox(faults=["expire-tokens:path=/businesses"]) as server,
        Client(real(server, tmp_path)) as client,
    ):
        with pytest.raises(NotAuthorisedError, match="authorise the application again") as caught:
            client.get("listBusinesses")
        assert caught.value.exit_code == 5
        assert 4 < len(token_requests(server)) <= 25
        assert set(token_requests(server)) == {200}
    assert time.monotonic() - began < 40


def test_a_token_that_ends_while_a_request_waits_its_turn_is_not_sent(tmp_path):
    with scripted(grant(1, expires_in=0.5), grant(2), (200, [])) as server:
        settings = oauth(server, tmp_path)
        tokens = TokenSource(settings)
        tokens.access_token()

        class Pacer:
            limit = WaitLimit()

            def wait(self):
                time.sleep(0.5)
                return 0.0

            def succeeded(self):
                pass

            close = succeeded

        with Client(settings, tokens=tokens, pacer=Pacer()) as client:
            client.get("listCustomers")
        assert server.asked[-1][2]["Authorization"] == "Bearer access-2"


WORK = """
import sys, time
from clearbooks.client import Client
from clearbooks.settings import Connection
names = ("token_store", "api_url", "token_url")
config = dict(zip(names, sys.argv[1:]), client_id="sandbox", client_secret="sandbox-secret",
              refresh_token="sandbox-refresh-token")
with Client(Connection.from_config(config)) as client:
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        client.get("listBusinesses")
        time.sleep(0.05)
"""


def test_eight_processes_share_tokens_of_two_seconds(tmp_path):
    began = time.monotonic()
    with sandbox(expires_in=2) as server:
        arguments = [str(tmp_path / "tokens.json"), server.url, server.token_url]
        programs = [
            subprocess.Popen([sys.executable, "-c", WORK, *arguments], stderr=subprocess.PIPE)
            for _ in range(8)
        ]
        told = [program.communicate(timeout=90)[1] for program in programs]
        assert [program.returncode for program in programs] == [0] * 8, told
        took = time.monotonic() - began
        renewals = token_requests(server)
        assert set(renewals) == {200}
        # Each lives for 1.8 s, however many want it.
        assert 2 <= len(renewals) <= took / 1.8 + 1
