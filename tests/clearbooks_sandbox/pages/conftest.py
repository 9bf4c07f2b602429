"""A served sandbox with the demo, and a browser."""

import shutil
from types import SimpleNamespace

import pytest
import requests
from playwright.sync_api import sync_playwright

from clearbooks_sandbox import AccountingEngine, running
from clearbooks_sandbox.demo import build

from .html import Page

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium is installed ({', '.join(_BROWSERS)})")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()
