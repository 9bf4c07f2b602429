"""Ways in which the live API may differ."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clearbooks_sandbox import DIALECTS
from clearbooks_sandbox.dialects import Dialects
from tests.ledger import line

ME = "/accounting/customers"


@pytest.fixture(autouse=True)
def records(ledger):
    for n in range(5):
        ledger.customer(f"Customer {n}")
    return ledger.sale(1)


def test_nulls(http, served):
    assert "email" not in http("GET", f"{ME}/1").json()
    served.dialects.on("nulls")
    found = http("GET", f"{ME}/1").json()
    assert found["email"] is None
    assert found["name"] == "Customer 0"
    assert "lineNumber" not in http("GET", "/accounting/transactionLines").json()[0]


def test_errors_array(http, served):
    fault = {"errorCode": "REQUIRED", "errorMessage": "name: is required"}
    assert http("POST", ME, json={}).json() == {"errors": [{**fault, "source": "name"}]}
    served.dialects.on("errors-array")
    assert http("POST", ME, json={}).json() == [fault]
    assert http("GET", "/nowhere").json()[0]["errorCode"] == "NOT_FOUND"


def test_errors_pointer(http, served):
    served.dialects.on("errors-pointer")
    body = {"date": "2024-03-01", "vatTreatment": "UK", "customerId": 1, "lineItems": [{"x": 1}]}
    found = http("POST", "/accounting/sales/invoices", json=body).json()["errors"]
    assert {"pointer": "/lineItems/0/x"} in [fault["source"] for fault in found]


def test_errors_html(http, served):
    served.dialects.on("errors-html")
    words = http("POST", ME, json={"name": "x", "a&b": 1}).json()["errors"][0]["errorMessage"]
    assert words == "<p>a&amp;b: is unknown or read-only<br/></p>"


def test_part_paid(http, served, ledger):
    ledger.allocate(1, Decimal("0.20"), payment=ledger.pay(1, 1))
    assert http("GET", "/accounting/sales/invoices/1").json()["status"] == "approved"
    served.dialects.on("part-paid")
    assert http("GET", "/accounting/sales/invoices/1").json()["status"] == "part paid"
    assert http("GET", "/accounting/sales/invoices").json()[0]["status"] == "part paid"
    ledger.sale(1)
    found = http("GET", "/accounting/sales/invoices").json()
    assert [d["status"] for d in found] == ["part paid", "approved"]


def test_patch(http, served):
    served.dialects.on("patch")
    answer = http("PUT", f"{ME}/1", json={"name": "x"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET, PATCH")
    assert http("PATCH", f"{ME}/1", json={"name": "x"}).json()["name"] == "x"


def test_wrapped(http, served):
    served.dialects.on("wrapped")
    assert http("GET", f"{ME}/1").json()[0]["id"] == 1
    assert http("GET", ME).json()[0]["id"] == 1
    assert http("GET", f"{ME}/99").json()["errors"][0]["errorCode"] == "NOT_FOUND"


def test_no_headers(http, served):
    served.dialects.on("no-headers")
    assert not [h for h in http("GET", ME).headers if h.lower().startswith("x-pagination")]


def test_unsorted(http, served):
    served.dialects.on("unsorted")
    query = f"{ME}?sortBy=id&sortDirection="
    orders = [[c["id"] for c in http("GET", query + d).json()] for d in ("ascending", "descending")]
    assert orders[0] == orders[1] != sorted(orders[0])
    assert sorted(orders[0]) == [1, 2, 3, 4, 5]
    pages = [http("GET", f"{ME}?limit=2&page={n}").json() for n in (1, 2, 3)]
    assert [c["id"] for page in pages for c in page] == orders[0]


def test_ascending_only(http, served):
    served.dialects.on("ascending-only")
    found = http("GET", f"{ME}?sortBy=name&sortDirection=descending").json()
    assert [c["id"] for c in found] == [1, 2, 3, 4, 5]


def test_ok_200(http, served):
    served.dialects.on("ok-200")
    assert http("POST", ME, json={"name": "x"}).status_code == 200


def test_string_money(http, served):
    served.dialects.on("string-money")
    found = http("GET", "/accounting/sales/invoices").json()[0]
    assert (found["gross"], found["lineItems"][0]["vatAmount"]) == ("120.00", "20.00")
    assert found["id"] == 1
    lines = http("GET", "/accounting/transactions").json()[0]["lines"]
    assert lines[0] == {"accountCodeId": 7501001, "amount": "120.00"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects(http, served, status):
    served.dialects.on(f"redirect-{status}")
    new = http("PUT", "/accounting/sales/invoices/1", json={"reference": "x"}).json()["id"]
    answer = http("GET", "/accounting/sales/invoices/1")
    assert (answer.status_code, answer.headers["Location"]) == (
        status,
        f"/v1/accounting/sales/invoices/{new}",
    )
    followed = http("GET", "/accounting/sales/invoices/1", allow_redirects=True)
    assert followed.json()["id"] == new


def test_unknown_fields(http, served):
    served.dialects.on("unknown-fields")
    assert "_links" in http("GET", f"{ME}/1").json()
    assert "_links" in http("GET", ME).json()[0]


def test_pretty(http, served):
    compact = http("GET", ME).json()
    served.dialects.on("pretty")
    answer = http("GET", ME)
    assert "\n  " in answer.text
    assert answer.json() == compact


def test_voided_listed(http, served):
    http("PUT", "/accounting/sales/invoices/1", json={"reference": "x"})
    http("DELETE", "/accounting/sales/invoices/2")
    assert http("GET", "/accounting/sales/invoices").json() == []
    served.dialects.on("voided-listed")
    found = http("GET", "/accounting/sales/invoices").json()
    assert [(d["id"], d["status"]) for d in found] == [(2, "voided")]


def test_treatments_with_the_letter_of_their_side(http, served, ledger):
    invoices, treatments = "/accounting/sales/invoices", "/accounting/vatTreatments"
    body = {"date": "2024-03-01", "customerId": 1, "vatTreatment": "UK"}
    body["lineItems"] = [line(0) | {"unitPrice": 1}]
    served.dialects.on("prefixed-answers")
    assert http("GET", f"{invoices}/1").json()["vatTreatment"] == "SUK"
    assert http("GET", invoices).json()[0]["vatTreatment"] == "SUK"
    assert http("POST", invoices, json=body).json()["vatTreatment"] == "SUK"
    ledger.bill(ledger.supplier())
    assert http("GET", "/accounting/purchases/bills").json()[0]["vatTreatment"] == "PUK"
    assert [t["key"] for t in http("GET", f"{treatments}/sales").json()][:2] == ["UK", "OUT"]
    served.dialects.on("prefixed-treatments")
    assert [t["key"] for t in http("GET", f"{treatments}/purchases").json()][:2] == ["PUK", "POUT"]
    refused = http("POST", invoices, json=body)
    assert (refused.status_code, "should begin with S" in refused.text) == (422, True)
    moved = http("PUT", f"{invoices}/1", json={"vatTreatment": "SUK", "reference": "x"})
    assert moved.json()["vatTreatment"] == "SUK"
    rates = "/accounting/vatRates/sales"
    listed = http("GET", rates, params={"vatTreatment": "SOUT"}).json()
    assert [r["key"] for r in listed] == ["0.00:Out"]
    assert http("GET", rates, params={"vatTreatment": "OUT"}).status_code == 422


def test_names(served):
    with pytest.raises(ValueError, match="no dialect 'frnech'"):
        Dialects(["frnech"])
    served.dialects.on(*DIALECTS)
    assert len(served.dialects) == len(DIALECTS)
    served.dialects.off()
    assert not served.dialects


def test_all_at_once_still_answer_json(http, served):
    served.dialects.on(*DIALECTS)
    for path in (ME, f"{ME}/1", "/accounting/transactions", f"{ME}/99", "/businesses"):
        assert http("GET", path).json(), path
    feeds = http("POST", "/accounting/bankFeeds", json={"items": [{"accountId": 1}]}).json()
    assert feeds["items"][0]["accountId"] == "1"
