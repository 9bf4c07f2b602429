"""`clearbooks connect`: everything that may happen between the question and the tokens."""

import json
import re
import socket
import stat
import struct
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from clearbooks.auth import FileTokenStore, finish_consent
from clearbooks.contract import load_contract
from clearbooks.settings import state_dir
from tests.clearbooks.stub import scripted

from .conftest import decide, start


def stored():
    return FileTokenStore(state_dir() / "tokens.json").chains()


def question(browser):
    return {k: v[0] for k, v in parse_qs(urlsplit(browser.urls[0]).query).items()}


def test_allow(settings, browser, run, home):
    result = run("connect --json")
    found = json.loads(result.stdout)
    assert found["connected"]
    assert [b["name"] for b in found["businesses"]] == ["First Limited", "Second Limited"]
    assert found["scopes_refused"] == []
    (chain,) = stored()
    assert chain.client_id == "sandbox"
    assert chain.access_token not in result.output
    assert chain.refresh_token not in result.output
    assert "revokes the tokens" in result.stderr
    (page,) = browser.pages
    assert page.status_code == 200
    assert "<h1>Connected</h1>" in page.text
    assert page.text.count("<li>") == 2
    for business in found["businesses"]:
        assert f"<li>{business['name']} ({business['id']})</li>" in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_businesses_that_cannot_be_listed_are_told_on_the_page(settings, sandbox, browser, run):
    sandbox.faults.plan("no-subscription", path="/businesses")
    said = run("connect").output
    assert "the businesses were not listed" in said
    (page,) = browser.pages
    assert "<h1>Connected</h1>" in page.text
    assert "The businesses were not listed: " in page.text
    assert "<li>" not in page.text


def test_the_question(settings, browser, run):
    run("connect")
    asked = question(browser)
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) >= 20
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/callback", asked["redirect_uri"])
    needed = {r.scope for r in load_contract().resources.values() if r.readable}
    assert set(asked["scope"].split()) == needed
    assert not [scope for scope in needed if scope.endswith(":write")]


@pytest.mark.parametrize(
    ("option", "scopes"),
    [
        ("--write", list(load_contract().scopes)),
        (
            "--streams customers,quotes",
            ["businesses:read", "accounting.customers:read", "accounting.sales:read"],
        ),
        (
            "--scopes 'businesses:read, accounting.vat:read'",
            ["businesses:read", "accounting.vat:read"],
        ),
    ],
)
def test_other_scopes(settings, browser, run, option, scopes):
    result = run(f"connect {option} --json")
    assert question(browser)["scope"].split() == scopes
    assert sorted(json.loads(result.stdout)["scopes"]) == sorted(scopes)


def test_only_the_businesses_that_were_chosen(settings, browser, run, engine):
    second = engine.business_ids()[1]
    browser.goes = lambda url: decide(url, businesses=[second])
    result = run("connect")
    assert "1 business:\n" in result.stdout
    assert f"  {second}  Second Limited" in result.stdout
    assert "First" not in result.stdout


def test_deny(settings, browser, run):
    browser.goes = lambda url: decide(url, "deny")
    result = run("connect", code=6)
    assert "Error: access was denied on the consent page; nothing was changed" in result.stderr
    assert stored() == []
    assert "<h1>Not connected</h1>" in browser.pages[0].text
    assert "denied" in browser.pages[0].text


def test_an_answer_with_a_wrong_state_is_ignored_and_waiting_goes_on(settings, browser, run):
    refused = []

    def goes(url):
        right = decide(url)
        wrong = (re.sub(r"state=[^&]+", "state=another", right), right.split("&state")[0])
        refused.extend(requests.get(address, timeout=10) for address in wrong)
        return right

    browser.goes = goes
    run("connect")
    assert len(stored()) == 1
    assert [page.status_code for page in refused] == [400, 400]
    assert "was not used" in refused[0].text
    assert "Connected" in browser.pages[0].text


def test_a_request_that_names_another_host_is_refused(settings, browser, run):
    refused = []

    def goes(url):
        right = decide(url)
        refused.append(requests.get(right, headers={"Host": "evil.example"}, timeout=10))
        return right

    browser.goes = goes
    run("connect")
    assert [page.status_code for page in refused] == [403]
    assert len(stored()) == 1


def test_nothing_but_a_wrong_state_comes(settings, browser, run):
    browser.goes = lambda url: re.sub(r"state=[^&]+", "state=another", decide(url))
    result = run("connect --timeout 1", code=9)
    assert "nobody decided" in result.stderr
    assert stored() == []


def test_an_answer_without_code(settings, browser, run):
    browser.goes = lambda url: re.sub(r"code=[^&]+&", "", decide(url))
    assert "holds no code" in run("connect", code=5).stderr


def test_a_code_that_is_not_one(settings, browser, run):
    browser.goes = lambda url: re.sub(r"code=[^&]+", "code=made-up", decide(url))
    result = run("connect", code=5)
    assert "exchangeCode: HTTP 400 - invalid_grant" in result.stderr
    assert "made-up" not in result.output


def test_wrong_secret(settings, browser, run, monkeypatch):
    monkeypatch.setenv("CLEARBOOKS_CLIENT_SECRET", "not-the-secret")
    result = run("connect", code=5)
    assert "invalid_client" in result.stderr
    assert "check client_id and client_secret" in result.stderr
    assert "not-the-secret" not in result.output
    assert "check client_id and client_secret" in browser.pages[0].text
    assert stored() == []


def test_port_in_use(settings, browser, run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run(f"connect --port {port}", code=8)
    assert (
        f"port {port} is used by another program; choose another one with --port" in result.stderr
    )
    assert browser.urls == []


def test_nobody_decides(settings, browser, run):
    browser.goes = lambda _: None
    assert "nobody decided" in run("connect --timeout 1", code=9).stderr


def test_other_visitors_do_not_disturb(settings, browser, run):
    seen = []

    def person(url):
        site = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        base = site.removesuffix("/callback")
        seen.extend(
            requests.get(base + path, timeout=5).status_code
            for path in ("/favicon.ico", "/", "/callback")
        )
        # A connection that a browser opens ahead and never uses.
        seen.append(socket.create_connection(("127.0.0.1", urlsplit(site).port)))
        return decide(url)

    browser.goes = person
    run("connect")
    assert seen[:3] == [404, 404, 404]
    seen[3].close()


def test_a_browser_that_goes_away_is_no_trouble(settings, browser, run, capfd):
    def person(url):
        target = urlsplit(decide(url))
        with socket.create_connection((target.hostname, target.port)) as line:
            head = f"GET {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\n\r\n"
            line.sendall(head.encode())
            # Closed with a reset, before the page comes.
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    browser.goes = person
    run("connect")
    assert len(stored()) == 1
    assert "Traceback" not in capfd.readouterr().err


def test_it_answers_once(settings, browser, run, monkeypatch):
    second = []

    def exchange(*args):
        second.append(requests.get(redirect, timeout=5))
        return real(*args)

    real = finish_consent
    monkeypatch.setattr("clearbooks_app.operations.consent.finish_consent", exchange)

    def person(url):
        nonlocal redirect
        redirect = decide(url)
        return redirect

    redirect = ""
    browser.goes = person
    run("connect")
    assert second[0].status_code == 410
    assert "answered before" in second[0].text


# Without a browser, and registered redirect URIs


def test_no_browser(settings, home):
    env = {"XDG_STATE_HOME": str(home / "state")}
    command = start("connect --no-browser --json --port 8401", env)
    lines = iter(command.stderr.readline, "")
    url = next(line.strip() for line in lines if line.strip().startswith("http"))
    out, err = command.communicate(decide(url) + "\n", timeout=60)
    assert command.returncode == 0, err
    assert json.loads(out)["connected"]
    assert "127.0.0.1%3A8401" in url


def test_a_redirect_uri_elsewhere_is_pasted(settings, run):
    result = run(
        "connect --redirect-uri https://app.example.com/cb",
        7,
        text="https://app.example.com/cb?code=x&state=y\n",
    )
    assert "redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb" in result.stderr
    assert "its state is another one" in result.stderr


def test_pasting_something_else(settings, run):
    result = run("connect --no-browser", 2, text="abc123\n")
    assert "that is not the redirected address" in result.stderr


def test_a_registered_loopback_uri(settings, browser, run):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"http://localhost:{port}/my/callback"
    run(["connect", "--redirect-uri", uri])
    assert question(browser)["redirect_uri"] == uri


def test_a_redirect_uri_that_is_none(settings, run):
    assert "--redirect-uri: 'nonsense'" in run("connect --redirect-uri nonsense", 2).stderr


# Settings


def test_what_is_missing_without_a_terminal(run):
    assert "client_id is missing: set CLEARBOOKS_CLIENT_ID" in run("connect", 2).stderr


def test_it_asks_on_a_terminal(settings, browser, run, monkeypatch):
    monkeypatch.delenv("CLEARBOOKS_CLIENT_ID")
    monkeypatch.delenv("CLEARBOOKS_CLIENT_SECRET")
    asked = []

    def prompt(words, *, hide_input=False, err=True):
        asked.append((words, hide_input))
        return {"Client ID": "sandbox", "Client secret": "sandbox-secret"}[words]

    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("clearbooks_app.connect._interactive", lambda: True)
    result = run("connect")
    assert asked == [("Client ID", False), ("Client secret", True)]
    assert "The client secret was not kept" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--scopes accounting.everything:read", "accounting.everything:read is not known"),
        ("--streams journals", "no stream journals can be read; there are: businesses"),
        ("--streams customers --write", "choose one of --write, --streams and --scopes"),
        ("--save nowhere/clearbooks.json", "there is no directory nowhere"),
        ("--token-store s3://x", "s3:// is not known"),
    ],
)
def test_mistakes_before_anybody_is_sent_away(settings, browser, run, words, message):
    assert message in run(f"connect {words}", 2).stderr
    assert browser.urls == []


def test_a_store_that_cannot_be_written(settings, browser, run, home):
    (home / "store").write_text("not a store")
    result = run("connect --token-store store", 1)
    assert "is not a token store, or is damaged" in result.stderr
    assert browser.urls == []
    assert (home / "store").read_text() == "not a store"


def test_a_sandbox_needs_nobody_at_a_browser(sandbox, browser, run):
    said = run(f"connect --sandbox {sandbox.site}")
    assert browser.urls == []
    assert "revokes" not in said.stderr
    assert "First Limited" in said.stdout
    again = run(f"connect --sandbox {sandbox.site}")
    assert "revokes the tokens" in again.stderr
    run(f"connect --sandbox {sandbox.site} --browser")
    assert len(browser.urls) == 1


def test_a_sandbox_that_is_not_there_is_told_at_once(browser, run, home):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for more in ("", " --browser"):
            said = run(f"connect --sandbox {url} --save books.json{more}", 1).output
            assert f"no sandbox answers at {url}: start one with `clearbooks sandbox`" in said
    assert browser.urls == []
    assert not (home / "books.json").exists()


def test_a_server_that_is_no_sandbox_is_told(run):
    with scripted((404, b"")) as server:
        said = run(f"connect --sandbox {server.url}", 1).output
    assert "did not allow access (HTTP 404)" in said


def test_sandbox_and_save(sandbox, browser, run, home):
    (home / "books.json").write_text('{"start_date": "2024-04-06"}')
    result = run(f"connect --sandbox {sandbox.site} --save books.json")
    kept = json.loads((home / "books.json").read_text())
    assert kept == {
        "start_date": "2024-04-06",
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "api_url": sandbox.url,
        "token_url": sandbox.token_url,
        "authorize_url": sandbox.authorize_url,
    }
    assert stat.S_IMODE((home / "books.json").stat().st_mode) == 0o600
    assert "tap-clearbooks --config books.json" in result.stdout
    assert run("status --config books.json").stdout.startswith("Connected:")


def test_save_into_env(settings, browser, run, home, monkeypatch):
    (home / ".env").write_text("# mine\nOTHER=1\nTAP_CLEARBOOKS_CLIENT_ID=old\n")
    run("connect --save .env --token-store tokens/t.json")
    lines = (home / ".env").read_text().splitlines()
    assert lines[:2] == ["# mine", "OTHER=1"]
    assert "TAP_CLEARBOOKS_CLIENT_ID=sandbox" in lines
    assert "TAP_CLEARBOOKS_CLIENT_ID=old" not in lines
    assert f"TAP_CLEARBOOKS_TOKEN_STORE={home}/tokens/t.json" in lines
    for name in settings:
        monkeypatch.delenv(f"CLEARBOOKS_{name}")
    assert "First Limited" in run("businesses").stdout


def test_a_file_that_is_no_settings_is_left(settings, browser, run, home):
    (home / "notes.txt").write_text("my notes")
    assert "was left as it is" in run("connect --save notes.txt", 2).stderr
    assert (home / "notes.txt").read_text() == "my notes"
    assert browser.urls == []


# Again


def test_connecting_again_replaces_the_chain(settings, browser, run):
    run("connect")
    (first,) = stored()
    result = run("connect")
    assert "holds the connection 'default'" in result.stderr
    (second,) = stored()
    assert second.access_token != first.access_token


def test_the_refresh_token_of_the_settings_is_taken_over(settings, browser, run, monkeypatch):
    monkeypatch.setenv("CLEARBOOKS_REFRESH_TOKEN", "sandbox-refresh-token")
    run("connect")
    # It is revoked by now: whoever has it in the settings goes on with the new chain.
    assert "First Limited" in run("businesses").stdout
    assert len(stored()) == 1
