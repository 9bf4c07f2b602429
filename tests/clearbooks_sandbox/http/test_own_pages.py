"""A web page elsewhere cannot use its visitor's sandbox."""

from __future__ import annotations

import pytest
import requests

from clearbooks_sandbox import Options, running


@pytest.fixture(scope="module")
def site():
    with running(options=Options()) as served:
        yield served


def status(site, path="/books/", method="GET", **headers):
    return requests.request(
        method, f"{site.site}{path}", headers=headers, timeout=10, allow_redirects=False
    ).status_code


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", ""]
)
def test_another_name_of_this_machine_is_refused(site, host):
    token = {"Authorization": "Bearer sandbox-access-token"}
    assert status(site, Host=host) == 403
    assert status(site, "/v1/businesses", Host=host, **token) == 403
    assert status(site, "/oauth/token", "POST", Host=host) == 403


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "localhost:1", "[::1]:80", "books.localhost"]
)
def test_its_own_names(site, host):
    assert status(site, Host=host) == 200


@pytest.mark.parametrize(
    ("origin", "more", "expected"),
    [
        ("https://evil.example", {}, 403),
        ("null", {}, 403),
        ("null", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("null", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("OWN", {}, 200),
        ("http://127.0.0.1:1", {}, 403),
    ],
)
def test_pages_of_others_are_refused(site, origin, more, expected):
    assert status(site, Origin=origin.replace("OWN", site.site), **more) == expected
