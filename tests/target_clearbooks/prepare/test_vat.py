"""VAT of documents: the rate of the day, and treatments by their names."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.ledger import COST, STANDARD
from tests.target_clearbooks.prepared import Ledger, bill, invoice, line

ACME = {"name": "Acme Ltd"}


@pytest.mark.parametrize(
    ("date", "rate", "key"),
    [
        ("2010-12-01", "17.5%", "17.50:Standard"),
        ("2010-12-01", 17.5, "17.50:Standard"),
        ("2009-06-01", "15", "15.00:Standard"),
        ("2011-01-04", "0.2", STANDARD),
        ("2024-03-01", Decimal("0.05"), "5.00:Reduced"),
        ("2024-03-01", "Standard", STANDARD),
        ("2024-03-01", "standard 20%", STANDARD),
        ("2024-03-01", "zero rated", "0.00:Zero"),
        ("2022-01-10", "12.5", "12.50:Reduced"),
    ],
)
def test_a_rate_is_that_of_its_date(ledger, date, rate, key):
    ledger.customer()
    body = ledger.body("sales_invoices", invoice(ACME, line(vatRate=rate, rate=None), date=date))
    assert body["lineItems"][0]["vatRateKey"] == key


@pytest.mark.parametrize(
    ("date", "treatment", "rate", "legal"),
    [
        ("2024-03-01", "UK", "17.50:Standard", STANDARD),
        ("2011-01-03", "UK", "20%", "17.50:Standard"),
        ("2024-03-01", "GE", "20%", "0.00:Zero"),
        ("2024-03-01", "UK", "0.2%", STANDARD),
    ],
)
def test_an_illegal_rate_is_refused_with_the_legal_keys(ledger, date, treatment, rate, legal):
    ledger.customer()
    text = ledger.faults(
        "sales_invoices", invoice(ACME, line(rate=rate), date=date, vatTreatment=treatment)
    )
    assert "is not legal" in text
    assert legal in text


def test_a_rate_that_fits_several_is_refused_and_an_alias_decides(ledger):
    ledger.customer()
    record = invoice(ACME, line(rate="0%"))
    text = ledger.faults("sales_invoices", record)
    assert "(0.00:Zero, 0.00:Exempt, 0.00:Out)" in text
    body = ledger.body("sales_invoices", record, references={"vatRate": {"0%": "0.00:Zero"}})
    assert body["lineItems"][0]["vatRateKey"] == "0.00:Zero"


def test_rates_are_asked_for_once_an_era(ledger):
    ledger.customer()
    for day in range(1, 29):
        ledger.body("sales_invoices", invoice(ACME, date=f"2024-02-{day:02d}"))
    assert ledger.client.asked["listVatRates"] == 1
    ledger.body("sales_invoices", invoice(ACME, line(rate="17.5%"), date="2010-12-01"))
    assert ledger.client.asked["listVatRates"] == 2


def test_a_refusal_asks_for_the_very_day(ledger):
    # 12.5 % ended in mid-year: a list of another day of the year must not decide.
    ledger.customer()
    ledger.body("sales_invoices", invoice(ACME, line(rate="5%"), date="2022-05-01"))
    assert (
        ledger.body("sales_invoices", invoice(ACME, line(rate="12.5%"), date="2022-03-31"))[
            "lineItems"
        ][0]["vatRateKey"]
        == "12.50:Reduced"
    )
    assert "not legal" in ledger.faults(
        "sales_invoices", invoice(ACME, line(rate="12.5%"), date="2022-04-01")
    )


def test_manual_vat(ledger):
    ledger.customer()
    text = ledger.faults("sales_invoices", invoice(ACME, line(rate="manual")))
    assert "lineItems[0].vatAmount: is required with the rate Manual" in text
    text = ledger.faults("sales_invoices", invoice(ACME, line(rate="Manual", vatAmount="1.234")))
    assert "parts of a penny" in text
    body = ledger.body("sales_invoices", invoice(ACME, line(rate="Manual", vatAmount="1.23")))
    assert body["lineItems"][0]["vatAmount"] == Decimal("1.23")


@pytest.mark.parametrize("dialect", [None, "prefixed-treatments"])
@pytest.mark.parametrize("value", ["SE", "SSE", "sse", "Services exported"])
def test_ways_to_name_a_vat_treatment(ledger, dialect, value):
    """What is sent is a key of the server's own list, whichever of the two it has."""
    ledger.customer()
    if dialect:
        ledger.engine.dialects.on(dialect)
    record = invoice(ACME, line(rate="0.00:Out"), vatTreatment=value)
    body = ledger.body("sales_invoices", record)
    assert body["vatTreatment"] == ("SSE" if dialect else "SE")


@pytest.mark.parametrize("dialect", [None, "prefixed-treatments"])
def test_the_letter_of_the_other_side_is_no_treatment(ledger, dialect):
    ledger.customer()
    if dialect:
        ledger.engine.dialects.on(dialect)
    text = ledger.faults("sales_invoices", invoice(ACME, vatTreatment="PUK"))
    assert "the business has no VAT treatment 'PUK' for sales" in text


def test_a_treatment_that_has_ended_is_named(ledger):
    ledger.customer()
    record = invoice(ACME, line(rate="0.00:Zero"), vatTreatment="GEU")
    text = ledger.faults("sales_invoices", record)
    assert "the treatment GEU has no VAT rates on 2024-03-01: it was not in force then" in text
    assert "none" not in text


@pytest.mark.parametrize("dialect", [None, "prefixed-treatments"])
@pytest.mark.parametrize("treatment", ["GIPVA", "SIRC", "GNIEU"])
def test_the_vat_of_goods_and_services_from_abroad_is_no_part_of_the_gross(
    ledger, dialect, treatment
):
    ledger.supplier()
    if dialect:
        ledger.engine.dialects.on(dialect)
    priced = {**line(account=COST), "unitPrice": None, "gross": 100}
    outcome = ledger.prepare(
        "bills", bill({"name": "Supplies Ltd"}, priced, vatTreatment=treatment)
    )
    assert outcome.body["lineItems"][0]["unitPrice"] == Decimal(100)
    assert ledger.create(outcome)["gross"] == Decimal(100)


def test_a_business_without_reverse_charge(engine):
    ledger = Ledger(engine, engine.add_business("Small Ltd", vat_treatments=["UK"]))
    ledger.supplier()
    text = ledger.faults("bills", bill({"name": "Supplies Ltd"}, vatTreatment="DRC"))
    assert "the business has no VAT treatment 'DRC' for purchases; it has UK" in text
    ledger.lookups.close()


def test_reverse_charge_leaves_vat_out_of_the_gross(ledger):
    ledger.engine.switch_on(ledger.business, "reverse-charge")
    ledger.supplier()
    priced = {**line(account=COST), "unitPrice": None, "gross": 100}
    outcome = ledger.prepare(
        "bills", bill({"name": "Supplies Ltd"}, priced, vatTreatment="Domestic reverse charge")
    )
    assert outcome.body["lineItems"][0]["unitPrice"] == Decimal(100)
    assert ledger.create(outcome)["gross"] == Decimal(100)
