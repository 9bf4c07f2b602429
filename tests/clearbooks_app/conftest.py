"""A sandbox, an empty home, and the command run in this process or another one."""

import os
import re
import shlex
import sys
import threading
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from click.testing import CliRunner

from clearbooks.auth import FileTokenStore
from clearbooks.settings import state_dir
from clearbooks_app import main
from clearbooks_sandbox import AccountingEngine, running
from tests.programs import PIPE, Process

SECRETS = ("sandbox-secret", "sandbox-access-token", "sandbox-refresh-token")
PROGRAM = str(Path(sys.executable).with_name("clearbooks"))


@pytest.fixture
def engine():
    """Two businesses."""
    made = AccountingEngine()
    for name in ("First Limited", "Second Limited"):
        made.add_business(name)
    yield made
    made.close()


@pytest.fixture
def sandbox(engine):
    with running(engine) as served:
        yield served


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A user who has nothing yet, in an empty directory."""
    for name in list(os.environ):
        if "CLEARBOOKS" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(sandbox, monkeypatch):
    """The sandbox, in the environment; returns the values."""
    values = {
        "CLIENT_ID": "sandbox",
        "CLIENT_SECRET": "sandbox-secret",
        "API_URL": sandbox.url,
        "TOKEN_URL": sandbox.token_url,
        "AUTHORIZE_URL": sandbox.authorize_url,
    }
    for name, value in values.items():
        monkeypatch.setenv(f"CLEARBOOKS_{name}", value)
    return values


def decide(url, decision="allow", businesses=None, user=""):
    """Decide on the consent page; returns where the browser is sent."""
    page = requests.get(url, timeout=10).text
    found = re.findall(r'name="business" value="(\d+)"', page)
    form = {
        "pending": re.search(r'name="pending" value="([^"]+)"', page).group(1),
        "decision": decision,
        "user": user,
        "business": found if businesses is None else [str(b) for b in businesses],
    }
    reply = requests.post(url.partition("?")[0], data=form, timeout=10, allow_redirects=False)
    return reply.headers["Location"]


@pytest.fixture
def browser(monkeypatch):
    """What stands in for a person: `goes(url)` is called with the consent page's address.

    `pages` collects what was shown at the end.
    """
    state = SimpleNamespace(urls=[], pages=[], goes=decide, threads=[])

    def visit(url):
        target = state.goes(url)
        if target:
            state.pages.append(requests.get(target, timeout=30))

    def opened(url, *_):
        state.urls.append(url)
        thread = threading.Thread(target=visit, args=[url])
        thread.start()
        state.threads.append(thread)
        return True

    monkeypatch.setattr(webbrowser, "open", opened)
    yield state
    for thread in state.threads:
        thread.join(10)


@pytest.fixture
def connected(settings, browser, run):
    run("connect")


def edit_chain(**changes):
    """Change the tokens in the default store."""
    store = FileTokenStore(state_dir() / "tokens.json")
    (chain,) = store.chains()
    for name, value in changes.items():
        setattr(chain, name, value)
    with store.lock(chain.name):
        store.write(chain.name, [chain])


@pytest.fixture
def run():
    """Run the command in this process; no secret may be in what it prints."""

    def run(words, code=0, text=None):
        arguments = shlex.split(words) if isinstance(words, str) else words
        result = CliRunner().invoke(main, arguments, input=text, prog_name="clearbooks")
        assert result.exit_code == code, result.output
        if "--show-secrets" not in arguments:
            assert not [secret for secret in SECRETS if secret in result.output]
        assert "Traceback" not in result.output
        return result

    return run


def start(words, env, **more):
    """The command in a process of its own."""
    return Process("clearbooks", *shlex.split(words), stdin=PIPE, env={**os.environ, **env}, **more)
