"""The exchange rate of a document or payment."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.money import HOME, RATES, decimal

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.session import Session

_MIN_RATE, _MAX_RATE = Decimal("1e-6"), Decimal("1e6")


def exchange_rate(s: Session, currency: str, rate: Any) -> Decimal:
    """Units of the currency for one pound: what was sent, or what the sandbox provides.

    Faults are noted in the session.
    """
    if currency not in RATES:
        s.add_fault("currency", f"currency: {currency!r} is no currency code that is known here")
        return Decimal(1)
    if rate is None:
        return Decimal(RATES[currency])
    value: Decimal = decimal(rate)
    if not _MIN_RATE <= value <= _MAX_RATE or (currency == HOME and value != 1):
        s.add_fault("exchangeRate", f"exchangeRate: {rate} cannot be the rate of {currency}")
        return Decimal(1)
    return value
