"""The tap as a Singer program: its settings, its streams and its command line."""

from __future__ import annotations

import functools
import signal
import time
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.helpers._batch import BatchConfig
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib import Catalog, StateMessage
from typing_extensions import override

from clearbooks.errors import (
    ClearBooksError,
    ForbiddenError,
    NotFoundError,
    RejectedError,
    SettingError,
    UnavailableError,
    exit_code_of,
)
from clearbooks.plugin import ConfiguredPlugin, config_schema
from clearbooks.program import run, stop_on_signal
from clearbooks.scopes import asked_streams, chain_of
from tap_clearbooks.history import BusinessNotes, HistoryEntry
from tap_clearbooks.inputs import check_catalog, check_state, drop_unset, read_json
from tap_clearbooks.observed import ObservedClient
from tap_clearbooks.plan import Plan
from tap_clearbooks.progress import Progress
from tap_clearbooks.run import Run
from tap_clearbooks.settings import TapSettings
from tap_clearbooks.stream import ClearBooksStream
from tap_clearbooks.streams import STREAMS
from tap_clearbooks.summary import Summary
from tap_clearbooks.writer import PageWriter

if TYPE_CHECKING:
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from clearbooks.client import Client


class TapClearbooks(ConfiguredPlugin[TapSettings], Tap):
    """Singer tap for Clear Books, the UK accounting software."""

    name = "tap-clearbooks"
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
        self.run = Run(self.connect, lambda: self.settings)
        self.plan = Plan(self.run)
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
        made = functools.partial(self.stream_class, self, self.run, self.plan.source)
        streams = [made(name) for name in sorted(STREAMS)]
        self.plan.streams = {stream.name: stream for stream in streams}
        return streams

    # Final in the SDK, which knows no order but stream by stream.
    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read what is selected, and put down what it came to for each business."""
        run = self.run
        notes = BusinessNotes(self.connection, self.progress.records, self.plan.failures)
        try:
            if self.config.get("batch_config"):
                super().sync_all()
                for business in run.businesses:
                    notes.end(business, run.client.requests_of[business])
            else:
                self._read_all(notes)
        except Exception as error:
            notes.give_up(run.known_businesses, run.requests_of, error)
            raise

    def _read_all(self, notes: BusinessNotes) -> None:
        """Read business by business, with a STATE as often as it is worth its bytes."""
        self._reset_state_progress_markers()
        self._set_compatible_replication_methods()
        if self.state:
            self.write_message(StateMessage(value=self.state))
        run, plan = self.run, self.plan
        last, unstated = dict(plan.turns), 0
        for name, business in plan.turns:
            streams = self._read(plan.streams[name], business)
            if business is not None and name == plan.turns[-1][0]:
                notes.end(business, run.client.requests_of[business])
            unstated += 1
            if last[name] == business:
                for stream in streams:
                    stream.finish()
            elif unstated >= len(run.businesses) or streams[0].owes_state():
                # A STATE grows with the businesses, and so does what lies between two.
                self.checkpoint(streams[0])
            else:
                continue
            unstated = 0
        for stream in plan.streams.values():
            # Without a business there is nothing to be read.
            if stream.selected and not stream.announced:
                stream.announce()
                stream.finish()

    def select_asked(self) -> None:
        """Select what the connection was made for, where nothing else tells what to read."""
        asked = asked_streams(self.run.client.contract, chain_of(self.run.client))
        left = [s for s in self.streams.values() if s.selected and s.name not in asked]
        for stream in left:
            stream.selected = False
        if left:
            names = ", ".join(stream.name for stream in left)
            self.logger.info("left out, since the connection was made without them: %s", names)

    def checkpoint(self, stream: ClearBooksStream) -> None:
        """STATE, after a stream of a business was read that is not the last one."""
        stream.checkpoint()

    def _read(self, leader: ClearBooksStream, business: int | None) -> list[ClearBooksStream]:
        """Read a stream of a business; returns it and those that come from the same pages."""
        streams = [leader, *self.plan.carried(leader)]
        self.progress.reading(leader.name, business)
        for stream in streams:
            if not stream.announced:
                stream.announce()
        try:
            for batch in self.plan.reading(leader, business):
                for stream in streams:
                    self.progress.wrote(stream.name, business, stream.emit(batch, business))
        except (ForbiddenError, NotFoundError, RejectedError, UnavailableError) as error:
            self.plan.failures.note(leader.name, business, error)
            for stream in streams:
                stream.complete = False
        for stream in streams:
            stream.came_to(business)
        return streams

    def connect(self) -> Client:
        """The client of the run."""
        client: Client = ObservedClient(self.connection, self.count)
        client.pacer.waiting = self.progress.waiting
        return client

    def count(self, name: str, business: int | None, total: int) -> None:
        """Take note of how many records a listing holds, which any thread may tell."""
        stream = self.plan.streams[name]
        mark = stream.bookmark(business) if stream.selected else None
        # Of a part that is read, nobody has counted the records.
        if mark is None:
            self.expect(name, business, total)
        elif stream.spec.resumable:
            self.expect(name, business, max(total - (mark.get("position") or 0), 0))

    def expect(self, name: str, business: int | None, records: int) -> None:
        """Take in how many records of a stream are going to come."""
        self.progress.expect(name, business, records)

    def close(self) -> None:
        """Stop what is under way and keep what the pacer found."""
        self.progress.close()
        for stream in self.plan.streams.values():
            stream.close()
        self.plan.close()
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
        if catalog is None:
            tap.select_asked()
        streams = [name for name, stream in tap.streams.items() if stream.selected]
        entry = HistoryEntry(tap.connection, tap.run.id)
        began, ended, code = time.monotonic(), "", 0
        try:
            tap.progress.show(tap.plan.turns, lambda: client.requests)
            tap.sync_all()
        except BaseException as error:
            stopped = isinstance(error, SystemExit)
            ended = "stopped by a signal" if stopped else str(error) or type(error).__name__
            code = exit_code_of(error)
            raise
        finally:
            summary = Summary(
                streams=streams,
                records=tap.progress.records,
                requests=client.requests,
                limited=client.pacer.answers_429,
                seconds=time.monotonic() - began,
                gone=tap.run.gone,
                failures=tap.plan.failures,
                error=ended,
            )
            tap.progress.close(summary)
            tap.logger.info("SUMMARY: %s", summary.as_json())
            entry.end(summary, code or int(not summary.complete), tap.run.known_businesses)
            tap.close()
        if tap.plan.failures:
            raise ClearBooksError(
                f"{len(tap.plan.failures)} of the streams could not be read; see the errors above"
            )


def main() -> None:
    """Run `tap-clearbooks`."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop_on_signal)
    run(TapClearbooks.cli, TapClearbooks.logger)
