"""A business that the authorisation does not cover: one line, and nothing more is asked of it."""

from __future__ import annotations

from clearbooks.auth import Chain, open_store
from clearbooks.errors import ForbiddenError, NotCoveredError
from tap_clearbooks import read
from tests.clearbooks.stub import scripted
from tests.tap_clearbooks.test_program import tap


def lines_of(result, words):
    return [line for line in result.stderr.splitlines() if words in line]


def test_one_line_names_it_and_those_covered(books, tmp_path):
    books.do("createCustomer", {"name": "Smith"})
    result = tap(tmp_path, books.config(tmp_path, business_ids=[999, 101]))
    assert result.returncode == 1
    (line,) = (x for x in lines_of(result, "business 999") if "SUMMARY" not in x)
    assert "business_ids: business 999 is not covered (HTTP 403): the" in line
    assert "covers 101 (One), 102 (Two)" in line
    assert "scope" not in result.stderr
    assert any('"customers"' in x and '"RECORD"' in x for x in result.stdout.splitlines())


def test_nothing_more_is_asked_of_it(books, run_tap):
    output = run_tap(business_ids=[999, 101])
    assert len(output.failures) > 10
    assert len({f.partition(": ")[2] for f in output.failures}) == 1
    refused = [r for r in books.server.requests if r.status == 403]
    # Those that were read ahead when the first refusal came.
    assert 1 <= len(refused) <= 6
    assert len(books.asked("/businesses")) == 2


def test_a_scope_that_is_missing_is_not_laid_on_the_business(books, run_tap):
    books.server.faults.plan("error", path="/accounting/customers", status=403, times=9)
    output = run_tap(["customers", "suppliers"])
    assert len(output.failures) == 2
    assert all("scope 'accounting.customers:read'" in f for f in output.failures)


def refusing(path):
    """A server that has businesses, and refuses the list of them."""
    return scripted((403, [{"errorCode": "no", "errorMessage": "Forbidden"}]))


STREAMS = ["customers", "suppliers", "sales_invoices"]


def test_without_the_list_the_scopes_of_the_token_tell(tmp_path):
    with refusing(tmp_path) as server:
        store = f"{tmp_path}/tokens.json"
        open_store(store).save(
            Chain(
                client_id="app",
                token_url=f"{server.url}/oauth/token",
                access_token="a",
                refresh_token="r",
                expires_at=4e9,
                obtained_at=1.0,
                connected_at=1.0,
                scope="accounting.customers:read accounting.suppliers:read accounting.sales:read",
            ),
            patience=0.0,
        )
        result = read(
            {
                "api_url": f"{server.url}/v1",
                "token_url": f"{server.url}/oauth/token",
                "token_store": store,
                "client_id": "app",
                "client_secret": "s",
                "business_ids": [7],
            },
            streams=STREAMS,
            emit=lambda _: None,
        )
    assert {type(failure.error) for failure in result.failures} == {NotCoveredError}
    text = str(result.failures[0])
    assert "business_ids: business 7" in text
    assert "businesses:read is missing" in text
    paths = [asked[1] for asked in server.asked]
    assert len([p for p in paths if p.endswith("/businesses")]) == 1


def test_where_nobody_can_tell_each_stream_says_what_the_api_said(tmp_path):
    with refusing(tmp_path) as server:
        result = read(
            {
                "api_url": f"{server.url}/v1",
                "access_token": "a",
                "business_ids": [7],
                "token_store": f"{tmp_path}/t.json",
            },
            streams=STREAMS,
            emit=lambda _: None,
        )
    assert {type(failure.error) for failure in result.failures} == {ForbiddenError}
    assert all("must cover the business" in str(failure) for failure in result.failures)
    paths = [asked[1] for asked in server.asked]
    assert len([p for p in paths if p.endswith("/businesses")]) == 1
