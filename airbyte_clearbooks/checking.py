"""`check` of the source: one cheap read for each scope that the chosen streams need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airbyte_clearbooks.reading import SourceTap
from airbyte_clearbooks.scopes import try_scopes
from clearbooks.errors import SettingError
from clearbooks.scopes import needed_scopes
from tap_clearbooks.streams import STREAMS

if TYPE_CHECKING:
    from airbyte_clearbooks.config import Config
    from airbyte_clearbooks.protocol import Output


def check(config: Config, output: Output) -> None:
    """Try what a sync is going to need.

    Raises:
        SettingError: scopes are missing; each is named, with the streams that need it.
        ClearBooksError: something else is wrong.
    """
    tap = SourceTap(config, output)
    output.stop_on_signals()
    try:
        contract = tap.connection.contract
        needed = needed_scopes(contract, config.streams or STREAMS)
        refused = try_scopes(tap.run.client, needed, tap.run.businesses)
    finally:
        tap.close()
    if refused:
        raise SettingError("; ".join(refused))
