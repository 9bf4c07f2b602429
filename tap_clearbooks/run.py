"""What a run of the tap reads with: its settings, the client and the businesses."""

from __future__ import annotations

import datetime as dt
import functools
import logging
from collections import Counter
from typing import TYPE_CHECKING

from clearbooks.businesses import Coverage, chosen_businesses
from clearbooks.dates import today
from clearbooks.history import new_run_id
from tap_clearbooks.sources import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clearbooks.client import Client
    from clearbooks.replies import Reply
    from tap_clearbooks.settings import TapSettings

logger = logging.getLogger("tap-clearbooks")


class Run:
    """One run over streams and businesses. Close it after use.

    Args:
        connect: Makes the client that all streams share. Called when it is first needed, so that
            discovery needs no credentials.
        settings: Answers the checked settings of the tap.

    Attributes:
        gone: How many records of each stream were found to have left the ledger.
        id: Stands for this run in bookmarks and in the history.
    """

    def __init__(self, connect: Callable[[], Client], settings: Callable[[], TapSettings]) -> None:
        self._connect = connect
        self._settings = settings
        self.gone: Counter[str] = Counter()
        self.id = new_run_id()

    @functools.cached_property
    def client(self) -> Client:
        """The client that all streams share."""
        return self._connect()

    @functools.cached_property
    def window(self) -> Window:
        """What the settings ask for, as of today."""
        settings = self._settings()
        return Window(
            start=settings.start_date,
            end=settings.end_date,
            lookback=dt.timedelta(days=settings.lookback_days),
            period=settings.balance_period,
            page_size=settings.page_size,
            today=today(),
            now=dt.datetime.now(dt.UTC),
            refresh=dt.timedelta(hours=settings.refresh_hours),
            reread=dt.timedelta(days=settings.reread_days),
        )

    @functools.cached_property
    def businesses(self) -> list[int]:
        """The businesses of this run, in the order of the settings or of the API."""
        return chosen_businesses(self.client, lambda: self.business_list)

    @functools.cached_property
    def business_list(self) -> Reply:
        """The API's answer to which businesses there are; asked once."""
        return self.client.get("listBusinesses")

    @property
    def requests_of(self) -> Mapping[int, int]:
        """How many requests were made of each business."""
        return self.client.requests_of if "client" in vars(self) else {}

    @property
    def known_businesses(self) -> list[int]:
        """The businesses of this run; before they were asked for, those of the settings."""
        known = "businesses" in vars(self)
        return self.businesses if known else list(self.client.connection.business_ids)

    @functools.cached_property
    def coverage(self) -> Coverage:
        """Which businesses the authorisation covers; asked where one refuses."""
        return Coverage(self.client)

    @functools.cached_property
    def attachments(self) -> bool:
        """Whether attachments may be read; asked only where they are selected."""
        wanted = self._settings().attachments
        if not wanted:
            logger.info(
                "sales_attachments and purchase_attachments are selected and left out, since they "
                "cost one request for each document: set attachments to true to read them"
            )
        return wanted

    def close(self) -> None:
        """Keep what the pacer found."""
        if "client" in vars(self):
            self.client.close()
