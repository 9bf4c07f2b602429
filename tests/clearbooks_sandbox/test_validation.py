"""Every fault of a request comes in one answer."""

from __future__ import annotations

import pytest

from tests.ledger import COST, line


def test_all_faults_come_at_once(ledger):
    body = {"date": "2024-02-30", "lineItems": [{"unitPrice": "1", "extra": 1}], "gross": 1}
    status, codes = ledger.refused("createSalesDocument", body, salesType="invoices")
    assert status == 400
    assert sorted(codes) == sorted(["FORMAT", "TYPE", *["UNKNOWN_FIELD"] * 2, *["REQUIRED"] * 6])
    body = ledger.sale_body(99, line(-1, COST), line(1, 1), vatTreatment="UK", currency="ABC")
    status, codes = ledger.refused("createSalesDocument", body, salesType="invoices")
    assert status == 422
    assert codes == ["CUSTOMER_ID", "CURRENCY", "ACCOUNT_CODE", "ACCOUNT_CODE"]


def test_a_fault_names_the_field_that_it_is_about(ledger):
    body = {"name": "x", "vatNr": "1", "address": {"zip": "1", "town": 5}}
    reply = ledger.call("createCustomer", body)
    assert reply.status == 400
    found = {f["source"]: f["errorCode"] for f in reply.json()["errors"]}
    assert found == {
        "vatNr": "UNKNOWN_FIELD",
        "address.zip": "UNKNOWN_FIELD",
        "address.town": "TYPE",
    }
    body = ledger.sale_body(ledger.customer(), line(1), line(1, rate="9.00:Standard"))
    (fault,) = ledger.call("createSalesDocument", body, salesType="invoices").json()["errors"]
    assert (fault["source"], fault["errorCode"]) == ("lineItems[1].vatRateKey", "VAT_RATE_KEY")
    (fault,) = ledger.call("getCustomer", customerId=99).json()["errors"]
    assert "source" not in fault


@pytest.mark.parametrize("number", ["1e999999", "1e9999999999999999999", "-1e400", "1e-400"])
@pytest.mark.parametrize("field", ["unitPrice", "quantity", "vatAmount", "accountCode"])
def test_numbers_beyond_a_double_are_no_numbers(ledger, number, field):
    fields = {"unitPrice": "1", "quantity": "1", "vatAmount": "1", "accountCode": "1001001"}
    listed = ",".join(f'"{k}":{v}' for k, v in (fields | {field: number}).items())
    item = f'{{"description":"x","vatRateKey":"Manual",{listed}}}'
    ledger.customer()
    body = f'{{"date":"2024-01-01","vatTreatment":"UK","customerId":1,"lineItems":[{item}]}}'
    status, codes = ledger.refused("createSalesDocument", body.encode(), salesType="invoices")
    assert (status, codes) == (400, ["JSON"])
