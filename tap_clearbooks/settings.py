"""The tap's own settings as JSON Schema. Nothing here imports the SDK, which takes a second."""

from __future__ import annotations

from typing import Any

DEFAULT_LOOKBACK = 30
MOST_PER_PAGE = 200
# How many months a period of account_balances has.
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def tap_properties() -> dict[str, Any]:
    """JSON Schema properties of the settings that only the tap has."""
    date = {"type": ["string", "null"], "format": "date"}
    return {
        "start_date": {
            **date,
            "title": "Start date",
            "description": "Leave out documents, payments and transactions before this day "
            "(YYYY-MM-DD).",
        },
        "end_date": {
            **date,
            "title": "End date",
            "description": "Leave out documents, payments and transactions after this day "
            "(YYYY-MM-DD).",
        },
        "page_size": {
            "type": ["integer", "null"],
            "title": "Page size",
            "description": "Records asked for in one request.",
            "default": MOST_PER_PAGE,
            "minimum": 1,
            "maximum": MOST_PER_PAGE,
        },
        "lookback_days": {
            "type": ["integer", "null"],
            "title": "Lookback",
            "description": "Days before the bookmark from which documents, payments and balances "
            "are read again, since they may have changed.",
            "default": DEFAULT_LOOKBACK,
            "minimum": 0,
        },
        "balance_period": {
            "type": ["string", "null"],
            "title": "Balance period",
            "description": "The periods of account_balances.",
            "enum": [*MONTHS, None],
            "default": next(iter(MONTHS)),
        },
        "emit_activate_version_messages": {
            "type": ["boolean", "null"],
            "title": "Emit ACTIVATE_VERSION",
            "description": "After a stream in FULL_TABLE mode was read whole, tell the loader "
            "that records it did not get any more are gone.",
            "default": False,
        },
    }
