"""Who may do what: tokens, scopes, businesses, limits."""

from __future__ import annotations

import time

import pytest

from clearbooks.contract import load_contract
from tests.clearbooks_sandbox.conftest import Http

ME = "/accounting/customers"


@pytest.fixture
def limited(served, ledger):
    """A client whose token reads customers only."""
    served.oauth.add_token("access", "limited", "sandbox", scopes=["accounting.customers:read"])
    client = Http(served, "limited")
    yield client
    client.session.close()


def test_no_or_wrong_token_is_401(http, ledger):
    for header in ("", "Bearer", "Bearer nonsense", "Basic sandbox-access-token"):
        answer = http("GET", ME, headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["errors"][0]["errorCode"] == "UNAUTHORISED"


def test_scopes(limited):
    assert limited("GET", ME).status_code == 200
    answer = limited("POST", ME, json={"name": "x"})
    assert answer.status_code == 403
    assert "accounting.customers:write" in answer.json()["errors"][0]["errorMessage"]


def test_every_scope_is_asked_for(served, ledger):
    for operation in load_contract().operations.values():
        token = f"all-but-{operation.scope}"
        others = [s for s in load_contract().scopes if s != operation.scope]
        served.oauth.add_token("access", token, "sandbox", scopes=others)
        client = Http(served, token)
        names = dict.fromkeys(operation.path_parameters, "1")
        names |= {
            "salesType": "invoices",
            "purchaseType": "bills",
            "invoiceType": "sales",
            "vatType": "sales",
        }
        path = operation.url_path(names)
        assert client(operation.method, path).status_code == 403, operation.id
        client.session.close()


def test_one_business_needs_no_header(http, ledger):
    assert http("GET", ME).status_code == 200
    assert http("GET", ME, headers={"X-Business-ID": "101"}).status_code == 200


def test_several_businesses_need_the_header(http, ledger, engine):
    other = engine.add_business("Second")
    answer = http("GET", ME)
    assert answer.status_code == 400
    assert "X-Business-ID" in answer.json()["errors"][0]["errorMessage"]
    assert http("GET", ME, headers={"X-Business-ID": str(other)}).status_code == 200
    assert http("GET", ME, headers={"X-Business-ID": "x"}).status_code == 400
    assert [b["id"] for b in http("GET", "/businesses").json()] == [101, other]


def test_a_business_that_is_not_covered_is_403(served, ledger, engine):
    other = engine.add_business("Second")
    served.oauth.add_token("access", "one", "sandbox", businesses=[101])
    client = Http(served, "one")
    assert client("GET", ME).status_code == 200
    assert client("GET", ME, headers={"X-Business-ID": str(other)}).status_code == 403
    assert [b["id"] for b in client("GET", "/businesses").json()] == [101]
    assert client("GET", f"/businesses/{other}").status_code == 403
    assert client("GET", "/businesses/999").status_code == 404
    client.session.close()


def test_rate_and_burst(http, ledger, served):
    served.options.rate, served.options.burst = 2, 3
    codes = [http("GET", ME).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    served.options.retry_after = True
    time.sleep(0.6)
    assert http("GET", ME).status_code == 200
    answer = http("GET", ME)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_latency(http, ledger, served):
    served.options.latency_ms = 60
    http("GET", ME)
    assert served.requests[-1].ms >= 60


def test_the_log(http, ledger, served):
    http("GET", ME + "?limit=3")
    http("GET", "/nowhere")
    first, second = list(served.requests)[-2:]
    assert (first.method, first.path, first.query, first.status, first.business) == (
        "GET",
        ME,
        "limit=3",
        200,
        101,
    )
    assert (second.status, second.business) == (404, None)
    assert served.requests.newest(1) == [second]
