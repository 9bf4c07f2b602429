"""Settings are checked before anything is sent, and errors name what is wrong."""

from __future__ import annotations

import datetime as dt
import email.utils

import pytest
import requests
import urllib3.exceptions as u3

from clearbooks.errors import SettingError
from clearbooks.pacing import budget_path
from clearbooks.replies import retry_after, surely_not_sent
from clearbooks.settings import Connection, connection_properties


def test_defaults_are_the_live_api():
    connection = Connection.from_config({})
    assert connection.api_url == "https://api.clearbooks.co.uk/v1"
    assert connection.token_url == "https://api.clearbooks.co.uk/oauth/token"
    assert connection.authorize_url == "https://secure.clearbooks.co.uk/account/action/oauth/"


def test_empty_values_count_as_unset():
    connection = Connection.from_config(
        {"api_url": "", "access_token": "", "business_ids": None, "max_in_flight": None}
    )
    assert connection.access_token is None
    assert connection.max_in_flight == 8
    assert connection.business_ids == ()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8350/v1", "http://localhost:1/v1/", "https://proxy.example.com/x"]
)
def test_addresses_that_are_safe(url):
    assert Connection.from_config({"api_url": url}).api_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.clearbooks.co.uk/v1",
        "ftp://x/v1",
        "api.clearbooks.co.uk",
        "https://",
        "https://me:secret@host/v1",
        "http://127.0.0.1.example.com/v1",
    ],
)
def test_addresses_that_are_not(url):
    with pytest.raises(SettingError, match="api_url"):
        Connection.from_config({"api_url": url})


@pytest.mark.parametrize("value", [0, -1, "8", 1.5])
def test_counts_are_whole_numbers_from_one(value):
    with pytest.raises(SettingError, match="max_in_flight"):
        Connection.from_config({"max_in_flight": value})


def test_secrets_are_marked():
    properties = connection_properties()
    secret = {name for name, schema in properties.items() if schema.get("secret")}
    assert secret == {"client_secret", "refresh_token", "access_token"}
    for schema in properties.values():
        assert schema["title"]
        assert schema["description"].endswith(".")


def test_each_application_and_address_has_a_budget_of_its_own(tmp_path):
    def path(**settings):
        store = str(tmp_path / "tokens.json")
        return budget_path(Connection.from_config({"token_store": store, **settings}))

    assert path(client_id="a").parent == tmp_path
    assert path(client_id="a") == path(client_id="a")
    assert (
        len(
            {
                path(client_id="a"),
                path(client_id="b"),
                path(access_token="c"),
                path(client_id="a", api_url="https://other.example.com/v1"),
            }
        )
        == 4
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-4", 0.0),
        ("", None),
        ("soon", None),
        ("999999", 3600.0),
    ],
)
def test_retry_after_in_seconds(value, seconds):
    assert retry_after({"Retry-After": value}) == seconds


@pytest.mark.parametrize("off", [0, 3600, -3600])
def test_retry_after_as_a_date_is_by_the_clock_of_the_server(off):
    now = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(seconds=off)
    date, later = (
        email.utils.format_datetime(now + dt.timedelta(seconds=wait), usegmt=True)
        for wait in (0, 90)
    )
    assert retry_after({"Retry-After": later, "Date": date}) == 90.0


def test_retry_after_as_a_date_where_the_server_does_not_tell_its_time():
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)
    assert 80 < retry_after({"Retry-After": email.utils.format_datetime(later)}) <= 90
    assert 80 < retry_after({"Retry-After": email.utils.format_datetime(later), "Date": "?"}) <= 90


@pytest.mark.parametrize(
    ("error", "not_sent"),
    [
        (requests.ConnectTimeout(), True),
        (
            requests.ConnectionError(u3.MaxRetryError(None, "/", u3.NewConnectionError(None, "x"))),
            True,
        ),
        (
            requests.ConnectionError(
                u3.MaxRetryError(None, "/", u3.NameResolutionError("h", None, 1))
            ),
            True,
        ),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), True),
        (requests.ReadTimeout(), False),
        (
            requests.ConnectionError(
                u3.ProtocolError("Connection aborted.", ConnectionResetError())
            ),
            False,
        ),
        (requests.exceptions.ChunkedEncodingError(), False),
        (requests.exceptions.SSLError("EOF occurred in violation of protocol"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_an_exception_says_of_the_request(error, not_sent):
    assert surely_not_sent(error) is not_sent
