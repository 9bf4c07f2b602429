"""Lines that say what they come to with VAT."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearbooks_sandbox import AccountingEngine
from tests.ledger import STANDARD
from tests.target_clearbooks.prepared import Ledger, invoice, line

ACME = {"name": "Acme Ltd"}


def test_gross_prices_come_out_to_the_penny(ledger):
    ledger.customer()
    record = invoice(ACME, {**line(), "unitPrice": None, "grossUnitPrice": "10.05"})
    outcome = ledger.prepare("sales_invoices", record)
    (sent,) = outcome.body["lineItems"]
    assert (sent["unitPrice"], sent["vatRateKey"], sent["vatAmount"]) == (
        Decimal("8.37"),
        "Manual",
        Decimal("1.68"),
    )
    assert outcome.expected == {"gross": Decimal("10.05")}
    assert ledger.create(outcome)["gross"] == Decimal("10.05")


def test_a_gross_price_keeps_the_rates_key_where_that_is_exact(ledger):
    ledger.customer()
    (sent,) = ledger.body(
        "sales_invoices", invoice(ACME, {**line(), "unitPrice": None, "gross": 12})
    )["lineItems"]
    assert (sent["unitPrice"], sent["vatRateKey"]) == (Decimal("10.00"), STANDARD)
    assert "vatAmount" not in sent


def test_net_and_gross_of_a_line_must_fit_its_rate(ledger):
    ledger.customer()
    priced = {**line(), "unitPrice": None}
    text = ledger.faults("sales_invoices", invoice(ACME, {**priced, "net": 10, "gross": 15}))
    assert "net 10.00 and gross 15.00 do not fit 20.00:Standard" in text
    text = ledger.faults(
        "sales_invoices", invoice(ACME, {**priced, "gross": 1, "grossUnitPrice": 2})
    )
    assert "give grossUnitPrice or gross, not both" in text
    (sent,) = ledger.body(
        "sales_invoices", invoice(ACME, {**priced, "net": "8.37", "gross": "10.05"})
    )["lineItems"]
    assert (sent["unitPrice"], sent["vatAmount"]) == (Decimal("8.37"), Decimal("1.68"))


@pytest.fixture(scope="module")
def shared():
    engine = AccountingEngine()
    made = Ledger(engine, engine.add_business("Test Limited"))
    made.customer()
    yield made
    made.lookups.close()
    engine.close()


@settings(deadline=None)
@given(
    gross=st.decimals(min_value=-1000, max_value=100000, places=2),
    quantity=st.one_of(st.integers(1, 500), st.decimals("0.01", "99", places=2)),
    rate=st.sampled_from(["20%", "5%", "zero rated"]),
)
def test_any_gross_is_hit_to_the_penny(shared, gross, quantity, rate):
    priced = {**line(rate=rate, quantity=quantity), "unitPrice": None, "gross": gross}
    record = invoice(ACME, priced, line(1_000_000, rate="0.00:Zero"))
    (sent, _) = shared.body("sales_invoices", record)["lineItems"]
    made = shared.sale(1, lineItems=[sent, line(1_000_000, rate="0.00:Zero")])
    assert made["gross"] == gross + 1_000_000
