"""A page over a sandbox, both served: one for a module."""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.server import running as running_page
from clearbooks_sandbox import AccountingEngine
from clearbooks_sandbox import running as running_sandbox
from tests.chromium import faults

TOKEN = "a-token-of-the-api-for-tests"
# A folder to put pictures of every page into, for whoever wants to look.
PICTURES = os.environ.get("PAGE_PICTURES")


@pytest.fixture(autouse=True)
def home():
    """Instead of that of the commands: what is here is made once for a module."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An empty directory and home for a module."""
    folder = tmp_path_factory.mktemp("page")
    kept = {k: v for k, v in os.environ.items() if "CLEARBOOKS" in k or k == "XDG_STATE_HOME"}
    before = Path.cwd()
    for name in kept:
        del os.environ[name]
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    os.chdir(folder)
    yield folder
    os.chdir(before)
    del os.environ["XDG_STATE_HOME"]
    os.environ.update(kept)


@pytest.fixture(scope="module")
def books():
    """A sandbox of two businesses."""
    engine = AccountingEngine()
    for name in ("First Limited", "Second Limited"):
        engine.add_business(name)
    with running_sandbox(engine) as served:
        yield served
    engine.close()


def config_of(books, folder, **more):
    """A file of settings for a sandbox."""
    values = {
        "api_url": books.url,
        "token_url": books.token_url,
        "authorize_url": books.authorize_url,
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "access_token": "sandbox-access-token",
        "business_ids": [books.engine.business_ids()[0]],
        "state_store": str(folder / "target.sqlite3"),
        "create_missing": ["customers", "suppliers"],
        "settle_seconds": 0,
        "max_tries": 2,
        **more,
    }
    path = folder / "settings.json"
    path.write_text(json.dumps(values))
    return str(path)


class Caller:
    """Calls the API as a program."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {TOKEN}"

    def __call__(self, method, path, body=None, status=200, **more):
        answer = self.session.request(
            method, f"{self.url}{path}", json=body, timeout=60, allow_redirects=False, **more
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def finished(self, job, seconds=60):
        """A job, once it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self("GET", f"/api/jobs/{job}")
            if found["state"] != "running":
                return found
            time.sleep(0.1)
        raise AssertionError(f"{job} did not end")


@pytest.fixture(scope="module")
def page(books, place):
    """A page over the sandbox: `site`, `url`, `call`, and the first business."""
    doors = Doors(api_token=TOKEN)
    with running_page(
        doors,
        configs=(config_of(books, place),),
        folder=place / "ui",
        references=place / "references.json",
    ) as site:
        url = site.access.doors.url
        yield SimpleNamespace(
            site=site,
            url=url,
            call=Caller(url),
            books=books,
            business=books.engine.business_ids()[0],
        )


def sign_in(page):
    """A browser that was let in, as a session of requests."""
    session = requests.Session()
    answer = session.get(page.site.access.new_address(), timeout=10)
    assert answer.status_code == 200, answer.text
    return session


# A loader that keeps what it gets: it writes the messages down, and confirms each STATE.
KEEPER = """
import json, sys
with open(sys.argv[1], "a") as kept:
    for line in sys.stdin:
        kept.write(line)
        if json.loads(line)["type"] == "STATE":
            print(json.dumps(json.loads(line)["value"]), flush=True)
"""


@pytest.fixture(scope="module")
def empty(books, place):
    """A page that holds no tokens yet; its loader writes into a file."""
    (place / "keeper.py").write_text(KEEPER)
    config = config_of(books, place, access_token=None, token_store=str(place / "tokens.json"))
    with running_page(
        Doors(),
        configs=(config,),
        folder=place / "ui",
        references=place / "references.json",
        loader=f"{sys.executable} {place}/keeper.py {place}/messages.jsonl",
    ) as site:
        yield SimpleNamespace(
            site=site,
            url=site.access.doors.url,
            folder=place,
            business=books.engine.business_ids()[0],
            books=books,
        )


@pytest.fixture(scope="module")
def tab(empty, chromium):
    """A browser that was let in; whatever its console says is a fault."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    said = []
    opened.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(empty.site.access.new_address())
    yield opened
    context.close()
    # A status of 4xx, which the browser tells of, too, is what a test has asked for.
    assert [words for words in said if not words.startswith("Failed to load resource")] == []


def finished(tab):
    """Wait until the job of this page has ended: it shows that by itself."""
    tab.locator("main[data-live]").wait_for(state="detached", timeout=60_000)
    return tab.get_by_role("status").inner_text()


# Words of a chart that reach beyond it.
CUT_OFF = """[...document.querySelectorAll(".chart text")].filter(text => {
  const [it, chart] = [text, text.closest("svg")].map(e => e.getBoundingClientRect());
  return it.left < chart.left - 1 || it.right > chart.right + 1;
}).map(text => text.textContent)"""


def everybody_can_use(tab, url, picture):
    """Open a page: axe finds nothing serious, and nothing is cut off."""
    tab.goto(url)
    is_for_everybody(tab, picture)


def is_for_everybody(tab, picture):
    """The same of the page that is open."""
    url = tab.url
    assert tab.get_by_role("heading", level=1).count() == 1, url
    if PICTURES:
        tab.screenshot(path=Path(PICTURES) / f"{picture}.png", full_page=True)
    assert faults(tab) == [], url
    assert tab.evaluate(CUT_OFF) == [], url
