"""Cells as people write them: numbers with signs, brackets and currencies; dates of a format."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

# What may stand around a number: currencies by sign or code, and spaces.
_CURRENCY = re.compile(r"^(?:[£$€]|[A-Z]{3}\b)\s*|\s*(?:[£$€]|\b[A-Z]{3})$")
# A debit or a credit, in words behind the amount.
_SIDE = re.compile(r"(.*\d)\s*(CR|DR)", re.IGNORECASE)
_GROUPED = {
    ".": re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?|\d*\.?\d+|\d+\."),
    ",": re.compile(r"\d{1,3}([.\s]\d{3})+(,\d*)?|\d*,?\d+|\d+,"),
}
_PARTS = {
    "YYYY": "%Y",
    "YY": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "DD": "%d",
    "D": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
}
_PART = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)))
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u202f": " ", "'": ""})
# The offset of a moment, also behind a space and without its colon: `2026-05-03 09:12:44 +0100`.
_ZONE = re.compile(r"\s*([+-]\d\d):?(\d\d)$")
_PLACES = 6
DEFAULT_DATE = "YYYY-MM-DD"


def number(value: Any, decimal: str = ".") -> Decimal | None:
    """The number of a cell; None for an empty one.

    Args:
        value: Text such as `£1,234.50`, `(12.00)`, `12.00-`, `1.234,50 EUR` or `12.00 CR`.
        decimal: What stands before the pennies: `.` or `,`.

    Raises:
        ValueError: it is no number.

    >>> number("(£1,234.50)"), number("12,50-", ",")
    (Decimal('-1234.50'), Decimal('-12.50'))
    >>> number(13.940000000000001)
    Decimal('13.94')
    """
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        # A sheet keeps binary numbers: 13.940000000000001 is 13.94.
        return Decimal(str(round(value, _PLACES))) if isinstance(value, float) else Decimal(value)
    text = str(value if value is not None else "").translate(_MINUS).strip()
    if not text or text == "-":
        return None
    found, negative = _unsigned(text)
    if not _GROUPED[decimal].fullmatch(found):
        raise ValueError(f"{shown(value)} is not a number such as {_example(decimal)}")
    plain = found.replace(" ", "").replace("," if decimal == "." else ".", "").replace(",", ".")
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        raise ValueError(f"{shown(value)} is not a number") from None
    return -amount if negative else amount


def _unsigned(text: str) -> tuple[str, bool]:
    """The digits of a number, and whether it is negative; two signs leave one that is no digit."""
    if text.startswith("(") and text.endswith(")"):
        return _CURRENCY.sub("", text[1:-1].strip()), True
    if (side := _SIDE.fullmatch(text)) is not None:
        return _CURRENCY.sub("", side[1].strip()), side[2].upper() == "DR"
    negative, signed = False, False
    # A sign may stand before or behind the currency, and behind the number.
    for _ in range(2):
        text = _CURRENCY.sub("", text.strip())
        for sign in (text[:1], text[-1:]):
            if not signed and sign in ("+", "-"):
                signed, negative = True, sign == "-"
                text = text.removeprefix(sign) if text.startswith(sign) else text.removesuffix(sign)
    return text.strip(), negative


def _example(decimal: str) -> str:
    return "1,234.56" if decimal == "." else "1.234,56"


def date(value: Any, form: str = DEFAULT_DATE) -> dt.date | None:
    """The day of a cell; None for an empty one.

    Args:
        value: Text, or the date or moment that a sheet holds.
        form: `YYYY`, `MM`, `DD`, `MMM` and so on, such as `DD/MM/YYYY`. What stands behind the
            day, such as a time, is not looked at. `ISO` is a day or a moment by ISO 8601; one with
            a zone is its day in London.

    Raises:
        ValueError: it is no date of that form, or there is no such day.

    >>> date("03/05/2026", "DD/MM/YYYY")
    datetime.date(2026, 5, 3)
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    text = str(value if value is not None else "").strip()
    return _day(text, form) if text else None


@lru_cache(4096)
def _day(text: str, form: str) -> dt.date:
    """The same for text; most rows of a file share their days with others."""
    if form == "ISO":
        from clearbooks.dates import day_of

        try:
            return day_of(_ZONE.sub(r"\1:\2", text))
        except ValueError:
            raise ValueError(f"{shown(text)} is not a date such as 2026-05-03") from None
    words = " ".join(text.split()[: len(form.split())])
    for pattern in _patterns(form):
        with contextlib.suppress(ValueError):
            return dt.datetime.strptime(words, pattern).date()  # noqa: DTZ007 - a day has no zone
    raise ValueError(f"{shown(text)} is not a date in the form {form}")


@lru_cache
def _patterns(form: str) -> tuple[str, ...]:
    """The form in the words of `strptime`; month names may be short or long."""
    found = _PART.sub(lambda match: _PARTS[match.group()], form)
    return tuple(dict.fromkeys((found, found.replace("%b", "%B"), found.replace("%B", "%b"))))


def shown(value: Any) -> str:
    """A cell for a message, cut where it is long."""
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:37]}...")  # noqa: PLR2004 - one line
