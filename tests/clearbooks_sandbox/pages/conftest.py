"""A served sandbox with the demo, and a browser."""

from types import SimpleNamespace

import pytest
import requests

from clearbooks_sandbox import AccountingEngine, running
from clearbooks_sandbox.demo import build

from .html import Page


@pytest.fixture(scope="session")
def site():
    """The demo, served. `get` reads a page; `big` and `small` are the businesses."""
    engine = AccountingEngine()
    big, small = build(engine)
    with running(engine) as sandbox, requests.Session() as session:

        def get(path, status=200):
            response = session.get(sandbox.site + path, timeout=10)
            assert response.status_code == status, f"{path}: {response.status_code}"
            return Page(response.text)

        yield SimpleNamespace(
            engine=engine, big=big, small=small, get=get, session=session, sandbox=sandbox
        )
    engine.close()
