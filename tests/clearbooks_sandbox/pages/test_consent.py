"""The consent page, driven in a browser as a person does it."""

import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from clearbooks.contract import load_contract
from tests.chromium import faults

from .html import Page

VERIFIER = "a-verifier-that-is-long-enough-for-the-rules-of-pkce"
STATE = "a state & more"
SCOPES = ["businesses:read", "accounting.sales:read", "accounting.journals:write"]
ALLOWED, DENIED = "Thank you", "Come back any time"


@pytest.fixture(scope="module")
def callback():
    """The application's own redirect URI, on which the browser ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = (ALLOWED if "code=" in self.path else DENIED).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/callback"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ask(site, callback):
    """The address that an application sends the browser to."""

    def address(**changes):
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": "sandbox",
            "redirect_uri": callback,
            "scope": " ".join(SCOPES),
            "state": STATE,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | changes
        return f"{site.sandbox.authorize_url}?{urlencode(query)}"

    return address


@pytest.fixture
def tab(chromium):
    """A browser tab without JavaScript: the pages need none."""
    context = chromium.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def answer(tab, callback):
    """What the browser brought back to the application."""
    tab.wait_for_url(f"{callback}**")
    return {name: values[0] for name, values in parse_qs(urlsplit(tab.url).query).items()}


def businesses_of(site, callback, code):
    """Exchange a code, and list the businesses that the token covers."""
    form = {
        "grant_type": "authorization_code",
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "redirect_uri": callback,
        "code": code,
        "code_verifier": VERIFIER,
    }
    tokens = requests.post(site.sandbox.token_url, data=form, timeout=10).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert sorted(tokens["scope"].split()) == sorted(SCOPES)
    listed = requests.get(f"{site.sandbox.url}/businesses", headers=headers, timeout=10)
    return [business["id"] for business in listed.json()]


def test_it_says_who_asks_and_for_what(site, tab, ask, callback):
    tab.goto(ask())
    words = tab.locator("main").inner_text()
    assert "Sandbox application" in words
    descriptions = load_contract().scopes
    shown = tab.locator(".scopes li").all_inner_texts()
    assert shown == [descriptions[scope] for scope in SCOPES]
    assert callback in words
    boxes = tab.get_by_role("checkbox")
    assert boxes.count() == 2
    assert not any(box.is_checked() for box in boxes.all())
    for business in (site.big, site.small):
        assert tab.get_by_label(site.engine.books(business).business()["name"]).count() == 1


@pytest.mark.parametrize("chosen", [["big"], ["small"], ["big", "small"]])
def test_allow_gives_the_businesses_that_were_chosen(site, tab, ask, callback, chosen):
    tab.goto(ask())
    wanted = [getattr(site, name) for name in chosen]
    for business in wanted:
        tab.get_by_label(site.engine.books(business).business()["name"]).check()
    tab.get_by_role("button", name="Allow").click()
    back = answer(tab, callback)
    assert tab.locator("body").inner_text() == ALLOWED
    assert back["state"] == STATE
    assert set(back) == {"code", "state"}
    assert businesses_of(site, callback, back["code"]) == wanted


def test_deny_says_so_to_the_application(tab, ask, callback):
    tab.goto(ask())
    tab.get_by_role("button", name="Deny").click()
    back = answer(tab, callback)
    assert tab.locator("body").inner_text() == DENIED
    assert back["error"] == "access_denied"
    assert back["state"] == STATE
    assert "code" not in back


def test_it_works_by_keyboard_alone(site, tab, ask, callback):
    tab.goto(ask())
    # Skip link, the brand, the two boxes, Allow.
    for _ in range(4):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert [box.is_checked() for box in tab.get_by_role("checkbox").all()] == [False, True]
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    back = answer(tab, callback)
    assert businesses_of(site, callback, back["code"]) == [site.small]


def test_deny_by_keyboard(tab, ask, callback):
    tab.goto(ask())
    for _ in range(6):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert answer(tab, callback)["error"] == "access_denied"


def test_allowing_nothing_is_told_and_can_be_mended(site, tab, ask, callback):
    tab.goto(ask())
    tab.get_by_role("button", name="Allow").click()
    alert = tab.get_by_role("alert")
    assert alert.inner_text() == "Choose at least one business, or deny access."
    tab.get_by_role("checkbox").first.check()
    tab.get_by_role("button", name="Allow").click()
    back = answer(tab, callback)
    assert back["state"] == STATE
    assert businesses_of(site, callback, back["code"]) == [site.big]


def test_it_is_decided_once(tab, ask, callback):
    tab.goto(ask())
    pending = tab.locator("input[name=pending]").get_attribute("value")
    address = tab.url
    tab.get_by_role("button", name="Deny").click()
    answer(tab, callback)
    form = {"pending": pending, "decision": "allow", "business": "101"}
    again = requests.post(address.partition("?")[0], data=form, timeout=10, allow_redirects=False)
    assert again.status_code == 400
    assert "decided already" in again.text


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_everybody_can_use_it(chromium, ask, width):
    tab = chromium.new_page(viewport={"width": width, "height": 640})
    tab.goto(ask(scope=" ".join(load_contract().scopes)))
    assert faults(tab) == []
    assert tab.get_by_role("button", name="Allow").bounding_box()["width"] > 40
    tab.close()


# Without a browser


def test_a_business_that_is_not_there_is_not_given(site, ask):
    page = Page(requests.get(ask(), timeout=10).text)
    pending = next(a["value"] for _, a in page.all("input") if a["name"] == "pending")
    form = {"pending": pending, "decision": "allow", "business": "999"}
    reply = requests.post(site.sandbox.authorize_url, data=form, timeout=10, allow_redirects=False)
    assert reply.status_code == 400
    assert "Choose at least one business" in reply.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": "nobody"}, "no application with client_id"),
        ({"redirect_uri": "https://elsewhere.example/cb"}, "is not registered"),
        ({"redirect_uri": ""}, "is not registered"),
    ],
)
def test_what_cannot_be_trusted_is_a_plain_page(ask, changes, words):
    reply = requests.get(ask(**changes), timeout=10, allow_redirects=False)
    assert reply.status_code == 400
    page = Page(reply.text)
    assert words in page.words
    assert page.headings == [["h1", "Nothing can be decided here"]]
    assert not page.all("form")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "accounting.everything:write"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_other_faults_go_back_to_the_application(ask, callback, changes, error):
    reply = requests.get(ask(**changes), timeout=10, allow_redirects=False)
    assert reply.status_code == 303
    target = urlsplit(reply.headers["Location"])
    assert reply.headers["Location"].startswith(f"{callback}?")
    back = parse_qs(target.query)
    assert back["error"] == [error]
    assert back["state"] == [STATE]


def test_the_page_is_not_kept_and_not_framed(ask):
    headers = requests.get(ask(), timeout=10).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
