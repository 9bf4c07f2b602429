"""Every fault of a request comes in one answer."""

from __future__ import annotations

import pytest

from tests.clearbooks_sandbox.conftest import COST, line


def test_all_faults_come_at_once(ledger):
    body = {"date": "2024-02-30", "lineItems": [{"unitPrice": "1", "extra": 1}], "gross": 1}
    status, codes = ledger.refused("createSalesDocument", body, salesType="invoices")
    assert status == 400
    assert sorted(codes) == sorted(["format", "type", "unknownField", *["required"] * 6])
    body = ledger.sale_body(99, line(-1, COST), line(1, 1), vatTreatment="UK", currency="ABC")
    status, codes = ledger.refused("createSalesDocument", body, salesType="invoices")
    assert status == 422
    assert codes == ["customerId", "currency", "accountCode", "accountCode"]


@pytest.mark.parametrize("number", ["1e999999", "1e9999999999999999999", "-1e400", "1e-400"])
@pytest.mark.parametrize("field", ["unitPrice", "quantity", "vatAmount", "accountCode"])
def test_numbers_beyond_a_double_are_no_numbers(ledger, number, field):
    fields = {"unitPrice": "1", "quantity": "1", "vatAmount": "1", "accountCode": "1001001"}
    listed = ",".join(f'"{k}":{v}' for k, v in (fields | {field: number}).items())
    item = f'{{"description":"x","vatRateKey":"Manual",{listed}}}'
    ledger.customer()
    body = f'{{"date":"2024-01-01","vatTreatment":"UK","customerId":1,"lineItems":[{item}]}}'
    status, codes = ledger.refused("createSalesDocument", body.encode(), salesType="invoices")
    assert (status, codes) == (400, ["json"])
