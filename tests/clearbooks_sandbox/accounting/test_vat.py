"""VAT treatments and rates."""

from __future__ import annotations

import pytest

from tests.clearbooks_sandbox.conftest import Ledger


def rates(ledger, side="sales", **query):
    return [r["key"] for r in ledger.do("listVatRates", vatType=side, query=query)]


def test_vat_rates_by_date_treatment_and_contact(ledger):
    assert rates(ledger, vatTreatment="UK", date="2011-01-03")[0] == "17.50:Standard"
    assert rates(ledger, vatTreatment="UK", date="2011-01-04")[0] == "20.00:Standard"
    assert rates(ledger, vatTreatment="UK", date="2009-12-31")[0] == "15.00:Standard"
    assert rates(ledger, vatTreatment="Export") == ["0.00:Zero"]
    assert rates(ledger, vatTreatment="EUGoods", date="2021-01-01") == []
    every = rates(ledger)
    assert {"15.00:Standard", "17.50:Standard", "20.00:Standard"} <= set(every)
    assert len(every) == len(set(every))
    american = ledger.customer(address={"countryCode": "US"})
    assert rates(ledger, contactId=american) == ["0.00:Zero", "0.00:Out"]
    assert "20.00:Standard" in rates(ledger, contactId=ledger.customer())
    assert ledger.refused("listVatRates", vatType="sales", query={"contactId": 99})[0] == 404
    assert ledger.refused("listVatRates", vatType="sales", query={"vatTreatment": "x"})[0] == 422
    assert ledger.refused("listVatRates", vatType="sales", query={"date": "x"})[0] == 400


def test_treatments_of_a_side_and_of_a_business(engine):
    ledger = Ledger(engine, engine.add_business("Small", vat_treatments=["UK", "Import"]))
    keys = {
        side: [t["key"] for t in ledger.do("listVatTreatments", vatType=side)]
        for side in ("sales", "purchases")
    }
    assert keys == {"sales": ["UK"], "purchases": ["UK", "Import"]}
    with pytest.raises(ValueError, match="Imprt"):
        engine.add_business("Typo", vat_treatments=["Imprt"])
