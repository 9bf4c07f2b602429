"""The tap: settings, streams, and one run of them."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib.json import deserialize_json
from typing_extensions import override

from clearbooks import DISTRIBUTION
from clearbooks.businesses import chosen_businesses
from clearbooks.client import Client
from clearbooks.dates import today
from clearbooks.errors import ApiError, ClearBooksError
from clearbooks.plugin import ConfiguredPlugin, config_schema
from clearbooks.program import run, stop_on_signal
from tap_clearbooks.prefetch import Reading, Readings
from tap_clearbooks.progress import Progress
from tap_clearbooks.settings import TapSettings
from tap_clearbooks.sources import Ways, Window
from tap_clearbooks.stream import ClearBooksStream
from tap_clearbooks.streams import CARRIED_BY, STREAMS
from tap_clearbooks.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_clearbooks.sources import Batch, Bookmark, Source

# Requests of a reading whose turn has not come.
DEPTH_AHEAD = 2


class TapClearbooks(ConfiguredPlugin[TapSettings], Tap):
    """Singer tap for Clear Books, the UK accounting software."""

    name = "tap-clearbooks"
    package_name = DISTRIBUTION
    message_writer_class = PageWriter
    settings_class = TapSettings
    config_jsonschema: ClassVar[dict[str, Any]] = config_schema(TapSettings)
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.TEST,
        PluginCapabilities.ABOUT,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @override
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.faults: list[str] = []
        # Whether the last stream that was asked for could be read.
        self.reached = True
        self.progress = Progress()

    @override
    def discover_streams(self) -> list[ClearBooksStream]:
        return [ClearBooksStream(self, name) for name in STREAMS]

    # What a run stands on; made when first needed, so that --discover needs no credentials

    @functools.cached_property
    def client(self) -> Client:
        """The client that all streams share."""
        client = Client(self.connection)
        client.pacer.waiting = self.progress.waiting
        return client

    @functools.cached_property
    def window(self) -> Window:
        """What the settings ask for, as of today."""
        return Window(
            start=self.settings.start_date,
            end=self.settings.end_date,
            lookback=dt.timedelta(days=self.settings.lookback_days),
            period=self.settings.balance_period,
            page_size=self.settings.page_size,
            today=today(),
        )

    @functools.cached_property
    def businesses(self) -> list[int]:
        """The businesses of this run, in the order of the settings or of the API."""
        return chosen_businesses(self.client)

    # Readings

    def leader(self, stream: ClearBooksStream) -> ClearBooksStream:
        """The stream whose pages this one comes from: another one, where that is selected."""
        carrier = self._stream(CARRIED_BY.get(stream.name, stream.name))
        return carrier if carrier.selected else stream

    def carried(self, stream: ClearBooksStream) -> list[ClearBooksStream]:
        """The selected streams that come out of the pages of this one."""
        names = [name for name, carrier in CARRIED_BY.items() if carrier == stream.name]
        return [self._stream(name) for name in names if self._stream(name).selected]

    def _stream(self, name: str) -> ClearBooksStream:
        stream = self.streams[name]
        assert isinstance(stream, ClearBooksStream)  # noqa: S101 - for the type checker
        return stream

    def source(self, stream: ClearBooksStream, business: int | None) -> Source:
        """The source that reads a stream of a business from its bookmark on."""
        carrier = self._stream(CARRIED_BY.get(stream.name, stream.name))
        return stream.spec.source(
            self.ways,
            self.connection.contract.resources[carrier.name],
            business or 0,
            carrier.shape,
            self._oldest_bookmark([stream, *self.carried(stream)], business),
        )

    def _oldest_bookmark(
        self, streams: list[ClearBooksStream], business: int | None
    ) -> Bookmark | None:
        bookmarks = [stream.bookmark(business) for stream in streams]
        known = [bookmark for bookmark in bookmarks if bookmark is not None]
        if len(known) < len(bookmarks):
            return None
        return min(known, key=lambda bookmark: bookmark["replication_key_value"])

    @functools.cached_property
    def ways(self) -> Ways:
        """What sources read with."""
        return Ways(self.client, self.window)

    @functools.cached_property
    def _readings(self) -> Readings[Batch]:
        """One reading for each stream that leads and each business, in the order of the run."""
        plan: dict[Any, Reading[Batch]] = {}
        for name in self.streams:
            stream = self._stream(name)
            if not stream.selected or self.leader(stream) is not stream:
                continue
            for business in stream.businesses:
                # Bookmarks are looked up here: the state must not change while it is written.
                source = self.source(stream, business)
                plan[name, business] = Reading(functools.partial(self._read, source))
        return Readings(plan)

    def _read(self, source: Source, reading: Reading[Batch]) -> Iterator[Batch]:
        most = self.connection.max_in_flight
        source.ways = Ways(
            self.client,
            self.window,
            lambda: most if reading.current else DEPTH_AHEAD,
            reading.drained,
        )
        return source.batches()

    def reading(self, stream: ClearBooksStream, business: int | None) -> Iterator[Batch]:
        """The batches of a stream of a business; what follows in the run begins meanwhile."""
        return self._readings.take((stream.name, business))

    def report(self, stream: str, business: int | None, error: ApiError) -> None:
        """Note a stream of a business that could not be read; the run goes on without it."""
        where = stream if business is None else f"{stream} of business {business}"
        hint = ""
        operation = self.connection.contract.operations.get(error.operation)
        if operation is not None and operation.assumed:
            hint = (
                f" (no published text names this path; if the API has another, set api_paths: "
                f'{{"{operation.id}": "/…"}})'
            )
        self.faults.append(f"{where}: {error}{hint}")
        self.logger.error("%s was not read: %s%s", where, error, hint)

    # The run

    def close(self) -> None:
        """Stop what is under way and keep what the pacer found."""
        self.progress.close()
        if "_readings" in self.__dict__:
            self._readings.close()
        if "client" in self.__dict__:
            self.client.close()

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        stop_on_signal(signum, frame)

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        state: Any = None,
        catalog: Any = None,
    ) -> None:
        if about:
            super().invoke(about=about, about_format=about_format)
            return
        tap = cls(
            config=config.config if config else {},
            state=deserialize_json(state.read()) if state else None,
            catalog=deserialize_json(catalog.read()) if catalog else None,
            parse_env_config=config.parse_env if config else False,
            validate_config=True,
        )
        try:
            tap.sync_all()
        finally:
            tap.close()
        if tap.faults:
            raise ClearBooksError(
                f"{len(tap.faults)} of the streams could not be read; see the errors above"
            )


def main() -> None:
    """Run `tap-clearbooks`."""
    run(TapClearbooks.cli, TapClearbooks.logger)
