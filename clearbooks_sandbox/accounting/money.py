"""Pennies, rounding, and exchange rates."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

HOME = "GBP"
PENNY = Decimal("0.01")
MAX_PENNIES = 10**13  # pennies of one amount; keeps every sum inside SQLite's integers

# Units of a currency for one pound: what the sandbox provides where a caller sends no rate.
# Invented and constant, so that books made twice are the same.
RATES = {
    "AED": "4.67", "AUD": "1.93", "BGN": "2.29", "BRL": "6.27", "CAD": "1.72", "CHF": "1.13",
    "CNY": "9.18", "CZK": "29.4", "DKK": "8.73", "EUR": "1.17", "GBP": "1", "HKD": "9.93",
    "HUF": "456", "INR": "105.4", "JPY": "187.5", "MXN": "21.6", "NOK": "13.4", "NZD": "2.08",
    "PLN": "5.04", "RON": "5.82", "SEK": "13.3", "SGD": "1.71", "THB": "46.2", "TRY": "40.9",
    "USD": "1.27", "ZAR": "23.8",
}  # fmt: skip


def pennies(value: Decimal) -> int:
    """A decimal as pennies, half a penny away from 0.

    Raises:
        ValueError: larger than the sandbox keeps.
    """
    try:
        pence = int((value * 100).quantize(Decimal(1), ROUND_HALF_UP))
    except (InvalidOperation, OverflowError):
        raise ValueError("too large") from None
    if abs(pence) > MAX_PENNIES:
        raise ValueError("too large")
    return pence


def exact_pennies(value: Any) -> int:
    """A number as pennies.

    Raises:
        ValueError: it has parts of a penny, or is larger than the sandbox keeps.
    """
    amount = decimal(value)
    pence = pennies(amount)
    if Decimal(pence) != amount * 100:
        raise ValueError("more than two decimals")
    return pence


def decimal(value: Any) -> Decimal:
    """A JSON number as a decimal; a binary float by its shortest text."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def amount(pence: int) -> Decimal:
    """Pennies as a decimal with two places."""
    return Decimal(pence).scaleb(-2)


def json_text(pence: int) -> str:
    """Pennies as JSON text with two places."""
    sign = "-" if pence < 0 else ""
    return f"{sign}{abs(pence) // 100}.{abs(pence) % 100:02d}"


def to_home(pence: int, rate: Decimal) -> int:
    """Pennies of a currency at `rate` units a pound, in pennies of home currency."""
    return pence if rate == 1 else pennies(amount(pence) / rate)
