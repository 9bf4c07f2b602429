"""The tap as a Singer program: its settings, its streams and its command line."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.helpers._batch import BatchConfig
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib import Catalog
from typing_extensions import override

from clearbooks import DISTRIBUTION
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.plugin import ConfiguredPlugin, config_schema
from clearbooks.program import run, stop_on_signal
from tap_clearbooks.inputs import check_catalog, check_state, drop_unset, read_json
from tap_clearbooks.progress import Progress
from tap_clearbooks.run import Run
from tap_clearbooks.settings import TapSettings
from tap_clearbooks.stream import ClearBooksStream
from tap_clearbooks.streams import STREAMS
from tap_clearbooks.summary import Summary
from tap_clearbooks.writer import PageWriter

if TYPE_CHECKING:
    from singer_sdk.helpers.capabilities import CapabilitiesEnum


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

    stream_class: ClassVar[type[ClearBooksStream]] = ClearBooksStream

    @override
    def __init__(self, **kwargs: Any) -> None:
        catalog, state = kwargs.get("catalog"), kwargs.get("state")
        if catalog is not None and not isinstance(catalog, Catalog):
            check_catalog(catalog)
        if state is not None:
            check_state(state)
            drop_unset(state)
        self.progress = Progress()
        self.run: Run[ClearBooksStream] = Run(
            self.connect, lambda: self.settings, self.progress.wrote
        )
        super().__init__(**kwargs)
        if batch := self.config.get("batch_config"):
            try:
                BatchConfig.from_dict(batch)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise SettingError(
                    f"batch_config: {error}; it should have encoding and storage, as in the SDK's "
                    "documentation"
                ) from None

    @override
    def discover_streams(self) -> list[ClearBooksStream]:
        # In the order of the SDK, which sorts them by name.
        streams = [self.stream_class(self, self.run, name) for name in sorted(STREAMS)]
        self.run.streams = {stream.name: stream for stream in streams}
        return streams

    def connect(self) -> Client:
        """The client of the run."""
        client = Client(self.connection)
        client.pacer.waiting = self.progress.waiting
        return client

    def close(self) -> None:
        """Stop what is under way and keep what the pacer found."""
        self.progress.close()
        self.run.close()

    @override
    def _setup_signal_handlers(self) -> None:
        """None: signals are the program's business, and the SDK's handlers end with code 0."""

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
            state=read_json(state, "--state") if state else None,
            catalog=read_json(catalog, "--catalog") if catalog else None,
            parse_env_config=config.parse_env if config else False,
            validate_config=True,
        )
        # Missing credentials are told before anything begins.
        client = tap.run.client
        streams = [name for name, stream in tap.streams.items() if stream.selected]
        tap.progress.show(streams, lambda: client.requests)
        began, ended = time.monotonic(), ""
        try:
            tap.sync_all()
        except BaseException as error:
            stopped = isinstance(error, SystemExit)
            ended = "stopped by a signal" if stopped else str(error) or type(error).__name__
            raise
        finally:
            summary = Summary(
                streams=streams,
                records=tap.progress.records,
                requests=client.requests,
                limited=client.pacer.answers_429,
                seconds=time.monotonic() - began,
                failures=tap.run.failures,
                error=ended,
            )
            tap.progress.close(summary)
            tap.logger.info("SUMMARY: %s", summary.as_json())
            tap.close()
        if tap.run.failures:
            raise ClearBooksError(
                f"{len(tap.run.failures)} of the streams could not be read; see the errors above"
            )


def main() -> None:
    """Run `tap-clearbooks`."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop_on_signal)
    run(TapClearbooks.cli, TapClearbooks.logger)
