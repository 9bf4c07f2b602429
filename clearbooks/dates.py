"""Days and periods of a ledger, which are those of London's calendar.

What is answered are plain `datetime.date` objects: msgspec does not write pendulum's.
"""

from __future__ import annotations

import datetime as dt

import pendulum

LONDON = "Europe/London"


def today() -> dt.date:
    """The day in London, wherever the program runs."""
    return _plain(pendulum.now(LONDON))


def day_of(text: str) -> dt.date:
    """The day of an ISO 8601 date, or that of a moment by London's clocks.

    Raises:
        ValueError: it is neither.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.date()
    return _plain(pendulum.instance(moment).in_timezone(LONDON))


def period_of(day: dt.date, unit: str) -> tuple[dt.date, dt.date]:
    """First and last day of the calendar `month`, `quarter` or `year` that holds a day."""
    found = pendulum.date(day.year, day.month, day.day)
    return _plain(found.first_of(unit)), _plain(found.last_of(unit))


def _plain(date: dt.date) -> dt.date:
    return dt.date(date.year, date.month, date.day)
