"""Documents whose source rounds VAT otherwise than the API does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.ledger import STANDARD
from tests.target_clearbooks.prepared import invoice, line

ACME = {"name": "Acme Ltd"}

PRICES = ("12.49", "12.49", "12.49")
"""Each bears 2.498 of VAT, which the API rounds to 2.50; together 7.494."""


def vat_of(ledger, outcome):
    """What the ledger makes of it."""
    made = ledger.create(outcome)
    return made["net"], made["vat"], made["gross"]


@pytest.mark.parametrize(
    "totals",
    [
        {"gross": "44.96"},
        {"vat": "7.49"},
        {"net": 37.47, "vat": "7.49", "gross": "44.96"},
        # Down and up: as far as rounding goes.
        {"vat": "7.47"},
        {"vat": "7.53"},
    ],
)
def test_rounding_by_document_is_made_true(ledger, totals):
    ledger.customer()
    outcome = ledger.prepare("sales_invoices", invoice(ACME, *map(line, PRICES), **totals))
    wanted = Decimal(totals.get("vat", "7.49"))
    assert vat_of(ledger, outcome) == (Decimal("37.47"), wanted, Decimal("37.47") + wanted)
    changed = abs(wanted - Decimal("7.50")) * 100
    assert len(outcome.adjusted) == changed
    kept = [item for item in outcome.body["lineItems"] if item["vatRateKey"] == STANDARD]
    assert len(kept) == 3 - changed


GROSSES = ({"gross": "9.99"}, {"grossUnitPrice": "1.3166", "quantity": 3})
"""VAT of 1.665 and 0.6583 is part of them, by line 1.67 and 0.66; of 13.94 together 2.32."""


@pytest.mark.parametrize(
    ("totals", "wanted"),
    [
        ({"vat": "2.32"}, "2.32"),
        ({"vat": "2.32", "gross": "13.94"}, "2.32"),
        ({"net": "11.62", "gross": "13.94"}, "2.32"),
        ({"net": "11.62", "vat": "2.32"}, "2.32"),
        ({"vat": "2.35"}, "2.35"),
        # As the lines come to it by themselves.
        ({"vat": "2.33", "gross": "13.94"}, "2.33"),
        # More than rounding can be: told, not made true.
        ({"vat": "2.30"}, "2.33"),
    ],
)
def test_prices_with_vat_keep_their_gross(ledger, totals, wanted):
    ledger.customer()
    lines = [
        {name: value for name, value in (line() | priced).items() if name != "unitPrice"}
        for priced in GROSSES
    ]
    outcome = ledger.prepare("sales_invoices", invoice(ACME, *lines, **totals))
    made = vat_of(ledger, outcome)
    assert made == (Decimal("13.94") - Decimal(wanted), Decimal(wanted), Decimal("13.94"))
    assert len(outcome.adjusted) == abs(Decimal(wanted) - Decimal("2.33")) * 100
    assert outcome.total == Decimal("13.94")


def test_the_penny_goes_where_the_vat_was_rounded_furthest(ledger):
    ledger.customer()
    # 0.10, rounded up from 0.095; 0.20 exactly; 2.00 from 1.998.
    outcome = ledger.prepare(
        "sales_invoices", invoice(ACME, line("1.00"), line("0.4751"), line("9.99"), vat="2.29")
    )
    manual = [n for n, item in enumerate(outcome.body["lineItems"]) if "vatAmount" in item]
    assert manual == [1]


def test_a_larger_difference_is_sent_and_told(ledger):
    ledger.customer()
    outcome = ledger.prepare("sales_invoices", invoice(ACME, *map(line, PRICES), vat="8.49"))
    assert outcome.adjusted == ()
    assert outcome.expected == {"vat": Decimal("8.49")}
    assert vat_of(ledger, outcome)[1] == Decimal("7.50")


def test_no_penny_is_moved_where_the_net_is_another(ledger):
    ledger.customer()
    record = invoice(ACME, *map(line, PRICES), net="37.46", gross="44.96")
    assert ledger.prepare("sales_invoices", record).adjusted == ()


def test_lines_without_vat_take_no_penny(ledger):
    ledger.customer()
    record = invoice(ACME, line("10.00"), line("10.00", rate="0.00:Zero"), vat="2.02")
    assert ledger.prepare("sales_invoices", record).adjusted == ()


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        ({"vat": "7.49"}, "vat: 7.49 is not what the lines come to: 7.50"),
        ({"net": "37.00"}, "net: 37.00 is not what the lines come to: 37.47"),
        ({"gross": "50.00"}, "gross: 50.00 is not what the lines come to: 44.97"),
    ],
)
def test_a_difference_may_be_refused(ledger, totals, words):
    ledger.customer()
    record = invoice(ACME, *map(line, PRICES), **totals)
    assert words in ledger.faults("sales_invoices", record, on_difference="reject")
    right = invoice(ACME, *map(line, PRICES), net="37.47", vat="7.50", gross="44.97")
    assert ledger.body("sales_invoices", right, on_difference="reject")


@pytest.mark.parametrize("priced", [{"unitPrice": "99.99"}, {"net": "99.99"}, {"gross": "119.98"}])
def test_the_vat_of_a_line_beside_a_rate_is_kept(ledger, priced):
    """A rate gives 20.00 of 99.99; the source has 19.99."""
    ledger.customer()
    given = {**line(vatAmount="19.99"), "unitPrice": None, **priced}
    outcome = ledger.prepare("sales_invoices", invoice(ACME, given))
    assert vat_of(ledger, outcome) == (Decimal("99.99"), Decimal("19.99"), Decimal("119.98"))


def test_vat_that_a_rate_gives_anyway_leaves_its_key(ledger):
    ledger.customer()
    outcome = ledger.prepare("sales_invoices", invoice(ACME, line(10, vatAmount="2.00")))
    (sent,) = outcome.body["lineItems"]
    assert (sent["vatRateKey"], "vatAmount" in sent) == (STANDARD, False)
    assert outcome.adjusted == ()


@pytest.mark.parametrize("priced", [{"unitPrice": 10}, {"gross": 30}])
def test_vat_that_is_not_of_the_rate_is_refused(ledger, priced):
    ledger.customer()
    given = {**line(vatAmount="20.00"), "unitPrice": None, **priced}
    text = ledger.faults("sales_invoices", invoice(ACME, given))
    assert "lineItems[0].vatAmount: 20.00 does not fit 20.00:Standard, which gives 2.00" in text
