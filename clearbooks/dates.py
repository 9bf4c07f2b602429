"""Days and periods of a ledger, which are those of London's calendar.

What is answered are plain `datetime.date` objects: msgspec does not write pendulum's.
"""

from __future__ import annotations

import calendar
import datetime as dt

import pendulum

LONDON = "Europe/London"
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def today() -> dt.date:
    """The day in London, wherever the program runs."""
    return _plain(pendulum.now(LONDON))


def day_of(text: str) -> dt.date:
    """The day of an ISO 8601 date, or that of a moment by London's clocks.

    A moment that London's calendar cannot show, such as the first one of the year 1 by UTC, keeps
    the day that it was written with.

    Raises:
        ValueError: it is neither.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.date()
    try:
        return _plain(pendulum.instance(moment).in_timezone(LONDON))
    except OverflowError:
        return moment.date()


def period_of(day: dt.date, unit: str) -> tuple[dt.date, dt.date]:
    """First and last day of the calendar `month`, `quarter` or `year` that holds a day."""
    months = _MONTHS[unit]
    first = (day.month - 1) // months * months + 1
    last = first + months - 1
    days = calendar.monthrange(day.year, last)[1]
    return dt.date(day.year, first, 1), dt.date(day.year, last, days)


def _plain(date: dt.date) -> dt.date:
    return dt.date(date.year, date.month, date.day)
