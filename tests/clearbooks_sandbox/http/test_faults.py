"""Faults on request: what the client sees, and whether the write was carried out."""

from __future__ import annotations

import time

import pytest
import requests

from clearbooks_sandbox.http.faults import Faults
from tests.clearbooks_sandbox.conftest import Http

ME = "/accounting/customers"


def post(http, name="x"):
    return http("POST", ME, json={"name": name})


def names(http):
    return [c["name"] for c in http("GET", ME).json()]


@pytest.mark.parametrize(("kind", "carried_out"), [("drop-before", []), ("drop-after", ["x"])])
def test_dropped_connections_are_really_closed(http, ledger, served, kind, carried_out):
    rule = served.faults.plan(kind, method="POST")
    with pytest.raises(requests.ConnectionError, match=r"reset|closed|aborted"):
        post(http)
    assert (rule.fired, served.requests[-1].status) == (1, 0)
    assert names(http) == carried_out


def test_cut_in_the_middle(http, ledger, served):
    served.faults.plan("cut", method="POST")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        post(http)
    assert names(http) == ["x"]


@pytest.mark.parametrize(
    ("kind", "status", "carried_out"),
    [("error", 500, []), ("error-after", 500, ["x"]), ("throttle", 429, [])],
)
def test_errors(http, ledger, served, kind, status, carried_out):
    served.faults.plan(kind, method="POST", retry_after="7")
    answer = post(http)
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("7" if kind == "throttle" else None)
    assert names(http) == carried_out


@pytest.mark.parametrize(("spec", "status"), [("", 403), (",status=402", 402)])
def test_a_plan_that_lacks_a_feature(http, ledger, served, spec, status):
    served.faults.add(f"no-subscription:path={ME}{spec}")
    answer = post(http)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["errorCode"] == "BUSINESS_NO_SUBSCRIPTION"
    served.dialects.on("errors-array")
    assert post(http).json()[0]["errorCode"] == "BUSINESS_NO_SUBSCRIPTION"
    assert http("GET", "/accounting/suppliers").ok
    served.faults.clear()
    assert names(http) == []


def test_the_token_endpoint_answers_as_rfc_6749_has_it(served):
    form = {"grant_type": "refresh_token", "client_id": "sandbox", "client_secret": "x"}
    found = [
        requests.post(served.token_url, data=form, timeout=10),
        requests.post(served.token_url, data={}, timeout=10),
        requests.get(served.token_url, timeout=10),
    ]
    assert [answer.status_code for answer in found] == [401, 401, 405]
    for answer in found:
        assert set(answer.json()) == {"error", "error_description"}


@pytest.mark.parametrize(("kind", "carried_out"), [("html", []), ("html-after", ["x"])])
def test_html(http, ledger, served, kind, carried_out):
    served.faults.plan(kind, method="POST")
    answer = post(http)
    assert answer.status_code == 200
    assert answer.text.startswith("<!DOCTYPE html>")
    assert names(http) == carried_out


def test_truncated_json(http, ledger, served):
    served.faults.plan("truncate", method="POST")
    answer = post(http)
    assert answer.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert names(http) == ["x"]


@pytest.mark.parametrize(("kind", "carried_out"), [("slow", []), ("slow-after", ["x"])])
def test_slow(http, ledger, served, kind, carried_out):
    served.faults.plan(kind, method="POST", seconds=0.3)
    started = time.perf_counter()
    with pytest.raises(requests.ReadTimeout):
        http("POST", ME, json={"name": "x"}, timeout=0.1)
    assert time.perf_counter() - started < 0.3
    assert names(http) == carried_out, "it is answered too late in either case"


def test_tokens_expire_in_mid_run(served, ledger):
    served.faults.add("expire-tokens:every=3")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "sandbox-refresh-token",
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
    }
    token = requests.post(served.token_url, data=form, timeout=5).json()["access_token"]
    client = Http(served, token)
    assert [client("GET", ME).status_code for _ in range(4)] == [200, 200, 401, 401]
    client.session.close()


def test_the_nth_matching_request(http, ledger, served):
    rule = served.faults.plan("error", method="POST", path=ME, nth=2, status=503)
    http("GET", ME)
    assert [post(http).status_code for _ in range(3)] == [201, 503, 201]
    assert (rule.matched, rule.fired, served.faults.counts["error"]) == (3, 1, 1)
    served.faults.clear()
    assert served.faults.rules == []


def test_the_token_endpoint_is_struck_only_where_it_is_named(served, ledger):
    served.faults.add("error")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "sandbox-refresh-token",
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
    }
    served.faults.plan("drop-after", path="/oauth/token", nth=2)
    answer = requests.post(served.token_url, data=form, timeout=5)
    assert answer.status_code == 200
    form["refresh_token"] = answer.json()["refresh_token"]
    with pytest.raises(requests.ConnectionError):
        requests.post(served.token_url, data=form, timeout=5)
    lost = requests.post(served.token_url, data=form, timeout=5)
    assert lost.json()["error"] == "invalid_grant", "the refresh was carried out"


def test_probabilities_repeat_with_their_seed():
    def run(spec):
        rule = Faults([spec]).rules[0]
        return [rule.applies_to("GET", "/a", 1) for _ in range(200)]

    assert run("error:0.2:seed=1") == run("error:0.2:seed=1") != run("error:0.2:seed=2")
    assert 20 < sum(run("error:0.2")) < 60


def test_specifications():
    rule = Faults().add("slow:0.5:2.5:method=POST,path=/accounting,times=3")
    assert (rule.probability, rule.seconds, rule.method, rule.path, rule.times) == (
        0.5,
        2.5,
        "POST",
        "/accounting",
        3,
    )
    assert Faults().add("expire-tokens:every=50").every == 50
    assert Faults().add("delete-between-pages").times == 1
    for wrong in (
        "nothing",
        "error:x",
        "error:2",
        "error:0.1:1:1",
        "error:foo=1",
        "error:_random=1",
    ):
        with pytest.raises(ValueError, match="fault"):
            Faults().add(wrong)


@pytest.mark.parametrize(
    "path",
    [
        "customers",
        "suppliers",
        "sales/invoices",
        "purchases/bills",
        "payments",
        "stockItems",
        "allocations/sales",
        "transactions",
        "transactionLines",
        "accountCodes",
        "bankAccounts",
        "sales/invoices/1/attachments",
    ],
)
@pytest.mark.parametrize("kind", ["delete", "add", "replace"])
def test_a_listing_that_moves_between_two_pages(http, ledger, served, path, kind):
    fill(ledger)
    key = "transactionId" if path == "transactionLines" else "id"
    if path == "bankAccounts":
        http("POST", "/accounting/bankAccounts", json={"name": "b"})
    before = http("GET", f"/accounting/{path}?limit=200")
    count = int(before.headers["X-Pagination-Total-Count"])
    rule = served.faults.add(f"{kind}-between-pages")
    size = count if count < 4 else count // 2
    http("GET", f"/accounting/{path}?limit={size}&page=1")
    assert rule.fired == 0
    answer = http("GET", f"/accounting/{path}?limit={size}&page=2")
    assert rule.fired == 1
    served.faults.clear()
    # Lines come and go with their transactions: two at least.
    unit = 2 if path == "transactionLines" else 1
    moved = int(answer.headers["X-Pagination-Total-Count"]) - count
    after = http("GET", f"/accounting/{path}?limit=200").json()
    gone = {r[key] for r in before.json()} - {r[key] for r in after}
    new = {r[key] for r in after} - {r[key] for r in before.json()}
    if kind == "add":
        assert (moved >= unit, len(new) >= 1, gone) == (True, True, set())
    elif kind == "delete":
        assert (moved <= -unit or path == "transactions", len(gone)) == (True, 1)
    else:
        assert len(gone) == 1
        assert new
        assert moved == 0 or unit == 2
    assert sum(row.balance for row in ledger.engine.books(ledger.business).trial_balance()) == 0


def fill(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    for n in range(4):
        ledger.customer(str(n))
        ledger.supplier(str(n))
        invoice = ledger.sale(customer)["id"]
        ledger.bill(supplier)
        ledger.allocate(invoice, 10 + n, payment=ledger.pay(customer, 20))
        ledger.do("createStockItem", {"name": str(n), "type": "both"})
        ledger.do(
            "createSalesAttachment", b"x", salesType="invoices", salesId=1, fileName=f"{n}.txt"
        )
