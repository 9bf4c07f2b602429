"""VAT treatments and rates."""

from __future__ import annotations

import pytest

from tests.ledger import COST, CREDITORS, VAT, Ledger, line


def rates(ledger, side="sales", **query):
    return [r["key"] for r in ledger.do("listVatRates", vatType=side, query=query)]


def test_vat_rates_by_date_treatment_and_contact(ledger):
    assert rates(ledger, vatTreatment="UK", date="2011-01-03")[0] == "17.50:Standard"
    assert rates(ledger, vatTreatment="UK", date="2011-01-04")[0] == "20.00:Standard"
    assert rates(ledger, vatTreatment="UK", date="2009-12-31")[0] == "15.00:Standard"
    assert rates(ledger, vatTreatment="GE") == ["0.00:Zero"]
    assert rates(ledger, vatTreatment="OUT") == ["0.00:Out"]
    assert rates(ledger, vatTreatment="GEU", date="2020-12-31") == ["0.00:Zero"]
    assert rates(ledger, vatTreatment="GEU", date="2021-01-01") == []
    assert "20.00:Standard" in rates(ledger, "purchases", vatTreatment="GIPVA", date="2021-01-01")
    assert rates(ledger, "purchases", vatTreatment="GIPVA", date="2020-12-31") == []
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
    ledger = Ledger(engine, engine.add_business("Small", vat_treatments=["UK", "GIPVA"]))
    keys = {
        side: [t["key"] for t in ledger.do("listVatTreatments", vatType=side)]
        for side in ("sales", "purchases")
    }
    assert keys == {"sales": ["UK"], "purchases": ["UK", "GIPVA"]}
    with pytest.raises(ValueError, match="Imprt"):
        engine.add_business("Typo", vat_treatments=["Imprt"])


def treatments(ledger, side):
    return {t["key"] for t in ledger.do("listVatTreatments", vatType=side)}


def test_the_keys_are_those_of_the_ledger(ledger, engine):
    assert treatments(ledger, "sales") == {
        *("UK", "OUT", "GE", "SE", "DSEU", "GNIEU", "GEU", "SEU"),
    }
    assert treatments(ledger, "purchases") == {
        *("UK", "OUT", "GI", "GIPVA", "SIRC", "GNIEU", "GEU", "SEU"),
    }
    engine.switch_on(ledger.business, "reverse-charge")
    assert "DRC" in treatments(ledger, "sales") & treatments(ledger, "purchases")


@pytest.mark.parametrize(
    ("treatment", "date"),
    [
        ("GIPVA", "2021-01-01"),
        ("SIRC", "2019-05-01"),
        ("SIRC", "2024-05-01"),
        ("GNIEU", "2024-05-01"),
        ("GEU", "2020-12-31"),
        ("SEU", "2020-12-31"),
    ],
)
def test_vat_that_the_buyer_accounts_for_stands_on_both_sides(ledger, treatment, date):
    made = ledger.bill(ledger.supplier(), vatTreatment=treatment, date=date)
    assert (made["gross"], made["due"], made["vat"]) == (100, 100, 0)
    assert ledger.balances() == {COST: 100, CREDITORS: -100}
    [transaction] = ledger.transactions()
    posted = [row["amount"] for row in transaction["lines"] if row["accountCodeId"] == VAT]
    assert posted == [20, -20]


@pytest.mark.parametrize(
    ("side", "treatment", "date"),
    [
        ("sales", "GEU", "2021-01-01"),
        ("sales", "GNIEU", "2020-12-31"),
        ("purchases", "SEU", "2021-01-01"),
        ("purchases", "GIPVA", "2020-12-31"),
        ("purchases", "GE", "2024-05-01"),
        ("sales", "SIRC", "2024-05-01"),
        ("sales", "DRC", "2024-05-01"),
    ],
)
def test_a_treatment_out_of_its_time_or_side_is_refused(ledger, side, treatment, date):
    if side == "sales":
        body = ledger.sale_body(ledger.customer(), vatTreatment=treatment, date=date)
        refused = ledger.refused("createSalesDocument", body, salesType="invoices")
    else:
        body = ledger.bill_body(ledger.supplier(), vatTreatment=treatment, date=date)
        refused = ledger.refused("createPurchaseDocument", body, purchaseType="bills")
    assert refused == (422, ["VAT_TREATMENT"])


def test_goods_whose_vat_is_paid_at_the_border_bear_none(ledger):
    body = ledger.bill_body(ledger.supplier(), vatTreatment="GI")
    refused = ledger.refused("createPurchaseDocument", body, purchaseType="bills")
    assert refused == (422, ["VAT_RATE_KEY"])
    made = ledger.bill(ledger.supplier(), line(100, COST, "0.00:Zero"), vatTreatment="GI")
    assert ledger.balances() == {COST: 100, CREDITORS: -100}
    assert made["gross"] == 100
