"""Many programs on one PostgreSQL: one refresh, one budget."""

import subprocess
import sys
import time
from contextlib import closing

import pytest

from clearbooks.auth import Name, TokenSource
from clearbooks.pacing import Budget, open_pacer
from clearbooks.pacing.pacer_postgres import PostgresPacer
from clearbooks.settings import Connection
from clearbooks_sandbox import Options, running

TOKEN = """
import sys
from clearbooks.auth import TokenSource
from clearbooks.settings import Connection
names = ("token_store", "api_url", "token_url")
config = dict(zip(names, sys.argv[1:]), client_id="sandbox", client_secret="sandbox-secret")
sys.stdin.readline()
print(TokenSource(Connection.from_config(config)).access_token())
"""
PACE = """
import sys
from clearbooks.pacing.pacer_postgres import PostgresPacer
pacer = PostgresPacer(sys.argv[1], "test", ceiling=20)
sys.stdin.readline()
for _ in range(8):
    print(pacer.wait())
    pacer.succeeded()
pacer.close()
"""


@pytest.fixture
def pace():
    """As it is."""


def together(program, arguments, count):
    """Run a program so many times, begun at the same moment; what each printed."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    time.sleep(1.0)
    for one in programs:
        one.stdin.write("\n")
        one.stdin.flush()
    outputs = [one.communicate(timeout=60)[0].split() for one in programs]
    assert [one.returncode for one in programs] == [0] * count
    return outputs


def refreshes(sandbox):
    return [r.status for r in sandbox.requests if r.path == "/oauth/token"]


def test_eight_processes_refresh_once(database):
    with running(options=Options(access_token=None)) as sandbox:
        config = {
            "token_store": database,
            "api_url": sandbox.url,
            "token_url": sandbox.token_url,
            "client_id": "sandbox",
            "client_secret": "sandbox-secret",
        }
        seeded = Connection.from_config({**config, "refresh_token": "sandbox-refresh-token"})
        source = TokenSource(seeded)
        first = source.access_token()
        store = source.store
        old = store.find(Name("sandbox", "default"), None)
        old.expires_at = 1.0
        with store.lock(old.name):
            store.save(old)
        assert refreshes(sandbox) == [200]
        places = [database, sandbox.url, sandbox.token_url]
        outputs = together(TOKEN, places, 8)
        assert refreshes(sandbox) == [200, 200]
    tokens = {token for (token,) in outputs}
    assert len(tokens) == 1
    assert tokens != {first}
    assert store.find(Name("sandbox", "default"), None).access_token in tokens


def test_processes_share_the_budget(database):
    slots = sorted(float(slot) for lines in together(PACE, [database], 3) for slot in lines)
    assert len(slots) == 24
    # 24 requests at 20 a second: the first leaves at once, two may have been saved up.
    assert slots[-1] - slots[0] >= 21 / 20
    assert slots[-1] - slots[0] < 15.0
    pacer = PostgresPacer(database, "test")
    assert pacer.found().rate > Budget().rate
    pacer.close()


def test_a_429_holds_the_others(database):
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        time.sleep(seconds)

    one, other = PostgresPacer(database, "x"), PostgresPacer(database, "x", sleep=sleep)
    with closing(one), closing(other):
        one.limited(one.wait(), 2.0)
        other.wait()
        assert 0.5 < slept[0] < 2.1
        assert other.found().limited == 1


def test_the_settings_choose_it(database):
    connection = Connection.from_config({"token_store": database, "client_id": "a"})
    pacer = open_pacer(connection)
    assert isinstance(pacer, PostgresPacer)
    pacer.wait()
    pacer.close()


def test_without_the_database_it_paces_alone(caplog):
    pacer = PostgresPacer("postgresql://u:secret@127.0.0.1:1/x?connect_timeout=1", "x", ceiling=50)
    began = time.monotonic()
    for _ in range(6):
        pacer.wait()
    assert time.monotonic() - began >= 3 / 50
    pacer.close()
    assert len(caplog.records) == 1
    assert "cannot be shared for now" in caplog.text
    assert "secret" not in caplog.text
