"""Values as they arrive from a warehouse: decimals, whole numbers, dates, truth values.

Money never passes through binary arithmetic: a float is read by its shortest decimal text.
Every function raises `ValueError` with words that fit after "field: ".
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

PENNY = Decimal("0.01")
HUNDRED = Decimal(100)
ZERO = Decimal(0)

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_LEAST, _MOST = Decimal("1e-20"), Decimal("1e15")
_DIGITS = 28  # what decimal arithmetic keeps by itself
_INT32 = 2**31
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d)(:?\d\d.*?) ?([Zz]|UTC|[+-]\d\d(?::?\d\d)?)?)?")
# A millionth of a penny: what binary numbers are off by.
_NOISE = Decimal("1e-8")
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_SHOWN = 60


def quoted(value: Any) -> str:
    """A value as a message shows it, cut where it is long."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _should_be(value: Any, words: str) -> ValueError:
    return ValueError(f"{quoted(value)} should be {words}")


def decimal(value: Any) -> Decimal:
    """A number, or text that holds one, as the decimal that was written."""
    if isinstance(value, Decimal):
        found = value
    elif isinstance(value, bool):
        raise _should_be(value, "a number")
    elif isinstance(value, int):
        found = Decimal(value)
    elif isinstance(value, float):
        found = Decimal(repr(value))
    elif isinstance(value, str):
        found = _from_text(value)
    else:
        raise _should_be(value, "a number")
    if not found.is_finite():
        raise _should_be(value, "a finite number")
    if found and not (
        _LEAST < abs(found) < _MOST and len(found.normalize(_EXACT).as_tuple().digits) <= _DIGITS
    ):
        raise ValueError(f"{quoted(value)} has more digits than an amount can have")
    return found


def _from_text(value: str) -> Decimal:
    text = value.strip()
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not _PLAIN.fullmatch(text):
        raise _should_be(value, "a number such as 1234.50")
    try:
        return Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern lets nothing else through
        raise _should_be(value, "a number such as 1234.50") from None


def is_pennies(value: Decimal) -> bool:
    """Whether there are no parts of a penny."""
    return value == value.quantize(PENNY, context=_EXACT)


def pennies(value: Decimal) -> Decimal:
    """Rounded to the penny, half a penny away from 0."""
    return value.quantize(PENNY, context=_EXACT)


def times(price: Decimal, quantity: Decimal) -> Decimal:
    """The exact product."""
    return _EXACT.multiply(price, quantity)


def over(value: Decimal, divisor: Decimal) -> Decimal:
    """The quotient to far more places than a penny needs."""
    return _EXACT.divide(value, divisor)


def plain(value: Decimal) -> str:
    """The shortest text of a value without an exponent: 12.50 and 12.5 are alike."""
    if not value:
        return "0"
    return format(value.normalize(_EXACT), "f")


def money(value: Decimal) -> str:
    """A value as people write money: at least two places."""
    return format(pennies(value) if is_pennies(value) else value.normalize(_EXACT), "f")


def integer(value: Any) -> int:
    """A whole number of 32 bits, also where it came as text or with a fraction of 0."""
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    else:
        try:
            number = decimal(value)
        except ValueError:
            raise _should_be(value, "a whole number") from None
        if number != number.to_integral_value():
            raise _should_be(value, "a whole number")
        found = int(number)
    if not -_INT32 <= found < _INT32:
        raise ValueError(f"{quoted(value)} is too large for a whole number of 32 bits")
    return found


def without_noise(value: Decimal) -> Decimal:
    """A number that misses a penny by less than a millionth of one, as binary numbers do, with it.

    >>> without_noise(Decimal("13.940000000000001"))
    Decimal('13.94')
    """
    near = value.quantize(PENNY, context=_EXACT)
    return near if near and near != value and abs(near - value) < _NOISE else value


def day(value: Any) -> str:
    """A day as YYYY-MM-DD; of a moment with a zone its day in London, of another its own."""
    if isinstance(value, dt.datetime):
        return day(value.isoformat())
    if isinstance(value, dt.date):
        return value.isoformat()
    match = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise _should_be(value, "a date as YYYY-MM-DD")
    date, hour, rest, zone = match.groups()
    try:
        found = dt.date.fromisoformat(date)
    except ValueError:
        raise ValueError(f"{quoted(value)} is no day of the calendar") from None
    if hour is None:
        return found.isoformat()
    try:
        # ISO 8601 has the end of a day as 24:00, too.
        late = dt.timedelta(days=1) if hour == "24" and not rest.strip(":0.") else dt.timedelta(0)
        moment = dt.datetime.fromisoformat(f"{date}T{'00' if late else hour}{rest}") + late
        if zone is None:
            return moment.date().isoformat()
        # Here, since most records need no zones.
        from clearbooks.dates import day_of

        offset = "+00:00" if zone.upper() in ("Z", "UTC") else zone
        return day_of(moment.isoformat() + offset).isoformat()
    except (ValueError, OverflowError):
        raise _should_be(
            value, "a date as YYYY-MM-DD, or a moment such as 2025-06-30T23:30:00Z"
        ) from None


def truth(value: Any) -> bool:
    """True or false, also written as text or as 1 and 0."""
    if isinstance(value, bool):
        return value
    found = _TRUTH.get(str(value).strip().casefold()) if isinstance(value, (str, int)) else None
    if found is None:
        raise _should_be(value, "true or false")
    return found


def text(value: Any) -> str:
    """Text; a number becomes its digits, since a document number often comes as one."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, list, dict)):
        raise _should_be(value, "text")
    if isinstance(value, (int, float, Decimal)):
        return plain(decimal(value))
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    raise _should_be(value, "text")
