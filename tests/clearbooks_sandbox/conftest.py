"""A business in memory, and short ways to use it."""

from __future__ import annotations

import pytest
import requests

from clearbooks_sandbox import AccountingEngine, Options, running
from tests.ledger import Ledger


@pytest.fixture
def engine():
    made = AccountingEngine()
    yield made
    made.close()


@pytest.fixture
def ledger(engine):
    return Ledger(engine, engine.add_business("Test Limited"))


@pytest.fixture
def served(engine):
    with running(engine, Options(pages=False)) as sandbox:
        yield sandbox


class Http:
    """Requests with a token; paths are below the API's base."""

    def __init__(self, sandbox, token="sandbox-access-token"):  # noqa: S107
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method, path, **options):
        options.setdefault("allow_redirects", False)
        options.setdefault("timeout", 10)
        return self.session.request(method, self.sandbox.url + path, **options)


@pytest.fixture
def http(served):
    client = Http(served)
    yield client
    client.session.close()
