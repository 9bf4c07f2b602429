"""No renewal of a token loses the authorisation, and none is made without need."""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from clearbooks.auth import (
    FileTokenStore,
    TokenSource,
    begin_consent,
    finish_consent,
    open_store,
    renewal,
)
from clearbooks.auth import token_source as token_source_module
from clearbooks.errors import ApiError, NotAuthorisedError, TokenStoreError
from clearbooks_sandbox import Options, running
from tests.clearbooks.auth.test_tokens import APP, grant, oauth, sent_tokens
from tests.clearbooks.stub import DROP, scripted

BIN = Path(sys.executable).parent


def token_requests(server):
    return [r.status for r in server.requests if r.path == "/oauth/token"]


def sandbox(expires_in=3600, faults=()):
    return running(options=Options(access_token=None, expires_in=expires_in, faults=list(faults)))


# A disk without room


@dataclass
class Disk:
    """A directory that can be filled. Programs are run with `run`."""

    path: Path
    mounted: bool
    full: bool = False

    def fill(self):
        self.full = True
        if self.mounted:
            with suppress(OSError), (self.path / "fill").open("wb", buffering=0) as file:
                while file.write(b"x" * 512):
                    pass

    def make_room(self):
        self.full = False
        (self.path / "fill").unlink(missing_ok=True)

    def run(self, *command):
        # Where nothing can be mounted, no file may grow instead.
        limit = "ulimit -f 0; " if self.full and not self.mounted else ""
        return subprocess.run(
            ["sh", "-c", limit + 'exec "$@"', "sh", *map(str, command)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def disk(tmp_path):
    """A file system of 16 KB, where root may mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = shutil.which("mount")
    mounted = (
        bool(mount)
        and not subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=16k", "tmpfs", path],
            capture_output=True,
            check=False,
        ).returncode
    )
    yield Disk(path, mounted)
    if mounted:
        subprocess.run([shutil.which("umount"), path], check=True)


def test_a_full_disk_at_renewal_sends_nothing_and_the_chain_goes_on_later(disk, tmp_path):
    with sandbox(expires_in=1) as server:
        config = tmp_path / "config.json"
        config.write_text(
            json.dumps(
                {
                    "api_url": server.url,
                    "token_url": server.token_url,
                    "client_id": "sandbox",
                    "client_secret": "sandbox-secret",
                    "refresh_token": "sandbox-refresh-token",
                    "token_store": str(disk.path / "tokens.json"),
                }
            )
        )
        tap = [BIN / "clearbooks", "businesses", "--config", config]
        assert disk.run(*tap).returncode == 0
        time.sleep(1.0)
        before, saved = token_requests(server), (disk.path / "tokens.json").read_bytes()
        disk.fill()
        for _ in range(2):
            done = disk.run(*tap)
            assert done.returncode == 1
            assert "tokens.json cannot be written" in done.stderr
            assert "nothing was sent" in done.stderr
            assert "Traceback" not in done.stderr
        assert token_requests(server) == before
        assert (disk.path / "tokens.json").read_bytes() == saved
        assert not list(disk.path.glob("*.new"))
        disk.make_room()
        assert disk.run(*tap).returncode == 0
        assert set(token_requests(server)) == {200}
        assert len(token_requests(server)) > len(before)


SPEND = """
import sys, time
from clearbooks.auth import TokenSource
from clearbooks.auth.token_endpoint import request_tokens
from clearbooks.settings import Connection
from clearbooks.auth import renewal, token_source
def filling(*args):
    chain = request_tokens(*args)
    try:
        with open(sys.argv[4], "wb", 0) as file:
            while file.write(b"x" * 512): pass
    except OSError: pass
    return chain
if sys.argv[4]:
    renewal.request_tokens = filling
    token_source.renew_detached = renewal.renew
names = ("token_store", "api_url", "token_url")
config = dict(zip(names, sys.argv[1:]), client_id="app", client_secret="s",
              refresh_token="seed-1")
print(TokenSource(Connection.from_config(config)).access_token())
"""


def test_a_disk_that_fills_up_while_the_token_is_on_its_way_has_room_for_it(disk):
    # As long as signed tokens of other servers are.
    long = {"access_token": "a" * 3000, "refresh_token": "r" * 2000}
    with scripted(grant(1, **long)) as server:
        fill = disk.path / "fill" if disk.mounted else ""
        store = disk.path / "tokens.json"
        done = disk.run(
            sys.executable, "-c", SPEND, store, server.url, f"{server.url}/oauth/token", fill
        )
    assert done.stdout.strip() == "a" * 3000, done.stderr
    (chain,) = FileTokenStore(store).chains()
    assert chain.refresh_token == "r" * 2000


CONSENT = """
import sys
from clearbooks.errors import TokenStoreError
from clearbooks.auth import Consent, finish_consent
from clearbooks.settings import Connection
from clearbooks.auth import open_store
config = dict(token_store=sys.argv[1], token_url=sys.argv[2], client_id="app", client_secret="s")
connection = Connection.from_config(config)
try:
    finish_consent(connection, Consent("", "", "v", "r"), "code-1", open_store(sys.argv[1]))
except TokenStoreError as error:
    sys.exit(f"told: {error}")
"""


def test_a_code_is_not_exchanged_where_its_tokens_cannot_be_saved(disk):
    with scripted(grant(1)) as server:
        command = [sys.executable, "-c", CONSENT, disk.path / "tokens.json"]
        disk.fill()
        done = disk.run(*command, server.url)
        assert done.stderr.startswith("told: token_store: ")
        assert "nothing was sent" in done.stderr
        assert server.asked == []
        disk.make_room()
        assert disk.run(*command, server.url).returncode == 0
        assert len(server.asked) == 1
    assert FileTokenStore(disk.path / "tokens.json").chains()[0].access_token == "access-1"


def test_tokens_by_consent_answer_to_the_token_of_the_settings(tmp_path):
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path)
        consent = begin_consent(settings, "http://127.0.0.1/callback", ["a"])
        finish_consent(settings, consent, "code", open_store(settings.token_store))
        assert TokenSource(settings).access_token() == "access-1"
        assert len(server.asked) == 1


@pytest.mark.usefixtures("in_this_process")
def test_a_store_that_cannot_be_replaced_is_known_before_anything_is_sent(tmp_path, monkeypatch):
    with scripted(grant(1, expires_in=0.01), grant(2)) as server:
        settings = oauth(server, tmp_path)
        TokenSource(settings).access_token()
        time.sleep(0.02)  # its life

        def busy(*_):
            # As for a file that is mounted by itself into a container.
            raise OSError(16, "Device or resource busy")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", busy)
            with pytest.raises(TokenStoreError, match=r"busy.*nothing was sent"):
                TokenSource(settings).access_token()
        assert len(server.asked) == 1
        assert TokenSource(settings).access_token() == "access-2"


def test_room_is_reserved_privately_used_in_place_and_given_back(tmp_path):
    store = FileTokenStore(tmp_path / "tokens.json")
    with scripted(grant(1)) as server:
        TokenSource(oauth(server, tmp_path)).access_token()
    with store.lock(APP), store.reserve(APP):
        (new,) = tmp_path.glob("tokens.json.*.new")
        state = new.stat()
        assert stat.S_IMODE(state.st_mode) == 0o600
        assert state.st_size >= 8 * 1024
        store.save(store.chains()[0])
        assert (tmp_path / "tokens.json").stat().st_ino == state.st_ino
    with store.lock(APP), store.reserve(APP):
        assert new.exists()
    assert not list(tmp_path.glob("*.new"))


def test_what_a_killed_program_left_is_no_hindrance(tmp_path):
    store = FileTokenStore(tmp_path / "tokens.json")
    with store.lock(APP), store.reserve(APP):
        (new,) = tmp_path.glob("*.new")
    new.write_bytes(b"half a docu")
    with scripted(grant(1)) as server:
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"
    assert not new.exists()
    assert FileTokenStore(tmp_path / "tokens.json").chains()[0].access_token == "access-1"


# A save that fails after the answer came


@pytest.fixture
def broken(monkeypatch, in_this_process):
    return Broken(monkeypatch)


class Broken:
    """Lets saving fail from the answer of the token endpoint on, until it is mended."""

    def __init__(self, monkeypatch):
        self.broken = False
        write, request = FileTokenStore.write, renewal.request_tokens

        def refuse(store, name, chains):
            if self.broken:
                raise TokenStoreError("token_store: the disk is gone")
            write(store, name, chains)

        def answered(*args):
            chain = request(*args)
            self.broken = True
            return chain

        monkeypatch.setattr(FileTokenStore, "write", refuse)
        monkeypatch.setattr(renewal, "request_tokens", answered)
        monkeypatch.setattr("clearbooks.auth.token_store.SAVE_SECONDS", 0.3)


def test_tokens_that_cannot_be_saved_stay_in_use_and_are_saved_later(tmp_path, caplog, broken):
    with scripted(grant(1), grant(2)) as server:
        settings = oauth(server, tmp_path)
        source = TokenSource(settings)
        assert source.access_token() == source.access_token() == "access-1"
        assert "goes on with the new tokens" in caplog.text
        assert "authorise the application again" in caplog.text
        assert "refresh-1" not in caplog.text
        assert len(server.asked) == 1
        assert source.refused("access-1") == "access-2"
        assert sent_tokens(server) == ["seed-1", "refresh-1"]
        broken.broken = False
        source.settle()
        assert TokenSource(settings).access_token() == "access-2"
        assert len(server.asked) == 2


def test_tokens_that_cannot_be_saved_are_tried_again_in_the_run(tmp_path, monkeypatch, broken):
    monkeypatch.setattr(token_source_module, "_SAVE_AGAIN", 0.0)
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path)
        source = TokenSource(settings)
        source.access_token()
        broken.broken = False
        assert source.access_token() == "access-1"
        assert open_store(settings.token_store).chains()[0].refresh_token == "refresh-1"


@pytest.mark.usefixtures("broken")
def test_tokens_that_were_never_saved_are_told_at_the_end(tmp_path, caplog):
    with scripted(grant(1)) as server:
        source = TokenSource(oauth(server, tmp_path))
        source.access_token()
    caplog.clear()
    source.settle()
    assert "end with this run: authorise the application again" in caplog.text


def test_who_authorised_again_meanwhile_wins_over_unsaved_tokens(tmp_path, broken):
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path)
        source = TokenSource(settings)
        source.access_token()
        broken.broken = False
        store = open_store(settings.token_store)
        newer = replace_token(source)
        store.connect(newer)
        source.settle()
    assert [chain.access_token for chain in store.chains()] == ["by-consent"]


def replace_token(source):
    chain = source._unsaved.chain
    return type(chain)(
        client_id=chain.client_id,
        token_url=chain.token_url,
        access_token="by-consent",
        refresh_token="next",
        seeds=list(chain.seeds),
    )


def test_a_save_that_fails_for_a_moment_is_tried_again(tmp_path, monkeypatch, broken):
    monkeypatch.setattr("clearbooks.auth.token_store.SAVE_SECONDS", 30.0)
    timer = threading.Timer(0.3, lambda: setattr(broken, "broken", False))
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path)
        timer.start()
        TokenSource(settings).access_token()
        timer.join()
    assert open_store(settings.token_store).chains()[0].access_token == "access-1"


@pytest.mark.parametrize("answer", [DROP, (500, b""), (200, b"{}")], ids=str)
def test_no_thread_sends_a_token_again_whose_fate_is_unknown(answer, tmp_path):
    with scripted(answer) as server:
        source, faults = TokenSource(oauth(server, tmp_path)), []

        def ask():
            try:
                source.access_token()
            except (ApiError, NotAuthorisedError) as error:
                faults.append(str(error))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ask()
        assert len(faults) == 5
        assert len(set(faults)) == 1
        assert len(server.asked) == 1


def test_a_token_endpoint_that_limits_the_rate_is_no_reason_to_authorise_again(tmp_path):
    with scripted((429, b"", {"Retry-After": "0"})) as server:
        with pytest.raises(ApiError, match="limiting the rate") as caught:
            TokenSource(oauth(server, tmp_path)).access_token()
        assert caught.value.exit_code == 1
        assert len(server.asked) == 4


def test_a_date_until_which_the_token_endpoint_asks_to_wait(tmp_path):
    past = {"Retry-After": "Mon, 30 Nov 2020 10:00:00 GMT", "Date": "Mon, 30 Nov 2020 10:00:00 GMT"}
    with scripted((429, b"", past), grant(1)) as server:
        started = time.monotonic()
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"
        assert time.monotonic() - started < 1.9  # without a header it waits two seconds
        assert len(server.asked) == 2


def test_tokens_behind_a_byte_order_mark(tmp_path):
    status, tokens = grant(1)
    with scripted((status, b"\xef\xbb\xbf" + json.dumps(tokens).encode())) as server:
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"


STOPPED = """
import logging, signal, sys
from clearbooks.client import Client
from clearbooks.program import run, stop_on_signal
from clearbooks.settings import Connection
signal.signal(signal.SIGTERM, stop_on_signal)
names = ("token_store", "api_url", "token_url")
config = dict(zip(names, sys.argv[1:]), client_id="sandbox", client_secret="sandbox-secret",
              refresh_token="sandbox-refresh-token")
def program():
    with Client(Connection.from_config(config)) as client:
        print(flush=True)
        client.get("listBusinesses")
run(program, logging.getLogger())
"""


def test_a_signal_does_not_come_between_the_answer_and_its_saving(tmp_path):
    store = tmp_path / "tokens.json"
    with sandbox(faults=["slow-after:1:1.5:path=/oauth/token"]) as server:
        program = subprocess.Popen(
            [sys.executable, "-c", STOPPED, str(store), server.url, server.token_url],
            stdout=subprocess.PIPE,
        )
        program.stdout.readline()
        time.sleep(0.7)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=30)
        assert program.returncode == 128 + signal.SIGTERM
        assert len(FileTokenStore(store).chains()) == 1


@pytest.mark.usefixtures("in_this_process")
def test_a_refusal_is_told_although_the_store_cannot_be_read(tmp_path, monkeypatch):
    request = renewal.request_tokens

    def gone(_):
        raise TokenStoreError("token_store: the disk is gone")

    def asked(*args):
        monkeypatch.setattr(FileTokenStore, "chains", gone)
        return request(*args)

    monkeypatch.setattr(renewal, "request_tokens", asked)
    with (
        scripted((400, b'{"error": "invalid_grant"}')) as server,
        pytest.raises(NotAuthorisedError, match="invalid_grant"),
    ):
        TokenSource(oauth(server, tmp_path)).access_token()
