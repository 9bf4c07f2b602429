"""How amounts, prices, dates and words are written."""

from decimal import Decimal

import pytest

from clearbooks_sandbox.pages.render import day, money, pounds, price, quantity, words

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (Decimal(0), "0.00"),
        (Decimal("-1234.5"), f"{MINUS}1,234.50"),
        (Decimal(1000000), "1,000,000.00"),
    ],
)
def test_money(value, text):
    assert money(value) == text


def test_money_of_another_currency_names_it():
    assert money(Decimal(5), "USD") == "USD 5.00"
    assert money(Decimal(5), "GBP") == "5.00"
    assert pounds(Decimal("-5.5")) == f"{MINUS}£5.50"


def test_a_price_keeps_parts_of_a_penny():
    assert price(Decimal("2.5")) == "2.50"
    assert price(Decimal("0.0375")) == "0.0375"


@pytest.mark.parametrize(
    ("value", "text"), [(100, "100"), (Decimal("2.50"), "2.5"), (Decimal(-3), f"{MINUS}3")]
)
def test_quantity(value, text):
    assert quantity(value) == text


def test_days_are_written_for_people_and_machines():
    assert day("2010-12-01") == '<time datetime="2010-12-01">1 Dec 2010</time>'
    assert "1 Dec 2010, 08:26" in day("2010-12-01T08:26:00Z")
    assert day(None) == ""
    assert day("soon") == "soon"


def test_words():
    assert words("creditNotes") == "credit notes"
    assert words("LimitedCompany") == "limited company"
