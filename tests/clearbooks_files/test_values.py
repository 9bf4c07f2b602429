"""Numbers and dates as people and banks write them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from clearbooks_files import values


@pytest.mark.parametrize(
    ("text", "decimal", "wanted"),
    [
        ("1234.5", ".", "1234.5"),
        ("£1,234.50", ".", "1234.50"),
        ("(£1,234.50)", ".", "-1234.50"),
        ("-£12.00", ".", "-12.00"),
        ("£-12.00", ".", "-12.00"),
        ("12.00-", ".", "-12.00"),
        ("12.00 DR", ".", "-12.00"),
        ("12.00CR", ".", "12.00"),
        ("+12", ".", "12"),
        ("\u221212.30", ".", "-12.30"),
        ("GBP 1,000", ".", "1000"),
        ("1,000 GBP", ".", "1000"),
        ("1.234,50 \u20ac", ",", "1234.50"),
        ("12,5", ",", "12.5"),
        ("1 234,50", ",", "1234.50"),
        ("1\u00a0234,50-", ",", "-1234.50"),
        ("1'234.50", ".", "1234.50"),
        (".5", ".", "0.5"),
        (13.940000000000001, ".", "13.94"),
        (7, ".", "7"),
    ],
)
def test_numbers(text, decimal, wanted):
    assert values.number(text, decimal) == Decimal(wanted)


@pytest.mark.parametrize("text", ["", "  ", "-", None])
def test_no_number(text):
    assert values.number(text) is None


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("12,50", "."),
        ("1,23,456.00", "."),
        ("1.234.50", "."),
        ("12.50", ","),
        ("n/a", "."),
        ("--5", "."),
        ("(-5)", "."),
        ("1e5", "."),
        ("NaN", "."),
        ("12 May", "."),
    ],
)
def test_what_is_no_number_is_told(text, decimal):
    """A decimal comma above all: read as thousands, 12,50 would be 1250."""
    with pytest.raises(ValueError, match="is not a number such as"):
        values.number(text, decimal)


@pytest.mark.parametrize(
    ("text", "form", "wanted"),
    [
        ("03/05/2026", "DD/MM/YYYY", (2026, 5, 3)),
        ("3/5/2026", "D/M/YYYY", (2026, 5, 3)),
        ("05/03/26", "MM/DD/YY", (2026, 5, 3)),
        ("3 May 2026", "D MMM YYYY", (2026, 5, 3)),
        ("3 September 2026", "D MMM YYYY", (2026, 9, 3)),
        ("20260503", "YYYYMMDD", (2026, 5, 3)),
        ("03/05/2026 23:59:00", "DD/MM/YYYY", (2026, 5, 3)),
        ("2026-05-03", "ISO", (2026, 5, 3)),
        ("2026-06-30 23:30:00 +0000", "ISO", (2026, 7, 1)),
        ("2026-06-30T23:30:00Z", "ISO", (2026, 7, 1)),
        ("2026-05-03 09:12:44 +0100", "ISO", (2026, 5, 3)),
        (dt.datetime(2026, 5, 3, 12, tzinfo=dt.UTC), "DD/MM/YYYY", (2026, 5, 3)),
    ],
)
def test_dates(text, form, wanted):
    assert values.date(text, form) == dt.date(*wanted)


@pytest.mark.parametrize(
    ("text", "form"), [("31/02/2026", "DD/MM/YYYY"), ("05/13/2026", "DD/MM/YYYY"), ("x", "ISO")]
)
def test_what_is_no_date_is_told(text, form):
    with pytest.raises(ValueError, match="is not a date"):
        values.date(text, form)
