"""Renewals in a process of their own: whoever is killed, what the server granted is saved."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from clearbooks import errors
from clearbooks.auth import FileTokenStore, Name, TokenSource, open_store, renewal
from clearbooks.errors import ApiError, ClearBooksError, NotAuthorisedError
from clearbooks.program import keep_options, use_configs
from clearbooks.settings import Connection
from clearbooks_sandbox import Options, running
from tests.clearbooks.auth.test_tokens import grant, oauth
from tests.clearbooks.stub import scripted

SLOW = 1.0
SANDBOX = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
WAITS = """
import json, sys
from clearbooks.auth import TokenSource
from clearbooks.settings import Connection
source = TokenSource(Connection.from_config(json.load(sys.stdin)))
print(flush=True)
source.access_token()
"""


def processes():
    """Process IDs by that of the parent; those that ended and were not waited for left out."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            found.setdefault(int(parent), []).append(int(path.parent.name))
    return found


def until(condition):
    end = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


@pytest.fixture
def used():
    """Set once the token endpoint has used a refresh token up."""
    return threading.Event()


@pytest.fixture
def slow(monkeypatch, used):
    """A sandbox whose token endpoint answers a second after it has used the token up."""
    faults = [f"slow-after:1:{SLOW}:path=/oauth/token"]
    with running(options=Options(access_token=None, faults=faults)) as server:
        token = server.oauth.token

        def noted(form):
            reply = token(form)
            used.set()
            return reply

        monkeypatch.setattr(server.oauth, "token", noted)
        yield server


def settings_of(server, location):
    places = {"api_url": server.url, "token_url": server.token_url, "token_store": location}
    return {**SANDBOX, **places, "refresh_token": "sandbox-refresh-token"}


@contextmanager
def waiting(settings):
    """A program that waits for the answer of the token endpoint, and the process that renews."""
    program = subprocess.Popen(
        [sys.executable, "-c", WAITS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with program:
        program.stdin.write(json.dumps(settings).encode())
        program.stdin.close()
        program.stdout.readline()
        (renews,) = until(lambda: processes().get(program.pid))
        yield program, renews
        program.kill()


def granted(server):
    return [r.status for r in server.requests if r.path == "/oauth/token"]


@pytest.fixture(params=["file", "postgresql"])
def shared(request, place):
    return place(request.param)


def test_a_killed_program_takes_no_authorisation_with_it(shared, slow, used):
    settings = settings_of(slow, shared)
    with waiting(settings) as (program, renews):
        assert used.wait(20)
        # As engines end a task: its group, then what it has started.
        os.killpg(program.pid, signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(renews, number)
        program.wait(10)
        # The next run waits for the tokens that are on their way.
        token = TokenSource(Connection.from_config(settings)).access_token()
    assert open_store(shared).read(Name("sandbox", "default"))[0].access_token == token
    assert granted(slow) == [200]
    until(lambda: not Path(f"/proc/{renews}").exists())


def test_credentials_are_in_no_argument_and_no_variable(tmp_path, slow):
    settings = settings_of(slow, str(tmp_path / "tokens.json"))
    with waiting(settings) as (program, renews):
        shown = [Path(f"/proc/{renews}/{name}").read_bytes() for name in ("cmdline", "environ")]
        for secret in (b"sandbox-secret", b"sandbox-refresh-token"):
            assert not any(secret in text for text in shown)
        program.wait(20)


def test_the_process_that_renews_is_killed(tmp_path, slow, used):
    with waiting(settings_of(slow, str(tmp_path / "tokens.json"))) as (program, renews):
        assert used.wait(20)
        os.kill(renews, signal.SIGKILL)
        told = program.stderr.read().decode().splitlines()[-1]
    assert told.startswith("clearbooks.errors.TokenStoreError: the process that renewed")
    assert "(exit code -9)" in told
    assert "Run again" in told


@pytest.mark.parametrize("interpreter", ["/nowhere/python", "/bin/false", ""])
def test_where_no_process_can_be_started_tokens_are_renewed_all_the_same(
    interpreter, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "executable", interpreter)
    with scripted(grant(1)) as server:
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"
        assert len(server.asked) == 1
    assert FileTokenStore(tmp_path / "tokens.json").chains()[0].access_token == "access-1"


def test_what_it_tells_names_the_commands_of_its_caller(tmp_path, monkeypatch):
    monkeypatch.setattr(renewal, "renew", None)  # in this process
    keep_options(writes=True)
    use_configs("acme.json")
    try:
        with (
            scripted((400, b'{"error": "invalid_grant"}')) as server,
            pytest.raises(NotAuthorisedError, match="`clearbooks connect --write --config acme"),
        ):
            TokenSource(oauth(server, tmp_path)).access_token()
    finally:
        keep_options()
        use_configs()


def test_warnings_of_the_process_are_those_of_the_caller(tmp_path, slow, used, caplog):
    path = tmp_path / "tokens.json"
    source = TokenSource(Connection.from_config(settings_of(slow, str(path))))
    thread = threading.Thread(target=source.access_token)
    thread.start()
    assert used.wait(20)
    path.mkdir()
    time.sleep(SLOW + 0.3)
    path.rmdir()
    thread.join()
    assert "trying again" in caplog.text
    assert FileTokenStore(path).chains()[0].access_token == source.access_token()


def test_every_error_reaches_another_process_whole():
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ClearBooksError)
    ]
    assert len(kinds) > 10
    for kind in kinds:
        if issubclass(kind, errors.NotCoveredError):
            error = kind(ApiError("readThings", 403), "business 7 is not covered")
        elif issubclass(kind, ApiError):
            error = kind("readThings", 400, [("C", "wrong", "lineItems[0]")], hint="mend it")
        else:
            error = kind("token_store: gone")
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert type(copy) is kind
        assert str(copy) == str(error)
        assert vars(copy) == vars(error)
        assert copy.exit_code == error.exit_code
