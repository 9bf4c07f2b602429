"""Strangers get nothing, foreign pages change nothing, and what would be open is refused."""

import re
import subprocess
import sys

import pytest
import requests

from clearbooks.errors import SettingError
from clearbooks_app.ui.access import MOST_WRONG, Access, Doors, TooManyError
from clearbooks_app.ui.api import ENDPOINTS
from clearbooks_app.ui.pages import routes
from clearbooks_app.ui.server import running

from .conftest import TOKEN, config_of, sign_in

PASSWORD = "correct horse battery"


def filled(path):
    path = path.replace("{business:int}", "101").replace("{business}", "101")
    return re.sub(r"\{\w+(:\w+)?\}", "x", path)


def all_requests(site):
    for each in ENDPOINTS:
        yield each.method, filled(each.path)
    yield "GET", "/api/openapi.json"
    for route in routes(site):
        for method in route.methods - {"HEAD"}:
            yield method, filled(route.path)


def test_a_stranger_gets_nothing(page):
    """Every address without the token: no page, no data, no style sheet."""
    for method, path in all_requests(page.site):
        if path == "/connect/callback":
            continue
        answer = requests.request(method, page.url + path, timeout=10, allow_redirects=False)
        assert answer.status_code in (401, 403), f"{method} {path}: {answer.status_code}"
        assert "First Limited" not in answer.text
        assert "set-cookie" not in answer.headers
        assert len(answer.text) < 300


@pytest.mark.parametrize("token", ["", "x", "é", "a" * 43, TOKEN])
def test_a_guess_opens_nothing(page, token):
    answer = requests.get(page.url, params={"token": token}, timeout=10, allow_redirects=False)
    assert answer.status_code == 403
    headers = {"Cookie": f"{page.site.access.cookie}={token}".encode()}
    assert requests.get(page.url, headers=headers, timeout=10).status_code == 403
    if token != TOKEN:
        headers = {"Authorization": f"Bearer {token}".encode()}
        assert requests.get(f"{page.url}/api/runs", headers=headers, timeout=10).status_code == 401


def test_the_token_of_the_api_opens_no_page(page):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert requests.get(page.url, headers=headers, timeout=10).status_code == 403


def test_an_address_works_once_and_leaves_the_token_nowhere(page):
    address = page.site.access.new_address()
    first = requests.Session()
    assert first.get(address, timeout=10).url == f"{page.url}/"
    (cookie,) = first.cookies
    assert cookie.name.startswith("clearbooks_ui_")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite").lower() == "strict"
    assert requests.get(address, timeout=10).status_code == 403
    assert first.get(page.url, timeout=10).status_code == 200


def test_who_signs_out_is_a_stranger_again(page):
    session = sign_in(page)
    csrf = re.search(r'name="csrf" value="([^"]+)"', session.get(page.url, timeout=10).text)[1]
    kept = dict(session.cookies)
    session.post(f"{page.url}/logout", {"csrf": csrf}, timeout=10)
    assert requests.get(page.url, cookies=kept, timeout=10).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "",
        "books.localhost.evil.example",
    ],
)
def test_another_name_of_this_machine_is_refused(page, host):
    session = sign_in(page)
    assert session.get(page.url, headers={"Host": host}, timeout=10).status_code == 421
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": host}
    assert requests.get(f"{page.url}/api/runs", headers=headers, timeout=10).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_others_change_nothing(page, headers):
    session = sign_in(page)
    csrf = page.site.access.session(session.cookies.values()[0]).csrf
    given = {"csrf": csrf}
    answer = session.post(f"{page.url}/connections", given, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert session.post(f"{page.url}/connections", given, timeout=10).status_code == 200


def test_a_form_without_its_token_changes_nothing(page):
    session = sign_in(page)
    for given in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "é"}):
        answer = session.post(f"{page.url}/connections", given, timeout=10)
        assert answer.status_code == 403
        assert "load the page anew" in answer.text


def test_a_browser_uses_the_api_with_the_token_of_its_page_alone(page):
    session = sign_in(page)
    csrf = page.site.access.session(session.cookies.values()[0]).csrf
    assert session.get(f"{page.url}/api/runs", timeout=10).status_code == 200
    path = f"{page.url}/api/connections"
    assert session.post(path, json={}, timeout=10).status_code == 403
    headers = {"X-CSRF-Token": csrf}
    assert session.post(path, json={}, headers=headers, timeout=10).status_code == 201


def test_every_answer_has_the_headers_that_keep_browsers_safe(page):
    session = sign_in(page)
    for path in ("/", "/style.css", "/nothing", "/api/runs"):
        headers = session.get(page.url + path, timeout=10).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"


def test_no_page_shows_a_secret(page):
    session = sign_in(page)
    for route in routes(page.site):
        if "GET" in route.methods and "{" not in route.path:
            text = session.get(page.url + route.path, timeout=10).text
            for secret in ("sandbox-secret", "sandbox-access-token", TOKEN):
                assert secret not in text, route.path
    text = page.call.session.get(f"{page.url}/api/connections/default", timeout=10).text
    assert "sandbox-access-token" not in text


class TestDoors:
    @pytest.mark.parametrize(
        "more",
        [
            {"host": "0.0.0.0"},  # noqa: S104
            {"host": "192.0.2.1", "password": PASSWORD},
            {"public_url": "http://books.example", "password": PASSWORD},
            {"public_url": "https://books.example"},
            {"public_url": "books.example", "password": PASSWORD},
            {"password": "short"},
            {"api_token": "short"},
            {"certificate": "x"},
        ],
    )
    def test_what_would_be_open_is_refused(self, more):
        with pytest.raises(SettingError):
            Doors(**more)

    def test_beyond_this_machine_with_password_and_proxy(self):
        doors = Doors(public_url="https://books.example/", password=PASSWORD)
        assert doors.secure
        assert doors.url == "https://books.example"
        assert doors.knows("books.example")
        assert not doors.knows("evil.example")

    def test_wrong_passwords_close_the_door(self):
        access = Access(Doors(password=PASSWORD))
        for _ in range(MOST_WRONG):
            assert access.by_password("wrong") is None
        with pytest.raises(TooManyError):
            access.by_password(PASSWORD)

    def test_without_a_password_none_is_right(self):
        assert Access(Doors()).by_password("") is None


def test_with_a_certificate_and_a_password(books, place):
    """Served by TLS, people sign in, and their cookie never goes out in clear text."""
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(place / "k.pem"),
            "-out",
            str(place / "c.pem"),
        ],
        check=True,
        capture_output=True,
    )
    doors = Doors(password=PASSWORD, certificate=place / "c.pem", key=place / "k.pem")
    with running(doors, configs=(config_of(books, place),), folder=place / "tls") as site:
        url = site.access.doors.url
        assert url.startswith("https://")
        session = requests.Session()
        session.verify, session.trust_env = str(place / "c.pem"), False
        # asyncio never closes a connection by TLS that is open when its server ends.
        session.headers["Connection"] = "close"
        answer = session.get(url, timeout=10)
        assert answer.url == f"{url}/login"
        assert "Strict-Transport-Security" in answer.headers
        assert "First Limited" not in answer.text
        wrong = session.post(f"{url}/login", {"password": "wrong"}, timeout=10)
        assert wrong.status_code == 403
        assert "That is not the password" in wrong.text
        foreign = session.post(
            f"{url}/login",
            {"password": PASSWORD},
            headers={"Origin": "https://evil.example"},
            timeout=10,
        )
        assert foreign.status_code == 403
        assert session.post(f"{url}/login", {"password": PASSWORD}, timeout=10).url == f"{url}/"
        (cookie,) = session.cookies
        assert cookie.secure


def test_the_command_says_what_it_needs(place):
    from click.testing import CliRunner

    from clearbooks_app import main

    result = CliRunner().invoke(main, ["ui", "--host", "0.0.0.0"])  # noqa: S104
    assert result.exit_code == 2
    assert "served by TLS only" in result.output
    result = CliRunner().invoke(main, ["ui", "--loader", "a", "--pipeline", "b"])
    assert result.exit_code == 2
    assert "choose one of --loader and --pipeline" in result.output


def test_the_program_prints_an_address_that_lets_one_browser_in(books, place):
    config = config_of(books, place)
    program = [
        sys.executable,
        "-c",
        "from clearbooks_app import main; main()",
        "ui",
        "--port",
        "0",
        "--no-browser",
        "--config",
        config,
    ]
    with subprocess.Popen(
        program,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONUNBUFFERED": "1", "XDG_STATE_HOME": str(place / "s")},
    ) as ui:
        try:
            lines = iter(ui.stdout.readline, "")
            address = next(line.strip() for line in lines if "?token=" in line)
            for _ in range(2):
                next(lines)
            session = requests.Session()
            assert session.get(address, timeout=20).status_code == 200
            assert "For another browser: http" in ui.stderr.readline()
        finally:
            ui.terminate()
        assert ui.wait(15) in (0, -15)
