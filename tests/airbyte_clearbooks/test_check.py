"""`check`: one request for each scope, and an answer that says what to do."""

import pytest

from airbyte_clearbooks.scopes import try_scopes
from clearbooks.client import Client
from clearbooks.contract import load_contract
from clearbooks.scopes import needed_scopes
from clearbooks.settings import Connection
from tap_clearbooks.streams import STREAMS
from tests.ledger import ONE


def status(run):
    assert run.code == 0, run.out
    return run.one("CONNECTION_STATUS")["connectionStatus"]


def with_token(books, source, **allowed):
    books.server.oauth.add_token("access", "narrow", "sandbox", **allowed)
    return {**source.config, "credentials": {"auth_type": "access_token", "access_token": "narrow"}}


def test_all_is_well(source):
    assert status(source("check")) == {"status": "SUCCEEDED"}


def test_it_asks_once_for_each_scope_and_reads_one_record(source, books):
    source("check")
    asked = books.requests("/")
    # The list of businesses, one of each scope, and one for the second business.
    assert len(asked) == 1 + len(needed_scopes(load_contract(), STREAMS)) + 1
    assert all("limit=1" in r.query for r in asked if r.operation == "listSalesDocuments")


@pytest.mark.parametrize("scope", sorted(needed_scopes(load_contract(), STREAMS)))
def test_each_scope_is_missed_by_name(books, tmp_path, scope):
    contract = load_contract()
    config = books.config(tmp_path, access_token="narrow")
    books.server.oauth.add_token(
        "access", "narrow", "sandbox", scopes=set(contract.scopes) - {scope}
    )
    needed = needed_scopes(contract, STREAMS)
    with Client(Connection.from_config(config)) as client:
        problems = try_scopes(client, needed, [ONE])
    assert problems[0].startswith(f"the authorisation lacks the scope {scope} ")
    assert all(stream in problems[0] for stream in needed[scope])
    assert len(problems) == 2


def test_a_missing_scope_fails_the_check(source, books):
    config = with_token(books, source, scopes={"businesses:read", "accounting.customers:read"})
    found = status(source("check", config={**config, "streams": ["customers", "bills"]}))
    assert found["status"] == "FAILED"
    assert "accounting.purchases:read (for bills)" in found["message"]
    assert "authorise the application again" in found["message"]


def test_only_the_chosen_streams_need_their_scopes(source, books):
    config = with_token(books, source, scopes={"businesses:read", "accounting.customers:read"})
    assert status(source("check", config={**config, "streams": ["customers"]})) == {
        "status": "SUCCEEDED"
    }


def test_a_business_that_is_not_covered(source, books):
    config = with_token(books, source, businesses=[ONE])
    found = status(source("check", config={**config, "business_ids": [ONE, 102]}))
    assert "business 102" in found["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"credentials": {}}, "credentials: missing"),
        ({"credentials": {"auth_type": "password"}}, "credentials.auth_type: 'password'"),
        (
            {"credentials": {"auth_type": "refresh_token", "client_id": "a"}},
            "client_secret missing",
        ),
        (
            {"credentials": {"auth_type": "access_token", "access_token": "no-such-token"}},
            "authorise the application again",
        ),
        ({"start_date": "soon"}, "start_date: 'soon' should be a date"),
        ({"page_size": 500}, "page_size: 500 should be a whole number from 1 to 200"),
        ({"api_url": "ftp://x"}, "api_url: 'ftp://x' should be an https:// address"),
        ({"streams": ["cats"]}, "streams: ['cats'] not known; there are: businesses"),
    ],
)
def test_a_wrong_setting_is_named(source, change, words):
    found = status(source("check", config={**source.config, **change}))
    assert (found["status"], words in found["message"]) == ("FAILED", True), found


def test_an_unknown_setting_is_said_and_a_platforms_own_is_not(source):
    run = source("check", config={**source.config, "strat_date": "2024-01-01", "__ab_x": 1})
    assert status(run) == {"status": "SUCCEEDED"}
    assert run.logs == ["unknown settings are ignored: strat_date"]


def test_a_server_that_is_away(source):
    config = {**source.config, "api_url": "http://127.0.0.1:9/v1", "max_tries": 1}
    found = status(source("check", config=config))
    assert "Sync again later" in found["message"]


@pytest.mark.parametrize("status_code", [402, 403])
def test_a_plan_that_lacks_a_feature(source, books, status_code):
    books.server.faults.add(f"no-subscription:path=/accounting/sales,status={status_code}")
    config = {**source.config, "streams": ["customers", "sales_invoices", "quotes"]}
    found = status(source("check", config=config))
    assert found["status"] == "FAILED"
    assert found["message"].startswith("sales_invoices, quotes: ")
    assert f"the Clear Books plan (subscription) of business {ONE}" in found["message"]
    assert "scope" not in found["message"]
