"""The tap's own settings. Nothing here imports the SDK, which takes a second."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from clearbooks.configuration import JsonSchema, Settings
from clearbooks.errors import SettingError

# Dates that a ledger may be asked for; periods and lookbacks reach beyond them.
EARLIEST, LATEST = dt.date(1000, 1, 1), dt.date(9000, 12, 31)


@dataclass(frozen=True, repr=False, kw_only=True)
class TapSettings(Settings):
    """What to read, and how much of it at once.

    Raises:
        SettingError: on construction, for an end before the start.
    """

    start_date: Annotated[
        dt.date | None,
        Meta(
            title="Start date",
            description="Leave out documents, payments and transactions before this day "
            "(YYYY-MM-DD).",
        ),
    ] = None
    end_date: Annotated[
        dt.date | None,
        Meta(
            title="End date",
            description="Leave out documents, payments and transactions after this day "
            "(YYYY-MM-DD).",
        ),
    ] = None
    page_size: Annotated[
        int,
        Meta(
            title="Page size",
            description="Records asked for in one request.",
            ge=1,
            le=200,
        ),
    ] = 200
    lookback_days: Annotated[
        int,
        Meta(
            title="Lookback",
            description="Days before today whose balances are read again in every run.",
            ge=0,
            le=36500,
        ),
    ] = 30
    refresh_hours: Annotated[
        int,
        Meta(
            title="Refresh hours",
            description="How old lists may be that give no sign of a change (contacts, accounts, "
            "bank accounts, stock items, VAT) before they are read again; 0 for every run.",
            ge=0,
            le=876000,
        ),
    ] = 0
    reread_days: Annotated[
        int,
        Meta(
            title="Reread days",
            description="How old a whole reading of documents, payments, allocations, "
            "transactions and closed balances may be, so that what is edited in place arrives at "
            "the latest then; 0 for every run.",
            ge=0,
            le=36500,
        ),
    ] = 7
    balance_period: Annotated[
        Literal["month", "quarter", "year"],
        Meta(title="Balance period", description="The periods of account_balances."),
    ] = "month"
    attachments: Annotated[
        bool,
        Meta(
            title="Attachments",
            description="Whether to read sales_attachments and purchase_attachments where they "
            "are selected. They cost one request for each document.",
        ),
    ] = False
    emit_activate_version_messages: Annotated[
        bool,
        Meta(
            title="Emit ACTIVATE_VERSION",
            description="After a stream in FULL_TABLE mode was read whole, tell the loader "
            "that records it did not get any more are gone.",
        ),
    ] = False

    def __post_init__(self) -> None:
        start, end = self.start_date, self.end_date
        for name, day in (("start_date", start), ("end_date", end)):
            if day and not EARLIEST <= day <= LATEST:
                raise SettingError(f"{name}: {day} should be a date from {EARLIEST} to {LATEST}")
        if start and end and end < start:
            raise SettingError(f"end_date: {end} is before start_date {start}")


def tap_properties() -> dict[str, JsonSchema]:
    """JSON Schema of each of the settings that only the tap has."""
    return TapSettings.properties()
